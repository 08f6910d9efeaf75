#include <atomic>
#include <thread>

#include "chunk/blob.h"
#include "chunk/download_loader.h"
#include "chunk/index_entries.h"
#include "chunk/sha256.h"
#include "chunk/upload_sink.h"
#include "test/check.h"

using namespace restat;

namespace {

std::vector<std::uint8_t> bytes(std::size_t size, std::uint8_t seed) {
  std::vector<std::uint8_t> out(size);
  std::uint32_t state = seed + 1u;
  for (auto& byte : out) {
    state = state * 1664525u + 1013904223u;
    byte = static_cast<std::uint8_t>(state >> 24);
  }
  return out;
}

// What a taker got: nothing yet, or a thing, or nothing more.
template <typename T>
struct Taken {
  std::atomic<bool> called{false};
  std::optional<T> thing;

  typename HandOver<T>::Taker taker() {
    return [this](std::optional<T> got) {
      thing = std::move(got);
      called = true;
    };
  }
};

std::vector<std::uint8_t> entries_of(const Digest& digest) {
  std::vector<std::uint8_t> entry(kIndexEntry);
  std::copy(digest.begin(), digest.end(), entry.begin() + kIndexEntryDigest);
  return entry;
}

std::vector<std::uint8_t> encode(ByteView plain) {
  BlobEncoder encoder;
  const EncodedBlob blob = encoder.encode(plain).value();
  std::vector<std::uint8_t> out(blob.header.begin(), blob.header.end());
  out.insert(out.end(), blob.body.begin(), blob.body.end());
  return out;
}

}  // namespace

TEST("things are handed over in order, to takers in the order of their calls, until the end") {
  HandOver<int> queue;
  Taken<int> first, second, third, fourth;
  queue.take(first.taker());
  queue.put(1);
  CHECK_EQ(first.thing.value(), 1);
  queue.put(2);
  queue.put(3);
  queue.take(second.taker());
  CHECK_EQ(second.thing.value(), 2);
  queue.end();
  queue.put(4);
  queue.take(third.taker());
  CHECK_EQ(third.thing.value(), 3);
  queue.take(fourth.taker());
  CHECK(fourth.called && !fourth.thing);
}

TEST("a taker that waits learns of the end, and a stop drops what is there") {
  HandOver<int> queue;
  Taken<int> waiting, late;
  queue.take(waiting.taker());
  CHECK(!waiting.called);
  queue.end();
  CHECK(waiting.called && !waiting.thing);
  HandOver<int> stopped;
  stopped.put(1);
  stopped.stop();
  stopped.take(late.taker());
  CHECK(late.called && !late.thing);
}

TEST("a chunk is handed over once, and not at all if the server knows it") {
  auto known = std::make_shared<ServerDigests>();
  UploadSink sink(known, 1 << 20, {});
  UploadSink other(known, 1 << 20, {});
  const auto plain = bytes(70000, 1), registered = bytes(70000, 2);
  CHECK(known->add(entries_of(sha256(registered))).ok());
  CHECK(!known->add(ByteView(registered).first(39)).ok());
  CHECK(!sink.accept(sha256(registered), registered).value().stored);
  CHECK(sink.accept(sha256(plain), plain).value().stored);
  CHECK(!sink.accept(sha256(plain), plain).value().stored);
  CHECK(!other.accept(sha256(plain), plain).value().stored);
  sink.end();
  Taken<Upload> upload, none;
  sink.take(upload.taker());
  CHECK(upload.thing->digest == sha256(plain));
  CHECK_EQ(upload.thing->length, plain.size());
  auto pool = BufferPool::create(1 << 20);
  const auto decoded = decode_blob(std::move(upload.thing->encoded), {sha256(plain), plain.size()}, *pool);
  CHECK(decoded.ok() && decoded.value() == ByteView(plain));
  sink.take(none.taker());
  CHECK(none.called && !none.thing);
}

