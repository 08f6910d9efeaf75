// A key of encrypted archives, and what it does (indexes-blobs-chunks.md §4.1, §5).
#pragma once

#include <array>
#include <atomic>
#include <shared_mutex>

#include "base/bytes.h"
#include "base/error.h"
#include "chunk/digest.h"

namespace restat {

inline constexpr std::size_t kCryptKey = 32;
inline constexpr std::size_t kIv = 16;
inline constexpr std::size_t kTag = 16;

// Calls are safe from any thread. Its memory is overwritten by wipe(), or at its end; what is asked of it
// after that is error code CRYPT_WIPED.
class CryptKey {
 public:
  // `secret` encrypts, `id` ends what is digested: 32 bytes each, copied.
  CryptKey(ByteView secret, ByteView id);
  CryptKey(const CryptKey&) = delete;
  CryptKey& operator=(const CryptKey&) = delete;
  ~CryptKey() { wipe(); }

  // Waits for calls that use it, not for those that begin meanwhile.
  void wipe();
  // What an encrypted chunk is called: the digest of its plain data and the id.
  Result<Digest> digest(ByteView plain) const;
  // AES-256-GCM with a random IV: fills `iv` (16 bytes), `tag` (16 bytes) and `to`, which is as long as
  // `plain` and may be the same memory. Error code: CRYPT (OpenSSL failed).
  Status encrypt(ByteView plain, ByteSpan to, ByteSpan iv, ByteSpan tag) const;
  // AES-256-GCM in place. Error codes: CRYPT_TAG (another key, or changed data), CRYPT (OpenSSL failed).
  Status decrypt(ByteView iv, ByteView tag, ByteSpan data) const;

 private:
  mutable std::shared_mutex mutex_;
  std::atomic<bool> wiped_ = false;
  std::array<std::uint8_t, kCryptKey> secret_;
  std::array<std::uint8_t, kCryptKey> id_;
};

}  // namespace restat
