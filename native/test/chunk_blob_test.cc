#include <string>

#include "base/crc32.h"
#include "chunk/blob.h"
#include "chunk/sha256.h"
#include "test/check.h"
#include "test/crypt_world.h"
#include "test/temporary.h"

using namespace restat;
using restat::test::code;
using restat::test::decoded;
using restat::test::encoded;
using restat::test::hex;
using restat::test::joined;
using restat::test::random_bytes;

namespace {

using Bytes = std::vector<std::uint8_t>;

void fix_checksum(Bytes& blob) {
  store_le(blob.data() + 8, crc32(ByteView(blob).subspan(kBlobHeader)));
}

}  // namespace

TEST("blobs are those of the worked examples") {
  const std::string hello = "hello";
  const ByteView view(reinterpret_cast<const std::uint8_t*>(hello.data()), hello.size());
  CHECK_EQ(hex(encoded(view)), "42ab3807be8370a186a6103668656c6c6f");
  CHECK_EQ(hex(encoded(Bytes(100))).substr(0, 16), "31b958426fb6a37f");
  CHECK_EQ(hex(encoded({})), "42ab3807be8370a100000000");
}

TEST("what is encoded comes back, and only with the expected length and digest") {
  for (const std::size_t length : {1, 12, 1000, 300000}) {
    for (const Bytes& plain : {random_bytes(length, 4), Bytes(length, 7)}) {
      const Bytes blob = encoded(plain);
      CHECK(blob.size() <= plain.size() + kBlobHeader);
      const Digest digest = sha256(plain);
      CHECK(decoded(blob, {digest, length}).value() == plain);
      CHECK(decoded(blob, {}).value() == plain);
      CHECK(!decoded(blob, {digest, length - 1}).ok());
      CHECK(!decoded(blob, {digest, length + 1}).ok());
      CHECK(!decoded(blob, {{}, {}, length - 1}).ok());
      CHECK_EQ(code(decoded(blob, {Digest{}, length})), "BLOB_DIGEST");
    }
  }
}

TEST("an encoder that is used again forgets what it encoded before") {
  BlobEncoder encoder;
  for (const std::size_t length : {100000, 10, 200000, 50}) {
    const Bytes plain(length, 9);
    CHECK(decoded(joined(encoder.encode(plain).value()), {}).value() == plain);
  }
}

TEST("damage has a name") {
  const Bytes plain = random_bytes(1000, 5);
  const Bytes good = encoded(plain);
  CHECK_EQ(code(decoded(ByteView(good).first(11), {})), "BLOB_SIZE");
  Bytes bad = good;
  bad[0] ^= 1;
  CHECK_EQ(code(decoded(bad, {})), "BLOB_MAGIC");
  bad = good;
  bad[500] ^= 1;
  CHECK_EQ(code(decoded(bad, {})), "BLOB_CRC");
  fix_checksum(bad);
  CHECK_EQ(code(decoded(bad, {sha256(plain), plain.size()})), "BLOB_DIGEST");
  bad = encoded(Bytes(1000));
  bad.erase(bad.end() - 3, bad.end());
  fix_checksum(bad);
  CHECK_EQ(code(decoded(bad, {})), "ZSTD");
}

TEST("a frame that would unpack to more than a chunk is refused") {
  const Bytes blob = encoded(Bytes(kMaxChunk + 1));
  CHECK(blob.size() < 100000);
  CHECK_EQ(code(decoded(blob, {})), "ZSTD");
}
