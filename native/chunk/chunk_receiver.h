// Chunks that come as containers from clients that nobody trusts: checked, and stored once
// (indexes-blobs-chunks.md §8; design: known chunks).
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <string>

#include "chunk/blob.h"
#include "chunk/chunk_files.h"

namespace restat {

struct ReceivedChunk {
  bool duplicate = false;  // a file was there and is kept
  bool encrypted = false;
};

// One for all clients of a datastore. All calls are safe from any thread.
class ChunkReceiver {
 public:
  // `path` is the datastore's root, which holds `.chunks`.
  static Result<std::shared_ptr<ChunkReceiver>> open(const std::string& path,
                                                     const ChunkFileOptions& options);

  // Memory for an encoded chunk.
  Buffer take(std::size_t size) { return buffers_->take(size); }
  // Stores a chunk of `length` plain bytes, of which no more are decompressed; its CRC-32 is made anew. The
  // content of a plain chunk must have the digest, that of an encrypted one cannot be checked: it never takes
  // the place of a plain chunk, and gives its own to one. Error codes: BLOB_SIZE, BLOB_MAGIC, ZSTD,
  // CHUNK_LENGTH, CHUNK_DIGEST, CHUNK_OCCUPIED, CHUNK_CONTENDED, those of ChunkFiles, and the system call's.
  Result<ReceivedChunk> insert(const Digest& digest, std::size_t length, Buffer encoded);
  // Gives the chunk's file a new access time. False where there is none, or an empty one.
  Result<bool> touch(const Digest& digest) const;

 private:
  enum class Existing { missing, good, bad, in_the_way };

  explicit ChunkReceiver(std::unique_ptr<ChunkFiles> files)
      : files_(std::move(files)), buffers_(BufferPool::create(kIdle)) {}
  Status check_plain(const Digest& digest, std::size_t length, ByteView body, bool compressed);
  Result<bool> store(const Digest& digest, std::size_t length, ByteView encoded, const Container& kind);
  Result<Existing> examine(const Digest& digest, std::size_t length, ByteView encoded, const Container& kind);
  Existing compare(const Digest& digest, std::size_t length, ByteView encoded, const Container& kind,
                   Buffer file);
  Result<bool> keep(const Digest& digest);

  static constexpr std::size_t kIdle = 32 * 1024 * 1024;

  std::unique_ptr<ChunkFiles> files_;
  const std::shared_ptr<BufferPool> buffers_;
  // What is found in a chunk's place stays so until it is replaced, by the first byte of the digest.
  std::array<std::mutex, 256> places_;
};

}  // namespace restat
