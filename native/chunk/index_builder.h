// Chunks that are finished in any order become index entries in stream order.
#pragma once

#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "chunk/digest.h"
#include "chunk/index_entries.h"
#include "chunk/sha256.h"

namespace restat {

class IndexBuilder {
 public:
  // The next chunk of the stream; returns its number.
  std::uint64_t open(std::size_t length) {
    begun_data_end_ += length;
    return push(length);
  }

  // The next chunk of the stream is one whose data do not come along.
  void inject(std::size_t length, const Digest& digest) { settle(push(length), digest); }

  // The chunk's digest is known and its data are safe.
  void settle(std::uint64_t chunk, const Digest& digest) {
    auto& entry = waiting_[chunk - settled_];
    entry.digest = digest;
    entry.done = true;
    for (; !waiting_.empty() && waiting_.front().done; waiting_.pop_front(), ++settled_)
      append(waiting_.front());
  }

  bool is_settled() const { return waiting_.empty(); }
  std::uint64_t count() const { return settled_; }
  // Stream position up to which all chunks are settled, and how many bytes of data came before it.
  std::uint64_t end() const { return end_; }
  std::uint64_t data_end() const { return data_end_; }
  // SHA-256 over the entries (indexes-blobs-chunks.md §2.2). To be called last, once.
  Digest checksum() { return checksum_.finish(); }
  // Of the chunks that are settled.
  const std::vector<std::uint8_t>& entries() const { return entries_; }
  std::vector<std::uint8_t> take_entries() { return std::move(entries_); }

 private:
  struct Waiting {
    std::uint64_t end;
    std::uint64_t data_end;
    Digest digest;
    bool done;
  };

  std::uint64_t push(std::size_t length) {
    begun_end_ += length;
    waiting_.push_back({begun_end_, begun_data_end_, {}, false});
    return settled_ + waiting_.size() - 1;
  }

  void append(const Waiting& chunk) {
    std::array<std::uint8_t, kIndexEntry> entry;
    store_le(entry.data(), chunk.end);
    std::ranges::copy(chunk.digest, entry.begin() + kIndexEntryDigest);
    entries_.insert(entries_.end(), entry.begin(), entry.end());
    checksum_.update(entry);
    end_ = chunk.end;
    data_end_ = chunk.data_end;
  }

  std::deque<Waiting> waiting_;
  std::uint64_t settled_ = 0;
  std::uint64_t begun_end_ = 0;
  std::uint64_t begun_data_end_ = 0;
  std::uint64_t end_ = 0;
  std::uint64_t data_end_ = 0;
  std::vector<std::uint8_t> entries_;
  Sha256 checksum_;
};

}  // namespace restat
