// Chunks of a server: JavaScript fetches what a thread waits for (protocol.md §6).
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "base/hand_over.h"
#include "chunk/chunk_loader.h"
#include "chunk/server_digests.h"

namespace restat {

struct Download {
  std::uint64_t id;
  Digest digest;
};

// All calls are safe from any thread.
class DownloadLoader : public ChunkLoader {
 public:
  // Chunks that cannot be read are doubted in `known`, if that is given.
  DownloadLoader(CancelToken token, std::shared_ptr<ServerDigests> known)
      : token_(std::move(token)), known_(std::move(known)) {}

  // Waits for the chunk. Error codes besides those of ChunkLoader: what fail() was given.
  Result<Buffer> load(const ChunkWish& wish, const CancelToken& token) override;

  // The next chunk that somebody waits for; nothing after stop().
  void take(HandOver<Download>::Taker taker) { wanted_.take(std::move(taker)); }
  // The encoded chunk, copied. What nobody waits for any more is dropped.
  void arrived(std::uint64_t id, ByteView encoded);
  void fail(std::uint64_t id, Error error);
  // Whoever waits gets ABORT_ERR.
  void stop();

 private:
  // What a waiting thread gets; empty while it waits.
  using Outcome = std::optional<Result<Buffer>>;

  Result<Buffer> fetch(const ChunkWish& wish, const CancelToken& token);
  Result<Buffer> wait(const Digest& digest, const CancelToken& token);
  void settle(std::uint64_t id, Result<Buffer> outcome);

  // What a restore has in flight and in its cache, and what its threads decode.
  static constexpr std::size_t kBuffers = 72 * 1024 * 1024;
  const std::shared_ptr<BufferPool> buffers_ = BufferPool::create(kBuffers);
  const CancelToken token_;
  const std::shared_ptr<ServerDigests> known_;
  HandOver<Download> wanted_;
  std::mutex mutex_;
  std::condition_variable settled_;
  std::unordered_map<std::uint64_t, Outcome> waiting_;
  std::uint64_t next_ = 0;
  bool stopped_ = false;
};

}  // namespace restat
