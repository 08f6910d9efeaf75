// The bytes of a stream that are still needed, in memory where every range of a bounded length is contiguous.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/error.h"

namespace restat {

// `capacity` bytes are mapped once, and the first `mirror` of them a second time behind their end: no chunk
// wraps around, so chunks are hashed and compressed where the read put them. The positions are not locked;
// different ranges may be used by different threads.
class Ring {
 public:
  // Both are multiples of the page size, `mirror` is at most `capacity`.
  static Result<Ring> create(std::size_t capacity, std::size_t mirror);
  Ring(Ring&& other) noexcept;
  Ring& operator=(Ring&&) = delete;
  ~Ring();

  // Stream position behind the last byte that was written.
  std::uint64_t head() const { return head_; }
  // How many bytes can be written now.
  std::size_t room() const { return capacity_ - static_cast<std::size_t>(head_ - tail_); }
  // Where the next bytes go: contiguous, as long as room() and the mirror allow.
  ByteSpan space();
  // `length` (at most `mirror`) bytes from `position` on.
  ByteView view(std::uint64_t position, std::size_t length) const;
  // `n` bytes were written to space().
  void commit(std::size_t n) { head_ += n; }
  // What lies before `position` is not needed any more.
  void release(std::uint64_t position) { tail_ = position; }

 private:
  Ring(std::uint8_t* base, std::size_t capacity, std::size_t mirror)
      : base_(base), capacity_(capacity), mirror_(mirror) {}

  std::uint8_t* base_;
  std::size_t capacity_;
  std::size_t mirror_;
  std::uint64_t head_ = 0;
  std::uint64_t tail_ = 0;
};

}  // namespace restat
