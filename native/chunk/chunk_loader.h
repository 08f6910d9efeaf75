// Where single chunks come from: a local store, or a server.
#pragma once

#include <optional>

#include "base/buffer_pool.h"
#include "base/cancel.h"
#include "base/error.h"
#include "chunk/digest.h"
#include "crypt/crypt_key.h"

namespace restat {

// What is known of a chunk.
struct ChunkWish {
  Digest digest;
  // What the index says.
  std::optional<std::size_t> length;
  // The archive's: its chunks must be encrypted with it. Without one they must not be encrypted.
  const CryptKey* key = nullptr;
};

class ChunkLoader {
 public:
  virtual ~ChunkLoader() = default;

  // Reads and verifies one chunk. Called from several threads at once. Error codes: CHUNK_MISSING,
  // CHUNK_CORRUPT, BLOB_ENCRYPTED, CRYPT, CRYPT_WIPED (the messages name digest and reason), ABORT_ERR, or
  // those of the place that it comes from.
  virtual Result<Buffer> load(const ChunkWish& wish, const CancelToken& token) = 0;

 protected:
  // The error of a chunk whose container says that it is not what it should be. What only the key cannot do
  // says nothing of the chunk.
  static Error damaged(const Digest& digest, const Error& error) {
    const bool is_named =
        error.code == "BLOB_ENCRYPTED" || error.code == "CRYPT_WIPED" || error.code == "CRYPT";
    return Error::check(is_named ? error.code : "CHUNK_CORRUPT",
                        "chunk " + to_hex(digest) + ": " + error.message);
  }
};

}  // namespace restat
