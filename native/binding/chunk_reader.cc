#include "binding/chunk_reader.h"

#include "binding/arguments.h"
#include "binding/async.h"
#include "binding/chunk.h"
#include "binding/chunk_server.h"
#include "binding/chunk_store.h"
#include "binding/crypt.h"

namespace restat::binding {
namespace {

constexpr napi_type_tag kTag{0x4c7b21d95e0a4f83, 0xb6e1f3a80c2d4957};

// The largest read of one call: it is answered with one buffer.
constexpr std::uint64_t kMaxRead = 256 * 1024 * 1024;

}  // namespace

Napi::Function ChunkReaderWrap::define(Napi::Env env) {
  return DefineClass(
      env, "ChunkReader",
      {InstanceMethod<&ChunkReaderWrap::size>("size"), InstanceMethod<&ChunkReaderWrap::read>("read")});
}

std::shared_ptr<ChunkSource> ChunkReaderWrap::source(const Napi::Value& value) {
  if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&kTag)) return nullptr;
  return Unwrap(value.As<Napi::Object>())->reader_;
}

ChunkReaderWrap::ChunkReaderWrap(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  info.This().As<Napi::Object>().TypeTag(&kTag);
  const auto options = info[0].IsObject() ? info[0].As<Napi::Object>() : Napi::Object::New(info.Env());
  std::shared_ptr<ChunkLoader> store = ChunkStoreWrap::store(options.Get("store"));
  if (!store) store = DownloadLoaderWrap::loader(options.Get("store"));
  const auto entries = options.Get("entries");
  const auto cache = options.Get("cacheBytes");
  auto key = CryptKeyWrap::key(options.Get("key"));
  if (!store || !entries.IsTypedArray() || !is_count(cache) || (!key && !options.Get("key").IsUndefined())) {
    misuse(info.Env(), "ChunkReader: a store, index entries, cacheBytes, and perhaps a CryptKey are needed");
    return;
  }
  auto reader = ChunkReader::create(std::move(store), bytes_of(entries), number_of(cache), std::move(key));
  if (reader.ok()) {
    reader_ = std::move(reader.value());
  } else {
    to_exception(info.Env(), reader.error()).ThrowAsJavaScriptException();
  }
}

Napi::Value ChunkReaderWrap::size(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(reader_->size()));
}

Napi::Value ChunkReaderWrap::read(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!is_count(info[0]) || !is_count(info[1])) return misuse(env, "read: offset and length are needed");
  const std::uint64_t offset = number_of(info[0]);
  const std::uint64_t length = number_of(info[1]);
  if (offset > reader_->size() || length > reader_->size() - offset || length > kMaxRead) {
    Napi::RangeError::New(env, "read: beyond the end of the stream, or more than 256 MiB")
        .ThrowAsJavaScriptException();
    return env.Undefined();
  }
  auto& environment = Environment::of(env);
  auto work = [reader = reader_, pool = environment.engine().buffers, offset, length,
               token = environment.token(info[2])]() -> Result<Buffer> {
    Buffer bytes = pool->take(length);
    if (Status read = reader->read(offset, bytes, token); !read.ok()) return read.error();
    return bytes;
  };
  return run_async<Buffer>(env, environment.engine().io, std::move(work), to_buffer);
}

}  // namespace restat::binding
