// Little-endian reads and writes at arbitrary alignment.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace restat {

static_assert(std::endian::native == std::endian::little,
              "the formats are little-endian and copied as they are");

using ByteView = std::span<const std::uint8_t>;
using ByteSpan = std::span<std::uint8_t>;

template <typename T>
inline T load_le(const void* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <typename T>
inline void store_le(void* to, T value) {
  std::memcpy(to, &value, sizeof value);
}

}  // namespace restat
