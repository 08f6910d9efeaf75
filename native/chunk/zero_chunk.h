// A chunk of zeros: recognised without hashing, given to a sink once (indexes-blobs-chunks.md §7).
#pragma once

#include <mutex>
#include <vector>

#include "chunk/chunk_sink.h"

namespace restat {

// Safe from any thread.
class ZeroChunk {
 public:
  // All chunks of zeros have `length` bytes, more than 0.
  explicit ZeroChunk(std::size_t length) : length_(length) {}

  std::size_t length() const { return length_; }
  bool is(ByteView bytes) const;
  const Digest& digest();
  // As the sink's own for a chunk of zeros, which it is given until it has taken it.
  Result<ChunkOutcome> accept(ChunkSink& sink);

 private:
  const Digest& digest_locked(const std::vector<std::uint8_t>& zeros);

  const std::size_t length_;
  std::mutex mutex_;
  bool hashed_ = false;
  bool taken_ = false;
  Digest digest_{};
};

}  // namespace restat
