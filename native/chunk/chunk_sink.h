// Where new chunks go: a local store, or a repository that takes encoded chunks over a network.
#pragma once

#include <cstdint>
#include <memory>

#include "base/error.h"
#include "chunk/digest.h"
#include "chunk/sha256.h"
#include "crypt/crypt_key.h"

namespace restat {

struct ChunkOutcome {
  bool stored = false;              // false: it was there already
  std::uint64_t encoded_bytes = 0;  // length of the container that was stored
};

struct StoredChunk {
  Digest digest;
  ChunkOutcome outcome;
};

class ChunkSink {
 public:
  // With a key every new chunk is encrypted, and chunks are called by its digests (indexes-blobs-chunks.md
  // §5.2).
  explicit ChunkSink(std::shared_ptr<const CryptKey> key = nullptr) : key_(std::move(key)) {}
  virtual ~ChunkSink() = default;

  // Takes one chunk under its digest, unless it is known. Called from several threads at once; when it
  // returns, the sink does not need `plain` any more.
  Result<StoredChunk> store(ByteView plain) {
    const auto digest = key_ ? key_->digest(plain) : sha256(plain);
    if (!digest.ok()) return digest.error();
    auto outcome = accept(digest.value(), plain);
    if (!outcome.ok()) return outcome.error();
    return StoredChunk{digest.value(), outcome.value()};
  }
  // The same for who has the digest.
  virtual Result<ChunkOutcome> accept(const Digest& digest, ByteView plain) = 0;
  // A chunk that the sink has is referred to without its data. Error code CHUNK_MISSING.
  virtual Status reuse(const Digest& digest) = 0;

 protected:
  const std::shared_ptr<const CryptKey> key_;
};

}  // namespace restat
