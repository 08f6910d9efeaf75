// The content-defined chunker: a 64-byte rolling hash that starts anew at every chunk (chunker.md §1).
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace restat {

// Largest plain length of a chunk (indexes-blobs-chunks.md §4.1).
inline constexpr std::size_t kMaxChunk = 16 * 1024 * 1024;

class Chunker {
 public:
  // Powers of two from 64 KiB to 4 MiB (indexes-blobs-chunks.md §6).
  static bool is_average(std::uint64_t size);

  explicit Chunker(std::size_t average)
      : min_(average / 4), max_(average * 4), mask_(static_cast<std::uint32_t>(2 * average - 1)) {}

  std::size_t min() const { return min_; }
  std::size_t max() const { return max_; }

  // `bytes` begins where the chunk begins; lengths up to `tested` are known to be no cut. Returns the length
  // of the chunk, or 0 when more bytes are needed to tell.
  std::size_t find_cut(ByteView bytes, std::size_t tested) const;

 private:
  // The smallest length in [first, last] whose hash asks for a cut, or 0.
  std::size_t search(const std::uint8_t* bytes, std::size_t first, std::size_t last) const;
  std::size_t search_block(const std::uint8_t* bytes, std::size_t first) const;
  std::size_t search_slowly(const std::uint8_t* bytes, std::size_t first, std::size_t last) const;
  bool is_cut(std::uint32_t hash) const { return (hash & mask_) >= mask_ - 2; }

  std::size_t min_;
  std::size_t max_;
  std::uint32_t mask_;
};

}  // namespace restat
