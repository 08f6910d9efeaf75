#include "binding/chunk_server.h"

#include <algorithm>

#include "binding/arguments.h"
#include "binding/async.h"
#include "binding/chunk.h"
#include "binding/crypt.h"
#include "chunk/blob.h"

namespace restat::binding {
namespace {

constexpr napi_type_tag kDigestsTag{0x5d0e7a3c91b24f68, 0xa1c4e2f07b9d3856};
constexpr napi_type_tag kSinkTag{0x2f8b6c4d1e7a9053, 0xc9d3b1a5f0e84627};
constexpr napi_type_tag kLoaderTag{0x7e1c9a5b3d8f2046, 0xe4b0d6c82a9f7135};

// More would not make anything faster.
constexpr std::uint64_t kMaxLimit = 1024 * 1024 * 1024;

bool has_tag(const Napi::Value& value, const napi_type_tag& tag) {
  return value.IsObject() && value.As<Napi::Object>().CheckTypeTag(&tag);
}

template <typename T>
using Convert = Napi::Value (*)(Napi::Env, T&);

// Settles with what is taken, or with undefined.
template <typename T>
typename HandOver<T>::Taker taker(Pending& pending, Convert<T> convert) {
  return [&pending, convert](std::optional<T> thing) {
    auto shared = std::make_shared<std::optional<T>>(std::move(thing));
    pending.resolve([shared, convert](Napi::Env env) {
      return shared->has_value() ? convert(env, **shared) : env.Undefined();
    });
  };
}

Napi::Value upload_to_js(Napi::Env env, Upload& upload) {
  auto out = Napi::Object::New(env);
  out.Set("digest", Napi::String::New(env, to_hex(upload.digest)));
  out.Set("size", Napi::Number::New(env, static_cast<double>(upload.length)));
  // Memory of its own, so that it can be let go when it was sent.
  auto encoded = Napi::ArrayBuffer::New(env, upload.encoded.size());
  std::copy(upload.encoded.begin(), upload.encoded.end(), static_cast<std::uint8_t*>(encoded.Data()));
  out.Set("encoded", encoded);
  return out;
}

Napi::Value download_to_js(Napi::Env env, Download& download) {
  auto out = Napi::Object::New(env);
  out.Set("id", Napi::Number::New(env, static_cast<double>(download.id)));
  out.Set("digest", Napi::String::New(env, to_hex(download.digest)));
  return out;
}

}  // namespace

Napi::Function ServerDigestsWrap::define(Napi::Env env) {
  return DefineClass(env, "ServerDigests",
                     {InstanceMethod<&ServerDigestsWrap::add>("register"),
                      InstanceMethod<&ServerDigestsWrap::clear>("clear")});
}

std::shared_ptr<ServerDigests> ServerDigestsWrap::digests(const Napi::Value& value) {
  return has_tag(value, kDigestsTag) ? Unwrap(value.As<Napi::Object>())->digests_ : nullptr;
}

ServerDigestsWrap::ServerDigestsWrap(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  info.This().As<Napi::Object>().TypeTag(&kDigestsTag);
}

Napi::Value ServerDigestsWrap::add(const Napi::CallbackInfo& info) {
  if (!info[0].IsTypedArray()) return misuse(info.Env(), "register: index entries are needed");
  if (Status added = digests_->add(bytes_of(info[0])); !added.ok())
    to_exception(info.Env(), added.error()).ThrowAsJavaScriptException();
  return info.Env().Undefined();
}

Napi::Value ServerDigestsWrap::clear(const Napi::CallbackInfo& info) {
  digests_->clear();
  return info.Env().Undefined();
}

Napi::Function UploadSinkWrap::define(Napi::Env env) {
  return DefineClass(
      env, "UploadSink",
      {InstanceMethod<&UploadSinkWrap::next>("next"), InstanceMethod<&UploadSinkWrap::sent>("sent"),
       InstanceAccessor<&UploadSinkWrap::unsent>("unsent"), InstanceMethod<&UploadSinkWrap::end>("end"),
       InstanceMethod<&UploadSinkWrap::stop>("stop")});
}

std::shared_ptr<ChunkSink> UploadSinkWrap::sink(const Napi::Value& value) {
  return has_tag(value, kSinkTag) ? Unwrap(value.As<Napi::Object>())->sink_ : nullptr;
}

UploadSinkWrap::UploadSinkWrap(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  info.This().As<Napi::Object>().TypeTag(&kSinkTag);
  auto digests = ServerDigestsWrap::digests(info[0]);
  auto key = CryptKeyWrap::key(info[2]);
  if (!digests || !is_count(info[1]) || number_of(info[1]) > kMaxLimit || (!key && !info[2].IsUndefined())) {
    misuse(info.Env(),
           "UploadSink: digests of the session, a limit in bytes, and perhaps a CryptKey are needed");
    return;
  }
  sink_ =
      std::make_shared<UploadSink>(std::move(digests), number_of(info[1]),
                                   Environment::of(info.Env()).token(info.Env().Undefined()), std::move(key));
}

Napi::Value UploadSinkWrap::next(const Napi::CallbackInfo& info) {
  auto& pending = Environment::of(info.Env()).pending(info.Env());
  const Napi::Value promise = pending.promise();
  sink_->take(taker<Upload>(pending, upload_to_js));
  return promise;
}

Napi::Value UploadSinkWrap::sent(const Napi::CallbackInfo& info) {
  if (!info[0].IsArrayBuffer()) return misuse(info.Env(), "sent: what next() gave is needed");
  auto encoded = info[0].As<Napi::ArrayBuffer>();
  sink_->sent(encoded.ByteLength());
  encoded.Detach();
  return info.Env().Undefined();
}

Napi::Value UploadSinkWrap::unsent(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(sink_->unsent()));
}

