// The container of blobs and chunks: magic, CRC-32, IV and tag where it is encrypted, data
// (indexes-blobs-chunks.md §4).
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "base/buffer_pool.h"
#include "base/bytes.h"
#include "base/error.h"
#include "chunk/chunker.h"
#include "chunk/digest.h"
#include "chunk/zstd_codec.h"
#include "crypt/crypt_key.h"

namespace restat {

// Layout of the header: magic 8, CRC-32 4; encrypted ones have IV 16 and tag 16 after that.
inline constexpr std::size_t kBlobHeader = 12;
inline constexpr std::size_t kBlobCrc = 8;  // where the CRC-32 stands
inline constexpr std::size_t kEncryptedHeader = kBlobHeader + kIv + kTag;
inline constexpr std::size_t kMaxEncodedChunk = kMaxChunk + kEncryptedHeader;

// What the magic number of a container says.
struct Container {
  bool compressed = false;
  bool encrypted = false;
  std::size_t header = kBlobHeader;  // the data, which the CRC covers, come after so many bytes
};

// Error codes: BLOB_SIZE (shorter than its header), BLOB_MAGIC.
Result<Container> container_of(ByteView encoded);

// A container in two parts: what the encoder holds, and for data that are stored as they are the data.
struct EncodedBlob {
  ByteView header;
  ByteView body;

  std::size_t size() const { return header.size() + body.size(); }
};

// Not for two threads at once; its buffer grows to the largest input and is kept.
class BlobEncoder {
 public:
  // With a key, which outlives it, everything is encrypted.
  explicit BlobEncoder(const CryptKey* key = nullptr) : key_(key) {}

  // Compressed if the frame is not longer than the input, then encrypted. Valid until the next call. Error
  // codes with a key: CRYPT, CRYPT_WIPED.
  Result<EncodedBlob> encode(ByteView plain);

 private:
  void reserve(std::size_t size);
  EncodedBlob contained(bool compressed, ByteView body);

  const CryptKey* key_;
  ZstdCompressor compressor_;
  std::array<std::uint8_t, kEncryptedHeader> header_{};
  std::unique_ptr<std::uint8_t[]> buffer_;
  std::size_t capacity_ = 0;
};

// What the reader knows beforehand; `limit` bounds the memory where no length is known.
struct BlobExpectation {
  std::optional<Digest> digest;
  std::optional<std::size_t> length;
  std::size_t limit = kMaxChunk;
  // With a key the container must be encrypted with it, without one it must not be encrypted.
  const CryptKey* key = nullptr;
};

// Checks everything that can be checked and returns the plain data. Error codes: BLOB_SIZE, BLOB_MAGIC,
// BLOB_CRC, BLOB_ENCRYPTED (an encrypted container, and no key), BLOB_PLAIN (no encrypted one, and a key),
// CRYPT_TAG, CRYPT, CRYPT_WIPED, BLOB_LENGTH, BLOB_DIGEST, ZSTD.
Result<Buffer> decode_blob(Buffer encoded, const BlobExpectation& expected, BufferPool& buffers);

}  // namespace restat
