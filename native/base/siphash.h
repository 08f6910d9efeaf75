// SipHash-2-4, 64 bit. The archive format hashes names with fixed keys (pxar.md, goodbye tables).
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace restat {

struct SipKey {
  std::uint64_t k0;
  std::uint64_t k1;
};

inline constexpr SipKey kNameHashKey{0x83ac3f1cfbb450db, 0xaa4f1b6879369fbd};

std::uint64_t siphash24(SipKey key, ByteView bytes);

inline std::uint64_t name_hash(ByteView name) {
  return siphash24(kNameHashKey, name);
}

}  // namespace restat
