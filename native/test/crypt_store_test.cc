#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <optional>
#include <thread>

#include "chunk/chunk_store.h"
#include "chunk/index_builder.h"
#include "chunk/sha256.h"
#include "chunk/upload_sink.h"
#include "test/check.h"
#include "test/crypt_world.h"
#include "test/temporary.h"

using namespace restat;
using namespace restat::test;

namespace {

using Bytes = std::vector<std::uint8_t>;

struct World {
  TemporaryDirectory root;
  std::shared_ptr<CryptKey> key = example_key();

  World() { std::filesystem::create_directory(root / ".chunks"); }
  std::shared_ptr<ChunkStore> open() const { return open(key); }
  std::shared_ptr<ChunkStore> open(std::shared_ptr<const CryptKey> with) const {
    const ChunkFileOptions options{.uid = ::geteuid(), .gid = ::getegid()};
    return ChunkStore::open(root.path(), options, 0, std::move(with)).value();
  }
  Digest digest(ByteView plain) const { return key->digest(plain).value(); }
  std::string path(ByteView plain) const {
    const std::string name = to_hex(digest(plain));
    return root / (".chunks/" + name.substr(0, 4) + "/" + name);
  }
  // Whether the chunk's file is one that only the key opens.
  bool is_good(ByteView plain) const {
    const auto opened =
        decoded(read_file(path(plain)), {.digest = digest(plain), .length = plain.size(), .key = key.get()});
    return opened.ok() && opened.value() == plain;
  }
  std::size_t files() const {
    std::size_t n = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root.path()))
      n += entry.is_regular_file();
    return n;
  }
};

bool stored(ChunkSink& sink, const Bytes& plain) {
  return sink.store(plain).value().outcome.stored;
}

ino_t inode_of(const std::string& path) {
  struct stat st {};
  CHECK_EQ(::stat(path.c_str(), &st), 0);
  return st.st_ino;
}

Bytes entries_of(const Digest& digest, std::size_t length) {
  IndexBuilder index;
  index.inject(length, digest);
  return index.take_entries();
}

// What the sink has to send, once it has ended.
std::vector<Upload> uploads_of(UploadSink& sink) {
  std::vector<Upload> uploads;
  sink.end();
  for (bool more = true; more;) {
    sink.take([&](std::optional<Upload> upload) {
      more = upload.has_value();
      if (more) uploads.push_back(std::move(*upload));
    });
  }
  return uploads;
}

}  // namespace

TEST("a chunk is encrypted in a file of its keyed digest, and comes back with its key alone") {
  const World world;
  const auto store = world.open();
  const Bytes hello{'h', 'e', 'l', 'l', 'o'};
  const StoredChunk chunk = store->store(hello).value();
  const std::string name = "e34178a27b992c4a218599bf7f43ed50bc464a03d624d9092306fe2ed74d557e";
  CHECK_EQ(to_hex(chunk.digest), name);
  const Bytes file = read_file(world.root / (".chunks/e341/" + name));
  CHECK_EQ(file.size(), chunk.outcome.encoded_bytes);
  CHECK_EQ(file.size(), 44u + 5);
  CHECK(world.is_good(hello));
  CHECK(store->load({chunk.digest, 5, world.key.get()}, {}).value() == hello);
  CHECK_EQ(code(store->load({chunk.digest, 5}, {})), "BLOB_ENCRYPTED");
  CHECK_EQ(code(store->load({chunk.digest, 5, other_key().get()}, {})), "CHUNK_CORRUPT");
}

TEST("a chunk that the session stored is not encrypted again") {
  const World world;
  const auto store = world.open();
  const Bytes plain = random_bytes(70000, 1);
  CHECK(stored(*store, plain));
  const Bytes file = read_file(world.path(plain));
  const StoredChunk again = store->store(plain).value();
  CHECK(!again.outcome.stored);
  CHECK(again.digest == world.digest(plain));
  CHECK_EQ(again.outcome.encoded_bytes, 0u);
  CHECK(read_file(world.path(plain)) == file);
  CHECK_EQ(world.files(), 1u);
}

TEST("the good encrypted file of another run is kept") {
  const World world;
  const Bytes plain = random_bytes(70000, 2);
  CHECK(stored(*world.open(), plain));
  const Bytes file = read_file(world.path(plain));
  const ino_t inode = inode_of(world.path(plain));
  CHECK(!stored(*world.open(), plain));
  const auto registered = world.open();
  CHECK(registered->add_known(entries_of(world.digest(plain), plain.size())).ok());
  CHECK(!stored(*registered, plain));
  CHECK_EQ(inode_of(world.path(plain)), inode);
  CHECK(read_file(world.path(plain)) == file);
}

TEST("whatever else lies under a keyed digest is replaced by the encrypted chunk") {
  const World world;
  const Bytes plain = random_bytes(20000, 3);
  CHECK(stored(*world.open(), plain));
  const Bytes good = read_file(world.path(plain));
  const auto cut = [&](std::size_t length) { return Bytes(good.begin(), good.begin() + length); };
  Bytes damaged = good, forged = good;
  damaged[1000] ^= 1;
  forged[20] ^= 1;
  for (const Bytes& bad :
       {encoded(plain), encoded(plain, other_key().get()), encoded(random_bytes(20000, 4), world.key.get()),
        damaged, forged, Bytes{}, cut(8), cut(43), cut(44), cut(good.size() - 1)}) {
    write_file(world.path(plain), bad);
    CHECK(stored(*world.open(), plain));
    CHECK(world.is_good(plain));
    CHECK_EQ(world.files(), 1u);
  }
}

