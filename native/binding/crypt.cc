#include "binding/crypt.h"

#include "binding/arguments.h"
#include "binding/async.h"

namespace restat::binding {
namespace {

constexpr napi_type_tag kTag{0x51d8a0c3b77e4f26, 0x9c04e2f16ab83d75};

}  // namespace

Napi::Function CryptKeyWrap::define(Napi::Env env) {
  return DefineClass(
      env, "CryptKey",
      {InstanceMethod<&CryptKeyWrap::decrypt>("decrypt"), InstanceMethod<&CryptKeyWrap::wipe>("wipe")});
}

std::shared_ptr<const CryptKey> CryptKeyWrap::key(const Napi::Value& value) {
  if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&kTag)) return nullptr;
  return Unwrap(value.As<Napi::Object>())->key_;
}

CryptKeyWrap::CryptKeyWrap(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  info.This().As<Napi::Object>().TypeTag(&kTag);
  const auto is_key = [](const Napi::Value& value) {
    return value.IsTypedArray() && bytes_of(value).size() == kCryptKey;
  };
  if (is_key(info[0]) && is_key(info[1])) {
    key_ = std::make_shared<CryptKey>(bytes_of(info[0]), bytes_of(info[1]));
  } else {
    misuse(info.Env(), "CryptKey: a secret and an id of 32 bytes are needed");
  }
}

Napi::Value CryptKeyWrap::decrypt(const Napi::CallbackInfo& info) {
  const ByteSpan iv = bytes_of(info[0]), tag = bytes_of(info[1]);
  if (key_ == nullptr || iv.size() != kIv || tag.size() != restat::kTag)
    return misuse(info.Env(), "decrypt: an IV and a tag of 16 bytes are needed");
  const Status done = key_->decrypt(iv, tag, bytes_of(info[2]));
  if (!done.ok()) to_exception(info.Env(), done.error()).ThrowAsJavaScriptException();
  return info.Env().Undefined();
}

Napi::Value CryptKeyWrap::wipe(const Napi::CallbackInfo& info) {
  key_->wipe();
  return info.Env().Undefined();
}

}  // namespace restat::binding
