#include <unistd.h>

#include <future>
#include <set>

#include "chunk/chunk_reader.h"
#include "chunk/chunk_store.h"
#include "chunk/ingest.h"
#include "test/check.h"
#include "test/crypt_world.h"
#include "test/temporary.h"

using namespace restat;
using namespace restat::test;

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kMiB = 1024 * 1024;
constexpr IngestOptions kSmall{.average = 65536, .payload = false, .ring_bytes = 1};
constexpr IngestOptions kImage{.average = 65536, .payload = false, .ring_bytes = 1, .fixed = true};

struct World {
  TemporaryDirectory root;
  std::shared_ptr<CryptKey> key = example_key();
  Engine engine;  // ends before the directory goes

  World() { std::filesystem::create_directory(root / ".chunks"); }
  std::shared_ptr<ChunkStore> open() const { return open(key); }
  std::shared_ptr<ChunkStore> open(std::shared_ptr<const CryptKey> with) const {
    const ChunkFileOptions options{.uid = ::geteuid(), .gid = ::getegid()};
    return ChunkStore::open(root.path(), options, ChunkStore::kRestoreIdle, std::move(with)).value();
  }
  std::vector<std::string> files() const {
    std::vector<std::string> paths;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root.path()))
      if (entry.is_regular_file()) paths.push_back(entry.path());
    return paths;
  }
};

// The waiting face of an ingest into a store.
class Stream {
 public:
  Stream(World& world, const IngestOptions& options) : Stream(world, options, world.open()) {}
  Stream(World& world, const IngestOptions& options, std::shared_ptr<ChunkSink> sink)
      : ingest_(Ingest::create(world.engine, std::move(sink), options).value()) {}

  Result<std::uint64_t> put(Bytes bytes) {
    std::promise<Result<std::uint64_t>> promise;
    ingest_->put(bytes_input(std::move(bytes)),
                 [&](Result<std::uint64_t> r) { promise.set_value(std::move(r)); });
    return promise.get_future().get();
  }
  Result<std::uint64_t> zeros(std::uint64_t chunks) {
    std::promise<Result<std::uint64_t>> promise;
    ingest_->zeros(chunks, [&](Result<std::uint64_t> r) { promise.set_value(std::move(r)); });
    return promise.get_future().get();
  }
  Result<Bytes> pause() {
    std::promise<Result<Bytes>> promise;
    ingest_->pause([&](Result<Bytes> r) { promise.set_value(std::move(r)); });
    return promise.get_future().get();
  }
  Result<IngestSummary> finish() {
    std::promise<Result<IngestSummary>> promise;
    ingest_->finish([&](Result<IngestSummary> r) { promise.set_value(std::move(r)); });
    return promise.get_future().get();
  }

 private:
  std::shared_ptr<Ingest> ingest_;
};

struct Entry {
  std::uint64_t end;
  Digest digest;
};

std::vector<Entry> parsed(const Bytes& entries) {
  std::vector<Entry> out;
  for (std::size_t at = 0; at < entries.size(); at += kIndexEntry)
    out.push_back({load_le<std::uint64_t>(entries.data() + at),
                   digest_of(ByteView(entries).subspan(at + kIndexEntryDigest))});
  return out;
}

// Whether the digests of the index are those that the key gives to the parts of `data`.
bool is_keyed(const CryptKey& key, const Bytes& entries, ByteView data) {
  std::uint64_t start = 0;
  for (const Entry& entry : parsed(entries)) {
    if (key.digest(data.subspan(start, entry.end - start)).value() != entry.digest) return false;
    start = entry.end;
  }
  return start == data.size();
}

Bytes stream_of(const World& world, const Bytes& entries) {
  const auto reader = ChunkReader::create(world.open(), entries, kMiB, world.key).value();
  Bytes out(reader->size());
  CHECK(reader->read(0, out, {}).ok());
  return out;
}

// Random bytes, and some that compress.
Bytes mixed_bytes() {
  Bytes data = random_bytes(500000, 1);
  data.resize(650000, 7);
  return data;
}

}  // namespace

TEST("the index of an encrypted stream has keyed digests, and its chunks give the stream back") {
  World world;
  const Bytes data = mixed_bytes();
  Stream stream(world, kSmall);
  CHECK(stream.put(data).ok());
  const IngestSummary summary = stream.finish().value();
  CHECK(summary.chunks > 8);
  CHECK(is_keyed(*world.key, summary.entries, data));
  CHECK(summary.checksum == sha256(summary.entries));
  CHECK(stream_of(world, summary.entries) == data);
  CHECK_EQ(world.files().size(), summary.stats.new_chunks);
  std::uint64_t bytes = 0;
  for (const std::string& path : world.files()) {
    const Bytes file = read_file(path);
    CHECK(container_of(file).value().encrypted);
    bytes += file.size();
  }
  CHECK_EQ(summary.stats.new_encoded_bytes, bytes);
}

