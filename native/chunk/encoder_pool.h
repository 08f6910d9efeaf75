// Encoders with their buffers, one for each thread that encodes at the same time, kept for the next chunk.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "chunk/blob.h"

namespace restat {

class EncoderPool {
 public:
  // With a key everything is encrypted.
  explicit EncoderPool(std::shared_ptr<const CryptKey> key = nullptr) : key_(std::move(key)) {}

  // Calls use(BlobEncoder&) with an encoder that nobody else has meanwhile.
  template <typename Use>
  auto with(Use use) {
    std::unique_ptr<BlobEncoder> encoder = take();
    auto result = use(*encoder);
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(encoder));
    return result;
  }

 private:
  std::unique_ptr<BlobEncoder> take() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return std::make_unique<BlobEncoder>(key_.get());
    auto encoder = std::move(idle_.back());
    idle_.pop_back();
    return encoder;
  }

  const std::shared_ptr<const CryptKey> key_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<BlobEncoder>> idle_;
};

}  // namespace restat
