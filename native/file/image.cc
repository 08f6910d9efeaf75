#include "file/image.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

namespace restat {
namespace {

constexpr int kPipeSize = 1024 * 1024;

Result<OpenImage> describe(Fd fd, const std::string& path) {
  struct stat info;
  if (::fstat(fd.get(), &info) != 0) return Error::system(errno, "fstat", path);
  auto shared = std::make_shared<Fd>(std::move(fd));
  if (S_ISFIFO(info.st_mode) || S_ISSOCK(info.st_mode))
    return OpenImage{std::move(shared), ImageKind::stream, 0};
  if (!S_ISREG(info.st_mode) && !S_ISBLK(info.st_mode))
    return Error::check("IMAGE_KIND", "got unexpected file type (expected file, block device, or fifo)",
                        path);
  auto size = image_size(shared->get());
  if (!size.ok()) return size.error();
  return OpenImage{std::move(shared), S_ISBLK(info.st_mode) ? ImageKind::device : ImageKind::file,
                   size.value()};
}

std::uint64_t round_up(std::uint64_t value, std::uint64_t grain) {
  return (value + grain - 1) / grain * grain;
}

}  // namespace

Result<OpenImage> open_image(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return Error::system(errno, "open", path);
  return describe(std::move(fd), path);
}

Result<OpenImage> image_of(int fd) {
  Fd own(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!own) return Error::system(errno, "fcntl", {});
  return describe(std::move(own), {});
}

Result<std::uint64_t> image_size(int fd) {
  const off_t end = ::lseek(fd, 0, SEEK_END);
  if (end < 0) return Error::system(errno, "lseek", {});
  return static_cast<std::uint64_t>(end);
}

ImageRange next_data(int fd, std::uint64_t from, std::uint64_t size, std::uint64_t grain) {
  const off_t data = ::lseek(fd, static_cast<off_t>(from), SEEK_DATA);
  if (data < 0 && errno == ENXIO) return {size, size};
  if (data < 0) return {from, size};
  const auto start = static_cast<std::uint64_t>(data) / grain * grain;
  if (start >= size) return {size, size};
  const off_t hole = ::lseek(fd, data, SEEK_HOLE);
  const std::uint64_t end = hole < 0 ? size : round_up(static_cast<std::uint64_t>(hole), grain);
  return {start, std::min(end, size)};
}

Result<Pipe> make_pipe() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) return Error::system(errno, "pipe2", {});
  // Smaller where the system's limit is reached.
  static_cast<void>(::fcntl(fds[0], F_SETPIPE_SZ, kPipeSize));
  return Pipe{Fd(fds[0]), Fd(fds[1])};
}

}  // namespace restat
