// The files of a datastore's `.chunks` directory (indexes-blobs-chunks.md §8; design: whole or not at all).
#pragma once

#include <sys/types.h>

#include <atomic>
#include <memory>
#include <string>

#include "base/buffer_pool.h"
#include "base/error.h"
#include "base/fd.h"
#include "chunk/blob.h"
#include "chunk/digest.h"

namespace restat {

struct ChunkFileOptions {
  uid_t uid = 0;  // owner of new files and directories
  gid_t gid = 0;
  bool sync = false;    // fsync each file and its directory; else the caller syncs the file system
  bool unnamed = true;  // false: the file system lacks O_TMPFILE
};

// All calls are safe from any thread. Errors of system calls carry the full path.
class ChunkFiles {
 public:
  // `path` is the datastore's root.
  static Result<std::unique_ptr<ChunkFiles>> open(const std::string& path, const ChunkFileOptions& options);

  // The whole file. ENOENT, CHUNK_FILE (not a regular file), CHUNK_SIZE (empty, or too long for a chunk).
  Result<Buffer> read(const Digest& digest, BufferPool& buffers) const;
  // Writes a file that appears whole under its name. Without `replace` an existing one is EEXIST.
  Status write(const Digest& digest, const EncodedBlob& blob, bool replace);
  // With `sync`: the file that is there, and its name, are on disk afterwards. False where there is no file.
  Result<bool> make_durable(const Digest& digest);
  // Sets the access time to now: garbage collection spares the chunk. False where there is no file.
  Result<bool> touch(const Digest& digest) const;
  // Is there a regular file that is not empty?
  Result<bool> is_there(const Digest& digest) const;

 private:
  ChunkFiles(Fd root, std::string path, const ChunkFileOptions& options);

  struct Target;
  Status write_unnamed(const Target& target, const EncodedBlob& blob);
  Status write_named(const Target& target, const EncodedBlob& blob);
  Status fill(int fd, const EncodedBlob& blob, const std::string& name) const;
  Status rename(const std::string& from, const std::string& to) const;
  Status prepare_directory(const Digest& digest);
  Status make_directory(const std::string& prefix);
  Status sync_directory(const std::string& name) const;
  bool is_foreign() const;
  Error failed(const char* call, const std::string& name) const;

  Fd root_;
  std::string path_;
  ChunkFileOptions options_;
  std::atomic<bool> unnamed_;
  std::unique_ptr<std::atomic<bool>[]> directory_ready_;  // by the first two bytes of the digest
};

}  // namespace restat
