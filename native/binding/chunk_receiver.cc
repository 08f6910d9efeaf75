#include "binding/chunk_receiver.h"

#include <optional>

#include "binding/arguments.h"
#include "binding/async.h"
#include "binding/chunk.h"
#include "binding/chunk_store.h"

namespace restat::binding {
namespace {

// The parts one after the other; nothing where they are no bytes or too many.
std::optional<Buffer> joined(ChunkReceiver& receiver, const Napi::Value& value) {
  if (!value.IsArray()) return std::nullopt;
  const auto parts = value.As<Napi::Array>();
  std::size_t size = 0;
  for (std::uint32_t i = 0; i < parts.Length(); ++i) {
    const Napi::Value part = parts[i];
    if (!part.IsTypedArray()) return std::nullopt;
    size += bytes_of(part).size();
    if (size > kMaxEncodedChunk) return std::nullopt;
  }
  Buffer bytes = receiver.take(size);
  std::uint8_t* to = bytes.begin();
  for (std::uint32_t i = 0; i < parts.Length(); ++i) {
    const Napi::Value part = parts[i];
    to = std::ranges::copy(bytes_of(part), to).out;
  }
  return bytes;
}

Napi::Value received_to_js(Napi::Env env, ReceivedChunk& chunk) {
  auto out = Napi::Object::New(env);
  out.Set("duplicate", Napi::Boolean::New(env, chunk.duplicate));
  out.Set("encrypted", Napi::Boolean::New(env, chunk.encrypted));
  return out;
}

Napi::Value bytes_to_js(Napi::Env env, std::vector<std::uint8_t>& bytes) {
  return to_buffer(env, bytes);
}

}  // namespace

Napi::Function ChunkReceiverWrap::define(Napi::Env env) {
  return DefineClass(env, "ChunkReceiver",
                     {InstanceMethod<&ChunkReceiverWrap::insert>("insert"),
                      InstanceMethod<&ChunkReceiverWrap::touch>("touch")});
}

ChunkReceiverWrap::ChunkReceiverWrap(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  const auto options = info[0].IsObject() ? info[0].As<Napi::Object>() : Napi::Object::New(info.Env());
  const auto place = chunk_place(info.Env(), options);
  if (!place) return;
  auto receiver = ChunkReceiver::open(place->path, place->files);
  if (receiver.ok()) {
    receiver_ = std::move(receiver.value());
  } else {
    to_exception(info.Env(), receiver.error()).ThrowAsJavaScriptException();
  }
}

Napi::Value ChunkReceiverWrap::insert(const Napi::CallbackInfo& info) {
  const auto digest = bytes_of(info[0]);
  if (digest.size() != sizeof(Digest) || !is_count(info[1]))
    return misuse(info.Env(), "insert: a digest of 32 bytes and a length are needed");
  auto encoded = joined(*receiver_, info[2]);
  if (!encoded) return misuse(info.Env(), "insert: the bytes of a chunk are needed");
  // The pool wants work that can be copied.
  auto bytes = std::make_shared<Buffer>(std::move(*encoded));
  auto work = [receiver = receiver_, name = digest_of(digest), length = number_of(info[1]), bytes] {
    return receiver->insert(name, length, std::move(*bytes));
  };
  auto& engine = Environment::of(info.Env()).engine();
  return run_async<ReceivedChunk>(info.Env(), engine.cpu, std::move(work), received_to_js);
}

// For each digest 1 if its chunk has a file that is not empty, which gets a new access time, else 0.
Napi::Value ChunkReceiverWrap::touch(const Napi::CallbackInfo& info) {
  const auto bytes = bytes_of(info[0]);
  if (!info[0].IsTypedArray() || bytes.size() % sizeof(Digest) != 0)
    return misuse(info.Env(), "touch: digests are needed");
  auto work = [receiver = receiver_, digests = std::vector<std::uint8_t>(
                                         bytes.begin(), bytes.end())]() -> Result<std::vector<std::uint8_t>> {
    std::vector<std::uint8_t> found(digests.size() / sizeof(Digest));
    for (std::size_t i = 0; i < found.size(); ++i) {
      auto there = receiver->touch(digest_of(ByteView(digests).subspan(i * sizeof(Digest))));
      if (!there.ok()) return there.error();
      found[i] = there.value() ? 1 : 0;
    }
    return found;
  };
  auto& engine = Environment::of(info.Env()).engine();
  return run_async<std::vector<std::uint8_t>>(info.Env(), engine.io, std::move(work), bytes_to_js);
}

}  // namespace restat::binding
