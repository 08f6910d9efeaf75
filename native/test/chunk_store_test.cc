#include "chunk/chunk_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <thread>

#include "chunk/chunk_reader.h"
#include "chunk/index_builder.h"
#include "chunk/sha256.h"
#include "test/check.h"
#include "test/temporary.h"

using namespace restat;
using restat::test::random_bytes;
using restat::test::read_file;
using restat::test::write_file;

namespace {

// Paths that were given to fsync.
std::vector<std::string> synced;

}  // namespace

// Stands before the C library's: what a crash would keep cannot be seen otherwise.
extern "C" int fsync(int fd) {
  std::error_code error;
  synced.push_back(std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), error));
  return static_cast<int>(::syscall(SYS_fsync, fd));
}

namespace {

using Bytes = std::vector<std::uint8_t>;

struct World {
  test::TemporaryDirectory root;

  World() { std::filesystem::create_directory(root / ".chunks"); }
  std::shared_ptr<ChunkStore> open(ChunkFileOptions options = {}) const {
    options.uid = ::geteuid();
    options.gid = ::getegid();
    return ChunkStore::open(root.path(), options).value();
  }
  std::string path(const Digest& digest) const {
    return root / (".chunks/" + to_hex(digest).substr(0, 4) + "/" + to_hex(digest));
  }
  std::size_t files() const {
    std::size_t n = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root.path()))
      n += entry.is_regular_file();
    return n;
  }
};

struct stat status_of(const std::string& path) {
  struct stat st {};
  CHECK_EQ(::stat(path.c_str(), &st), 0);
  return st;
}

void make_old(const std::string& path) {
  const timespec times[2]{{1000, 0}, {2000, 0}};
  CHECK_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
}

Bytes entries_of(const std::vector<Bytes>& chunks) {
  IndexBuilder index;
  for (const Bytes& chunk : chunks) index.settle(index.open(chunk.size()), sha256(chunk));
  return index.take_entries();
}

bool stored(ChunkStore& store, const Bytes& plain) {
  return store.accept(sha256(plain), plain).value().stored;
}

}  // namespace

TEST("a new chunk is a file with the mode of the design, and the second time it is known") {
  const World world;
  const auto store = world.open();
  const Bytes plain = random_bytes(70000, 1);
  CHECK(stored(*store, plain));
  CHECK(!stored(*store, plain));
  const std::string path = world.path(sha256(plain));
  CHECK_EQ(status_of(path).st_mode & 07777, 0640u);
  CHECK_EQ(status_of(path.substr(0, path.rfind('/'))).st_mode & 07777, 0750u);
  CHECK_EQ(world.files(), 1u);
  CHECK(store->load({sha256(plain), plain.size()}, {}).value() == plain);
}

TEST("a chunk that was found damaged is stored again, though a finished snapshot lists it") {
  const World world;
  const Bytes plain = random_bytes(70000, 1);
  CHECK(stored(*world.open(), plain));
  const auto store = world.open();
  CHECK(store->add_known(entries_of({plain})).ok());
  Bytes damaged = read_file(world.path(sha256(plain)));
  damaged[1000] ^= 1;
  write_file(world.path(sha256(plain)), damaged);
  CHECK_EQ(store->load({sha256(plain), plain.size()}, {}).error().code, "CHUNK_CORRUPT");
  CHECK(store->add_known(entries_of({plain})).ok());
  CHECK(stored(*store, plain));
  CHECK(store->load({sha256(plain), plain.size()}, {}).value() == plain);
  CHECK(!stored(*store, plain));
}

TEST("a file system without unnamed files gets the same chunks, and no temporary names stay") {
  const World world;
  const auto store = world.open({.sync = true, .unnamed = false});
  const Bytes plain = random_bytes(70000, 2);
  CHECK(stored(*store, plain));
  write_file(world.path(sha256(plain)), Bytes(5));
  CHECK(stored(*world.open({.unnamed = false}), plain));
  CHECK(store->load({sha256(plain), plain.size()}, {}).value() == plain);
  CHECK_EQ(world.files(), 1u);
}

