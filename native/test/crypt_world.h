// What tests of encryption share: the key of the worked examples, and containers in one piece.
#pragma once

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "chunk/blob.h"
#include "crypt/crypt_key.h"

namespace restat::test {

inline std::string hex(ByteView bytes) {
  std::string out;
  char digits[3];
  for (const std::uint8_t byte : bytes) {
    std::snprintf(digits, sizeof digits, "%02x", byte);
    out += digits;
  }
  return out;
}

inline std::vector<std::uint8_t> from_hex(const std::string& text) {
  std::vector<std::uint8_t> out;
  for (std::size_t i = 0; i < text.size(); i += 2)
    out.push_back(static_cast<std::uint8_t>(std::stoi(text.substr(i, 2), nullptr, 16)));
  return out;
}

// Secret and id of the worked examples (indexes-blobs-chunks.md §5.4).
inline std::vector<std::uint8_t> example_secret() {
  return from_hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
}
inline std::vector<std::uint8_t> example_id() {
  return from_hex("7c2c013efd07f3b25717a485263343cd4d292a4b65c200bb3b18ea227abe225c");
}
inline std::shared_ptr<CryptKey> example_key() {
  return std::make_shared<CryptKey>(example_secret(), example_id());
}
inline std::shared_ptr<CryptKey> other_key() {
  return std::make_shared<CryptKey>(std::vector<std::uint8_t>(kCryptKey, 7),
                                    std::vector<std::uint8_t>(kCryptKey, 8));
}

inline std::vector<std::uint8_t> joined(const EncodedBlob& blob) {
  std::vector<std::uint8_t> out(blob.header.begin(), blob.header.end());
  out.insert(out.end(), blob.body.begin(), blob.body.end());
  return out;
}

inline std::vector<std::uint8_t> encoded(ByteView plain, const CryptKey* key = nullptr) {
  BlobEncoder encoder(key);
  return joined(encoder.encode(plain).value());
}

inline Result<Buffer> decoded(ByteView blob, const BlobExpectation& expected) {
  Buffer bytes(blob.size());
  std::ranges::copy(blob, bytes.begin());
  return decode_blob(std::move(bytes), expected, *BufferPool::create(0));
}

template <typename T>
std::string code(const Result<T>& result) {
  return result.ok() ? "none" : result.error().code;
}

}  // namespace restat::test