Napi::Value UploadSinkWrap::end(const Napi::CallbackInfo& info) {
  sink_->end();
  return info.Env().Undefined();
}

Napi::Value UploadSinkWrap::stop(const Napi::CallbackInfo& info) {
  sink_->stop();
  return info.Env().Undefined();
}

Napi::Function DownloadLoaderWrap::define(Napi::Env env) {
  return DefineClass(
      env, "DownloadLoader",
      {InstanceMethod<&DownloadLoaderWrap::next>("next"),
       InstanceMethod<&DownloadLoaderWrap::arrived>("arrived"),
       InstanceMethod<&DownloadLoaderWrap::fail>("fail"), InstanceMethod<&DownloadLoaderWrap::stop>("stop")});
}

std::shared_ptr<ChunkLoader> DownloadLoaderWrap::loader(const Napi::Value& value) {
  return has_tag(value, kLoaderTag) ? Unwrap(value.As<Napi::Object>())->loader_ : nullptr;
}

DownloadLoaderWrap::DownloadLoaderWrap(const Napi::CallbackInfo& info)
    : ObjectWrap(info),
      loader_(std::make_shared<DownloadLoader>(Environment::of(info.Env()).token(info.Env().Undefined()),
                                               ServerDigestsWrap::digests(info[0]))) {
  info.This().As<Napi::Object>().TypeTag(&kLoaderTag);
}

Napi::Value DownloadLoaderWrap::next(const Napi::CallbackInfo& info) {
  auto& pending = Environment::of(info.Env()).pending(info.Env());
  const Napi::Value promise = pending.promise();
  loader_->take(taker<Download>(pending, download_to_js));
  return promise;
}

Napi::Value DownloadLoaderWrap::arrived(const Napi::CallbackInfo& info) {
  const auto bytes = bytes_of(info[1]);
  if (bytes.size() > kMaxEncodedChunk) return misuse(info.Env(), "arrived: longer than a chunk can be");
  loader_->arrived(number_of(info[0]), bytes);
  return info.Env().Undefined();
}

Napi::Value DownloadLoaderWrap::fail(const Napi::CallbackInfo& info) {
  loader_->fail(number_of(info[0]), Error::check(string_of(info[1]), string_of(info[2])));
  return info.Env().Undefined();
}

Napi::Value DownloadLoaderWrap::stop(const Napi::CallbackInfo& info) {
  loader_->stop();
  return info.Env().Undefined();
}

}  // namespace restat::binding
