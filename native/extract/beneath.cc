#include "extract/beneath.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

#include <vector>

namespace restat::extract {
namespace {

constexpr std::size_t kMaxName = 255;

Result<std::vector<std::string>> names_of(const std::string& path) {
  std::vector<std::string> names;
  for (std::size_t from = 0; from <= path.size();) {
    const std::size_t to = std::min(path.find('/', from), path.size());
    names.push_back(path.substr(from, to - from));
    if (Status status = check_name(names.back()); !status.ok()) return status.error();
    from = to + 1;
  }
  return names;
}

Result<Fd> find_step_by_step(int root, const std::string& path, const std::vector<std::string>& names) {
  Fd at;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const int type = i + 1 < names.size() ? O_DIRECTORY : 0;
    at = Fd(openat(i == 0 ? root : at.get(), names[i].c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC | type));
    if (!at) return Error::system(errno, "openat", path);
  }
  return at;
}

}  // namespace

Status check_name(std::string_view name) {
  if (name.empty() || name == "." || name == ".." || name.size() > kMaxName || name.find('/') != name.npos ||
      name.find('\0') != name.npos)
    return Error::check("NAME", "a name that cannot stand in a directory");
  return Unit{};
}

Result<Fd> open_directory(int parent, const std::string& name) {
  Fd fd(openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return Error::system(errno, "openat", name);
  return fd;
}

Result<Fd> find_beneath(int root, const std::string& path) {
  auto names = names_of(path);
  if (!names.ok()) return names.error();
  open_how how{};
  how.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  Fd fd(static_cast<int>(syscall(SYS_openat2, root, path.c_str(), &how, sizeof how)));
  if (fd) return fd;
  // Kernels and sandboxes without the call say one of these; a long path has to go in steps too.
  if (errno == ENOSYS || errno == EPERM || errno == ENAMETOOLONG)
    return find_step_by_step(root, path, names.value());
  return Error::system(errno, "openat2", path);
}

}  // namespace restat::extract
