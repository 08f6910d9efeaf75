// Writes content and leaves out what is zero anyway.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/error.h"

namespace restat::extract {

// Zeros in blocks of this size, counted from the file's start, become holes. A block that the ends of `data`
// cut is judged by its part: a new file is zero already, and long holes stay whole where one piece of the
// content ends and the next begins.
inline constexpr std::size_t kHoleBlock = 4096;

// Writes `data` at `offset` of a new file. Returns where the last written byte ends (0: nothing was written),
// so that the caller knows whether the file still has to be extended to its size.
Result<std::uint64_t> write_sparse(int fd, ByteView data, std::uint64_t offset);

}  // namespace restat::extract
