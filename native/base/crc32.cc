#include "base/crc32.h"

#include <array>

#include "base/cpu.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace restat {
namespace {

using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr Tables make_tables() {
  Tables t{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t c = i;
    for (int k = 0; k < 8; ++k) c = (c >> 1) ^ ((c & 1) ? 0xEDB88320u : 0u);
    t[0][i] = c;
  }
  for (std::uint32_t i = 0; i < 256; ++i)
    for (std::size_t k = 1; k < 8; ++k) t[k][i] = (t[k - 1][i] >> 8) ^ t[0][t[k - 1][i] & 0xff];
  return t;
}

constexpr Tables kTables = make_tables();

std::uint32_t slice_by_8(const std::uint8_t* p, std::size_t n, std::uint32_t c) {
  for (; n >= 8; p += 8, n -= 8) {
    const auto low = load_le<std::uint32_t>(p) ^ c;
    const auto high = load_le<std::uint32_t>(p + 4);
    c = kTables[7][low & 0xff] ^ kTables[6][(low >> 8) & 0xff] ^ kTables[5][(low >> 16) & 0xff] ^
        kTables[4][low >> 24] ^ kTables[3][high & 0xff] ^ kTables[2][(high >> 8) & 0xff] ^
        kTables[1][(high >> 16) & 0xff] ^ kTables[0][high >> 24];
  }
  for (; n > 0; ++p, --n) c = (c >> 8) ^ kTables[0][(c ^ *p) & 0xff];
  return c;
}

#if defined(__x86_64__)

// Folding multiplies the two halves of 128 bits by these powers of x modulo the polynomial (bit-reflected).
constexpr std::int64_t kBy64Low = 0x154442bd4, kBy64High = 0x1c6e41596;
constexpr std::int64_t kBy16Low = 0x1751997d0, kBy16High = 0x0ccaa009e;

__attribute__((target("pclmul,sse4.1"))) inline __m128i fold(__m128i value, __m128i powers, __m128i next) {
  const __m128i low = _mm_clmulepi64_si128(value, powers, 0x00);
  const __m128i high = _mm_clmulepi64_si128(value, powers, 0x11);
  return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

__attribute__((target("pclmul,sse4.1"))) inline __m128i load(const std::uint8_t* p) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
}

// Folds 64 bytes a round into 16 that have the same remainder; those and the tail go through the tables.
__attribute__((target("pclmul,sse4.1"))) std::uint32_t clmul(const std::uint8_t* p, std::size_t n,
                                                             std::uint32_t c) {
  if (n < 64) return slice_by_8(p, n, c);
  __m128i a = _mm_xor_si128(load(p), _mm_cvtsi32_si128(static_cast<int>(c)));
  __m128i b = load(p + 16), d = load(p + 32), e = load(p + 48);
  const __m128i by64 = _mm_set_epi64x(kBy64High, kBy64Low);
  for (p += 64, n -= 64; n >= 64; p += 64, n -= 64) {
    a = fold(a, by64, load(p));
    b = fold(b, by64, load(p + 16));
    d = fold(d, by64, load(p + 32));
    e = fold(e, by64, load(p + 48));
  }
  const __m128i by16 = _mm_set_epi64x(kBy16High, kBy16Low);
  a = fold(fold(fold(a, by16, b), by16, d), by16, e);
  for (; n >= 16; p += 16, n -= 16) a = fold(a, by16, load(p));
  std::array<std::uint8_t, 16> folded;
  _mm_storeu_si128(reinterpret_cast<__m128i*>(folded.data()), a);
  return slice_by_8(p, n, slice_by_8(folded.data(), folded.size(), 0));
}

#endif

}  // namespace

std::uint32_t crc32_portable(ByteView bytes, std::uint32_t crc) {
  return ~slice_by_8(bytes.data(), bytes.size(), ~crc);
}

std::uint32_t crc32(ByteView bytes, std::uint32_t crc) {
#if defined(__x86_64__)
  static const bool fast = cpu_features().clmul;
  if (fast) return ~clmul(bytes.data(), bytes.size(), ~crc);
#endif
  return crc32_portable(bytes, crc);
}

}  // namespace restat
