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

using Bytes = std::vector<std::uint8_t>;

Result<Bytes> plain_data(ByteView body, const BlobExpectation& expected) {
  if (body.size() > expected.length.value_or(expected.limit))
    return Error::check("BLOB_LENGTH", "the data are longer than expected");
  return Bytes(body.begin(), body.end());
}

Result<Bytes> decompressed(ByteView body, const BlobExpectation& expected) {
  if (!expected.length) return ZstdDecompressor().decompress(body, expected.limit);
  Bytes out(*expected.length);
  if (Status done = ZstdDecompressor().decompress_exactly(body, out); !done.ok()) return done.error();
  return out;
}

}  // namespace

EncodedBlob BlobEncoder::encode(ByteView plain) {
  if (plain.size() > capacity_) {
    buffer_ = std::make_unique_for_overwrite<std::uint8_t[]>(plain.size());
    capacity_ = plain.size();
  }
  const std::size_t n = compressor_.compress(plain, ByteSpan(buffer_.get(), plain.size()));
  EncodedBlob blob{{}, n > 0 ? ByteView(buffer_.get(), n) : plain};
  std::ranges::copy(n > 0 ? kZstd : kPlain, blob.header.begin());
  store_le(blob.header.data() + 8, crc32(blob.body));
  return blob;
}

Result<Bytes> decode_blob(ByteView encoded, const BlobExpectation& expected) {
  if (encoded.size() < kBlobHeader) return Error::check("BLOB_SIZE", "shorter than its header");
  const auto magic = load_le<Magic>(encoded.data());
  if (magic == kEncrypted || magic == kZstdEncrypted)
    return Error::check("BLOB_ENCRYPTED", "the data are encrypted");
  if (magic != kPlain && magic != kZstd)
    return Error::check("BLOB_MAGIC", "not a blob: unknown magic number");
  const ByteView body = encoded.subspan(kBlobHeader);
  if (crc32(body) != load_le<std::uint32_t>(encoded.data() + 8))
    return Error::check("BLOB_CRC", "the checksum does not match");
  auto plain = magic == kZstd ? decompressed(body, expected) : plain_data(body, expected);
  if (!plain.ok()) return plain;
  if (expected.length && plain.value().size() != *expected.length)
    return Error::check("BLOB_LENGTH", "the data are shorter than expected");
  if (expected.digest && sha256(plain.value()) != *expected.digest)
    return Error::check("BLOB_DIGEST", "the data have another digest");
  return plain;
}

}  // namespace restat
