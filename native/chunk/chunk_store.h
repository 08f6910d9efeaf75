// The chunks of a local datastore: read with every check, written once (design: known chunks).
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/engine.h"
#include "chunk/chunk_files.h"
#include "chunk/chunk_loader.h"
#include "chunk/chunk_sink.h"
#include "chunk/encoder_pool.h"
#include "chunk/known_digests.h"

namespace restat {

// All calls are safe from any thread.
class ChunkStore : public ChunkSink, public ChunkLoader {
 public:
  // What a restore has in flight and in its cache, and what its threads decode.
  static constexpr std::size_t kRestoreIdle = 72 * 1024 * 1024;

  // `path` is the datastore's root, which holds `.chunks`. Buffers that nobody uses are kept up to
  // `idle_bytes`. `key`: what new chunks are encrypted with.
  static Result<std::shared_ptr<ChunkStore>> open(const std::string& path, const ChunkFileOptions& options,
                                                  std::size_t idle_bytes = kRestoreIdle,
                                                  std::shared_ptr<const CryptKey> key = nullptr);

  // `entries` are those of a dynamic index (40 bytes each) of a finished snapshot of the same group. Error
  // code INDEX_ENTRIES.
  Status add_known(ByteView entries);
  // A known chunk's file gets a new access time; any other existing file is verified, and kept or replaced.
  Result<ChunkOutcome> accept(const Digest& digest, ByteView plain) override;
  // Gives the chunk's file a new access time.
  Status reuse(const Digest& digest) override;
  // Whether the chunk has a file that is not empty.
  Result<bool> has(const Digest& digest) const;
  // Error codes besides those of ChunkLoader: the system call's. A chunk that is found damaged is not known
  // any more: accept() stores it again.
  Result<Buffer> load(const ChunkWish& wish, const CancelToken& token) override;

 private:
  enum class Existing { missing, good, bad };

  ChunkStore(std::unique_ptr<ChunkFiles> files, std::size_t idle_bytes, std::shared_ptr<const CryptKey> key)
      : ChunkSink(std::move(key)),
        files_(std::move(files)),
        buffers_(BufferPool::create(idle_bytes)),
        encoders_(key_) {}
  Result<bool> touch_known(const Digest& digest);
  Result<bool> keep(const Digest& digest);
  Result<Existing> examine(const Digest& digest, std::size_t length) const;
  Result<ChunkOutcome> write(const Digest& digest, ByteView plain, bool replace);
  Known known(const Digest& digest);
  void confirm(const Digest& digest);
  void doubt(const Digest& digest);

  std::unique_ptr<ChunkFiles> files_;
  const std::shared_ptr<BufferPool> buffers_;
  EncoderPool encoders_;
  std::mutex mutex_;
  KnownDigests known_;
};

// Asks for each index entry whether its chunk is there, on the pool: 1 or 0, in the same order. A file that
// cannot be looked at counts as missing.
void probe_chunks(Engine& engine, std::shared_ptr<const ChunkStore> store, std::vector<std::uint8_t> entries,
                  std::function<void(Result<std::vector<std::uint8_t>>)> done);

}  // namespace restat
