// Any bytes as a blob: decoded or refused, never a crash, never more memory than the limit.
#include <algorithm>

#include "base/crc32.h"
#include "chunk/blob.h"

namespace {

restat::Result<restat::Buffer> decoded(restat::ByteView blob, const restat::BlobExpectation& expected) {
  restat::Buffer encoded(blob.size());
  std::ranges::copy(blob, encoded.begin());
  return restat::decode_blob(std::move(encoded), expected, *restat::BufferPool::create(0));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kLimit = 1 << 20;
  std::vector<std::uint8_t> bytes(data, data + size);
  auto result = decoded(bytes, {.limit = kLimit});
  if (result.ok() && result.value().size() > kLimit) __builtin_trap();
  // The same with a checksum that fits, so that what lies behind that check is reached.
  if (size <= restat::kBlobHeader) return 0;
  restat::store_le(bytes.data() + 8, restat::crc32(restat::ByteView(bytes).subspan(restat::kBlobHeader)));
  result = decoded(bytes, {.limit = kLimit});
  if (result.ok() && result.value().size() > kLimit) __builtin_trap();
  return 0;
}
