#include "chunk/server_digests.h"

#include "chunk/index_entries.h"

namespace restat {

Status ServerDigests::add(ByteView entries) {
  if (entries.size() % kIndexEntry != 0)
    return Error::check("INDEX_ENTRIES", "the index entries are not a multiple of 40 bytes");
  const std::lock_guard lock(mutex_);
  known_.reserve(entries.size() / kIndexEntry);
  for (; !entries.empty(); entries = entries.subspan(kIndexEntry))
    known_.add(digest_of(entries.subspan(kIndexEntryDigest)), Known::confirmed);
  return Unit{};
}

bool ServerDigests::has(const Digest& digest) {
  const std::lock_guard lock(mutex_);
  return known_.find(digest) != Known::no;
}

bool ServerDigests::claim(const Digest& digest) {
  const std::lock_guard lock(mutex_);
  if (known_.find(digest) != Known::no) return false;
  known_.add(digest, Known::confirmed);
  return true;
}

}  // namespace restat
