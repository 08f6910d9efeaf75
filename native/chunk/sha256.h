// SHA-256, one-shot and incremental.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "chunk/digest.h"

namespace restat {

// Advances the eight state words over `blocks` blocks of 64 bytes.
using Sha256Blocks = void (*)(std::uint32_t* state, const std::uint8_t* data, std::size_t blocks);

// In plain C++.
void sha256_blocks_portable(std::uint32_t* state, const std::uint8_t* data, std::size_t blocks);
// The fastest that this processor has.
Sha256Blocks sha256_blocks_best();

class Sha256 {
 public:
  explicit Sha256(Sha256Blocks blocks = sha256_blocks_best()) : blocks_(blocks) {}

  void update(ByteView bytes);
  // The digest of all bytes so far; the object is used up. The last of them, which may be a key, are
  // overwritten.
  Digest finish();

 private:
  Sha256Blocks blocks_;
  std::array<std::uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<std::uint8_t, 64> block_;
  std::size_t filled_ = 0;
  std::uint64_t length_ = 0;
};

inline Digest sha256(ByteView bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.finish();
}

}  // namespace restat
