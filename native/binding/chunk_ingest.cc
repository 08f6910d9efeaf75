#include "binding/chunk_ingest.h"

#include <algorithm>

#include "binding/arguments.h"
#include "binding/async.h"
#include "binding/chunk.h"
#include "binding/chunk_server.h"
#include "binding/chunk_store.h"
#include "binding/image.h"
#include "chunk/image_input.h"
#include "chunk/index_entries.h"

namespace restat::binding {
namespace {

// More would not make anything faster.
constexpr std::uint64_t kMaxRing = 1024 * 1024 * 1024;
constexpr std::uint64_t kMaxFile = std::uint64_t{1} << 52;

Napi::Number number(Napi::Env env, std::uint64_t value) {
  return Napi::Number::New(env, static_cast<double>(value));
}

Napi::Object stats_to_js(Napi::Env env, const IngestStats& stats) {
  auto out = Napi::Object::New(env);
  out.Set("newChunks", number(env, stats.new_chunks));
  out.Set("newBytes", number(env, stats.new_bytes));
  out.Set("newEncodedBytes", number(env, stats.new_encoded_bytes));
  out.Set("knownChunks", number(env, stats.known_chunks));
  out.Set("knownBytes", number(env, stats.known_bytes));
  out.Set("injectedChunks", number(env, stats.injected_chunks));
  out.Set("injectedBytes", number(env, stats.injected_bytes));
  return out;
}

Napi::Value summary_to_js(Napi::Env env, IngestSummary& summary) {
  auto out = Napi::Object::New(env);
  out.Set("size", number(env, summary.size));
  out.Set("chunks", number(env, summary.chunks));
  out.Set("csum", Napi::Buffer<std::uint8_t>::Copy(env, summary.checksum.data(), summary.checksum.size()));
  out.Set("stats", stats_to_js(env, summary.stats));
  out.Set("entries", to_buffer(env, summary.entries));
  return out;
}

std::shared_ptr<ReadBatch> batch_of(const Napi::Value& value) {
  return *value.As<Napi::External<std::shared_ptr<ReadBatch>>>().Data();
}

bool has_files(const ReadBatch& batch, const std::vector<std::uint32_t>& indexes) {
  return std::ranges::all_of(indexes, [&](std::uint32_t index) { return index < batch.files.size(); });
}

}  // namespace

Napi::Function IngestWrap::define(Napi::Env env) {
  return DefineClass(
      env, "Ingest",
      {InstanceMethod<&IngestWrap::write>("write"), InstanceMethod<&IngestWrap::write_batch>("writeBatch"),
       InstanceMethod<&IngestWrap::write_mixed>("writeMixed"),
       InstanceMethod<&IngestWrap::write_file>("writeFile"), InstanceMethod<&IngestWrap::inject>("inject"),
       InstanceMethod<&IngestWrap::write_range>("writeRange"),
       InstanceMethod<&IngestWrap::write_stream>("writeStream"),
       InstanceMethod<&IngestWrap::write_zeros>("writeZeros"), InstanceMethod<&IngestWrap::finish>("finish"),
       InstanceMethod<&IngestWrap::pause>("pause"), InstanceMethod<&IngestWrap::resume>("resume"),
       InstanceMethod<&IngestWrap::abort>("abort"), InstanceMethod<&IngestWrap::progress>("progress"),
       InstanceAccessor<&IngestWrap::position>("position")});
}

IngestWrap::IngestWrap(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  const auto options = info[0].IsObject() ? info[0].As<Napi::Object>() : Napi::Object::New(info.Env());
  std::shared_ptr<ChunkSink> store = ChunkStoreWrap::store(options.Get("store"));
  if (!store) store = UploadSinkWrap::sink(options.Get("store"));
  const std::uint64_t average = number_of(options.Get("averageSize"));
  const auto ring = options.Get("ringBytes");
  const bool fixed = flag_of(options.Get("fixed"));
  if (!store || !Chunker::is_average(average) || !options.Get("payload").IsBoolean()) {
    misuse(info.Env(), "Ingest: a store, an average chunk size (64 KiB … 4 MiB) and payload are needed");
    return;
  }
  if (!ring.IsUndefined() && (!is_count(ring) || number_of(ring) > kMaxRing)) {
    misuse(info.Env(), "Ingest: ringBytes is at most 1 GiB");
    return;
  }
  auto ingest = Ingest::create(Environment::of(info.Env()).engine(), std::move(store),
                               {average, flag_of(options.Get("payload")), number_of(ring), fixed});
  if (ingest.ok()) {
    ingest_ = std::move(ingest.value());
  } else {
    to_exception(info.Env(), ingest.error()).ThrowAsJavaScriptException();
  }
}

Napi::Value IngestWrap::write(const Napi::CallbackInfo& info) {
  if (!info[0].IsTypedArray()) return misuse(info.Env(), "write: bytes are needed");
  const auto bytes = bytes_of(info[0]);
  return append(info.Env(), bytes_input({bytes.begin(), bytes.end()}));
}

// The promise is fulfilled with nothing when the input is taken over.
Napi::Value IngestWrap::append(Napi::Env env, std::unique_ptr<Input> input) {
  auto& pending = Environment::of(env).pending(env);
  const Napi::Value promise = pending.promise();
  ingest_->put(std::move(input),
               settle<std::uint64_t>(pending, [](Napi::Env in, std::uint64_t) { return in.Undefined(); }));
  return promise;
}

Napi::Value IngestWrap::write_batch(const Napi::CallbackInfo& info) {
  if (!info[0].IsExternal() || !info[1].IsTypedArray())
    return misuse(info.Env(), "writeBatch: a batch and the indexes of its files are needed");
  const auto batch = batch_of(info[0]);
  auto indexes = copy_array<std::uint32_t>(info[1]);
  if (!batch) return misuse(info.Env(), "writeBatch: the batch was discarded");
  if (!has_files(*batch, indexes)) return misuse(info.Env(), "writeBatch: no such file in the batch");
  return append(info.Env(), batch_input(batch, std::move(indexes)));
}

// Batch, indexes of its files, bytes, and for each file the end of the bytes before it.
Napi::Value IngestWrap::write_mixed(const Napi::CallbackInfo& info) {
  if (!info[0].IsExternal() || !info[1].IsTypedArray() || !info[2].IsTypedArray() || !info[3].IsTypedArray())
    return misuse(info.Env(), "writeMixed: a batch, indexes of its files, bytes and their ends are needed");
  const auto batch = batch_of(info[0]);
  auto indexes = copy_array<std::uint32_t>(info[1]);
  const auto bytes = bytes_of(info[2]);
  auto ends = copy_array<std::uint32_t>(info[3]);
  if (!batch) return misuse(info.Env(), "writeMixed: the batch was discarded");
  if (!has_files(*batch, indexes)) return misuse(info.Env(), "writeMixed: no such file in the batch");
  const bool fits = ends.empty() || (std::ranges::is_sorted(ends) && ends.back() <= bytes.size());
  if (ends.size() != indexes.size() || !fits)
    return misuse(info.Env(), "writeMixed: ends ascend within the bytes, one for each file");
  return append(info.Env(),
                mixed_input(batch, std::move(indexes), {bytes.begin(), bytes.end()}, std::move(ends)));
}

Napi::Value IngestWrap::write_file(const Napi::CallbackInfo& info) {
  if (!info[0].IsExternal() || !is_count(info[1]) || number_of(info[1]) > kMaxFile)
    return misuse(info.Env(), "writeFile: an open file and its size are needed");
  const auto file = *info[0].As<Napi::External<std::shared_ptr<Fd>>>().Data();
  if (!file) return misuse(info.Env(), "writeFile: the file was closed by compare");
  auto& pending = Environment::of(info.Env()).pending(info.Env());
  const Napi::Value promise = pending.promise();
  ingest_->put(
      file_input(file, number_of(info[1])),
      settle<std::uint64_t>(pending, [](Napi::Env env, std::uint64_t read) { return number(env, read); }));
  return promise;
}

// The promise is fulfilled with the number of bytes that were there.
Napi::Value IngestWrap::put_counted(Napi::Env env, std::unique_ptr<Input> input) {
  auto& pending = Environment::of(env).pending(env);
  const Napi::Value promise = pending.promise();
  ingest_->put(std::move(input), settle<std::uint64_t>(pending, number));
  return promise;
}

Napi::Value IngestWrap::write_range(const Napi::CallbackInfo& info) {
  const auto file = file_of(info[0]);
  if (!file || !is_count(info[1]) || !is_count(info[2]) || number_of(info[1]) > kMaxFile ||
      number_of(info[2]) > kMaxFile)
    return misuse(info.Env(), "writeRange: an open file, an offset and a length are needed");
  return put_counted(info.Env(), range_input(file, number_of(info[1]), number_of(info[2])));
}

Napi::Value IngestWrap::write_stream(const Napi::CallbackInfo& info) {
  const auto pipe = file_of(info[0]);
  if (!pipe) return misuse(info.Env(), "writeStream: an open pipe is needed");
  return put_counted(info.Env(), pipe_input(pipe, Environment::of(info.Env()).token(info[1])));
}

Napi::Value IngestWrap::write_zeros(const Napi::CallbackInfo& info) {
  if (!is_count(info[0]) || number_of(info[0]) > kMaxFile / kMaxChunk)
    return misuse(info.Env(), "writeZeros: a number of chunks is needed");
  auto& pending = Environment::of(info.Env()).pending(info.Env());
  const Napi::Value promise = pending.promise();
  ingest_->zeros(number_of(info[0]), settle<std::uint64_t>(pending, [](Napi::Env env, std::uint64_t) {
                   return env.Undefined();
                 }));
  return promise;
}

// Chunks as 40 bytes each: u64 length, digest.
Napi::Value IngestWrap::inject(const Napi::CallbackInfo& info) {
  ByteView bytes = bytes_of(info[0]);
  if (!info[0].IsTypedArray() || bytes.size() % kIndexEntry != 0)
    return misuse(info.Env(), "inject: lengths and digests are needed");
  std::vector<InjectedChunk> chunks;
  for (; !bytes.empty(); bytes = bytes.subspan(kIndexEntry)) {
    const auto length = load_le<std::uint64_t>(bytes.data());
    if (length == 0 || length > kMaxChunk) return misuse(info.Env(), "inject: a chunk has 1 byte to 16 MiB");
    chunks.push_back({length, digest_of(bytes.subspan(kIndexEntryDigest))});
  }
  auto& pending = Environment::of(info.Env()).pending(info.Env());
  const Napi::Value promise = pending.promise();
  ingest_->inject(std::move(chunks), settle<std::uint64_t>(pending, [](Napi::Env env, std::uint64_t) {
                    return env.Undefined();
                  }));
  return promise;
}

Napi::Value IngestWrap::finish(const Napi::CallbackInfo& info) {
  auto& pending = Environment::of(info.Env()).pending(info.Env());
  const Napi::Value promise = pending.promise();
  ingest_->finish(settle<IngestSummary>(pending, summary_to_js));
  return promise;
}

Napi::Value IngestWrap::pause(const Napi::CallbackInfo& info) {
  auto& pending = Environment::of(info.Env()).pending(info.Env());
  const Napi::Value promise = pending.promise();
  ingest_->pause(settle<std::vector<std::uint8_t>>(
      pending, [](Napi::Env env, std::vector<std::uint8_t>& entries) -> Napi::Value {
        return to_buffer(env, entries);
      }));
  return promise;
}

Napi::Value IngestWrap::resume(const Napi::CallbackInfo& info) {
  ingest_->resume();
  return info.Env().Undefined();
}

Napi::Value IngestWrap::abort(const Napi::CallbackInfo& info) {
  ingest_->abort();
  return info.Env().Undefined();
}

Napi::Value IngestWrap::progress(const Napi::CallbackInfo& info) {
  const IngestProgress progress = ingest_->progress();
  auto out = stats_to_js(info.Env(), progress.stats);
  out.Set("readBytes", number(info.Env(), progress.read));
  return out;
}

Napi::Value IngestWrap::position(const Napi::CallbackInfo& info) {
  return number(info.Env(), ingest_->position());
}

}  // namespace restat::binding
