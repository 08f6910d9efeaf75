// A chunk of zeros: recognised without hashing, given to a sink once (indexes-blobs-chunks.md §7).
#pragma once

#include <mutex>
#include <optional>

#include "chunk/chunk_sink.h"

namespace restat {

// Safe from any thread.
class ZeroChunk {
 public:
  // All chunks of zeros have `length` bytes, more than 0.
  explicit ZeroChunk(std::size_t length) : length_(length) {}

  std::size_t length() const { return length_; }
  bool is(ByteView bytes) const;
  // As the sink's own for a chunk of zeros, which it is given until it has taken it.
  Result<StoredChunk> store(ChunkSink& sink);

 private:
  const std::size_t length_;
  std::mutex mutex_;
  std::optional<Digest> taken_;
};

}  // namespace restat
