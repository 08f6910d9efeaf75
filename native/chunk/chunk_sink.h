// Where new chunks go: a local store, or a repository that takes encoded chunks over a network.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "chunk/digest.h"

namespace restat {

struct ChunkOutcome {
  bool stored = false;              // false: it was there already
  std::uint64_t encoded_bytes = 0;  // length of the container that was stored
};

class ChunkSink {
 public:
  virtual ~ChunkSink() = default;

  // Takes one chunk, of which `digest` is the digest, unless it is known. Called from several threads at
  // once; when it returns, the sink does not need `plain` any more.
  virtual Result<ChunkOutcome> accept(const Digest& digest, ByteView plain) = 0;
  // A chunk that the sink has is referred to without its data. Error code CHUNK_MISSING.
  virtual Status reuse(const Digest& digest) = 0;
};

}  // namespace restat
