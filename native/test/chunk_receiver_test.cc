#include "chunk/chunk_receiver.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <thread>

#include "base/crc32.h"
#include "chunk/sha256.h"
#include "test/check.h"
#include "test/temporary.h"

using namespace restat;
using restat::test::random_bytes;
using restat::test::read_file;
using restat::test::write_file;

namespace {

using Bytes = std::vector<std::uint8_t>;
using Magic = std::array<std::uint8_t, 8>;
constexpr Magic kPlain{0x42, 0xab, 0x38, 0x07, 0xbe, 0x83, 0x70, 0xa1};
constexpr Magic kEncrypted{0x7b, 0x67, 0x85, 0xbe, 0x22, 0x2d, 0x4c, 0xf0};
constexpr Magic kZstdEncrypted{0xe6, 0x59, 0x1b, 0xbf, 0x0b, 0xbf, 0xd8, 0x0b};

struct World {
  test::TemporaryDirectory root;

  World() { std::filesystem::create_directory(root / ".chunks"); }
  std::shared_ptr<ChunkReceiver> open() const {
    return ChunkReceiver::open(root.path(), {.uid = ::geteuid(), .gid = ::getegid()}).value();
  }
  std::string path(const Digest& digest) const {
    return root / (".chunks/" + to_hex(digest).substr(0, 4) + "/" + to_hex(digest));
  }
};

Buffer buffer_of(const Bytes& bytes) {
  Buffer out(bytes.size());
  std::ranges::copy(bytes, out.begin());
  return out;
}

// A container whose CRC is wrong, as a client may send it.
Bytes bare(const Magic& magic, const Bytes& rest) {
  Bytes out(magic.begin(), magic.end());
  out.insert(out.end(), 4, 0x11);
  out.insert(out.end(), rest.begin(), rest.end());
  return out;
}

Bytes compressed(const Bytes& plain) {
  BlobEncoder encoder;
  const EncodedBlob blob = encoder.encode(plain).value();
  Bytes out(blob.header.begin(), blob.header.end());
  out.insert(out.end(), blob.body.begin(), blob.body.end());
  return out;
}

// `seed` makes different IVs, tags and data.
Bytes encrypted(std::size_t length, unsigned seed, const Magic& magic = kEncrypted) {
  return bare(magic, random_bytes(32 + length, seed));
}

Result<ReceivedChunk> insert(ChunkReceiver& receiver, const Digest& digest, std::size_t length,
                             const Bytes& encoded) {
  return receiver.insert(digest, length, buffer_of(encoded));
}

std::string problem(const Result<ReceivedChunk>& result) {
  return result.ok() ? "none" : result.error().code;
}

const Bytes kData = random_bytes(1000, 1);

}  // namespace

TEST("a plain chunk is stored with a CRC of the server's own, once") {
  const World world;
  const auto receiver = world.open();
  const auto first = insert(*receiver, sha256(kData), 1000, bare(kPlain, kData)).value();
  CHECK(!first.duplicate);
  CHECK(!first.encrypted);
  const Bytes file = read_file(world.path(sha256(kData)));
  CHECK_EQ(load_le<std::uint32_t>(file.data() + 8), crc32(kData));
  CHECK(insert(*receiver, sha256(kData), 1000, compressed(kData)).value().duplicate);
  CHECK(read_file(world.path(sha256(kData))) == file);
  CHECK(receiver->touch(sha256(kData)).value());
  CHECK(!receiver->touch(sha256(file)).value());
}

TEST("what is no chunk of that digest and length is refused and leaves nothing") {
  const World world;
  const auto receiver = world.open();
  const Digest digest = sha256(kData);
  const Bytes zeros(100000);
  CHECK_EQ(problem(insert(*receiver, sha256(zeros), 1000, bare(kPlain, kData))), "CHUNK_DIGEST");
  CHECK_EQ(problem(insert(*receiver, digest, 999, bare(kPlain, kData))), "CHUNK_LENGTH");
  CHECK_EQ(problem(insert(*receiver, sha256(zeros), 99999, compressed(zeros))), "CHUNK_LENGTH");
  CHECK_EQ(problem(insert(*receiver, digest, 1000, Bytes(1012, 7))), "BLOB_MAGIC");
  CHECK_EQ(problem(insert(*receiver, digest, 1000, Bytes(5))), "BLOB_SIZE");
  CHECK_EQ(problem(insert(*receiver, digest, 1000, bare(kEncrypted, Bytes(31)))), "BLOB_SIZE");
  CHECK_EQ(problem(insert(*receiver, digest, 1000, encrypted(999, 2))), "CHUNK_LENGTH");
  CHECK_EQ(problem(insert(*receiver, digest, 0, bare(kPlain, {}))), "CHUNK_LENGTH");
  CHECK_EQ(problem(insert(*receiver, digest, kMaxChunk + 1, bare(kPlain, kData))), "CHUNK_LENGTH");
  Bytes damaged = compressed(zeros);
  damaged.resize(damaged.size() - 3);
  CHECK_EQ(problem(insert(*receiver, sha256(zeros), 100000, damaged)), "ZSTD");
  CHECK(std::filesystem::is_empty(world.root / ".chunks"));
}

