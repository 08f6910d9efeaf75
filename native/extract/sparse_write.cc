#include "extract/sparse_write.h"

#include <unistd.h>

#include <algorithm>

namespace restat::extract {
namespace {

bool all_zero(ByteView block) {
  return block[0] == 0 && std::memcmp(block.data(), block.data() + 1, block.size() - 1) == 0;
}

Status write_all(int fd, ByteView data, std::uint64_t offset) {
  while (!data.empty()) {
    const ssize_t n = pwrite(fd, data.data(), data.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return Error::system(n < 0 ? errno : ENOSPC, "pwrite", {});
    data = data.subspan(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
  return Unit{};
}

// The length of the block at `offset`: up to the next boundary, at most what is left.
std::size_t block_length(std::uint64_t offset, std::size_t left) {
  return std::min<std::size_t>(left, kHoleBlock - offset % kHoleBlock);
}

}  // namespace

Result<std::uint64_t> write_sparse(int fd, ByteView data, std::uint64_t offset) {
  std::uint64_t end = 0;
  std::size_t run = 0;  // where the bytes begin that are not written yet
  for (std::size_t at = 0; at < data.size();) {
    const std::size_t length = block_length(offset + at, data.size() - at);
    const bool hole = all_zero(data.subspan(at, length));
    const std::size_t stop = hole ? at : at + length;
    at += length;
    if ((hole || at == data.size()) && stop > run) {
      if (Status status = write_all(fd, data.subspan(run, stop - run), offset + run); !status.ok())
        return status.error();
      end = offset + stop;
    }
    if (hole) run = at;
  }
  return end;
}

}  // namespace restat::extract
