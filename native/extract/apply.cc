#include "extract/apply.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <cstring>

#include "base/fd.h"
#include "extract/file_flags.h"
#include "extract/posix_acl.h"

namespace restat::extract {
namespace {

constexpr std::uint32_t kSetIdBits = 06000;

void note(Problems& problems, Status status) {
  if (status.ok()) return;
  const auto& code = status.error().code;
  const bool warning = code == "FLAG_UNSUPPORTED" || code == "PROJECT_UNSUPPORTED";
  problems.push_back({warning, std::move(status.error())});
}

void note_system(Problems& problems, int number, const char* call) {
  problems.push_back({false, Error::system(number, call, {})});
}

// Only what backups store: an archive must not smuggle capabilities or labels in as plain attributes (§3.10).
bool restorable(const char* name) {
  return std::strncmp(name, "user.", 5) == 0 || std::strncmp(name, "trusted.", 8) == 0 ||
         std::strcmp(name, "security.NTACL") == 0;
}

void set_xattr(int fd, const char* name, ByteView value, Problems& problems) {
  if (fsetxattr(fd, name, value.data(), value.size(), 0) == 0) return;
  const int number = errno;
  Error error = Error::system(number, std::string("fsetxattr ") + name, {});
  problems.push_back({number == EOPNOTSUPP, std::move(error)});
}

void apply_xattrs(int fd, const Metadata& m, Problems& problems) {
  for (const auto& xattr : m.xattrs) {
    if (restorable(xattr.name)) {
      set_xattr(fd, xattr.name, xattr.value, problems);
    } else {
      problems.push_back({true, Error::check("XATTR_NAME", "an extended attribute that is not restored: " +
                                                               std::string(xattr.name))});
    }
  }
}

void apply_acls(int fd, InodeType type, const Metadata& m, const Options& options, Problems& problems) {
  // An access ACL is half in the mode: with ignored permissions it would bring them back.
  if (const auto value = access_acl(m); !value.empty() && !options.ignore_permissions)
    set_xattr(fd, kAccessAcl, value, problems);
  if (type != InodeType::directory) return;
  if (const auto value = default_acl(m); !value.empty()) set_xattr(fd, kDefaultAcl, value, problems);
}

// 0xffffffff would mean "leave it" to the kernel.
int change_owner(int fd, const char* name, const Metadata& m, int flags) {
  if (m.uid == 0xffffffff || m.gid == 0xffffffff) return EINVAL;
  return fchownat(fd, name, m.uid, m.gid, flags) == 0 ? 0 : errno;
}

// Returns the mode to set. Where the owner could not be set, nobody may run the file as the wrong one.
std::uint32_t apply_owner(int fd, const Metadata& m, const Options& options, Problems& problems) {
  if (options.ignore_ownership) return m.permissions();
  const int number = change_owner(fd, "", m, AT_EMPTY_PATH);
  if (number == 0) return m.permissions();
  note_system(problems, number, "fchown");
  return m.permissions() & ~kSetIdBits;
}

void times_of(const Metadata& m, timespec (&times)[2]) {
  times[0].tv_sec = 0;
  times[0].tv_nsec = UTIME_OMIT;
  times[1].tv_sec = m.seconds;
  times[1].tv_nsec = static_cast<long>(m.nanoseconds);
}

}  // namespace

void apply_before_data(int fd, const Metadata& m, Problems& problems) {
  if (m.project) note(problems, set_project(fd, *m.project));
  note(problems, add_flags(fd, flags_of(FlagStage::before_data, m.flags)));
}

void apply_metadata(int fd, InodeType type, const Metadata& m, const Options& options, Problems& problems) {
  const bool plain_file = options.no_setuid && type == InodeType::file;
  std::uint32_t mode = apply_owner(fd, m, options, problems);
  if (plain_file) mode &= ~kSetIdBits;
  if (!options.ignore_xattrs) apply_xattrs(fd, m, problems);
  if (!options.ignore_acls) apply_acls(fd, type, m, options, problems);
  if (m.capabilities && !plain_file && type == InodeType::file)
    set_xattr(fd, "security.capability", *m.capabilities, problems);
  if (!options.ignore_permissions && fchmod(fd, mode) != 0) note_system(problems, errno, "fchmod");
  note(problems, add_flags(fd, flags_of(FlagStage::after_data, m.flags)));
  note(problems, add_fat_attributes(fd, m.flags));
  timespec times[2];
  times_of(m, times);
  if (futimens(fd, times) != 0) note_system(problems, errno, "futimens");
}

void apply_to_name(const NewName& at, const Metadata& m, const Options& options, Problems& problems) {
  const auto [directory, name, type, inherits_acl] = at;
  const Fd inode(openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat st {};
  if (!inode || fstat(inode.get(), &st) != 0) return note_system(problems, errno, "openat");
  if ((st.st_mode & S_IFMT) != type)
    return note(problems, Error::check("ENTRY_CHANGED", "another process replaced the new entry"));
  // xattr calls and fchmod refuse O_PATH descriptors; their link in /proc leads to the inode itself.
  const std::string link = "/proc/self/fd/" + std::to_string(inode.get());
  if (inherits_acl && type != S_IFLNK) removexattr(link.c_str(), kAccessAcl);
  const std::uint32_t mode = apply_owner(inode.get(), m, options, problems);
  if (!options.ignore_permissions && type != S_IFLNK && chmod(link.c_str(), mode) != 0)
    note_system(problems, errno, "chmod");
  if (!m.xattrs.empty() || m.capabilities || !m.users.empty() || !m.groups.empty())
    problems.push_back(
        {true,
         Error::check("XATTR_KIND", "extended attributes of symlinks and special files are not restored")});
  timespec times[2];
  times_of(m, times);
  if (utimensat(directory, name, times, AT_SYMLINK_NOFOLLOW) != 0) note_system(problems, errno, "utimensat");
}

}  // namespace restat::extract
