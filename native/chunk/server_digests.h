// The chunks that a server's session knows: those of the base's indexes, and what was uploaded.
#pragma once

#include <mutex>

#include "base/bytes.h"
#include "base/error.h"
#include "chunk/known_digests.h"

namespace restat {

// Safe from any thread.
class ServerDigests {
 public:
  // `entries` are those of an index that the server registered. Error code INDEX_ENTRIES.
  Status add(ByteView entries);
  // Another session begins, which knows nothing yet.
  void clear();
  // Not if it is doubted.
  bool has(const Digest& digest);
  // The server has lost the chunk, or gives something else for it: it is to be sent again.
  void doubt(const Digest& digest);
  // True for the first who asks for a digest that is not known, or doubted: it is known from then on.
  bool claim(const Digest& digest);

 private:
  std::mutex mutex_;
  KnownDigests known_;
};

}  // namespace restat
