#include "chunk/chunk_store.h"

#include "base/fan_out.h"
#include "chunk/index_entries.h"

namespace restat {
namespace {

// Somebody else may store or remove the same chunk between our look and our write; not over and over.
constexpr int kAttempts = 4;
constexpr std::size_t kProbesAtOnce = 1024;

}  // namespace

Result<std::shared_ptr<ChunkStore>> ChunkStore::open(const std::string& path, const ChunkFileOptions& options,
                                                     std::size_t idle_bytes,
                                                     std::shared_ptr<const CryptKey> key) {
  auto files = ChunkFiles::open(path, options);
  if (!files.ok()) return files.error();
  return std::shared_ptr<ChunkStore>(new ChunkStore(std::move(files.value()), idle_bytes, std::move(key)));
}

Status ChunkStore::add_known(ByteView entries) {
  const std::lock_guard lock(mutex_);
  return known_.add_entries(entries);
}

Result<ChunkOutcome> ChunkStore::accept(const Digest& digest, ByteView plain) {
  auto touched = touch_known(digest);
  if (!touched.ok()) return touched.error();
  if (touched.value()) return ChunkOutcome{};
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    auto existing = examine(digest, plain.size());
    if (!existing.ok()) return existing.error();
    if (existing.value() == Existing::good) {
      auto kept = keep(digest);
      if (!kept.ok()) return kept.error();
      if (kept.value()) return ChunkOutcome{};
    }
    auto written = write(digest, plain, existing.value() == Existing::bad);
    if (written.ok()) confirm(digest);
    if (written.ok() || written.error().number != EEXIST) return written;
  }
  return Error::check("CHUNK_CONTENDED",
                      "chunk " + to_hex(digest) + " appears and disappears while it is stored");
}

Status ChunkStore::reuse(const Digest& digest) {
  auto there = has(digest);
  if (there.ok() && there.value()) there = files_->touch(digest);
  if (!there.ok()) return there.error();
  if (!there.value()) return Error::check("CHUNK_MISSING", "chunk " + to_hex(digest) + " is missing");
  return Unit{};
}

Result<bool> ChunkStore::has(const Digest& digest) const {
  return files_->is_there(digest);
}

Result<Buffer> ChunkStore::load(const ChunkWish& wish, const CancelToken& token) {
  if (token.is_set()) return Error::cancelled();
  const Digest& digest = wish.digest;
  auto encoded = files_->read(digest, *buffers_);
  auto plain = encoded.ok()
                   ? decode_blob(std::move(encoded.value()),
                                 {.digest = digest, .length = wish.length, .key = wish.key}, *buffers_)
                   : std::move(encoded);
  if (plain.ok()) return plain;
  doubt(digest);
  const Error& error = plain.error();
  if (error.number == ENOENT) return Error::check("CHUNK_MISSING", "chunk " + to_hex(digest) + " is missing");
  if (error.number != 0) return error;
  return damaged(digest, error);
}

// False: not known, or its file is gone.
Result<bool> ChunkStore::touch_known(const Digest& digest) {
  const Known state = known(digest);
  if (state == Known::no || state == Known::doubted) return false;
  if (state == Known::registered) {
    auto there = files_->is_there(digest);
    if (!there.ok() || !there.value()) return there;
  }
  auto touched = files_->touch(digest);
  if (touched.ok() && touched.value()) confirm(digest);
  return touched;
}

// Takes a file that was found good, whoever wrote it. False: it is gone meanwhile.
Result<bool> ChunkStore::keep(const Digest& digest) {
  auto durable = files_->make_durable(digest);
  if (!durable.ok() || !durable.value()) return durable;
  confirm(digest);
  return touch_known(digest);
}

// An encrypted file cannot be told from a bad one without its key, and is never kept for a plain chunk.
Result<ChunkStore::Existing> ChunkStore::examine(const Digest& digest, std::size_t length) const {
  auto encoded = files_->read(digest, *buffers_);
  if (encoded.ok())
    return decode_blob(std::move(encoded.value()), {.digest = digest, .length = length, .key = key_.get()},
                       *buffers_)
                   .ok()
               ? Existing::good
               : Existing::bad;
  const Error& error = encoded.error();
  if (error.number == ENOENT) return Existing::missing;
  if (error.number == EIO || error.code == "CHUNK_SIZE") return Existing::bad;
  return error;
}

Result<ChunkOutcome> ChunkStore::write(const Digest& digest, ByteView plain, bool replace) {
  return encoders_.with([&](BlobEncoder& encoder) -> Result<ChunkOutcome> {
    const auto blob = encoder.encode(plain);
    if (!blob.ok()) return blob.error();
    if (Status written = files_->write(digest, blob.value(), replace); !written.ok()) return written.error();
    return ChunkOutcome{true, blob.value().size()};
  });
}

void probe_chunks(Engine& engine, std::shared_ptr<const ChunkStore> store, std::vector<std::uint8_t> entries,
                  std::function<void(Result<std::vector<std::uint8_t>>)> done) {
  struct Job {
    std::vector<std::uint8_t> entries;
    std::vector<std::uint8_t> found;
  };
  auto job = std::make_shared<Job>();
  job->entries = std::move(entries);
  const std::size_t count = job->entries.size() / kIndexEntry;
  job->found.resize(count);
  auto body = [job, store = std::move(store)](std::size_t first, std::size_t last, std::size_t) {
    for (std::size_t i = first; i < last; ++i) {
      const auto there =
          store->has(digest_of(ByteView(job->entries).subspan(i * kIndexEntry + kIndexEntryDigest)));
      job->found[i] = there.ok() && there.value() ? 1 : 0;
    }
  };
  fan_out(engine.io, count, kProbesAtOnce, std::move(body),
          [job, done = std::move(done)] { done(std::move(job->found)); });
}

Known ChunkStore::known(const Digest& digest) {
  const std::lock_guard lock(mutex_);
  return known_.find(digest);
}

void ChunkStore::confirm(const Digest& digest) {
  const std::lock_guard lock(mutex_);
  known_.add(digest, Known::confirmed);
}

void ChunkStore::doubt(const Digest& digest) {
  const std::lock_guard lock(mutex_);
  known_.doubt(digest);
}

}  // namespace restat