TEST("a stream is cut in the same places with a key and without, but no chunk has the same name") {
  World world;
  const Bytes data = mixed_bytes();
  Stream encrypted(world, kSmall);
  Stream plain(world, kSmall, world.open(nullptr));
  CHECK(encrypted.put(data).ok() && plain.put(data).ok());
  const auto with = parsed(encrypted.finish().value().entries);
  const auto without = parsed(plain.finish().value().entries);
  CHECK_EQ(with.size(), without.size());
  for (std::size_t i = 0; i < with.size(); ++i) {
    CHECK_EQ(with[i].end, without[i].end);
    CHECK(with[i].digest != without[i].digest);
  }
}

TEST("a stream that was stored with the key before stores nothing") {
  World world;
  const Bytes data = mixed_bytes();
  Stream first(world, kSmall), second(world, kSmall);
  CHECK(first.put(data).ok());
  const IngestSummary stored = first.finish().value();
  const auto files = world.files();
  CHECK(second.put(data).ok());
  const IngestSummary again = second.finish().value();
  CHECK(again.entries == stored.entries);
  CHECK_EQ(again.stats.new_chunks, 0u);
  CHECK_EQ(again.stats.known_bytes, data.size());
  CHECK(world.files() == files);
}

TEST("the encrypted chunk of zeros has the digest of the specification, and is stored once") {
  World world;
  constexpr std::size_t kChunk = 4 * kMiB;
  Stream stream(world, {.average = kChunk, .payload = false, .ring_bytes = 1, .fixed = true});
  CHECK(stream.zeros(3).ok());
  CHECK(stream.put(Bytes(kChunk)).ok());
  CHECK(stream.zeros(1000).ok());
  CHECK(stream.put(Bytes(100)).ok());
  const IngestSummary summary = stream.finish().value();
  CHECK_EQ(summary.stats.new_chunks, 2u);  // and the short end
  CHECK_EQ(summary.stats.known_chunks, 1003u);
  CHECK_EQ(world.files().size(), 2u);
  const auto entries = parsed(summary.entries);
  CHECK_EQ(entries.size(), 1005u);
  for (std::size_t i = 0; i < 1004; ++i) {
    CHECK_EQ(entries[i].end, (i + 1) * kChunk);
    CHECK_EQ(to_hex(entries[i].digest), "348571e12bbbedb529def1f1394316e338a01945d871df9ef792617ceb13d636");
  }
  CHECK(entries[1004].digest == world.key->digest(Bytes(100)).value());
  const auto zeros = world.open()->load({entries[0].digest, kChunk, world.key.get()}, {});
  CHECK(zeros.value() == Bytes(kChunk));
}

TEST("an encrypted image comes back with its holes") {
  World world;
  const Bytes head = random_bytes(2 * 65536, 2), tail = random_bytes(777, 3);
  Bytes data = head;
  data.resize(7 * 65536);
  data.insert(data.end(), tail.begin(), tail.end());
  Stream stream(world, kImage);
  CHECK(stream.put(head).ok());
  CHECK(stream.zeros(5).ok());
  CHECK(stream.put(tail).ok());
  const IngestSummary summary = stream.finish().value();
  CHECK(is_keyed(*world.key, summary.entries, data));
  CHECK(stream_of(world, summary.entries) == data);
  CHECK_EQ(world.files().size(), 4u);
}

TEST("a key that was wiped ends a stream with its error, and nothing is stored") {
  World world;
  Stream bytes(world, kSmall), holes(world, kImage), image(world, kImage);
  world.key->wipe();
  (void)bytes.put(random_bytes(200000, 4));
  (void)holes.zeros(5);
  (void)image.put(Bytes(65536));
  for (Stream* stream : {&bytes, &holes, &image}) CHECK_EQ(code(stream->finish()), "CRYPT_WIPED");
  for (Stream* stream : {&bytes, &holes, &image}) CHECK_EQ(code(stream->put(Bytes(10))), "CRYPT_WIPED");
  CHECK(world.files().empty());
}

TEST("a key that is wiped while a stream runs ends it, and every chunk that is there is whole") {
  World world;
  const auto same = example_key();
  Stream stream(world, kSmall);
  CHECK(stream.put(mixed_bytes()).ok());
  world.key->wipe();
  // The ring takes 512 KiB that nobody stores any more.
  bool failed = false;
  for (std::uint64_t seed = 5; seed < 8 && !failed; ++seed)
    failed = !stream.put(random_bytes(600000, seed)).ok();
  CHECK(failed);
  CHECK_EQ(code(stream.pause()), "CRYPT_WIPED");
  CHECK_EQ(code(stream.finish()), "CRYPT_WIPED");
  for (const std::string& path : world.files()) {
    const auto plain = decoded(read_file(path), {.key = same.get()});
    CHECK(plain.ok());
    CHECK(path.ends_with(to_hex(same->digest(plain.value()).value())));
  }
}
