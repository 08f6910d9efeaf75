#include "file/publish.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cstdio>

namespace restat {
namespace {

Status write_all(int fd, ByteView bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error::system(errno, "write", path);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return Unit{};
}

Status fill(int fd, ByteView bytes, const PublishOptions& options, const std::string& path) {
  if (auto status = write_all(fd, bytes, path); !status.ok()) return status;
  const bool foreign = (options.uid != static_cast<uid_t>(-1) && options.uid != geteuid()) ||
                       (options.gid != static_cast<gid_t>(-1) && options.gid != getegid());
  if (foreign && fchown(fd, options.uid, options.gid) != 0) return Error::system(errno, "fchown", path);
  if (fchmod(fd, options.mode) != 0) return Error::system(errno, "fchmod", path);
  if (options.sync && fsync(fd) != 0) return Error::system(errno, "fsync", path);
  return Unit{};
}

// A name that nobody has: what crashes leave under it is recognisable.
std::string temporary_name(const std::string& path) {
  char suffix[32];
  std::uint64_t random = 0;
  if (getentropy(&random, sizeof random) != 0) random = static_cast<std::uint64_t>(getpid());
  std::snprintf(suffix, sizeof suffix, ".%016llx", static_cast<unsigned long long>(random));
  return path.substr(0, path.rfind('/') + 1) + ".restat-tmp" + suffix;
}

bool lacks_tmpfile(int error) {
  return error == EOPNOTSUPP || error == EISDIR || error == EINVAL || error == ENOENT;
}

// Gives the unnamed file `fd` the name `path`.
int link_unnamed(int fd, const std::string& path) {
  char proc[32];
  std::snprintf(proc, sizeof proc, "/proc/self/fd/%d", fd);
  return linkat(AT_FDCWD, proc, AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW);
}

Status rename_over(const std::string& from, const std::string& path) {
  if (rename(from.c_str(), path.c_str()) == 0) return Unit{};
  const int error = errno;
  unlink(from.c_str());
  return Error::system(error, "rename", path);
}

// For file systems without RENAME_NOREPLACE (NFS, some of FUSE, older ZFS). A directory that appears at `to`
// after the look is safe all the same: rename() replaces an empty one only. Anything but a directory would be
// replaced, and is refused.
Status rename_checked(const std::string& from, const std::string& to) {
  struct stat st;
  if (lstat(from.c_str(), &st) != 0) return Error::system(errno, "lstat", from);
  if (!S_ISDIR(st.st_mode)) return Error::system(ENOTDIR, "rename", from);
  if (lstat(to.c_str(), &st) == 0) return Error::system(EEXIST, "rename", to);
  if (errno != ENOENT) return Error::system(errno, "lstat", to);
  if (rename(from.c_str(), to.c_str()) == 0) return Unit{};
  return Error::system(errno == ENOTEMPTY ? EEXIST : errno, "rename", to);
}

Status publish_named(const std::string& path, ByteView bytes, const PublishOptions& options) {
  const std::string temporary = temporary_name(path);
  Fd fd(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return Error::system(errno, "open", temporary);
  auto status = fill(fd.get(), bytes, options, path);
  if (status.ok() && options.replace) return rename_over(temporary, path);
  if (status.ok() && link(temporary.c_str(), path.c_str()) != 0) status = Error::system(errno, "link", path);
  unlink(temporary.c_str());
  return status;
}

}  // namespace

Result<Fd> open_unnamed(const std::string& directory) {
  Fd fd(open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (fd) return fd;
  if (!lacks_tmpfile(errno)) return Error::system(errno, "open", directory);
  std::string name = directory + "/.restat-tmp.XXXXXX";
  fd = Fd(mkostemp(name.data(), O_CLOEXEC));
  if (!fd) return Error::system(errno, "mkostemp", name);
  unlink(name.c_str());
  return fd;
}

Status publish_file(const std::string& directory, const std::string& name, ByteView bytes,
                    const PublishOptions& options) {
  const std::string path = directory + "/" + name;
  Fd fd(open(directory.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
  if (!fd && !lacks_tmpfile(errno)) return Error::system(errno, "open", directory);
  if (!fd) return publish_named(path, bytes, options);
  if (auto status = fill(fd.get(), bytes, options, path); !status.ok()) return status;
  const std::string target = options.replace ? temporary_name(path) : path;
  if (link_unnamed(fd.get(), target) != 0) {
    // Without /proc there is no way from a descriptor to a name.
    if (errno == ENOENT) return publish_named(path, bytes, options);
    return Error::system(errno, "linkat", path);
  }
  return options.replace ? rename_over(target, path) : Status(Unit{});
}

Status rename_exclusive(const std::string& from, const std::string& to) {
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return Unit{};
  if (errno != EINVAL && errno != ENOSYS) return Error::system(errno, "renameat2", to);
  return rename_checked(from, to);
}

Status sync_filesystem(int fd, const std::string& path) {
  if (syncfs(fd) != 0) return Error::system(errno, "syncfs", path);
  return Unit{};
}

}  // namespace restat