TEST("every hit sets the access time and leaves the modification time") {
  const World world;
  const Bytes plain = random_bytes(70000, 3);
  const std::string path = world.path(sha256(plain));
  const auto store = world.open();
  CHECK(stored(*store, plain));
  for (const auto& hitting : {store, world.open()}) {
    make_old(path);
    CHECK(!stored(*hitting, plain));
    CHECK(status_of(path).st_atime > 1000000);
    CHECK_EQ(status_of(path).st_mtime, 2000);
  }
}

TEST("a chunk file that nobody vouches for is verified, and replaced if it is not good") {
  const World world;
  const Bytes plain = random_bytes(70000, 4);
  const std::string path = world.path(sha256(plain));
  CHECK(stored(*world.open(), plain));
  const Bytes good = read_file(path);
  Bytes damaged = good;
  damaged[1000] ^= 1;
  Bytes encrypted = good;
  encrypted[0] = 0x7b;
  for (const Bytes& bad : {damaged, encrypted, Bytes{}, Bytes(3), Bytes(kMaxEncodedChunk + 1)}) {
    write_file(path, bad);
    CHECK(stored(*world.open(), plain));
    CHECK(read_file(path) == good);
    CHECK_EQ(world.files(), 1u);
  }
}

TEST("a chunk file of another run is on disk, with its directory, before it is kept") {
  const World world;
  const Bytes plain = random_bytes(70000, 21);
  CHECK(stored(*world.open(), plain));
  const std::string path = world.path(sha256(plain));
  const std::string directory = path.substr(0, path.rfind('/'));
  synced.clear();
  CHECK(!stored(*world.open(), plain));
  CHECK(synced.empty());
  const auto store = world.open({.sync = true});
  CHECK(!stored(*store, plain));
  CHECK(synced == (std::vector<std::string>{world.root / ".chunks", path, directory}));
  CHECK(!stored(*store, plain));
  CHECK_EQ(synced.size(), 3u);
}

TEST("a chunk directory that somebody else made is synced once") {
  const World world;
  const Bytes plain = random_bytes(70000, 22);
  const std::string path = world.path(sha256(plain));
  const std::string directory = path.substr(0, path.rfind('/'));
  std::filesystem::create_directory(directory);
  const auto store = world.open({.sync = true});
  synced.clear();
  CHECK(stored(*store, plain));
  CHECK_EQ(std::ranges::count(synced, world.root / ".chunks"), 1);
  ::unlink(path.c_str());
  CHECK(stored(*store, plain));
  CHECK_EQ(std::ranges::count(synced, world.root / ".chunks"), 1);
  CHECK_EQ(std::ranges::count(synced, directory), 2);
}

TEST("a registered chunk is not read again, unless its file is missing or empty") {
  const World world;
  const Bytes plain = random_bytes(70000, 5);
  const std::string path = world.path(sha256(plain));
  CHECK(stored(*world.open(), plain));
  const Bytes good = read_file(path);
  const auto accept = [&] {
    const auto store = world.open();
    CHECK(store->add_known(entries_of({plain})).ok());
    return stored(*store, plain);
  };
  const Bytes damaged(good.size(), 1);
  write_file(path, damaged);
  CHECK(!accept());
  CHECK(read_file(path) == damaged);
  write_file(path, {});
  CHECK(accept());
  ::unlink(path.c_str());
  CHECK(accept());
  CHECK(read_file(path) == good);
}

TEST("a chunk that vanishes during the session is stored again") {
  const World world;
  const auto store = world.open();
  const Bytes plain = random_bytes(70000, 6);
  CHECK(stored(*store, plain));
  ::unlink(world.path(sha256(plain)).c_str());
  CHECK(stored(*store, plain));
}

TEST("something that is not a file in a chunk's place is an error") {
  const World world;
  const Bytes plain = random_bytes(70000, 7);
  std::filesystem::create_directories(world.path(sha256(plain)));
  const auto outcome = world.open()->accept(sha256(plain), plain);
  CHECK(!outcome.ok());
  CHECK_EQ(outcome.error().code, "CHUNK_FILE");
}

