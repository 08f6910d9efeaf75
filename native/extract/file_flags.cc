#include "extract/file_flags.h"

#include <linux/fs.h>
#include <linux/msdos_fs.h>
#include <sys/ioctl.h>

#include <cerrno>

#include "pxar/items.h"

namespace restat::extract {
namespace {

constexpr std::uint64_t kAppend = 0x10000, kNoatime = 0x20000, kCompressed = 0x40000, kNocow = 0x80000,
                        kImmutable = 0x400000, kNocomp = 0x1000000, kProjinherit = 0x2000000;
constexpr std::uint64_t kBeforeData = kNoatime | kCompressed | kNocow | kNocomp | kProjinherit;
constexpr std::uint64_t kLast = kAppend | kImmutable;

// What file systems answer that do not know the call or the flag.
bool unsupported(int number) {
  return number == EOPNOTSUPP || number == ENOTTY || number == EINVAL || number == ENOSYS;
}

Error flag_unsupported() {
  return Error::check("FLAG_UNSUPPORTED", "the file system does not know all of the file's flags");
}

int set_system_flags(int fd, int flags) {
  return ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0 ? 0 : errno;
}

// One flag that is not known would keep the others from being set: each alone, then.
Status add_one_by_one(int fd, int present, std::uint64_t flags) {
  bool all = true;
  for (const auto& bit : pxar::kChattrBits) {
    if ((flags & bit.stored) == 0) continue;
    const int wanted = present | static_cast<int>(bit.system);
    const int number = set_system_flags(fd, wanted);
    if (number == 0) {
      present = wanted;
    } else if (unsupported(number)) {
      all = false;
    } else {
      return Error::system(number, "ioctl FS_IOC_SETFLAGS", {});
    }
  }
  if (!all) return flag_unsupported();
  return Unit{};
}

}  // namespace

std::uint64_t flags_of(FlagStage stage, std::uint64_t flags) {
  std::uint64_t known = 0;
  for (const auto& bit : pxar::kChattrBits) known |= bit.stored;
  if (stage == FlagStage::before_data) return flags & kBeforeData;
  if (stage == FlagStage::last) return flags & kLast;
  return flags & known & ~(kBeforeData | kLast);
}

Status add_flags(int fd, std::uint64_t flags) {
  int system = 0;
  for (const auto& bit : pxar::kChattrBits)
    if ((flags & bit.stored) != 0) system |= static_cast<int>(bit.system);
  if (system == 0) return Unit{};
  int present = 0;
  if (ioctl(fd, FS_IOC_GETFLAGS, &present) != 0) {
    if (unsupported(errno)) return flag_unsupported();
    return Error::system(errno, "ioctl FS_IOC_GETFLAGS", {});
  }
  if ((present & system) == system) return Unit{};
  const int number = set_system_flags(fd, present | system);
  if (number == 0) return Unit{};
  if (!unsupported(number)) return Error::system(number, "ioctl FS_IOC_SETFLAGS", {});
  return add_one_by_one(fd, present, flags);
}

Status add_fat_attributes(int fd, std::uint64_t flags) {
  __u32 wanted = 0;
  for (const auto& bit : pxar::kFatBits)
    if ((flags & bit.stored) != 0) wanted |= bit.system;
  if (wanted == 0) return Unit{};
  __u32 present = 0;
  if (ioctl(fd, FAT_IOCTL_GET_ATTRIBUTES, &present) == 0) {
    present |= wanted;
    if (ioctl(fd, FAT_IOCTL_SET_ATTRIBUTES, &present) == 0) return Unit{};
  }
  if (unsupported(errno)) return flag_unsupported();
  return Error::system(errno, "ioctl FAT_IOCTL_SET_ATTRIBUTES", {});
}

Status set_project(int fd, std::uint32_t project) {
  fsxattr attributes{};
  if (ioctl(fd, FS_IOC_FSGETXATTR, &attributes) == 0) {
    if (attributes.fsx_projid == project) return Unit{};
    attributes.fsx_projid = project;
    if (ioctl(fd, FS_IOC_FSSETXATTR, &attributes) == 0) return Unit{};
  }
  if (unsupported(errno)) return Error::check("PROJECT_UNSUPPORTED", "the file system has no project ids");
  return Error::system(errno, "ioctl FS_IOC_FSSETXATTR", {});
}

}  // namespace restat::extract
