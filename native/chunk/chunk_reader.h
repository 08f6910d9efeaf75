// Reads a stream through its index, the last used chunks kept decoded.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "chunk/chunk_cache.h"
#include "chunk/chunk_loader.h"
#include "chunk/chunk_source.h"

namespace restat {

class ChunkReader : public ChunkSource {
 public:
  // `entries` as in a dynamic index; at most `cache_bytes` of decoded chunks are kept. Error code
  // INDEX_ENTRIES: not a multiple of 40 bytes, ends do not ascend, or a chunk is longer than 16 MiB.
  // With a key all chunks must be encrypted with it, without one none may be encrypted.
  static Result<std::shared_ptr<ChunkReader>> create(std::shared_ptr<ChunkLoader> loader, ByteView entries,
                                                     std::size_t cache_bytes,
                                                     std::shared_ptr<const CryptKey> key = nullptr);

  std::size_t count() const override { return ends_.size(); }
  std::uint64_t start(std::size_t chunk) const override { return chunk == 0 ? 0 : ends_[chunk - 1]; }
  std::uint64_t end(std::size_t chunk) const override { return ends_[chunk]; }
  std::size_t find(std::uint64_t offset) const override;
  Result<ChunkData> load(std::size_t chunk, const CancelToken& token) override;

  // Length of the stream in bytes.
  std::uint64_t size() const { return ends_.empty() ? 0 : ends_.back(); }
  // Fills `to` from stream position `offset` on; the range lies within the stream. Errors as load().
  Status read(std::uint64_t offset, ByteSpan to, const CancelToken& token);

 private:
  ChunkReader(std::shared_ptr<ChunkLoader> loader, std::size_t cache_bytes,
              std::shared_ptr<const CryptKey> key)
      : loader_(std::move(loader)), key_(std::move(key)), cache_(cache_bytes) {}
  bool is_loading(const Digest& digest) const;

  std::shared_ptr<ChunkLoader> loader_;
  const std::shared_ptr<const CryptKey> key_;
  std::vector<std::uint64_t> ends_;
  std::vector<Digest> digests_;
  std::mutex mutex_;
  std::condition_variable loaded_;
  ChunkCache cache_;
  std::vector<Digest> loading_;  // by threads that are in load() now: a handful
};

}  // namespace restat
