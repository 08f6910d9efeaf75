#include "chunk/server_digests.h"

#include "chunk/index_entries.h"

namespace restat {

Status ServerDigests::add(ByteView entries) {
  if (entries.size() % kIndexEntry != 0)
    return Error::check("INDEX_ENTRIES", "the index entries are not a multiple of 40 bytes");
  const std::lock_guard lock(mutex_);
  known_.reserve(entries.size() / kIndexEntry);
  for (; !entries.empty(); entries = entries.subspan(kIndexEntry))
    known_.add(digest_of(entries.subspan(kIndexEntryDigest)), Known::registered);
  return Unit{};
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
