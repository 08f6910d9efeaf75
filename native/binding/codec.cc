#include "binding/codec.h"

#include <zstd.h>

#include "base/crc32.h"
#include "base/siphash.h"
#include "binding/arguments.h"
#include "binding/async.h"
#include "chunk/zstd_codec.h"
#include "pxar/goodbye.h"

namespace restat::binding {
namespace {

Napi::Value versions(const Napi::CallbackInfo& info) {
  auto out = Napi::Object::New(info.Env());
  out.Set("zstd", ZSTD_versionString());
  out.Set("zstdHeader", ZSTD_VERSION_STRING);
  return out;
}

Napi::Value crc32_of(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), crc32(bytes_of(info[0])));
}

Napi::Value name_hash_of(const Napi::CallbackInfo& info) {
  return Napi::BigInt::New(info.Env(), name_hash(bytes_of(info[0])));
}

Napi::Value goodbye_order(const Napi::CallbackInfo& info) {
  order_goodbye_rows(bytes_of(info[0]));
  return info.Env().Undefined();
}

Napi::Value compress(const Napi::CallbackInfo& info) {
  const auto from = bytes_of(info[0]);
  std::vector<std::uint8_t> to(from.size());
  const std::size_t n = ZstdCompressor().compress(from, to);
  if (n == 0) return info.Env().Undefined();
  return Napi::Buffer<std::uint8_t>::Copy(info.Env(), to.data(), n);
}

Napi::Value decompress(const Napi::CallbackInfo& info) {
  auto out = ZstdDecompressor().decompress(bytes_of(info[0]), number_of(info[1]));
  if (!out.ok()) {
    to_exception(info.Env(), out.error()).ThrowAsJavaScriptException();
    return info.Env().Undefined();
  }
  return Napi::Buffer<std::uint8_t>::Copy(info.Env(), out.value().data(), out.value().size());
}

}  // namespace

void export_codec(Napi::Env env, Napi::Object exports) {
  exports.Set("versions", Napi::Function::New(env, versions));
  exports.Set("crc32", Napi::Function::New(env, crc32_of));
  exports.Set("nameHash", Napi::Function::New(env, name_hash_of));
  exports.Set("goodbyeOrder", Napi::Function::New(env, goodbye_order));
  exports.Set("zstdCompress", Napi::Function::New(env, compress));
  exports.Set("zstdDecompress", Napi::Function::New(env, decompress));
}

}  // namespace restat::binding
