// Where decoded chunks come from: what extraction and random reads need to know of a chunk store.
#pragma once

#include <cstdint>
#include <memory>

#include "base/buffer_pool.h"
#include "base/bytes.h"
#include "base/cancel.h"
#include "base/error.h"

namespace restat {

using ChunkData = std::shared_ptr<const Buffer>;

// The chunks of one dynamic index in order; chunk i covers [start(i), end(i)) of the stream.
// All calls are safe from any thread.
class ChunkSource {
 public:
  virtual ~ChunkSource() = default;

  virtual std::size_t count() const = 0;
  virtual std::uint64_t start(std::size_t chunk) const = 0;
  virtual std::uint64_t end(std::size_t chunk) const = 0;
  // The chunk that holds byte `offset` of the stream; count() where there is none.
  virtual std::size_t find(std::uint64_t offset) const = 0;
  // Reads, verifies (CRC, length, digest) and decodes one chunk, or takes it from the cache. Blocks on file
  // reads only. Error codes: CHUNK_MISSING, CHUNK_CORRUPT (the message names digest and reason), ABORT_ERR.
  virtual Result<ChunkData> load(std::size_t chunk, const CancelToken& token) = 0;
};

}  // namespace restat
