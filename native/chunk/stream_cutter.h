// Cuts one stream into chunks: by content, and at suggested positions (design: cuts of the payload stream).
#pragma once

#include <cstdint>
#include <deque>

#include "chunk/chunker.h"

namespace restat {

// The result depends on the bytes and the suggestions only, never on the pieces in which they come: nothing
// is decided before the data up to that point is there. A stream without suggestions is cut as chunker.md §1
// says.
class StreamCutter {
 public:
  explicit StreamCutter(std::size_t average) : chunker_(average), fixed_(0) {}
  // All chunks have `size` bytes, one of the averages; there are no suggestions.
  static StreamCutter fixed(std::size_t size) { return StreamCutter(size, size); }

  // Position in the stream where the current chunk begins.
  std::uint64_t start() const { return start_; }
  std::size_t max() const { return fixed_ > 0 ? fixed_ : chunker_.max(); }
  // A file begins at this stream position; positions ascend and come before the bytes behind them do.
  void suggest(std::uint64_t position) { suggestions_.push_back(position); }
  // `bytes` is what is there of the stream from start() on, at least what was there at the last call. Returns
  // the length of the chunk that ends in it, or 0 when more is needed.
  std::size_t find(ByteView bytes);
  // Ends the current chunk after `length` bytes.
  void advance(std::size_t length);

 private:
  StreamCutter(std::size_t average, std::size_t fixed) : chunker_(average), fixed_(fixed) {}

  Chunker chunker_;
  const std::size_t fixed_;  // 0: cut by content
  std::deque<std::uint64_t> suggestions_;
  std::uint64_t start_ = 0;
  std::size_t tested_ = 0;
};

}  // namespace restat
