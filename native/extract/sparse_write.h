// Writes content and leaves out what is zero anyway.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/error.h"

namespace restat::extract {

// Zeros that fill whole blocks of this size, counted from the file's start, become holes.
inline constexpr std::size_t kHoleBlock = 4096;

// Writes `data` at `offset` of a new file. Returns where the last written byte ends (0: nothing was written),
// so that the caller knows whether the file still has to be extended to its size.
Result<std::uint64_t> write_sparse(int fd, ByteView data, std::uint64_t offset);

}  // namespace restat::extract
