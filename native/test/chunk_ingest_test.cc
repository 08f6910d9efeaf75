#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <string>

#include "chunk/chunk_reader.h"
#include "chunk/chunk_store.h"
#include "chunk/ingest.h"
#include "test/check.h"
#include "test/temporary.h"

using namespace restat;
using restat::test::random_bytes;

namespace {

using Bytes = std::vector<std::uint8_t>;

// Keeps digests and lengths only; can be told to fail at one chunk.
class CountingSink : public ChunkSink {
 public:
  explicit CountingSink(int fail_at = -1) : left_(fail_at) {}
  Result<ChunkOutcome> accept(const Digest& digest, ByteView plain) override {
    if (sha256(plain) != digest) return Error::check("TEST_DIGEST", "the bytes changed meanwhile");
    if (left_.fetch_sub(1) == 0) return Error::system(ENOSPC, "write", "chunk");
    accepted_ += plain.size();
    return ChunkOutcome{true, plain.size()};
  }
  Status reuse(const Digest& digest) override {
    if (digest == Digest{}) return Error::check("CHUNK_MISSING", "the chunk of zeros is missing");
    return Unit{};
  }

  std::uint64_t accepted() const { return accepted_; }

 private:
  std::atomic<int> left_;
  std::atomic<std::uint64_t> accepted_{0};
};

// The waiting face of an ingest.
class Stream {
 public:
  Stream(Engine& engine, std::shared_ptr<ChunkSink> sink, const IngestOptions& options)
      : ingest_(Ingest::create(engine, std::move(sink), options).value()) {}

  Result<std::uint64_t> put(std::unique_ptr<Input> input) {
    std::promise<Result<std::uint64_t>> promise;
    ingest_->put(std::move(input), [&](Result<std::uint64_t> r) { promise.set_value(std::move(r)); });
    return promise.get_future().get();
  }
  Result<std::uint64_t> inject(std::vector<InjectedChunk> chunks) {
    std::promise<Result<std::uint64_t>> promise;
    ingest_->inject(std::move(chunks), [&](Result<std::uint64_t> r) { promise.set_value(std::move(r)); });
    return promise.get_future().get();
  }
  Result<IngestSummary> finish() {
    std::promise<Result<IngestSummary>> promise;
    ingest_->finish([&](Result<IngestSummary> r) { promise.set_value(std::move(r)); });
    return promise.get_future().get();
  }
  Result<Bytes> pause() {
    std::promise<Result<Bytes>> promise;
    ingest_->pause([&](Result<Bytes> r) { promise.set_value(std::move(r)); });
    return promise.get_future().get();
  }
  Ingest& operator*() { return *ingest_; }

