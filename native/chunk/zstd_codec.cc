#include "chunk/zstd_codec.h"

#include <zstd.h>

#include <algorithm>
#include <utility>

namespace restat {
namespace {

Error zstd_error(std::size_t code) {
  return Error::check("ZSTD", ZSTD_getErrorName(code));
}

}  // namespace

std::optional<std::uint64_t> zstd_content_size(ByteView frame) {
  const unsigned long long size = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR) return std::nullopt;
  return size;
}

ZstdCompressor::ZstdCompressor() : context_(ZSTD_createCCtx()) {}
ZstdCompressor::ZstdCompressor(ZstdCompressor&& other) noexcept
    : context_(std::exchange(other.context_, nullptr)) {}
ZstdCompressor::~ZstdCompressor() {
  ZSTD_freeCCtx(context_);
}

std::size_t ZstdCompressor::compress(ByteView from, ByteSpan to) {
  if (from.empty() || context_ == nullptr) return 0;
  const std::size_t n = ZSTD_compressCCtx(context_, to.data(), to.size(), from.data(), from.size(), kLevel);
  return ZSTD_isError(n) ? 0 : n;
}

ZstdDecompressor::ZstdDecompressor() : context_(ZSTD_createDCtx()) {}
ZstdDecompressor::ZstdDecompressor(ZstdDecompressor&& other) noexcept
    : context_(std::exchange(other.context_, nullptr)) {}
ZstdDecompressor::~ZstdDecompressor() {
  ZSTD_freeDCtx(context_);
}

// The frame header may announce any size: the buffer grows with what really comes out, up to `limit`.
Result<std::vector<std::uint8_t>> ZstdDecompressor::decompress(ByteView from, std::size_t limit) {
  constexpr std::size_t kFirst = 64 * 1024;
  std::vector<std::uint8_t> out(std::min(limit, kFirst));
  ZSTD_DCtx_reset(context_, ZSTD_reset_session_only);
  ZSTD_inBuffer in{from.data(), from.size(), 0};
  std::size_t filled = 0;
  std::size_t rest = 1;
  while (in.pos < in.size || rest != 0) {
    if (filled == out.size() && out.size() < limit) out.resize(std::min(limit, out.size() * 2));
    ZSTD_outBuffer piece{out.data(), out.size(), filled};
    const std::size_t before = in.pos;
    rest = ZSTD_decompressStream(context_, &piece, &in);
    if (ZSTD_isError(rest)) return zstd_error(rest);
    const bool stuck = piece.pos == filled && in.pos == before;
    filled = piece.pos;
    if (stuck && filled == limit) return Error::check("ZSTD", "decompressed data exceed the limit");
    if (stuck && in.pos == in.size && filled < out.size()) return Error::check("ZSTD", "frame is cut short");
  }
  out.resize(filled);
  return out;
}

Status ZstdDecompressor::decompress_exactly(ByteView from, ByteSpan to) {
  const std::size_t n = ZSTD_decompressDCtx(context_, to.data(), to.size(), from.data(), from.size());
  if (ZSTD_isError(n)) return zstd_error(n);
  if (n != to.size()) return Error::check("ZSTD", "decompressed data are shorter than announced");
  return Unit{};
}

}  // namespace restat