TEST("many digests are all found again") {
  KnownDigests known;
  const Bytes bytes = random_bytes(32 * 20000, 8);
  for (std::size_t at = 0; at < bytes.size(); at += 64)
    known.add(digest_of(ByteView(bytes).subspan(at)), Known::registered);
  known.add(digest_of(bytes), Known::confirmed);
  known.add(digest_of(bytes), Known::registered);
  CHECK(known.find(digest_of(bytes)) == Known::confirmed);
  for (std::size_t at = 64; at < bytes.size(); at += 64) {
    CHECK(known.find(digest_of(ByteView(bytes).subspan(at))) == Known::registered);
    CHECK(known.find(digest_of(ByteView(bytes).subspan(at - 32))) == Known::no);
  }
}

TEST("a reader joins the chunks of an index and names what is wrong with one") {
  const World world;
  const auto store = world.open();
  const std::vector<Bytes> chunks{random_bytes(70000, 9), Bytes(100000), random_bytes(3, 10)};
  Bytes stream;
  for (const Bytes& chunk : chunks) {
    CHECK(stored(*store, chunk));
    stream.insert(stream.end(), chunk.begin(), chunk.end());
  }
  const auto reader = ChunkReader::create(store, entries_of(chunks), 1 << 20).value();
  CHECK_EQ(reader->size(), stream.size());
  CHECK_EQ(reader->find(69999), 0u);
  CHECK_EQ(reader->find(70000), 1u);
  CHECK_EQ(reader->find(stream.size()), 3u);
  for (const std::size_t offset : {0, 69990, 70000, 170001}) {
    Bytes part(stream.size() - offset);
    CHECK(reader->read(offset, part, {}).ok());
    CHECK(part == Bytes(stream.begin() + static_cast<std::ptrdiff_t>(offset), stream.end()));
  }
  const auto fresh = ChunkReader::create(store, entries_of(chunks), 0).value();
  std::filesystem::copy_file(world.path(sha256(chunks[0])), world.path(sha256(chunks[1])),
                             std::filesystem::copy_options::overwrite_existing);
  CHECK_EQ(fresh->load(1, {}).error().code, "CHUNK_CORRUPT");
  ::unlink(world.path(sha256(chunks[2])).c_str());
  CHECK_EQ(fresh->load(2, {}).error().code, "CHUNK_MISSING");
  CHECK(reader->load(2, {}).ok());
}

TEST("threads that want the same chunk get the same data") {
  const World world;
  const auto store = world.open();
  const std::vector<Bytes> chunks{random_bytes(500000, 11), random_bytes(400000, 12)};
  for (const Bytes& chunk : chunks) CHECK(stored(*store, chunk));
  const auto reader = ChunkReader::create(store, entries_of(chunks), 1 << 20).value();
  std::vector<ChunkData> seen(8);
  {
    std::vector<std::jthread> threads;
    for (auto& data : seen) threads.emplace_back([&] { data = reader->load(1, {}).value(); });
  }
  for (const auto& data : seen) CHECK(data == seen[0]);
  CHECK(*seen[0] == chunks[1]);
}

TEST("index entries that cannot be are refused") {
  const World world;
  const auto store = world.open();
  Bytes entries = entries_of({Bytes(5), Bytes(6)});
  CHECK_EQ(ChunkReader::create(store, ByteView(entries).first(79), 0).error().code, "INDEX_ENTRIES");
  store_le<std::uint64_t>(entries.data() + 40, 5);
  CHECK_EQ(ChunkReader::create(store, entries, 0).error().code, "INDEX_ENTRIES");
  store_le<std::uint64_t>(entries.data() + 40, 5 + kMaxChunk + 1);
  CHECK_EQ(ChunkReader::create(store, entries, 0).error().code, "INDEX_ENTRIES");
  CHECK_EQ(store->add_known(ByteView(entries).first(41)).error().code, "INDEX_ENTRIES");
}
