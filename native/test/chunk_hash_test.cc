#include <string>

#include "base/crc32.h"
#include "chunk/sha256.h"
#include "test/check.h"
#include "test/temporary.h"

using namespace restat;
using restat::test::random_bytes;

namespace {

ByteView view(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string portable(ByteView bytes) {
  Sha256 hash(sha256_blocks_portable);
  hash.update(bytes);
  return to_hex(hash.finish());
}

}  // namespace

TEST("CRC-32 with carry-less multiplication agrees with the tables at every length and start") {
  const auto data = random_bytes(5000, 1);
  for (std::size_t length = 0; length < 400; ++length)
    for (const std::size_t from : {0, 1, 7}) {
      const ByteView bytes = ByteView(data).subspan(from, length);
      CHECK_EQ(crc32(bytes), crc32_portable(bytes));
      CHECK_EQ(crc32(bytes, 0x12345678), crc32_portable(bytes, 0x12345678));
    }
  CHECK_EQ(crc32(data), crc32_portable(data));
}

TEST("SHA-256 gives the digests of FIPS 180-4") {
  const std::string empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  const std::string abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  const std::string two_blocks = "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1";
  const std::string text = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
  CHECK_EQ(to_hex(sha256(view(""))), empty);
  CHECK_EQ(to_hex(sha256(view("abc"))), abc);
  CHECK_EQ(to_hex(sha256(view(text))), two_blocks);
  CHECK_EQ(portable(view("")), empty);
  CHECK_EQ(portable(view("abc")), abc);
  CHECK_EQ(portable(view(text)), two_blocks);
}

TEST("SHA-256 of four MiB of zeros is the digest of the zero chunk") {
  const std::vector<std::uint8_t> zeros(4 * 1024 * 1024);
  CHECK_EQ(to_hex(sha256(zeros)), "bb9f8df61474d25e71fa00722318cd387396ca1736605e1248821cc0de3d3af8");
}

TEST("the two implementations of SHA-256 agree at every length, also in pieces") {
  const auto data = random_bytes(400, 2);
  for (std::size_t length = 0; length < data.size(); ++length) {
    const ByteView bytes = ByteView(data).first(length);
    const std::string digest = to_hex(sha256(bytes));
    CHECK_EQ(digest, portable(bytes));
    Sha256 pieces;
    for (std::size_t at = 0; at < length; at += 37)
      pieces.update(bytes.subspan(at, std::min<std::size_t>(37, length - at)));
    CHECK_EQ(to_hex(pieces.finish()), digest);
  }
}
