#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <future>
#include <mutex>
#include <set>
#include <thread>

#include "chunk/image_input.h"
#include "chunk/ingest.h"
#include "file/image.h"
#include "test/check.h"
#include "test/temporary.h"

using namespace restat;
using restat::test::random_bytes;
using restat::test::TemporaryDirectory;
using restat::test::write_file;

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kChunk = 65536;
constexpr IngestOptions kFixed{.average = kChunk, .payload = false, .ring_bytes = 1, .fixed = true};

// Remembers what it was given.
class ListingSink : public ChunkSink {
 public:
  Result<ChunkOutcome> accept(const Digest& digest, ByteView plain) override {
    if (sha256(plain) != digest) return Error::check("TEST_DIGEST", "this is not the digest");
    const std::lock_guard lock(mutex_);
    ++accepts_;
    const bool is_new = known_.insert(digest).second;
    return ChunkOutcome{is_new, is_new ? plain.size() : 0};
  }
  Status reuse(const Digest&) override { return Unit{}; }

  std::size_t accepts() {
    const std::lock_guard lock(mutex_);
    return accepts_;
  }

 private:
  std::mutex mutex_;
  std::set<Digest> known_;
  std::size_t accepts_ = 0;
};

class Stream {
 public:
  explicit Stream(Engine& engine, IngestOptions options = kFixed)
      : sink(std::make_shared<ListingSink>()), ingest(Ingest::create(engine, sink, options).value()) {}

  Result<std::uint64_t> put(std::unique_ptr<Input> input) {
    std::promise<Result<std::uint64_t>> promise;
    ingest->put(std::move(input), [&](Result<std::uint64_t> r) { promise.set_value(std::move(r)); });
    return promise.get_future().get();
  }
  Result<std::uint64_t> zeros(std::uint64_t chunks) {
    std::promise<Result<std::uint64_t>> promise;
    ingest->zeros(chunks, [&](Result<std::uint64_t> r) { promise.set_value(std::move(r)); });
    return promise.get_future().get();
  }
  IngestSummary finish() {
    std::promise<Result<IngestSummary>> promise;
    ingest->finish([&](Result<IngestSummary> r) { promise.set_value(std::move(r)); });
    return promise.get_future().get().value();
  }

  std::shared_ptr<ListingSink> sink;
  std::shared_ptr<Ingest> ingest;
};

// The index that the chunks of `data` come to, all of one size but the last.
Bytes entries_of(const Bytes& data) {
  Bytes out;
  for (std::size_t at = 0; at < data.size(); at += kChunk) {
    const std::size_t n = std::min(kChunk, data.size() - at);
    const Digest digest = sha256(ByteView(data).subspan(at, n));
    std::array<std::uint8_t, 8> end;
    store_le<std::uint64_t>(end.data(), at + n);
    out.insert(out.end(), end.begin(), end.end());
    out.insert(out.end(), digest.begin(), digest.end());
  }
  return out;
}

