// A key of encrypted archives, and what it does (indexes-blobs-chunks.md §4.1, §5).
#pragma once

#include <array>
#include <memory>

#include "base/bytes.h"
#include "base/error.h"
#include "chunk/digest.h"

namespace restat {

inline constexpr std::size_t kCryptKey = 32;
inline constexpr std::size_t kIv = 16;
inline constexpr std::size_t kTag = 16;

// Calls are safe from any thread. Its memory is overwritten at its end.
class CryptKey {
 public:
  // `secret` encrypts, `id` ends what is digested: 32 bytes each, copied.
  CryptKey(ByteView secret, ByteView id);
  CryptKey(const CryptKey&) = delete;
  CryptKey& operator=(const CryptKey&) = delete;
  ~CryptKey();

  // What an encrypted chunk is called: the digest of its plain data and the id.
  Digest digest(ByteView plain) const;
  // AES-256-GCM in place. Error codes: CRYPT_TAG (another key, or changed data), CRYPT (OpenSSL failed).
  Status decrypt(ByteView iv, ByteView tag, ByteSpan data) const;

 private:
  std::array<std::uint8_t, kCryptKey> secret_;
  std::array<std::uint8_t, kCryptKey> id_;
};

}  // namespace restat
