#include "chunk/zero_chunk.h"

#include <cstring>
#include <vector>

namespace restat {

// Each byte equals the one before it, and the first is 0.
bool ZeroChunk::is(ByteView bytes) const {
  return bytes.size() == length_ && bytes[0] == 0 &&
         std::memcmp(bytes.data(), bytes.data() + 1, length_ - 1) == 0;
}

// Who comes while it is stored waits: nobody may list it before it is there.
Result<StoredChunk> ZeroChunk::store(ChunkSink& sink) {
  const std::lock_guard lock(mutex_);
  if (taken_) return StoredChunk{*taken_, {}};
  auto stored = sink.store(std::vector<std::uint8_t>(length_));
  if (stored.ok()) taken_ = stored.value().digest;
  return stored;
}

}  // namespace restat
