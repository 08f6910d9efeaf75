// Decoded chunks by digest, bounded in bytes: the least recently used go first. Not locked.
#pragma once

#include <list>
#include <unordered_map>

#include "base/bytes.h"
#include "chunk/chunk_source.h"
#include "chunk/digest.h"

namespace restat {

class ChunkCache {
 public:
  explicit ChunkCache(std::size_t limit) : limit_(limit) {}

  // Null where there is none.
  ChunkData get(const Digest& digest) {
    const auto found = places_.find(digest);
    if (found == places_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->data;
  }

  void put(const Digest& digest, ChunkData data) {
    if (const auto found = places_.find(digest); found != places_.end()) drop(found->second);
    if (data->size() > limit_) return;
    bytes_ += data->size();
    entries_.push_front({digest, std::move(data)});
    places_[digest] = entries_.begin();
    while (bytes_ > limit_) drop(std::prev(entries_.end()));
  }

 private:
  struct Entry {
    Digest digest;
    ChunkData data;
  };
  using Place = std::list<Entry>::iterator;
  // What is in the cache was verified, so its digests cannot be chosen to collide.
  struct Hash {
    std::size_t operator()(const Digest& digest) const { return load_le<std::size_t>(digest.data()); }
  };

  void drop(Place place) {
    bytes_ -= place->data->size();
    places_.erase(place->digest);
    entries_.erase(place);
  }

  const std::size_t limit_;
  std::size_t bytes_ = 0;
  std::list<Entry> entries_;
  std::unordered_map<Digest, Place, Hash> places_;
};

}  // namespace restat
