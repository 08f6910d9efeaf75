// Takes the chunks of a stream for a server: encoded here, sent by JavaScript (protocol.md §5.3).
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>

#include "base/cancel.h"
#include "base/hand_over.h"
#include "chunk/chunk_sink.h"
#include "chunk/encoder_pool.h"
#include "chunk/server_digests.h"

namespace restat {

struct Upload {
  Digest digest;
  std::size_t length;  // of the plain data
  Buffer encoded;
};

// All calls are safe from any thread.
class UploadSink : public ChunkSink {
 public:
  // `limit`: encoded bytes that may wait or be on their way; beyond that accept() waits. `key`: what chunks
  // are encrypted with.
  UploadSink(std::shared_ptr<ServerDigests> known, std::size_t limit, CancelToken token,
             std::shared_ptr<const CryptKey> key = nullptr)
      : ChunkSink(std::move(key)),
        known_(std::move(known)),
        limit_(limit),
        token_(std::move(token)),
        encoders_(key_) {}

  // Error codes: ABORT_ERR after stop(), those of BlobEncoder.
  Result<ChunkOutcome> accept(const Digest& digest, ByteView plain) override;
  Status reuse(const Digest& digest) override;

  // The next chunk to send; nothing after end() or stop() when all have been taken.
  void take(HandOver<Upload>::Taker taker) { uploads_.take(std::move(taker)); }
  // So many encoded bytes have arrived.
  void sent(std::size_t bytes);
  // Encoded bytes that wait or are on their way.
  std::size_t unsent() const;
  void end() { uploads_.end(); }
  void stop();

 private:
  Status wait_for_room(std::size_t bytes);

  const std::shared_ptr<ServerDigests> known_;
  const std::size_t limit_;
  const CancelToken token_;
  // They are used only on the way from a worker to JavaScript.
  static constexpr std::size_t kIdle = 8 * 1024 * 1024;
  const std::shared_ptr<BufferPool> buffers_ = BufferPool::create(kIdle);
  EncoderPool encoders_;
  HandOver<Upload> uploads_;
  mutable std::mutex mutex_;
  std::condition_variable room_;
  std::size_t bytes_ = 0;
  bool stopped_ = false;
};

}  // namespace restat
