#include "chunk/chunk_reader.h"

#include <algorithm>

#include "chunk/chunker.h"
#include "chunk/index_entries.h"

namespace restat {

Result<std::shared_ptr<ChunkReader>> ChunkReader::create(std::shared_ptr<ChunkLoader> loader,
                                                         ByteView entries, std::size_t cache_bytes,
                                                         std::shared_ptr<const CryptKey> key) {
  if (entries.size() % kIndexEntry != 0)
    return Error::check("INDEX_ENTRIES", "the index entries are not a multiple of 40 bytes");
  std::shared_ptr<ChunkReader> reader(new ChunkReader(std::move(loader), cache_bytes, std::move(key)));
  reader->ends_.reserve(entries.size() / kIndexEntry);
  reader->digests_.reserve(entries.size() / kIndexEntry);
  for (; !entries.empty(); entries = entries.subspan(kIndexEntry)) {
    const auto end = load_le<std::uint64_t>(entries.data());
    if (end <= reader->size())
      return Error::check("INDEX_ENTRIES", "the ends of the index entries do not ascend");
    if (end - reader->size() > kMaxChunk)
      return Error::check("INDEX_ENTRIES", "an index entry is longer than a chunk may be");
    reader->ends_.push_back(end);
    reader->digests_.push_back(digest_of(entries.subspan(kIndexEntryDigest)));
  }
  return reader;
}

std::size_t ChunkReader::find(std::uint64_t offset) const {
  return static_cast<std::size_t>(std::ranges::upper_bound(ends_, offset) - ends_.begin());
}

// Waits only for a thread that is reading the same chunk at this moment. If that one fails, the others read
// themselves: it may have been cancelled, or have expected another length.
Result<ChunkData> ChunkReader::load(std::size_t chunk, const CancelToken& token) {
  const Digest& digest = digests_[chunk];
  const auto length = static_cast<std::size_t>(end(chunk) - start(chunk));
  std::unique_lock lock(mutex_);
  loaded_.wait(lock, [&] { return !is_loading(digest); });
  if (token.is_set()) return Error::cancelled();
  if (ChunkData data = cache_.get(digest); data && data->size() == length) return data;
  loading_.push_back(digest);
  lock.unlock();
  auto plain = loader_->load({digest, length, key_.get()}, token);
  lock.lock();
  std::erase(loading_, digest);
  loaded_.notify_all();
  if (!plain.ok()) return plain.error();
  auto data = std::make_shared<const Buffer>(std::move(plain.value()));
  cache_.put(digest, data);
  return data;
}

Status ChunkReader::read(std::uint64_t offset, ByteSpan to, const CancelToken& token) {
  for (std::size_t chunk = find(offset); !to.empty(); ++chunk) {
    auto data = load(chunk, token);
    if (!data.ok()) return data.error();
    const ByteView part = ByteView(*data.value()).subspan(offset - start(chunk));
    const std::size_t n = std::min(part.size(), to.size());
    std::copy_n(part.begin(), n, to.begin());
    to = to.subspan(n);
    offset += n;
  }
  return Unit{};
}

bool ChunkReader::is_loading(const Digest& digest) const {
  return std::ranges::find(loading_, digest) != loading_.end();
}

}  // namespace restat
