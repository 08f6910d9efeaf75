// Which chunks need not be stored again, and why.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/siphash.h"
#include "chunk/digest.h"

namespace restat {

enum class Known : std::uint8_t {
  no,
  registered,  // a finished snapshot of the group lists it; its file has not been looked at yet
  doubted,     // listed, but its file was found damaged
  confirmed    // this session wrote or verified it
};

// A hash table of 33 bytes a slot: large groups list millions of chunks. Not locked.
class KnownDigests {
 public:
  KnownDigests();

  Known find(const Digest& digest) const { return states_[slot(digest)]; }
  // What is confirmed or doubted is not registered again.
  void add(const Digest& digest, Known known);
  // Registers all chunks of a dynamic index (entries of 40 bytes). Error code INDEX_ENTRIES.
  Status add_entries(ByteView entries);
  // The file of a chunk is damaged: it has to be stored again, if it is known at all.
  void doubt(const Digest& digest);

 private:
  // Makes room for `more` further digests at once.
  void reserve(std::size_t more);
  // Where `digest` is, or would be put.
  std::size_t slot(const Digest& digest) const;
  void resize(std::size_t slots);

  SipKey key_;  // secret: indexes come from outside, and must not be able to choose collisions
  std::vector<Digest> digests_;
  std::vector<Known> states_;
  std::size_t count_ = 0;
};

}  // namespace restat
