#include <set>

#include "base/crc32.h"
#include "chunk/sha256.h"
#include "test/check.h"
#include "test/crypt_world.h"
#include "test/temporary.h"

using namespace restat;
using namespace restat::test;

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr auto kHello =
    "7b6785be222d4cf0499d991b101112131415161718191a1b1c1d1e1fbbe022b70269e0f0d9e91942ac3d0c83e23f560c88";
constexpr auto kZeros =
    "e6591bbf0bbfd80b522c3131101112131415161718191a1b1c1d1e1fcc6b057c1b547b7898"
    "0a401e8430b8ffa2ef159dc7157eaf6b1b9e69b6a02e009c";

Bytes hello() {
  return {'h', 'e', 'l', 'l', 'o'};
}

std::string magic_of(ByteView blob) {
  return hex(blob.first(8));
}

// Whoever changes data on purpose mends the checksum.
void mend_checksum(Bytes& blob) {
  store_le(blob.data() + kBlobCrc, crc32(ByteView(blob).subspan(kEncryptedHeader)));
}

}  // namespace

TEST("encrypted blobs are those of the worked examples, and their digests keyed") {
  const auto key = example_key();
  const Digest digest = key->digest(hello()).value();
  CHECK_EQ(hex(digest), "e34178a27b992c4a218599bf7f43ed50bc464a03d624d9092306fe2ed74d557e");
  CHECK(decoded(from_hex(kHello), {.digest = digest, .length = 5, .key = key.get()}).value() == hello());
  const Bytes zeros(100);
  const BlobExpectation expected{.digest = key->digest(zeros).value(), .length = 100, .key = key.get()};
  CHECK(decoded(from_hex(kZeros), expected).value() == zeros);
}

TEST("whatever is changed in an encrypted blob is noticed") {
  const auto key = example_key();
  const BlobExpectation expected{.digest = key->digest(Bytes(100)).value(), .length = 100, .key = key.get()};
  const Bytes good = from_hex(kZeros);
  for (std::size_t i = 0; i < good.size(); ++i) {
    Bytes bad = good;
    bad[i] ^= 1;
    CHECK(!decoded(bad, expected).ok());
    mend_checksum(bad);
    if (i >= kBlobHeader) CHECK_EQ(code(decoded(bad, expected)), "CRYPT_TAG");
  }
  for (std::size_t length = 0; length < good.size(); ++length)
    CHECK(!decoded(ByteView(good).first(length), expected).ok());
}

TEST("encrypted and plain blobs do not pass for each other, nor those of another key") {
  const auto key = example_key();
  for (const Bytes& blob : {from_hex(kHello), encoded(hello(), key.get())}) {
    CHECK_EQ(code(decoded(blob, {})), "BLOB_ENCRYPTED");
    CHECK_EQ(code(decoded(blob, {.key = other_key().get()})), "CRYPT_TAG");
    // The digest of the plain data is not that of an encrypted chunk.
    CHECK_EQ(code(decoded(blob, {.digest = sha256(hello()), .key = key.get()})), "BLOB_DIGEST");
  }
  CHECK_EQ(code(decoded(encoded(hello()), {.key = key.get()})), "BLOB_PLAIN");
}

TEST("what is encrypted comes back, and only with the expected length and digest") {
  const auto key = example_key();
  for (const std::size_t length : {1, 12, 1000, 300000}) {
    for (const Bytes& plain : {random_bytes(length, 4), Bytes(length, 7)}) {
      const Bytes blob = encoded(plain, key.get());
      const Digest digest = key->digest(plain).value();
      const auto expecting = [&](std::optional<Digest> named, std::optional<std::size_t> size) {
        return decoded(blob, {.digest = named, .length = size, .key = key.get()});
      };
      CHECK(expecting(digest, length).value() == plain);
      CHECK(expecting({}, {}).value() == plain);
      CHECK(!expecting(digest, length - 1).ok());
      CHECK(!expecting(digest, length + 1).ok());
      CHECK_EQ(code(expecting(Digest{}, length)), "BLOB_DIGEST");
    }
  }
  CHECK_EQ(decoded(encoded({}, key.get()), {.key = key.get()}).value().size(), 0u);
}

TEST("an encrypted blob is 44 bytes and as much as was compressed, of which nothing can be seen") {
  const auto key = example_key();
  for (const std::size_t length : {0, 1, 12, 1000, 300000}) {
    for (const Bytes& plain : {random_bytes(length, 4), Bytes(length, 7)}) {
      const Bytes clear = encoded(plain);
      const Bytes blob = encoded(plain, key.get());
      const bool compressed = magic_of(clear) == "31b958426fb6a37f";
      CHECK_EQ(magic_of(blob), compressed ? "e6591bbf0bbfd80b" : "7b6785be222d4cf0");
      CHECK_EQ(blob.size() - 44, clear.size() - 12);
      const ByteView body = ByteView(clear).subspan(12);
      for (std::size_t at = 0; at + 12 <= body.size(); at += 1 + body.size() / 3)
        CHECK(std::ranges::search(blob, body.subspan(at, 12)).empty());
    }
  }
  CHECK_EQ(magic_of(encoded(Bytes(1000), key.get())), "e6591bbf0bbfd80b");
}

TEST("the same data are never encrypted to the same blob") {
  const auto key = example_key();
  BlobEncoder encoder(key.get());
  std::set<Bytes> ivs, bodies;
  for (int i = 0; i < 50; ++i) {
    const Bytes blob = joined(encoder.encode(Bytes(1000, 7)).value());
    ivs.insert(Bytes(blob.begin() + 12, blob.begin() + 28));
    bodies.insert(Bytes(blob.begin() + 44, blob.end()));
  }
  CHECK_EQ(ivs.size(), 50u);
  CHECK_EQ(bodies.size(), 50u);
}

TEST("the checksum of an encrypted blob is that of its body alone") {
  const auto key = example_key();
  for (const Bytes& plain : {random_bytes(1000, 5), Bytes(1000)}) {
    const Bytes good = encoded(plain, key.get());
    CHECK_EQ(load_le<std::uint32_t>(good.data() + 8), crc32(ByteView(good).subspan(44)));
    for (std::size_t at = 8; at < good.size(); ++at) {
      Bytes bad = good;
      bad[at] ^= 1;
      const bool covered = at < 12 || at >= 44;
      CHECK_EQ(code(decoded(bad, {.key = key.get()})), covered ? "BLOB_CRC" : "CRYPT_TAG");
    }
  }
}

TEST("an encoder with a key that is used again forgets what it encrypted before") {
  const auto key = example_key();
  BlobEncoder encoder(key.get());
  for (const std::size_t length : {100000, 10, 0, 200000, 50}) {
    for (const Bytes& plain : {random_bytes(length, 6), Bytes(length, 9)}) {
      const Bytes given = plain;
      const Bytes blob = joined(encoder.encode(plain).value());
      CHECK(plain == given);
      CHECK(decoded(blob, {.key = key.get()}).value() == plain);
    }
  }
}

TEST("with a key that was wiped nothing is encoded or decoded") {
  const auto key = example_key();
  BlobEncoder encoder(key.get());
  const Bytes blob = joined(encoder.encode(hello()).value());
  key->wipe();
  CHECK_EQ(code(encoder.encode(hello())), "CRYPT_WIPED");
  CHECK_EQ(code(decoded(blob, {.key = key.get()})), "CRYPT_WIPED");
}
