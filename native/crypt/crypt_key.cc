#include "crypt/crypt_key.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <memory>
#include <mutex>

#include "chunk/sha256.h"

namespace restat {
namespace {

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};

Error failed() {
  return Error::check("CRYPT", "AES-256-GCM failed");
}

Error wiped() {
  return Error::check("CRYPT_WIPED", "the key has been wiped");
}

// Never inlined, so that two calls from one place work in the same frames and registers.
[[gnu::noinline]] Digest digest_with(ByteView id, ByteView plain) {
  Sha256 hash;
  hash.update(plain);
  hash.update(id);
  return hash.finish();
}

enum class Direction { decrypt, encrypt };

// One message in one direction. Data are at most as long as a chunk or blob may be: their length fits into an
// int.
class Gcm {
 public:
  Gcm(Direction direction, ByteView secret, ByteView iv)
      : context_(EVP_CIPHER_CTX_new()), ready_(context_ && start(direction, secret, iv)) {}

  bool update(ByteView from, std::uint8_t* to) {
    int written = 0;
    return ready_ && (from.empty() || EVP_CipherUpdate(context_.get(), to, &written, from.data(),
                                                       static_cast<int>(from.size())) == 1);
  }

  bool control(int type, std::uint8_t* tag) {
    return ready_ && EVP_CIPHER_CTX_ctrl(context_.get(), type, static_cast<int>(kTag), tag) == 1;
  }

  // Decrypting: whether the tag is that of the data.
  bool finish() {
    std::array<std::uint8_t, kTag> rest;
    int written = 0;
    return ready_ && EVP_CipherFinal_ex(context_.get(), rest.data(), &written) == 1;
  }

 private:
  bool start(Direction direction, ByteView secret, ByteView iv) {
    const int encrypts = direction == Direction::encrypt ? 1 : 0;
    EVP_CIPHER_CTX* const context = context_.get();
    return EVP_CipherInit_ex(context, EVP_aes_256_gcm(), nullptr, nullptr, nullptr, encrypts) == 1 &&
           EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_IVLEN, static_cast<int>(iv.size()), nullptr) == 1 &&
           EVP_CipherInit_ex(context, nullptr, nullptr, secret.data(), iv.data(), encrypts) == 1;
  }

  const std::unique_ptr<EVP_CIPHER_CTX, FreeContext> context_;
  const bool ready_;
};

}  // namespace

CryptKey::CryptKey(ByteView secret, ByteView id) {
  std::copy_n(secret.begin(), kCryptKey, secret_.begin());
  std::copy_n(id.begin(), kCryptKey, id_.begin());
}

// The mark comes first: as long as calls begin while others run, the lock would not be free.
void CryptKey::wipe() {
  wiped_ = true;
  const std::lock_guard lock(mutex_);
  OPENSSL_cleanse(secret_.data(), secret_.size());
  OPENSSL_cleanse(id_.data(), id_.size());
}

Result<Digest> CryptKey::digest(ByteView plain) const {
  const std::shared_lock lock(mutex_);
  if (wiped_) return wiped();
  const Digest digest = digest_with(id_, plain);
  // What is left of the id on the stack and in registers, from where it may get onto the stack, is
  // overwritten by the same work without it: as many bytes of the last block come before it.
  static constexpr std::array<std::uint8_t, 64> kZeros{};
  const ByteView zeros(kZeros);
  digest_with(zeros.first(kCryptKey), zeros.first(plain.size() % kZeros.size()));
  return digest;
}

Status CryptKey::encrypt(ByteView plain, ByteSpan to, ByteSpan iv, ByteSpan tag) const {
  const std::shared_lock lock(mutex_);
  if (wiped_) return wiped();
  if (RAND_bytes(iv.data(), static_cast<int>(iv.size())) != 1) return failed();
  Gcm gcm(Direction::encrypt, secret_, iv);
  if (!gcm.update(plain, to.data()) || !gcm.finish() || !gcm.control(EVP_CTRL_AEAD_GET_TAG, tag.data()))
    return failed();
  return Unit{};
}

Status CryptKey::decrypt(ByteView iv, ByteView tag, ByteSpan data) const {
  const std::shared_lock lock(mutex_);
  if (wiped_) return wiped();
  std::array<std::uint8_t, kTag> wanted;
  std::copy_n(tag.begin(), kTag, wanted.begin());
  Gcm gcm(Direction::decrypt, secret_, iv);
  if (!gcm.update(data, data.data()) || !gcm.control(EVP_CTRL_AEAD_SET_TAG, wanted.data())) return failed();
  if (!gcm.finish()) return Error::check("CRYPT_TAG", "the key is another one, or the data were changed");
  return Unit{};
}

}  // namespace restat
