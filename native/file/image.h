// Sources that are backed up as they are, byte by byte: block devices, files, pipes (cli.md §2.1).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/fd.h"

namespace restat {

enum class ImageKind : std::uint8_t {
  file,
  device,
  stream  // a pipe or socket: its size shows at its end
};

struct OpenImage {
  std::shared_ptr<Fd> fd;
  ImageKind kind;
  std::uint64_t size;  // 0 for a stream
};

// Part of an image: [start, end).
struct ImageRange {
  std::uint64_t start;
  std::uint64_t end;
};

struct Pipe {
  Fd read;
  Fd write;
};

// Opens a source without waiting for a FIFO's other side. Error codes besides those of system calls:
// IMAGE_KIND for what is no file, block device or FIFO.
Result<OpenImage> open_image(const std::string& path);
// The same for a file that this process has open: the descriptor is duplicated.
Result<OpenImage> image_of(int fd);
// Bytes of a file or block device now.
Result<std::uint64_t> image_size(int fd);
// Where an image of `size` bytes next has data at or behind `from`, which is a multiple of `grain`: the first
// run without a hole, widened to multiples of `grain`. Empty at the end of the image where there are none.
// Where holes cannot be told everything is data.
ImageRange next_data(int fd, std::uint64_t from, std::uint64_t size, std::uint64_t grain);
// The larger the pipe, the less often its sides wait for each other.
Result<Pipe> make_pipe();

}  // namespace restat
