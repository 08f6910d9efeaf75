#include "chunk/chunker.h"

#include <algorithm>
#include <array>
#include <bit>

#include "chunk/hash_words.h"

namespace restat {
namespace {

constexpr std::size_t kWindow = 64;

// Lanes are neighbouring pieces of the data whose hashes are computed side by side: each is one long chain of
// dependent instructions, several of them fill the processor.
constexpr std::size_t kLanes = 4;
constexpr std::size_t kLane = 1024;
constexpr std::size_t kBlock = kLanes * kLane;

// With S(i) = rotl(S(i-1), 1) ^ word(i) from any start, the hash of the 64 bytes that end at i is S(i) ^
// S(i-64): the rotation by 64 of a 32-bit word does nothing. A lane holds S from 64 bytes before its first
// one.
using Sums = std::array<std::uint32_t, kWindow + kLane>;

using Words = std::int32_t __attribute__((vector_size(16)));
constexpr std::size_t kWords = sizeof(Words) / sizeof(std::int32_t);

void sum_lanes(const std::uint8_t* from, std::array<Sums, kLanes>& lanes) {
  std::array<std::uint32_t, kLanes> sum{};
  for (auto& lane : lanes) lane[0] = 0;
  for (std::size_t i = 1; i < kWindow + kLane; ++i) {
#pragma GCC unroll 4
    for (std::size_t k = 0; k < kLanes; ++k) {
      sum[k] = std::rotl(sum[k], 1) ^ kHashWords[from[k * kLane + i]];
      lanes[k][i] = sum[k];
    }
  }
}

bool has_cut(const Sums& sums, std::uint32_t mask) {
  const auto bits = static_cast<std::int32_t>(mask);
  const Words masks{bits, bits, bits, bits};
  const Words below = masks - 3;
  Words found{};
  for (std::size_t i = 0; i < kLane; i += kWords)
    found |= ((load_le<Words>(&sums[i + kWindow]) ^ load_le<Words>(&sums[i])) & masks) > below;
  return (found[0] | found[1] | found[2] | found[3]) != 0;
}

}  // namespace

bool Chunker::is_average(std::uint64_t size) {
  return std::has_single_bit(size) && size >= 64 * 1024 && size <= 4 * 1024 * 1024;
}

std::size_t Chunker::find_cut(ByteView bytes, std::size_t tested) const {
  const std::size_t first = std::max(tested + 1, min_);
  const std::size_t last = std::min(bytes.size(), max_ - 1);
  if (const std::size_t length = search(bytes.data(), first, last)) return length;
  return bytes.size() >= max_ ? max_ : 0;
}

std::size_t Chunker::search(const std::uint8_t* bytes, std::size_t first, std::size_t last) const {
  for (; first + kBlock <= last + 1; first += kBlock)
    if (const std::size_t length = search_block(bytes, first)) return length;
  return search_slowly(bytes, first, last);
}

std::size_t Chunker::search_block(const std::uint8_t* bytes, std::size_t first) const {
  std::array<Sums, kLanes> lanes;
  sum_lanes(bytes + first - 1 - kWindow, lanes);
  for (std::size_t k = 0; k < kLanes; ++k) {
    if (!has_cut(lanes[k], mask_)) continue;
    for (std::size_t i = 0; i < kLane; ++i)
      if (is_cut(lanes[k][i + kWindow] ^ lanes[k][i])) return first + k * kLane + i;
  }
  return 0;
}

std::size_t Chunker::search_slowly(const std::uint8_t* bytes, std::size_t first, std::size_t last) const {
  if (first > last) return 0;
  std::uint32_t hash = 0;
  for (std::size_t i = first - kWindow; i < first; ++i) hash = std::rotl(hash, 1) ^ kHashWords[bytes[i]];
  for (std::size_t length = first;; ++length) {
    if (is_cut(hash)) return length;
    if (length == last) return 0;
    hash = std::rotl(hash, 1) ^ kHashWords[bytes[length]] ^ kHashWords[bytes[length - kWindow]];
  }
}

}  // namespace restat
