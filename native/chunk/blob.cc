#include "chunk/blob.h"

#include <algorithm>

#include "base/crc32.h"
#include "chunk/sha256.h"

namespace restat {
namespace {

using Magic = std::array<std::uint8_t, 8>;
constexpr Magic kPlain{0x42, 0xab, 0x38, 0x07, 0xbe, 0x83, 0x70, 0xa1};
constexpr Magic kZstd{0x31, 0xb9, 0x58, 0x42, 0x6f, 0xb6, 0xa3, 0x7f};
constexpr Magic kEncrypted{0x7b, 0x67, 0x85, 0xbe, 0x22, 0x2d, 0x4c, 0xf0};
constexpr Magic kZstdEncrypted{0xe6, 0x59, 0x1b, 0xbf, 0x0b, 0xbf, 0xd8, 0x0b};

Result<Buffer> decompressed(ByteView body, const BlobExpectation& expected, BufferPool& buffers) {
  if (!expected.length) {
    auto plain = ZstdDecompressor().decompress(body, expected.limit);
    if (!plain.ok()) return plain.error();
    Buffer out = buffers.take(plain.value().size());
    std::ranges::copy(plain.value(), out.begin());
    return out;
  }
  Buffer out = buffers.take(*expected.length);
  if (Status done = ZstdDecompressor().decompress_exactly(body, out); !done.ok()) return done.error();
  return out;
}

Error too_short(std::size_t size) {
  return Error::check("BLOB_SIZE", "blob too small (" + std::to_string(size) + " bytes).");
}

}  // namespace

Result<Container> container_of(ByteView encoded) {
  if (encoded.size() < kBlobHeader) return too_short(encoded.size());
  const auto magic = load_le<Magic>(encoded.data());
  Container kind{.compressed = magic == kZstd || magic == kZstdEncrypted,
                 .encrypted = magic == kEncrypted || magic == kZstdEncrypted};
  if (!kind.compressed && !kind.encrypted && magic != kPlain)
    return Error::check("BLOB_MAGIC", "unable to parse raw blob - wrong magic");
  if (!kind.encrypted) return kind;
  kind.header = kEncryptedHeader;
  if (encoded.size() < kind.header) return too_short(encoded.size());
  return kind;
}

Result<EncodedBlob> BlobEncoder::encode(ByteView plain) {
  reserve(plain.size());
  const std::size_t n = compressor_.compress(plain, ByteSpan(buffer_.get(), plain.size()));
  const bool compressed = n > 0;
  const ByteView body = compressed ? ByteView(buffer_.get(), n) : plain;
  if (key_ == nullptr) return contained(compressed, body);
  const ByteSpan to(buffer_.get(), body.size());
  const auto [iv, tag] = std::pair(ByteSpan(header_).subspan(kBlobHeader, kIv), ByteSpan(header_).last(kTag));
  if (Status done = key_->encrypt(body, to, iv, tag); !done.ok()) return done.error();
  return contained(compressed, to);
}

void BlobEncoder::reserve(std::size_t size) {
  if (size <= capacity_) return;
  buffer_ = std::make_unique_for_overwrite<std::uint8_t[]>(size);
  capacity_ = size;
}

// IV and tag are in their places.
EncodedBlob BlobEncoder::contained(bool compressed, ByteView body) {
  const bool encrypted = key_ != nullptr;
  const Magic& plain = encrypted ? kEncrypted : kPlain;
  const Magic& zstd = encrypted ? kZstdEncrypted : kZstd;
  std::ranges::copy(compressed ? zstd : plain, header_.begin());
  store_le(header_.data() + kBlobCrc, crc32(body));
  return {ByteView(header_).first(encrypted ? kEncryptedHeader : kBlobHeader), body};
}

// A body that is not compressed stays where it is.
Result<Buffer> decode_blob(Buffer encoded, const BlobExpectation& expected, BufferPool& buffers) {
  const auto container = container_of(encoded);
  if (!container.ok()) return container.error();
  const Container& kind = container.value();
  if (kind.encrypted && expected.key == nullptr)
    return Error::check("BLOB_ENCRYPTED", "the data are encrypted");
  if (!kind.encrypted && expected.key != nullptr)
    return Error::check("BLOB_PLAIN", "the data are not encrypted, as they should be");
  std::array<std::uint8_t, kEncryptedHeader> header{};
  std::copy_n(encoded.begin(), kind.header, header.begin());
  encoded.drop_front(kind.header);
  if (crc32(encoded) != load_le<std::uint32_t>(header.data() + kBlobCrc))
    return Error::check("BLOB_CRC", "the checksum does not match");
  if (kind.encrypted) {
    const ByteView whole(header);
    const auto [iv, tag] = std::pair(whole.subspan(kBlobHeader, kIv), whole.last(kTag));
    if (Status done = expected.key->decrypt(iv, tag, encoded); !done.ok()) return done.error();
  }
  if (kind.compressed) {
    auto plain = decompressed(encoded, expected, buffers);
    if (!plain.ok()) return plain;
    encoded = std::move(plain.value());
  }
  if (encoded.size() > expected.length.value_or(expected.limit))
    return Error::check("BLOB_LENGTH", "the data are longer than expected");
  if (expected.length && encoded.size() != *expected.length)
    return Error::check("BLOB_LENGTH", "the data are shorter than expected");
  if (!expected.digest) return encoded;
  const auto digest = expected.key == nullptr ? sha256(encoded) : expected.key->digest(encoded);
  if (!digest.ok()) return digest.error();
  if (digest.value() != *expected.digest) return Error::check("BLOB_DIGEST", "the data have another digest");
  return encoded;
}

}  // namespace restat
