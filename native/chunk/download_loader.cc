#include "chunk/download_loader.h"

#include <algorithm>
#include <chrono>

#include "chunk/blob.h"

namespace restat {
namespace {

// How often a thread that waits looks whether its call was cancelled, which wakes nobody.
constexpr auto kLook = std::chrono::milliseconds(100);

}  // namespace

Result<Buffer> DownloadLoader::load(const ChunkWish& wish, const CancelToken& token) {
  auto plain = fetch(wish, token);
  if (!plain.ok() && known_) known_->doubt(wish.digest);
  return plain;
}

Result<Buffer> DownloadLoader::fetch(const ChunkWish& wish, const CancelToken& token) {
  auto encoded = wait(wish.digest, token);
  if (!encoded.ok()) return encoded;
  const BlobExpectation expected{.digest = wish.digest, .length = wish.length, .key = wish.key};
  auto plain = decode_blob(std::move(encoded.value()), expected, *buffers_);
  return plain.ok() ? std::move(plain) : damaged(wish.digest, plain.error());
}

Result<Buffer> DownloadLoader::wait(const Digest& digest, const CancelToken& token) {
  std::unique_lock lock(mutex_);
  if (stopped_) return Error::cancelled();
  const std::uint64_t id = next_++;
  waiting_.try_emplace(id);
  lock.unlock();
  wanted_.put({id, digest});
  lock.lock();
  const auto over = [&] { return stopped_ || token.is_set() || token_.is_set(); };
  while (!waiting_.at(id) && !over()) settled_.wait_for(lock, kLook);
  Outcome outcome = std::move(waiting_.at(id));
  waiting_.erase(id);
  if (!outcome) return Error::cancelled();
  return std::move(*outcome);
}

void DownloadLoader::arrived(std::uint64_t id, ByteView encoded) {
  Buffer bytes = buffers_->take(encoded.size());
  std::ranges::copy(encoded, bytes.begin());
  settle(id, std::move(bytes));
}

void DownloadLoader::fail(std::uint64_t id, Error error) {
  settle(id, std::move(error));
}

void DownloadLoader::settle(std::uint64_t id, Result<Buffer> outcome) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = waiting_.find(id);
    if (found != waiting_.end()) found->second.emplace(std::move(outcome));
  }
  settled_.notify_all();
}

void DownloadLoader::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  settled_.notify_all();
  wanted_.stop();
}

}  // namespace restat
