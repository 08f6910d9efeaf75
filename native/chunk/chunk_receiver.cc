#include "chunk/chunk_receiver.h"

#include "base/crc32.h"
#include "chunk/sha256.h"

namespace restat {
namespace {

// Another process may store or remove the same chunk between our look and our write; not over and over.
constexpr int kAttempts = 4;

Error wrong_length(std::size_t announced, std::uint64_t real) {
  return Error::check("CHUNK_LENGTH", "detected chunk with wrong length (" + std::to_string(announced) +
                                          " != " + std::to_string(real) + ")");
}

bool crc_matches(ByteView encoded, const Container& kind) {
  return crc32(encoded.subspan(kind.header)) == load_le<std::uint32_t>(encoded.data() + kBlobCrc);
}

}  // namespace

Result<std::shared_ptr<ChunkReceiver>> ChunkReceiver::open(const std::string& path,
                                                           const ChunkFileOptions& options) {
  auto files = ChunkFiles::open(path, options);
  if (!files.ok()) return files.error();
  return std::shared_ptr<ChunkReceiver>(new ChunkReceiver(std::move(files.value())));
}

Result<ReceivedChunk> ChunkReceiver::insert(const Digest& digest, std::size_t length, Buffer encoded) {
  if (length == 0 || length > kMaxChunk || encoded.size() > kMaxEncodedChunk)
    return Error::check("CHUNK_LENGTH", "a chunk has 1 byte to 16 MiB");
  const auto parsed = container_of(encoded);
  if (!parsed.ok()) return parsed.error();
  const Container& kind = parsed.value();
  const ByteView body = ByteView(encoded).subspan(kind.header);
  if (kind.encrypted) {
    if (!kind.compressed && body.size() != length) return wrong_length(length, body.size());
  } else if (Status checked = check_plain(digest, length, body, kind.compressed); !checked.ok()) {
    return checked.error();
  }
  store_le(encoded.data() + kBlobCrc, crc32(body));
  const auto stored = store(digest, length, encoded, kind);
  if (!stored.ok()) return stored.error();
  return ReceivedChunk{.duplicate = !stored.value(), .encrypted = kind.encrypted};
}

Result<bool> ChunkReceiver::touch(const Digest& digest) const {
  auto there = files_->is_there(digest);
  if (!there.ok() || !there.value()) return there;
  return files_->touch(digest);
}

Status ChunkReceiver::check_plain(const Digest& digest, std::size_t length, ByteView body, bool compressed) {
  Buffer plain;
  if (compressed) {
    const auto real = zstd_content_size(body);
    if (real && *real != length) return wrong_length(length, *real);
    plain = buffers_->take(length);
    if (Status done = ZstdDecompressor().decompress_exactly(body, plain); !done.ok()) return done;
  } else if (body.size() != length) {
    return wrong_length(length, body.size());
  }
  if (sha256(compressed ? ByteView(plain) : body) != digest)
    return Error::check("CHUNK_DIGEST", "detected chunk with wrong digest.");
  return Unit{};
}

// True if it was written, false if there was one.
Result<bool> ChunkReceiver::store(const Digest& digest, std::size_t length, ByteView encoded,
                                  const Container& kind) {
  const EncodedBlob blob{encoded.first(kBlobHeader), encoded.subspan(kBlobHeader)};
  const std::lock_guard lock(places_[digest[0]]);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    auto existing = examine(digest, length, encoded, kind);
    if (!existing.ok()) return existing.error();
    if (existing.value() == Existing::in_the_way)
      return Error::check("CHUNK_OCCUPIED", "chunk " + to_hex(digest) + " exists and is another one");
    if (existing.value() == Existing::good) {
      auto kept = keep(digest);
      if (!kept.ok()) return kept.error();
      if (kept.value()) return false;
      continue;
    }
    const Status written = files_->write(digest, blob, existing.value() == Existing::bad);
    if (written.ok()) return true;
    if (written.error().number != EEXIST) return written.error();
  }
  return Error::check("CHUNK_CONTENDED",
                      "chunk " + to_hex(digest) + " appears and disappears while it is stored");
}

Result<ChunkReceiver::Existing> ChunkReceiver::examine(const Digest& digest, std::size_t length,
                                                       ByteView encoded, const Container& kind) {
  auto file = files_->read(digest, *buffers_);
  if (file.ok()) return compare(digest, length, encoded, kind, std::move(file.value()));
  const Error& error = file.error();
  if (error.number == ENOENT) return Existing::missing;
  if (error.number == EIO || error.code == "CHUNK_SIZE") return Existing::bad;
  return error;
}

ChunkReceiver::Existing ChunkReceiver::compare(const Digest& digest, std::size_t length, ByteView encoded,
                                               const Container& kind, Buffer file) {
  if (!kind.encrypted)
    return decode_blob(std::move(file), {digest, length}, *buffers_).ok() ? Existing::good : Existing::bad;
  const auto there = container_of(file);
  if (!there.ok()) return Existing::bad;
  if (!there.value().encrypted) return Existing::in_the_way;
  if (!crc_matches(file, there.value())) return Existing::bad;
  // Uncompressed ones tell their length: these two cannot be the same chunk.
  const bool both_bare = !kind.compressed && !there.value().compressed;
  return both_bare && file.size() != encoded.size() ? Existing::in_the_way : Existing::good;
}

// False: the file is gone meanwhile.
Result<bool> ChunkReceiver::keep(const Digest& digest) {
  auto durable = files_->make_durable(digest);
  if (!durable.ok() || !durable.value()) return durable;
  return files_->touch(digest);
}

}  // namespace restat
