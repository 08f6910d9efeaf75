#include <algorithm>
#include <string>

#include "base/crc32.h"
#include "chunk/blob.h"
#include "chunk/sha256.h"
#include "crypt/crypt_key.h"
#include "test/check.h"
#include "test/temporary.h"

using namespace restat;
using restat::test::random_bytes;

namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes encoded(ByteView plain) {
  BlobEncoder encoder;
  const EncodedBlob blob = encoder.encode(plain).value();
  Bytes out(blob.header.begin(), blob.header.end());
  out.insert(out.end(), blob.body.begin(), blob.body.end());
  return out;
}

Result<Buffer> decoded(ByteView blob, const BlobExpectation& expected) {
  Buffer encoded(blob.size());
  std::ranges::copy(blob, encoded.begin());
  return decode_blob(std::move(encoded), expected, *BufferPool::create(0));
}

std::string hex(ByteView bytes) {
  std::string out;
  char digits[3];
  for (const std::uint8_t byte : bytes) {
    std::snprintf(digits, sizeof digits, "%02x", byte);
    out += digits;
  }
  return out;
}

std::string code(const Result<Buffer>& result) {
  return result.ok() ? "none" : result.error().code;
}

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
    const EncodedBlob blob = encoder.encode(plain).value();
    Bytes whole(blob.header.begin(), blob.header.end());
    whole.insert(whole.end(), blob.body.begin(), blob.body.end());
    CHECK(decoded(whole, {}).value() == plain);
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

namespace {

Bytes from_hex(const std::string& text) {
  Bytes out;
  for (std::size_t i = 0; i < text.size(); i += 2)
    out.push_back(static_cast<std::uint8_t>(std::stoi(text.substr(i, 2), nullptr, 16)));
  return out;
}

// The key of the worked examples: 00 01 .. 1f.
const CryptKey& example_key() {
  static const CryptKey key = [] {
    Bytes secret(kCryptKey);
    for (std::size_t i = 0; i < secret.size(); ++i) secret[i] = static_cast<std::uint8_t>(i);
    return CryptKey(secret, from_hex("7c2c013efd07f3b25717a485263343cd4d292a4b65c200bb3b18ea227abe225c"));
  }();
  return key;
}

constexpr auto kHello =
    "7b6785be222d4cf0499d991b101112131415161718191a1b1c1d1e1fbbe022b70269e0f0d9e91942ac3d0c83e23f560c88";
constexpr auto kZeros =
    "e6591bbf0bbfd80b522c3131101112131415161718191a1b1c1d1e1fcc6b057c1b547b7898"
    "0a401e8430b8ffa2ef159dc7157eaf6b1b9e69b6a02e009c";

}  // namespace

TEST("encrypted blobs are those of the worked examples, and their digests keyed") {
  const Bytes hello{'h', 'e', 'l', 'l', 'o'};
  const Digest digest = example_key().digest(hello).value();
  CHECK_EQ(hex(digest), "e34178a27b992c4a218599bf7f43ed50bc464a03d624d9092306fe2ed74d557e");
  CHECK(decoded(from_hex(kHello), {.digest = digest, .length = 5, .key = &example_key()}).value() == hello);
  const Bytes zeros(100);
  const BlobExpectation expected{
      .digest = example_key().digest(zeros).value(), .length = 100, .key = &example_key()};
  CHECK(decoded(from_hex(kZeros), expected).value() == zeros);
}

TEST("whatever is changed in an encrypted blob is noticed") {
  const Digest digest = example_key().digest(Bytes(100)).value();
  const BlobExpectation expected{.digest = digest, .length = 100, .key = &example_key()};
  const Bytes good = from_hex(kZeros);
  for (std::size_t i = 0; i < good.size(); ++i) {
    Bytes bad = good;
    bad[i] ^= 1;
    CHECK(!decoded(bad, expected).ok());
    // Whoever changes data on purpose mends the checksum.
    store_le(bad.data() + 8, crc32(ByteView(bad).subspan(44)));
    if (i >= 12) CHECK_EQ(code(decoded(bad, expected)), "CRYPT_TAG");
  }
  for (std::size_t length = 0; length < good.size(); ++length)
    CHECK(!decoded(ByteView(good).first(length), expected).ok());
}

TEST("encrypted and plain blobs do not pass for each other, nor those of another key") {
  const Bytes hello{'h', 'e', 'l', 'l', 'o'};
  const CryptKey other(Bytes(kCryptKey, 7), Bytes(kCryptKey, 8));
  CHECK_EQ(code(decoded(from_hex(kHello), {})), "BLOB_ENCRYPTED");
  CHECK_EQ(code(decoded(encoded(hello), {.key = &example_key()})), "BLOB_PLAIN");
  CHECK_EQ(code(decoded(from_hex(kHello), {.key = &other})), "CRYPT_TAG");
  // The digest of the plain data is not that of an encrypted chunk.
  CHECK_EQ(code(decoded(from_hex(kHello), {.digest = sha256(hello), .key = &example_key()})), "BLOB_DIGEST");
}
