#include "chunk/upload_sink.h"

#include <algorithm>
#include <chrono>

namespace restat {
namespace {

// How often a thread that waits looks whether the environment is going away, which wakes nobody.
constexpr auto kLook = std::chrono::milliseconds(100);

}  // namespace

Result<ChunkOutcome> UploadSink::accept(const Digest& digest, ByteView plain) {
  if (!known_->claim(digest)) return ChunkOutcome{};
  auto encoded = encoders_.with([&](BlobEncoder& encoder) -> Result<Buffer> {
    const auto blob = encoder.encode(plain);
    if (!blob.ok()) return blob.error();
    Buffer bytes = buffers_->take(blob.value().size());
    const auto body = std::ranges::copy(blob.value().header, bytes.begin()).out;
    std::ranges::copy(blob.value().body, body);
    return bytes;
  });
  if (!encoded.ok()) return encoded.error();
  const std::size_t size = encoded.value().size();
  if (Status room = wait_for_room(size); !room.ok()) return room.error();
  uploads_.put({digest, plain.size(), std::move(encoded.value())});
  return ChunkOutcome{true, size};
}

Status UploadSink::reuse(const Digest& digest) {
  if (known_->has(digest)) return Unit{};
  return Error::check("CHUNK_MISSING", "chunk " + to_hex(digest) + " is not in the previous snapshot");
}

Status UploadSink::wait_for_room(std::size_t bytes) {
  std::unique_lock lock(mutex_);
  while (!stopped_ && !token_.is_set() && bytes_ > 0 && bytes_ + bytes > limit_) room_.wait_for(lock, kLook);
  if (stopped_ || token_.is_set()) return Error::cancelled();
  bytes_ += bytes;
  return Unit{};
}

void UploadSink::sent(std::size_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    bytes_ -= std::min(bytes, bytes_);
  }
  room_.notify_all();
}

std::size_t UploadSink::unsent() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

void UploadSink::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  room_.notify_all();
  uploads_.stop();
}

}  // namespace restat
