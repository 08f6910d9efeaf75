#include "chunk/sha256.h"

#include <string.h>

#include <algorithm>

namespace restat {

void Sha256::update(ByteView bytes) {
  if (bytes.empty()) return;
  length_ += bytes.size();
  if (filled_ > 0) {
    const std::size_t n = std::min(bytes.size(), block_.size() - filled_);
    std::copy_n(bytes.begin(), n, block_.begin() + static_cast<std::ptrdiff_t>(filled_));
    filled_ += n;
    bytes = bytes.subspan(n);
    if (filled_ < block_.size()) return;
    blocks_(state_.data(), block_.data(), 1);
  }
  blocks_(state_.data(), bytes.data(), bytes.size() / 64);
  const ByteView rest = bytes.last(bytes.size() % 64);
  std::copy(rest.begin(), rest.end(), block_.begin());
  filled_ = rest.size();
}

Digest Sha256::finish() {
  std::array<std::uint8_t, 128> tail{};
  std::copy_n(block_.begin(), filled_, tail.begin());
  tail[filled_] = 0x80;
  const std::size_t length = filled_ + 9 <= 64 ? 64 : 128;
  store_le(tail.data() + length - 8, __builtin_bswap64(length_ * 8));
  blocks_(state_.data(), tail.data(), length / 64);
  Digest digest;
  for (std::size_t i = 0; i < state_.size(); ++i)
    store_le(digest.data() + 4 * i, __builtin_bswap32(state_[i]));
  ::explicit_bzero(tail.data(), tail.size());
  ::explicit_bzero(block_.data(), block_.size());
  return digest;
}

}  // namespace restat