 private:
  std::shared_ptr<Ingest> ingest_;
};

constexpr IngestOptions kSmall{.average = 65536, .payload = false, .ring_bytes = 1};
constexpr IngestOptions kSmallPayload{.average = 65536, .payload = true, .ring_bytes = 1};

Bytes ingested(Engine& engine, const IngestOptions& options, const Bytes& data, std::size_t piece) {
  Stream stream(engine, std::make_shared<CountingSink>(), options);
  for (std::size_t at = 0; at < data.size(); at += piece) {
    const auto part = ByteView(data).subspan(at, std::min(piece, data.size() - at));
    CHECK(stream.put(bytes_input(Bytes(part.begin(), part.end()))).ok());
  }
  auto summary = stream.finish();
  CHECK_EQ(summary.value().size, data.size());
  CHECK_EQ(summary.value().stats.new_bytes, data.size());
  CHECK(summary.value().checksum == sha256(summary.value().entries));
  return summary.value().entries;
}

Bytes with_header(const Bytes& contents) {
  Bytes out(kPayloadHeader);
  store_le(out.data(), kPayloadItem);
  store_le<std::uint64_t>(out.data() + 8, contents.size() + kPayloadHeader);
  out.insert(out.end(), contents.begin(), contents.end());
  return out;
}

std::shared_ptr<Fd> open_file(const std::string& path) {
  return std::make_shared<Fd>(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

std::shared_ptr<ReadBatch> batch_of(const std::vector<Bytes>& files) {
  auto batch = std::make_shared<ReadBatch>();
  std::size_t total = 0;
  for (const Bytes& file : files) total += file.size();
  batch->data = Buffer(total);
  std::uint64_t at = 0;
  for (const Bytes& file : files) {
    std::ranges::copy(file, batch->data.data() + at);
    batch->files.push_back({at, file.size(), 0, 0});
    at += file.size();
  }
  return batch;
}

void append(Bytes& to, const Bytes& more) {
  to.insert(to.end(), more.begin(), more.end());
}

}  // namespace

TEST("the same bytes in other pieces give the same index, through a ring that wraps many times") {
  Engine engine;
  const Bytes data = random_bytes(6000000, 1);
  const Bytes entries = ingested(engine, kSmall, data, data.size());
  CHECK(entries.size() > 40 * 50);
  for (const std::size_t piece : {10007, 65536, 1000000})
    CHECK(ingested(engine, kSmall, data, piece) == entries);
}

TEST("an empty stream has no chunks") {
  Engine engine;
  Stream stream(engine, std::make_shared<CountingSink>(), kSmall);
  CHECK(stream.put(bytes_input({})).ok());
  const auto summary = stream.finish();
  CHECK_EQ(summary.value().chunks, 0u);
  CHECK_EQ(summary.value().size, 0u);
}

TEST("bytes, batches and files stand in the stream in order, each file with its header") {
  Engine engine;
  test::TemporaryDirectory root;
  std::filesystem::create_directory(root / ".chunks");
  const auto store = ChunkStore::open(root.path(), {.uid = ::geteuid(), .gid = ::getegid()}).value();
  const std::vector<Bytes> small{random_bytes(10, 2), {}, random_bytes(70000, 3), random_bytes(1, 4)};
  const Bytes large = random_bytes(3000000, 5);
  test::write_file(root / "large", large);

  Stream stream(engine, store, kSmallPayload);
  CHECK(stream.put(bytes_input(Bytes(16, 1))).ok());
  CHECK_EQ(stream.put(batch_input(batch_of(small), {0, 1, 3, 2})).value(), 70011u);
  CHECK_EQ(stream.put(file_input(open_file(root / "large"), large.size())).value(), large.size());
  Bytes expected(16, 1);
  for (const std::size_t i : {0, 1, 3, 2}) append(expected, with_header(small[i]));
  append(expected, with_header(large));
  CHECK_EQ((*stream).position(), expected.size());

  const auto summary = stream.finish();
  const auto reader = ChunkReader::create(store, summary.value().entries, 1 << 20).value();
  Bytes actual(reader->size());
  CHECK(reader->read(0, actual, {}).ok());
  CHECK(actual == expected);
}

TEST("bytes stand between the files of a batch where their ends say, however the room is cut") {
  const std::vector<Bytes> files{random_bytes(5000, 7), {}, random_bytes(3, 8)};
  const Bytes bytes = random_bytes(9000, 9);
  const auto batch = batch_of(files);
  const auto part = [&](std::size_t from, std::size_t to) {
    return Bytes(bytes.begin() + static_cast<std::ptrdiff_t>(from),
                 bytes.begin() + static_cast<std::ptrdiff_t>(to));
  };
  Bytes expected = part(0, 100);
  append(expected, with_header(files[2]));
  append(expected, with_header(files[0]));
  append(expected, part(100, 8000));
  append(expected, with_header(files[1]));
  append(expected, part(8000, 9000));
  for (std::size_t size = Input::kMinRoom; size < Input::kMinRoom + 40; ++size) {
    const auto input = mixed_input(batch, {2, 0, 1}, bytes, {100, 100, 8000});
    CHECK_EQ(input->size(), expected.size());
    Bytes actual;
    Bytes room(size);
    std::vector<std::size_t> starts;
    while (actual.size() < expected.size()) {
      const std::size_t n = input->read(room, starts);
      CHECK(n > 0);
      actual.insert(actual.end(), room.begin(), room.begin() + static_cast<std::ptrdiff_t>(n));
    }
    CHECK(actual == expected);
    CHECK_EQ(starts.size(), 3u);
    CHECK_EQ(input->outcome().value(), 5003u);
  }
}

TEST("a payload stream is cut where a file begins") {
  Engine engine;
  Stream stream(engine, std::make_shared<CountingSink>(), kSmallPayload);
  const Bytes zeros(100000);
  CHECK(stream.put(batch_input(batch_of({zeros, zeros, zeros}), {0, 1, 2})).ok());
  const auto entries = stream.finish().value().entries;
  CHECK_EQ(entries.size(), 120u);
  for (std::size_t i = 0; i < 3; ++i)
    CHECK_EQ(load_le<std::uint64_t>(entries.data() + 40 * i), (i + 1) * 100016);
}

TEST("a file that is shorter than announced is filled with zeros") {
  Engine engine;
  test::TemporaryDirectory root;
  const Bytes contents = random_bytes(5000, 6);
  test::write_file(root / "file", contents);
  Stream stream(engine, std::make_shared<CountingSink>(), kSmallPayload);
  CHECK_EQ(stream.put(file_input(open_file(root / "file"), 2000000)).value(), 5000u);
  Bytes expected = contents;
  expected.resize(2000000);
  const auto summary = stream.finish();
  CHECK(summary.value().entries == ingested(engine, kSmall, with_header(expected), 1 << 20));
}

TEST("a file that cannot be read says so, and the stream goes on") {
  Engine engine;
  test::TemporaryDirectory root;
  Stream stream(engine, std::make_shared<CountingSink>(), kSmallPayload);
  const auto outcome = stream.put(file_input(open_file(root.path()), 100000));
  CHECK_EQ(outcome.error().number, EISDIR);
  CHECK_EQ(outcome.error().syscall, "pread");
  CHECK_EQ(stream.finish().value().size, 100016u);
}

TEST("an error while storing ends the stream, and everything that comes later gets it") {
  Engine engine;
  const Bytes data = random_bytes(4000000, 7);
  Stream stream(engine, std::make_shared<CountingSink>(5), kSmall);
  bool failed = false;
  for (int i = 0; i < 20 && !failed; ++i) failed = !stream.put(bytes_input(data)).ok();
  CHECK(failed);
  CHECK_EQ(stream.put(bytes_input(data)).error().number, ENOSPC);
  CHECK_EQ(stream.finish().error().number, ENOSPC);
}

TEST("an aborted stream rejects what waits") {
  Engine engine;
  Stream stream(engine, std::make_shared<CountingSink>(), kSmall);
  std::promise<Result<std::uint64_t>> promise;
  (*stream).put(bytes_input(Bytes(50000000)),
                [&](Result<std::uint64_t> r) { promise.set_value(std::move(r)); });
  (*stream).abort();
  CHECK(promise.get_future().get().error().is_cancelled());
  CHECK(stream.finish().error().is_cancelled());
}

TEST("a stream that is finished takes nothing more") {
  Engine engine;
  Stream stream(engine, std::make_shared<CountingSink>(), kSmall);
  CHECK(stream.finish().ok());
  CHECK_EQ(stream.put(bytes_input({})).error().code, "INGEST_FINISHED");
  CHECK_EQ(stream.finish().error().code, "INGEST_FINISHED");
}

TEST("an engine that goes away in the middle settles every promise") {
  for (int round = 0; round < 5; ++round) {
    std::atomic<int> settled{0};
    {
      auto engine = std::make_unique<Engine>();
      const auto ingest = Ingest::create(*engine, std::make_shared<CountingSink>(), kSmall).value();
      for (int i = 0; i < 10; ++i)
        ingest->put(bytes_input(Bytes(1000000, 1)), [&](Result<std::uint64_t>) { ++settled; });
      ingest->finish([&](Result<IngestSummary>) { ++settled; });
      engine.reset();
    }
    CHECK_EQ(settled.load(), 11);
  }
}

namespace {

std::vector<std::uint64_t> ends_of(const Bytes& entries) {
  std::vector<std::uint64_t> ends;
  for (std::size_t at = 0; at < entries.size(); at += 40)
    ends.push_back(load_le<std::uint64_t>(entries.data() + at));
  return ends;
}

Digest digest_at(const Bytes& entries, std::size_t i) {
  return digest_of(ByteView(entries).subspan(40 * i + 8));
}

const InjectedChunk kOld{1000, sha256(Bytes{1})};
const InjectedChunk kOlder{5'000'000, sha256(Bytes{2})};

}  // namespace

TEST("injected chunks cut the stream where they stand and move what follows") {
  Engine engine;
  Stream stream(engine, std::make_shared<CountingSink>(), kSmall);
  const Bytes data = random_bytes(40000, 7);
  const auto part = [&data](std::size_t from, std::size_t to) {
    return bytes_input(Bytes(data.begin() + from, data.begin() + to));
  };
  CHECK(stream.inject({kOld}).ok());
  CHECK(stream.put(part(0, 16)).ok());
  CHECK(stream.inject({kOlder, kOld}).ok());
  CHECK(stream.inject({kOld}).ok());
  CHECK(stream.put(part(16, 10016)).ok());
  CHECK(stream.inject({kOlder}).ok());
  CHECK_EQ((*stream).position(), 1000u + 16 + 5'001'000 + 1000 + 10000 + 5'000'000);
  auto summary = stream.finish();
  CHECK(summary.ok());
  const Bytes& entries = summary.value().entries;
  const std::vector<std::uint64_t> expected{1000, 1016, 5001016, 5002016, 5003016, 5013016, 10013016};
  CHECK(ends_of(entries) == expected);
  CHECK(digest_at(entries, 1) == sha256(ByteView(data).first(16)));
  CHECK(digest_at(entries, 2) == kOlder.digest);
  CHECK(digest_at(entries, 5) == sha256(ByteView(data).subspan(16, 10000)));
  CHECK_EQ(summary.value().stats.injected_chunks, 5u);
  CHECK_EQ(summary.value().stats.injected_bytes, 10'003'000u);
  CHECK_EQ(summary.value().stats.new_bytes, 10016u);
  CHECK(summary.value().checksum == sha256(entries));
}

TEST("data between injections are cut as a stream of their own, whatever the pieces and the ring") {
  Engine engine;
  const Bytes data = random_bytes(3'000'000, 8);
  const Bytes alone = ingested(engine, kSmall, data, data.size());
  for (const std::size_t piece : {4096u, 100'003u, 3'000'000u}) {
    Stream stream(engine, std::make_shared<CountingSink>(), kSmall);
    CHECK(stream.put(bytes_input(random_bytes(100'000, 9))).ok());
    CHECK(stream.inject({kOlder}).ok());
    for (std::size_t at = 0; at < data.size(); at += piece) {
      const auto bytes = ByteView(data).subspan(at, std::min<std::size_t>(piece, data.size() - at));
      CHECK(stream.put(bytes_input(Bytes(bytes.begin(), bytes.end()))).ok());
    }
    auto summary = stream.finish();
    CHECK(summary.ok());
    const Bytes& entries = summary.value().entries;
    const std::size_t tail = alone.size() / 40;
    const std::size_t before = entries.size() / 40 - tail;
    for (std::size_t i = 0; i < tail; ++i) CHECK(digest_at(entries, before + i) == digest_at(alone, i));
  }
}

TEST("a stream of injected chunks alone is finished") {
  Engine engine;
  Stream stream(engine, std::make_shared<CountingSink>(), kSmall);
  CHECK(stream.inject({kOld, kOlder}).ok());
  auto summary = stream.finish();
  CHECK_EQ(summary.value().size, 5'001'000u);
  CHECK_EQ(summary.value().chunks, 2u);
}

TEST("a stream that is finished while its last chunks are injected waits for them") {
  // Holds an injection until the stream was told to finish.
  class HeldSink : public CountingSink {
   public:
    Status reuse(const Digest&) override {
      reached.set_value();
      told.get_future().wait();
      return Unit{};
    }
    std::promise<void> reached, told;
  };
  Engine engine;
  const auto sink = std::make_shared<HeldSink>();
  const auto ingest = Ingest::create(engine, sink, kSmall).value();
  ingest->inject({kOld}, [](Result<std::uint64_t>) {});
  sink->reached.get_future().wait();
  std::promise<Result<IngestSummary>> promise;
  ingest->finish([&](Result<IngestSummary> r) { promise.set_value(std::move(r)); });
  sink->told.set_value();
  CHECK_EQ(promise.get_future().get().value().size, 1000u);
}

TEST("a pause gives the index of what is stored, and the stream goes on as if there had been none") {
  Engine engine;
  const auto sink = std::make_shared<CountingSink>();
  const Bytes data = random_bytes(6'000'000, 10);
  Stream stream(engine, sink, kSmall);
  Bytes entries;
  for (std::size_t at = 0; at < data.size(); at += 1'000'000) {
    const auto part = ByteView(data).subspan(at, 1'000'000);
    CHECK(stream.put(bytes_input(Bytes(part.begin(), part.end()))).ok());
    Bytes more = stream.pause().value();
    CHECK(more.size() >= entries.size());
    CHECK(std::equal(entries.begin(), entries.end(), more.begin()));
    const auto ends = ends_of(more);
    CHECK_EQ(sink->accepted(), ends.empty() ? 0 : ends.back());
    CHECK_EQ(stream.pause().error().code, "INGEST_PAUSED");
    entries = std::move(more);
    (*stream).resume();
  }
  CHECK(entries.size() > 40 * 20);
  CHECK(stream.finish().value().entries == ingested(engine, kSmall, data, data.size()));
  CHECK_EQ(stream.pause().error().code, "INGEST_FINISHED");
}

TEST("a stream that is finished in a pause ends after it") {
  Engine engine;
  const Bytes data = random_bytes(200'000, 11);
  const auto ingest = Ingest::create(engine, std::make_shared<CountingSink>(), kSmall).value();
  std::promise<Bytes> paused;
  ingest->pause([&](Result<Bytes> r) { paused.set_value(std::move(r.value())); });
  CHECK_EQ(paused.get_future().get().size(), 0u);
  std::promise<Result<std::uint64_t>> put;
  ingest->put(bytes_input(Bytes(data)), [&](Result<std::uint64_t> r) { put.set_value(std::move(r)); });
  CHECK(put.get_future().get().ok());
  std::promise<Result<IngestSummary>> finished;
  ingest->finish([&](Result<IngestSummary> r) { finished.set_value(std::move(r)); });
  CHECK_EQ(ingest->progress().stats.new_chunks, 0u);
  ingest->resume();
  CHECK_EQ(finished.get_future().get().value().size, data.size());
}

TEST("an error ends a pause, too") {
  // Fails while a pause waits for it.
  class HeldSink : public CountingSink {
   public:
    Result<ChunkOutcome> accept(const Digest&, ByteView) override {
      if (!held.exchange(true)) reached.set_value();
      told.wait();
      return Error::system(ENOSPC, "write", "chunk");
    }
    std::atomic<bool> held{false};
    std::promise<void> reached, tell;
    std::shared_future<void> told = tell.get_future().share();
  };
  Engine engine;
  const auto sink = std::make_shared<HeldSink>();
  const auto ingest = Ingest::create(engine, sink, kSmall).value();
  ingest->put(bytes_input(random_bytes(900'000, 12)), [](Result<std::uint64_t>) {});
  sink->reached.get_future().wait();
  std::promise<Result<Bytes>> paused;
  ingest->pause([&](Result<Bytes> r) { paused.set_value(std::move(r)); });
  sink->tell.set_value();
  CHECK_EQ(paused.get_future().get().error().number, ENOSPC);
}

TEST("an injected chunk that is missing ends the stream") {
  Engine engine;
  Stream stream(engine, std::make_shared<CountingSink>(), kSmall);
  (void)stream.inject({kOld, {10, Digest{}}});
  auto summary = stream.finish();
  CHECK(!summary.ok());
  CHECK_EQ(summary.error().code, std::string("CHUNK_MISSING"));
}
