#include "chunk/zero_chunk.h"

#include <cstring>

#include "chunk/sha256.h"

namespace restat {

// Each byte equals the one before it, and the first is 0.
bool ZeroChunk::is(ByteView bytes) const {
  return bytes.size() == length_ && bytes[0] == 0 &&
         std::memcmp(bytes.data(), bytes.data() + 1, length_ - 1) == 0;
}

const Digest& ZeroChunk::digest() {
  const std::lock_guard lock(mutex_);
  return hashed_ ? digest_ : digest_locked(std::vector<std::uint8_t>(length_));
}

const Digest& ZeroChunk::digest_locked(const std::vector<std::uint8_t>& zeros) {
  // Once: whoever got it reads it without the lock.
  if (!hashed_) digest_ = sha256(zeros);
  hashed_ = true;
  return digest_;
}

// Who comes while it is stored waits: nobody may list it before it is there.
Result<ChunkOutcome> ZeroChunk::accept(ChunkSink& sink) {
  const std::lock_guard lock(mutex_);
  if (taken_) return ChunkOutcome{};
  const std::vector<std::uint8_t> zeros(length_);
  auto outcome = sink.accept(digest_locked(zeros), zeros);
  taken_ = outcome.ok();
  return outcome;
}

}  // namespace restat
