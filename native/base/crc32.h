// CRC-32 as in IEEE 802.3 and zlib (reflected polynomial 0xEDB88320).
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace restat {

// Continues from `crc`, the result of an earlier call (0 at the start). Takes the fastest way this processor
// has.
std::uint32_t crc32(ByteView bytes, std::uint32_t crc = 0);

// The same in plain C++, for processors without carry-less multiplication.
std::uint32_t crc32_portable(ByteView bytes, std::uint32_t crc = 0);

}  // namespace restat
