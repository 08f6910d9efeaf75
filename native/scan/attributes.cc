#include "scan/attributes.h"

#include <linux/fs.h>
#include <linux/msdos_fs.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#include <memory>
#include <optional>

#include "pxar/items.h"
#include "scan/acl.h"

namespace restat {
namespace {

constexpr std::uint64_t kMsdosMagic = 0x4d44;
constexpr std::uint64_t kFuseMagic = 0x65735546;
constexpr std::uint64_t kExtMagic = 0xEF53;
constexpr std::uint64_t kXfsMagic = 0x58465342;
constexpr std::uint64_t kZfsMagic = 0x2fc12fc1;

constexpr std::size_t kListMax = 64 * 1024;
constexpr std::size_t kValueMax = 64 * 1024;

bool is_stored(std::string_view name) {
  return name.size() <= pxar::kMaxXattrName &&
         (name.starts_with("user.") || name.starts_with("trusted.") || name == "security.NTACL");
}

// One value, or nothing when it went away in the meantime.
class Values {
 public:
  explicit Values(int fd) : fd_(fd), buffer_(std::make_unique_for_overwrite<char[]>(kValueMax)) {}

  Result<std::optional<std::string_view>> get(const char* name) {
    const ssize_t n = fgetxattr(fd_, name, buffer_.get(), kValueMax);
    if (n >= 0) return std::optional(std::string_view(buffer_.get(), static_cast<std::size_t>(n)));
    if (errno == ENODATA || errno == EOPNOTSUPP) return std::optional<std::string_view>();
    return Error::system(errno, "fgetxattr", name);
  }

 private:
  int fd_;
  std::unique_ptr<char[]> buffer_;
};

void put_xattr(std::string& out, std::string_view name, std::string_view value) {
  pxar::put_header(out, pxar::kXattr, name.size() + 1 + value.size());
  out.append(name);
  out.push_back('\0');
  out.append(value);
}

// What was found under the names that have items of their own.
struct Found {
  std::string access_acl;
  std::string default_acl;
  std::string capability;
};

Status read_one(Values& values, const char* name, Found& found, std::string& out) {
  const std::string_view text(name);
  std::string* special = text == "security.capability"        ? &found.capability
                         : text == "system.posix_acl_access"  ? &found.access_acl
                         : text == "system.posix_acl_default" ? &found.default_acl
                                                              : nullptr;
  if (special == nullptr && !is_stored(text)) return Unit{};
  auto value = values.get(name);
  if (!value.ok()) return value.error();
  if (!value.value()) return Unit{};
  if (special != nullptr) {
    special->assign(*value.value());
  } else {
    put_xattr(out, text, *value.value());
  }
  return Unit{};
}

}  // namespace

Result<std::uint64_t> filesystem_magic(int fd, const std::string& path) {
  struct statfs fs;
  if (fstatfs(fd, &fs) != 0) return Error::system(errno, "fstatfs", path);
  return static_cast<std::uint64_t>(fs.f_type) & 0xffffffff;
}

std::uint64_t read_flags(int fd, std::uint64_t magic) {
  std::uint64_t stored = 0;
  int flags = 0;
  if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0) {
    for (const auto& bit : pxar::kChattrBits)
      if ((static_cast<std::uint32_t>(flags) & bit.system) != 0) stored |= bit.stored;
  }
  if (magic != kMsdosMagic && magic != kFuseMagic) return stored;
  std::uint32_t fat = 0;
  if (ioctl(fd, FAT_IOCTL_GET_ATTRIBUTES, &fat) == 0) {
    for (const auto& bit : pxar::kFatBits)
      if ((fat & bit.system) != 0) stored |= bit.stored;
  }
  return stored;
}

std::uint32_t read_project_id(int fd, std::uint64_t magic) {
  if (magic != kExtMagic && magic != kXfsMagic && magic != kFuseMagic && magic != kZfsMagic) return 0;
  struct fsxattr attributes {};
  return ioctl(fd, FS_IOC_FSGETXATTR, &attributes) == 0 ? attributes.fsx_projid : 0;
}

Status append_attributes(int fd, bool directory, const AttributeOptions& options, std::string& out,
                         bool& skipped) {
  // Most files have none: a small buffer first spares the large one.
  char small[256];
  std::unique_ptr<char[]> large;
  const char* names = small;
  ssize_t n = flistxattr(fd, small, sizeof small);
  if (n < 0 && errno == ERANGE) {
    large = std::make_unique_for_overwrite<char[]>(kListMax);
    names = large.get();
    n = flistxattr(fd, large.get(), kListMax);
  }
  if (n < 0 && errno == E2BIG && options.skip_e2big_xattr) {
    skipped = true;
    return Unit{};
  }
  if (n < 0 && (errno == EOPNOTSUPP || errno == EBADF)) return Unit{};
  if (n < 0) return Error::system(errno, "flistxattr", {});
  if (n == 0) return Unit{};
  Values values(fd);
  Found found;
  for (const char* name = names; name < names + n; name += std::char_traits<char>::length(name) + 1) {
    if (auto status = read_one(values, name, found, out); !status.ok()) return status;
  }
  append_acl_items(found.access_acl, directory ? std::string_view(found.default_acl) : std::string_view(),
                   out);
  if (!found.capability.empty()) {
    pxar::put_header(out, pxar::kFcaps, found.capability.size());
    out.append(found.capability);
  }
  return Unit{};
}

}  // namespace restat