TEST("an encrypted chunk never takes the place of a plain one, whatever its length") {
  const World world;
  const auto receiver = world.open();
  const Digest digest = sha256(kData);
  CHECK(insert(*receiver, digest, 1000, bare(kPlain, kData)).ok());
  const Bytes good = read_file(world.path(digest));
  for (const std::size_t length : {std::size_t{968}, std::size_t{1000}, std::size_t{2000}}) {
    CHECK_EQ(problem(insert(*receiver, digest, length, encrypted(length, 2))), "CHUNK_OCCUPIED");
    CHECK_EQ(problem(insert(*receiver, digest, 4000, encrypted(length, 2, kZstdEncrypted))),
             "CHUNK_OCCUPIED");
  }
  CHECK(read_file(world.path(digest)) == good);
}

TEST("a plain chunk takes the place of whatever else has its digest") {
  const World world;
  const auto receiver = world.open();
  const Digest digest = sha256(kData);
  const auto occupied = insert(*receiver, digest, 1000, encrypted(1000, 2)).value();
  CHECK(occupied.encrypted);
  Bytes damaged = bare(kPlain, kData);
  for (const Bytes& there :
       {read_file(world.path(digest)), damaged, Bytes{}, Bytes(3), Bytes(kMaxEncodedChunk + 1)}) {
    write_file(world.path(digest), there);
    CHECK(!insert(*receiver, digest, 1000, bare(kPlain, kData)).value().duplicate);
    CHECK(load_le<Magic>(read_file(world.path(digest)).data()) == kPlain);
    CHECK(insert(*receiver, digest, 1000, bare(kPlain, kData)).value().duplicate);
  }
}

TEST("an encrypted chunk that is there stays, unless it is damaged") {
  const World world;
  const auto receiver = world.open();
  const Digest digest = sha256(kData);
  CHECK(insert(*receiver, digest, 1000, encrypted(1000, 2)).ok());
  const Bytes first = read_file(world.path(digest));
  CHECK(insert(*receiver, digest, 1000, encrypted(1000, 3)).value().duplicate);
  CHECK(insert(*receiver, digest, 1000, encrypted(500, 4, kZstdEncrypted)).value().duplicate);
  CHECK_EQ(problem(insert(*receiver, digest, 999, encrypted(999, 5))), "CHUNK_OCCUPIED");
  CHECK(read_file(world.path(digest)) == first);
  Bytes damaged = first;
  damaged[100] ^= 1;
  for (const Bytes& bad : {damaged, Bytes{}, Bytes(50)}) {
    write_file(world.path(digest), bad);
    CHECK(!insert(*receiver, digest, 1000, encrypted(1000, 6)).value().duplicate);
  }
}

TEST("whoever comes first, the plain chunk is what stays") {
  const World world;
  const auto receiver = world.open();
  const Digest digest = sha256(kData);
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < 8; ++i)
      threads.emplace_back([&, i] {
        for (unsigned k = 0; k < 20; ++k) {
          const auto result = i % 2 == 0 ? insert(*receiver, digest, 1000, encrypted(1000, i))
                                         : insert(*receiver, digest, 1000, bare(kPlain, kData));
          const std::string what = problem(result);
          CHECK(what == "none" || (i % 2 == 0 && what == "CHUNK_OCCUPIED"));
        }
      });
  }
  CHECK(load_le<Magic>(read_file(world.path(digest)).data()) == kPlain);
  CHECK(insert(*receiver, digest, 1000, bare(kPlain, kData)).value().duplicate);
}

TEST("something that is no file in a chunk's place is an error") {
  const World world;
  std::filesystem::create_directories(world.path(sha256(kData)));
  CHECK_EQ(problem(insert(*world.open(), sha256(kData), 1000, bare(kPlain, kData))), "CHUNK_FILE");
}
