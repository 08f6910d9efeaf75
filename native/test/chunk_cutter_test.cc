#include <bit>
#include <numeric>
#include <utility>

#include "chunk/chunker.h"
#include "chunk/hash_words.h"
#include "chunk/sha256.h"
#include "chunk/stream_cutter.h"
#include "test/check.h"
#include "test/temporary.h"

using namespace restat;
using restat::test::random_bytes;

namespace {

using Sizes = std::vector<std::size_t>;

std::ostream& operator<<(std::ostream& out, const Sizes& sizes) {
  for (const std::size_t size : sizes) out << size << ' ';
  return out;
}

// chunker.md §1.2, byte by byte.
class Reference {
 public:
  explicit Reference(std::size_t average) : average_(average) {}

  bool feed(std::uint8_t byte) {
    const std::uint32_t mask = static_cast<std::uint32_t>(2 * average_ - 1);
    if (length_ < 64) {
      window_[length_++] = byte;
      hash_ = std::rotl(hash_, 1) ^ kHashWords[byte];
      return false;
    }
    const std::uint8_t out = std::exchange(window_[length_ % 64], byte);
    hash_ = std::rotl(hash_, 1) ^ kHashWords[out] ^ kHashWords[byte];
    ++length_;
    return length_ >= 4 * average_ || (length_ >= average_ / 4 && (hash_ & mask) >= mask - 2);
  }

 private:
  std::size_t average_;
  std::array<std::uint8_t, 64> window_{};
  std::uint32_t hash_ = 0;
  std::size_t length_ = 0;
};

// The rule for suggestions, from the words of the design: hash cut H or first suggestion B, whichever is
// nearer.
Sizes cut_by_reference(ByteView data, std::size_t average, const std::vector<std::uint64_t>& suggestions) {
  Sizes sizes;
  for (std::size_t start = 0; start < data.size();) {
    Reference reference(average);
    std::size_t hash_cut = 0;
    while (start + hash_cut < data.size() && !reference.feed(data[start + hash_cut++])) {
    }
    std::size_t size = hash_cut;
    for (const std::uint64_t suggestion : suggestions) {
      if (suggestion < start + average / 4) continue;
      size = std::min<std::size_t>(size, suggestion - start);
      break;
    }
    sizes.push_back(size);
    start += size;
  }
  return sizes;
}

// Gives the cutter the stream in pieces of at most `piece` bytes.
Sizes cut(ByteView data, std::size_t average, std::size_t piece,
          const std::vector<std::uint64_t>& suggestions = {}) {
  StreamCutter cutter(average);
  Sizes sizes;
  auto suggestion = suggestions.begin();
  for (std::size_t there = 0; there < data.size();) {
    there = std::min(data.size(), there + piece);
    for (; suggestion != suggestions.end() && *suggestion < there; ++suggestion) cutter.suggest(*suggestion);
    for (;;) {
      const ByteView bytes = data.first(there).subspan(cutter.start());
      std::size_t length = cutter.find(bytes.first(std::min(bytes.size(), cutter.max())));
      if (length == 0 && there == data.size()) length = bytes.size();
      if (length == 0) break;
      sizes.push_back(length);
      cutter.advance(length);
    }
  }
  return sizes;
}

Sizes head(const Sizes& sizes, std::size_t n) {
  return {sizes.begin(), sizes.begin() + static_cast<std::ptrdiff_t>(n)};
}

}  // namespace

TEST("the hash words are those of the specification") {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(kHashWords.data());
  CHECK_EQ(to_hex(sha256({bytes, sizeof kHashWords})),
           "5b52080d38287da9d2e278466e3e0db7ec98e5e8b226f50612a56fa012b1f660");
}

TEST("counters are cut where the specification says") {
  std::vector<std::uint32_t> counters(262144);
  std::iota(counters.begin(), counters.end(), 0);
  const ByteView data(reinterpret_cast<const std::uint8_t*>(counters.data()), 4 * counters.size());
  CHECK_EQ(cut(data, 65536, data.size()), (Sizes{143377, 262144, 262144, 262144, 118767}));
}

TEST("bytes of a linear generator are cut where the specification says") {
  std::vector<std::uint8_t> data(3 * 1024 * 1024);
  std::uint32_t x = 1;
  for (auto& byte : data) {
    x = (x * 1103515245u + 12345u) & 0x7fffffffu;
    byte = static_cast<std::uint8_t>(x >> 16);
  }
  CHECK_EQ(cut(data, 524288, data.size()),
           (Sizes{298320, 334694, 355727, 309304, 228899, 135027, 154349, 247953, 721449, 360006}));
  const Sizes small = cut(data, 65536, data.size());
  CHECK_EQ(small.size(), 52u);
  CHECK_EQ(head(small, 10), (Sizes{16517, 78080, 74677, 62559, 25383, 29462, 112204, 20414, 213718, 100976}));
  CHECK_EQ((Sizes{small.end() - 4, small.end()}), (Sizes{148246, 49583, 19339, 42036}));
}

TEST("zeros are cut at the maximum only") {
  const std::vector<std::uint8_t> zeros(614400);
  CHECK_EQ(cut(zeros, 65536, zeros.size()), (Sizes{262144, 262144, 90112}));
}

TEST("only the allowed average sizes are averages") {
  for (std::uint64_t size = 64 * 1024; size <= 4 * 1024 * 1024; size *= 2) CHECK(Chunker::is_average(size));
  for (const std::uint64_t size : {0, 1, 32 * 1024, 65537, 100000, 8 * 1024 * 1024})
    CHECK(!Chunker::is_average(size));
}

TEST("the fast search and the byte-wise rule agree whatever the pieces are") {
  const auto data = random_bytes(1500000, 3);
  const Sizes expected = cut_by_reference(data, 65536, {});
  for (const std::size_t piece : {4096, 4097, 10007, 65536, 1500000})
    CHECK_EQ(cut(data, 65536, piece), expected);
}

TEST("suggested cuts depend on the stream only, and the nearer of hash and suggestion wins") {
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    const auto data = random_bytes(1200000, 10 + seed);
    const auto gaps = random_bytes(4096, 30 + seed);
    std::vector<std::uint64_t> suggestions;
    for (std::uint64_t at = 16, i = 0; at < data.size(); ++i) {
      suggestions.push_back(at);
      at += 16 + (std::uint64_t{gaps[i]} << (gaps[i] % 11));
    }
    const Sizes expected = cut_by_reference(data, 65536, suggestions);
    for (const std::size_t piece : {5000, 16384, 70001, 1200000})
      CHECK_EQ(cut(data, 65536, piece, suggestions), expected);
  }
}