TEST("only chunks that the server knows can be referred to") {
  auto known = std::make_shared<ServerDigests>();
  UploadSink sink(known, 1 << 20, {});
  const Digest digest = sha256(bytes(10, 1));
  CHECK_EQ(sink.reuse(digest).error().code, std::string("CHUNK_MISSING"));
  CHECK(known->add(entries_of(digest)).ok());
  CHECK(sink.reuse(digest).ok());
}

TEST("a sink that is full waits until something was sent, and a stop ends the waiting") {
  auto known = std::make_shared<ServerDigests>();
  UploadSink sink(known, 100'000, {});
  const auto first = bytes(90'000, 1), second = bytes(90'000, 2), third = bytes(90'000, 3);
  const std::size_t size = sink.accept(sha256(first), first).value().encoded_bytes;
  std::atomic<bool> done{false};
  std::thread waiting([&] {
    CHECK(sink.accept(sha256(second), second).ok());
    done = true;
    CHECK(sink.accept(sha256(third), third).error().is_cancelled());
  });
  Taken<Upload> upload;
  sink.take(upload.taker());
  CHECK(!done);
  sink.sent(size);
  while (!done) std::this_thread::yield();
  sink.stop();
  waiting.join();
}

TEST("whoever waits for a chunk gets it decoded and verified, or the reason why not") {
  DownloadLoader loader({}, nullptr);
  const auto plain = bytes(70000, 1);
  const Digest digest = sha256(plain);
  const auto answer = [&](auto settle) {
    Taken<Download> wanted;
    loader.take(wanted.taker());
    std::optional<Result<Buffer>> found;
    std::thread waiting([&] { found = loader.load({digest, plain.size()}, {}); });
    while (!wanted.called) std::this_thread::yield();
    CHECK(wanted.thing->digest == digest);
    settle(wanted.thing->id);
    waiting.join();
    return std::move(*found);
  };
  CHECK(answer([&](auto id) { loader.arrived(id, encode(plain)); }).value() == ByteView(plain));
  const auto other = encode(bytes(70000, 2));
  CHECK_EQ(answer([&](auto id) { loader.arrived(id, other); }).error().code, std::string("CHUNK_CORRUPT"));
  CHECK_EQ(answer([&](auto id) { loader.fail(id, Error::check("SERVER_CLOSED", "gone")); }).error().code,
           std::string("SERVER_CLOSED"));
  loader.arrived(12345, encode(plain));
  CHECK(answer([&](auto) { loader.stop(); }).error().is_cancelled());
  CHECK(loader.load({digest, plain.size()}, {}).error().is_cancelled());
}

TEST("a chunk that cannot be read is sent again, but not one that was sent by this session") {
  auto known = std::make_shared<ServerDigests>();
  UploadSink sink(known, 1 << 20, {});
  DownloadLoader loader({}, known);
  const auto lost = bytes(70000, 1), sent = bytes(70000, 2);
  CHECK(known->add(entries_of(sha256(lost))).ok());
  CHECK(sink.accept(sha256(sent), sent).value().stored);
  loader.stop();
  for (const auto* plain : {&lost, &sent}) CHECK(!loader.load({sha256(*plain), plain->size()}, {}).ok());
  CHECK_EQ(sink.reuse(sha256(lost)).error().code, std::string("CHUNK_MISSING"));
  CHECK(known->add(entries_of(sha256(lost))).ok());
  CHECK(sink.accept(sha256(lost), lost).value().stored);
  CHECK(!sink.accept(sha256(lost), lost).value().stored);
  CHECK(!sink.accept(sha256(sent), sent).value().stored);
}

TEST("a cancelled call does not wait for its chunk") {
  DownloadLoader loader({}, nullptr);
  auto flag = std::make_shared<CancelFlag>();
  flag->set();
  CHECK(loader.load({sha256(bytes(10, 1)), 10}, CancelToken(flag, nullptr)).error().is_cancelled());
}
