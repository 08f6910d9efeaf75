// zstd frames as blobs and chunks hold them (indexes-blobs-chunks.md §4.1).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace restat {

// The length that the header of a frame announces, where it does. Nobody has checked it.
std::optional<std::uint64_t> zstd_content_size(ByteView frame);

// One compression context, reused from call to call; not for two threads at once.
class ZstdCompressor {
 public:
  static constexpr int kLevel = 1;

  ZstdCompressor();
  ~ZstdCompressor();
  ZstdCompressor(ZstdCompressor&&) noexcept;

  // Writes one frame into `to` and returns its length, or 0 when the frame would not fit or the input is
  // empty.
  std::size_t compress(ByteView from, ByteSpan to);

 private:
  ZSTD_CCtx_s* context_;
};

class ZstdDecompressor {
 public:
  ZstdDecompressor();
  ~ZstdDecompressor();
  ZstdDecompressor(ZstdDecompressor&&) noexcept;

  // Decompresses the frames in `from` into at most `limit` bytes. Error code ZSTD.
  Result<std::vector<std::uint8_t>> decompress(ByteView from, std::size_t limit);
  // Decompresses into `to`, which must be filled exactly. Error code ZSTD.
  Status decompress_exactly(ByteView from, ByteSpan to);

 private:
  ZSTD_DCtx_s* context_;
};

}  // namespace restat
