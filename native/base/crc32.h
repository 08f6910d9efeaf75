// CRC-32 as in IEEE 802.3 and zlib (reflected polynomial 0xEDB88320).
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace restat {

// Continues from `crc`, the result of an earlier call (0 at the start).
std::uint32_t crc32(ByteView bytes, std::uint32_t crc = 0);

}  // namespace restat
