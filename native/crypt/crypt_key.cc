#include "crypt/crypt_key.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>

#include "chunk/sha256.h"

namespace restat {
namespace {

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};

Error failed() {
  return Error::check("CRYPT", "AES-256-GCM failed");
}

}  // namespace

CryptKey::CryptKey(ByteView secret, ByteView id) {
  std::copy_n(secret.begin(), kCryptKey, secret_.begin());
  std::copy_n(id.begin(), kCryptKey, id_.begin());
}

CryptKey::~CryptKey() {
  OPENSSL_cleanse(secret_.data(), secret_.size());
  OPENSSL_cleanse(id_.data(), id_.size());
}

Digest CryptKey::digest(ByteView plain) const {
  Sha256 hash;
  hash.update(plain);
  hash.update(id_);
  return hash.finish();
}

// Data are at most as long as a chunk or blob may be: their length fits into an int.
Status CryptKey::decrypt(ByteView iv, ByteView tag, ByteSpan data) const {
  const std::unique_ptr<EVP_CIPHER_CTX, FreeContext> context(EVP_CIPHER_CTX_new());
  std::array<std::uint8_t, kTag> wanted;
  std::copy_n(tag.begin(), kTag, wanted.begin());
  int written = 0;
  if (!context || EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, nullptr, nullptr) != 1 ||
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_IVLEN, static_cast<int>(iv.size()), nullptr) !=
          1 ||
      EVP_DecryptInit_ex(context.get(), nullptr, nullptr, secret_.data(), iv.data()) != 1 ||
      EVP_DecryptUpdate(context.get(), data.data(), &written, data.data(), static_cast<int>(data.size())) !=
          1 ||
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, static_cast<int>(kTag), wanted.data()) != 1)
    return failed();
  std::array<std::uint8_t, kTag> rest;
  if (EVP_DecryptFinal_ex(context.get(), rest.data(), &written) != 1)
    return Error::check("CRYPT_TAG", "the key is another one, or the data were changed");
  return Unit{};
}

}  // namespace restat
