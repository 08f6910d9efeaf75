#include <string>

#include "base/crc32.h"
#include "base/siphash.h"
#include "chunk/zstd_codec.h"
#include "test/check.h"

using namespace restat;

namespace {

ByteView view(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

TEST("name hashes are those of the specification") {
  CHECK_EQ(name_hash(view("")), 0x76614015f8d1bb6cu);
  CHECK_EQ(name_hash(view("a")), 0x0c26e9067c2c7bcfu);
  CHECK_EQ(name_hash(view("lost+found")), 0xedc93cb8247896c7u);
}

TEST("CRC-32 agrees with zlib at every length around the word size") {
  CHECK_EQ(crc32(view("hello")), 0x3610a686u);
  const std::string text = "123456789";
  CHECK_EQ(crc32(view(text)), 0xcbf43926u);
  for (std::size_t cut = 0; cut <= text.size(); ++cut)
    CHECK_EQ(crc32(view(text.substr(cut)), crc32(view(text.substr(0, cut)))), 0xcbf43926u);
}

TEST("a frame cut short or longer than its limit is an error") {
  std::vector<std::uint8_t> zeros(100000);
  std::vector<std::uint8_t> frame(zeros.size());
  frame.resize(ZstdCompressor().compress(zeros, frame));
  CHECK(!frame.empty());
  CHECK(ZstdDecompressor().decompress(frame, zeros.size()).ok());
  CHECK(!ZstdDecompressor().decompress(frame, zeros.size() - 1).ok());
  for (std::size_t n = 1; n < frame.size(); ++n)
    CHECK(!ZstdDecompressor().decompress(ByteView(frame).first(n), zeros.size()).ok());
}
