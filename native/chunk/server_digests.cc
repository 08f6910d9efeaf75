#include "chunk/server_digests.h"

namespace restat {

Status ServerDigests::add(ByteView entries) {
  const std::lock_guard lock(mutex_);
  return known_.add_entries(entries);
}

void ServerDigests::clear() {
  const std::lock_guard lock(mutex_);
  known_ = KnownDigests();
}

bool ServerDigests::has(const Digest& digest) {
  const std::lock_guard lock(mutex_);
  const Known state = known_.find(digest);
  return state == Known::registered || state == Known::confirmed;
}

void ServerDigests::doubt(const Digest& digest) {
  const std::lock_guard lock(mutex_);
  // What this session has sent itself is there.
  if (known_.find(digest) == Known::registered) known_.doubt(digest);
}

bool ServerDigests::claim(const Digest& digest) {
  const std::lock_guard lock(mutex_);
  const Known state = known_.find(digest);
  if (state == Known::registered || state == Known::confirmed) return false;
  known_.add(digest, Known::confirmed);
  return true;
}

}  // namespace restat
