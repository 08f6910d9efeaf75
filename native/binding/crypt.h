// `CryptKey`: a key that native code encrypts and decrypts with. Its memory is overwritten by wipe(), or when
// it and all that use it are gone.
#pragma once

#include <napi.h>

#include <memory>

#include "crypt/crypt_key.h"

namespace restat::binding {

class CryptKeyWrap : public Napi::ObjectWrap<CryptKeyWrap> {
 public:
  static Napi::Function define(Napi::Env env);
  // The key of a CryptKey object; null for anything else.
  static std::shared_ptr<const CryptKey> key(const Napi::Value& value);

  explicit CryptKeyWrap(const Napi::CallbackInfo& info);

 private:
  Napi::Value decrypt(const Napi::CallbackInfo& info);
  Napi::Value wipe(const Napi::CallbackInfo& info);

  std::shared_ptr<CryptKey> key_;
};

}  // namespace restat::binding