std::shared_ptr<Fd> opened(const std::string& path) {
  return std::make_shared<Fd>(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

}  // namespace

TEST("an image is cut into chunks of one size, the last one shorter, in whatever pieces it comes") {
  Engine engine;
  const Bytes data = random_bytes(20 * kChunk + 777, 1);
  for (const std::size_t piece : {std::size_t{10007}, kChunk, data.size()}) {
    Stream stream(engine);
    for (std::size_t at = 0; at < data.size(); at += piece) {
      const auto part = ByteView(data).subspan(at, std::min(piece, data.size() - at));
      CHECK(stream.put(bytes_input(Bytes(part.begin(), part.end()))).ok());
    }
    const auto summary = stream.finish();
    CHECK(summary.entries == entries_of(data));
    CHECK_EQ(summary.size, data.size());
    CHECK_EQ(summary.stats.new_chunks, 21u);
  }
}

TEST("chunks of zeros are given to the sink once, whether they are read or skipped") {
  Engine engine;
  Bytes data = random_bytes(kChunk, 2);
  data.resize(9 * kChunk + 100);
  Stream stream(engine);
  CHECK(stream.put(bytes_input(Bytes(data.begin(), data.begin() + 3 * kChunk))).ok());
  CHECK(stream.zeros(6).ok());
  CHECK_EQ(stream.ingest->position(), 9 * kChunk);
  CHECK(stream.put(bytes_input(Bytes(100))).ok());
  const auto summary = stream.finish();
  CHECK(summary.entries == entries_of(data));
  CHECK_EQ(stream.sink->accepts(), 3u);  // random, zeros, the short end
  CHECK_EQ(summary.stats.new_chunks, 3u);
  CHECK_EQ(summary.stats.known_chunks, 7u);
  CHECK_EQ(summary.stats.new_bytes + summary.stats.known_bytes, data.size());
}

TEST("an image of holes alone is finished") {
  Engine engine;
  Stream stream(engine);
  CHECK(stream.zeros(100000).ok());
  const auto summary = stream.finish();
  CHECK_EQ(summary.size, 100000 * kChunk);
  CHECK_EQ(summary.chunks, 100000u);
  CHECK_EQ(stream.sink->accepts(), 1u);
  CHECK_EQ(stream.ingest->progress().read, 100000 * kChunk);
}

TEST("zeros are refused within a chunk, and in a stream that is cut by content") {
  Engine engine;
  Stream fixed(engine);
  CHECK(fixed.put(bytes_input(Bytes(10))).ok());
  CHECK_EQ(fixed.zeros(1).error().code, "INGEST_ALIGN");
  Stream dynamic(engine, {.average = kChunk, .ring_bytes = 1});
  CHECK_EQ(dynamic.zeros(1).error().code, "INGEST_ALIGN");
}

TEST("a range of a file that has become shorter is filled with zeros") {
  Engine engine;
  TemporaryDirectory directory;
  Bytes data = random_bytes(2 * kChunk, 3);
  write_file(directory / "image", data);
  Stream stream(engine);
  CHECK_EQ(stream.put(range_input(opened(directory / "image"), kChunk, 3 * kChunk)).value(), kChunk);
  data.resize(4 * kChunk);
  CHECK(stream.finish().entries == entries_of(Bytes(data.begin() + kChunk, data.end())));
}

TEST("a read that fails ends the range at once and says so") {
  Engine engine;
  Stream stream(engine);
  const auto result = stream.put(range_input(opened("/"), 0, std::uint64_t{1} << 50));
  CHECK_EQ(result.error().number, EISDIR);
  CHECK_EQ(result.error().syscall, "pread");
}

TEST("a pipe is read to its end, however slowly it comes") {
  Engine engine;
  const Bytes data = random_bytes(5 * kChunk + 1, 4);
  auto pipe = make_pipe();
  std::thread writer([&] {
    for (std::size_t at = 0; at < data.size(); at += 9001)
      CHECK(::write(pipe.value().write.get(), data.data() + at,
                    std::min<std::size_t>(9001, data.size() - at)) > 0);
    pipe.value().write.reset();
  });
  Stream stream(engine);
  const auto read = stream.put(pipe_input(std::make_shared<Fd>(std::move(pipe.value().read)), {}));
  writer.join();
  CHECK_EQ(read.value(), data.size());
  CHECK_EQ(stream.ingest->position(), data.size());
  CHECK(stream.finish().entries == entries_of(data));
}

TEST("who waits for a pipe goes when nobody wants its bytes any more") {
  Engine engine;
  auto pipe = make_pipe();
  const auto flag = std::make_shared<CancelFlag>();
  Stream stream(engine);
  auto waiting = std::async(std::launch::async, [&] {
    return stream.put(pipe_input(std::make_shared<Fd>(std::move(pipe.value().read)), {flag, nullptr}));
  });
  flag->set();
  CHECK(waiting.get().error().is_cancelled());
}

TEST("data of a sparse image are found in whole chunks, and nothing behind its last hole") {
  TemporaryDirectory directory;
  const std::string path = directory / "sparse";
  const Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  constexpr std::uint64_t kGrain = 1024 * 1024;
  CHECK_EQ(::ftruncate(fd.get(), 10 * kGrain + 5), 0);
  CHECK_EQ(::pwrite(fd.get(), "x", 1, 3 * kGrain + 70000), 1);
  const ImageRange first = next_data(fd.get(), 0, 10 * kGrain + 5, kGrain);
  CHECK_EQ(first.start, 3 * kGrain);
  CHECK_EQ(first.end, 4 * kGrain);
  const ImageRange none = next_data(fd.get(), first.end, 10 * kGrain + 5, kGrain);
  CHECK_EQ(none.start, 10 * kGrain + 5);
  CHECK_EQ(none.end, none.start);
  CHECK_EQ(image_size(fd.get()).value(), 10 * kGrain + 5);
}

TEST("files, FIFOs and sockets are told apart, and what is none of them is refused") {
  TemporaryDirectory directory;
  write_file(directory / "file", Bytes(10));
  CHECK(open_image(directory / "file").value().kind == ImageKind::file);
  CHECK_EQ(open_image(directory / "file").value().size, 10u);
  CHECK_EQ(::mkfifo((directory / "fifo").c_str(), 0600), 0);
  CHECK(open_image(directory / "fifo").value().kind == ImageKind::stream);
  const Fd file(::open((directory / "file").c_str(), O_RDONLY));
  CHECK_EQ(image_of(file.get()).value().size, 10u);
  CHECK_EQ(open_image("/dev/null").error().code, "IMAGE_KIND");
  CHECK_EQ(open_image(directory.path()).error().code, "IMAGE_KIND");
  CHECK_EQ(open_image(directory / "missing").error().number, ENOENT);
}