TEST("an encrypted chunk and a plain one of the same data do not stand in for each other") {
  const World world;
  const Bytes plain = random_bytes(70000, 5);
  CHECK(stored(*world.open(nullptr), plain));
  CHECK(stored(*world.open(), plain));
  CHECK(!stored(*world.open(nullptr), plain));
  CHECK(stored(*world.open(other_key()), plain));
  CHECK_EQ(world.files(), 3u);
  CHECK(world.is_good(plain));
}

TEST("two stores with one key write one file for each chunk, whoever is first") {
  const World world;
  const std::vector<Bytes> chunks{random_bytes(70000, 6), Bytes(70000), random_bytes(3, 7)};
  const auto same = std::make_shared<CryptKey>(example_secret(), example_id());
  const std::vector<std::shared_ptr<ChunkStore>> stores{world.open(), world.open(same)};
  std::atomic<int> right = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&, i] {
        for (const Bytes& chunk : chunks) {
          const auto done = stores[i % 2]->store(chunk);
          right += done.ok() && done.value().digest == world.digest(chunk);
        }
      });
  }
  CHECK_EQ(right.load(), 12);
  CHECK_EQ(world.files(), chunks.size());
  for (const Bytes& chunk : chunks) {
    CHECK(world.is_good(chunk));
    for (const auto& store : stores) CHECK(!stored(*store, chunk));
  }
}

TEST("a store whose key was wiped stores nothing, reads nothing and leaves what is there") {
  const World world;
  const auto store = world.open();
  const Bytes kept = random_bytes(70000, 8), fresh = random_bytes(70000, 9), bad = encoded(kept);
  const Digest name = world.digest(kept), other = world.digest(fresh);
  CHECK(stored(*store, kept));
  const std::string path = world.path(kept);
  world.key->wipe();
  CHECK_EQ(code(store->store(fresh)), "CRYPT_WIPED");
  CHECK_EQ(code(store->accept(other, fresh)), "CRYPT_WIPED");
  CHECK_EQ(code(store->load({name, kept.size(), world.key.get()}, {})), "CRYPT_WIPED");
  write_file(path, bad);
  CHECK_EQ(code(world.open()->accept(name, kept)), "CRYPT_WIPED");
  CHECK(read_file(path) == bad);
  CHECK_EQ(world.files(), 1u);
}

TEST("what is sent to a server is encrypted under its keyed digest, and sent once") {
  const auto key = example_key();
  const auto known = std::make_shared<ServerDigests>();
  UploadSink sink(known, 1 << 20, {}, key);
  const std::vector<Bytes> chunks{random_bytes(70000, 10), Bytes(70000)};
  std::uint64_t bytes = 0;
  for (const Bytes& chunk : chunks) {
    const StoredChunk done = sink.store(chunk).value();
    CHECK(done.outcome.stored);
    CHECK(done.digest == key->digest(chunk).value());
    bytes += done.outcome.encoded_bytes;
    CHECK(!stored(sink, chunk));
  }
  CHECK_EQ(sink.unsent(), bytes);
  auto uploads = uploads_of(sink);
  CHECK_EQ(uploads.size(), chunks.size());
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    const Digest digest = key->digest(chunks[i]).value();
    CHECK(uploads[i].digest == digest);
    CHECK_EQ(uploads[i].length, chunks[i].size());
    const BlobExpectation expected{.digest = digest, .length = chunks[i].size(), .key = key.get()};
    CHECK(decoded(uploads[i].encoded, expected).value() == chunks[i]);
    CHECK_EQ(code(decoded(uploads[i].encoded, {})), "BLOB_ENCRYPTED");
  }
}

TEST("a server that knows the plain chunk is sent the encrypted one, but not one that it knows itself") {
  const auto key = example_key();
  const auto known = std::make_shared<ServerDigests>();
  UploadSink sink(known, 1 << 20, {}, key);
  const Bytes plain = random_bytes(70000, 11), registered = random_bytes(70000, 12);
  CHECK(known->add(entries_of(sha256(plain), plain.size())).ok());
  CHECK(known->add(entries_of(key->digest(registered).value(), registered.size())).ok());
  CHECK(stored(sink, plain));
  CHECK(!stored(sink, registered));
  CHECK_EQ(uploads_of(sink).size(), 1u);
}

TEST("with a key that was wiped nothing is sent to a server") {
  const auto key = example_key();
  UploadSink sink(std::make_shared<ServerDigests>(), 1 << 20, {}, key);
  const Bytes plain = random_bytes(70000, 13);
  const Digest digest = key->digest(plain).value();
  key->wipe();
  CHECK_EQ(code(sink.store(plain)), "CRYPT_WIPED");
  CHECK_EQ(code(sink.accept(digest, plain)), "CRYPT_WIPED");
  CHECK_EQ(sink.unsent(), 0u);
  CHECK(uploads_of(sink).empty());
}
