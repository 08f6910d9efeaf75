#include "chunk/ingest.h"

#include <algorithm>
#include <utility>

namespace restat {
namespace {

constexpr std::size_t kMiB = 1024 * 1024;
// Largest read: the next one runs while the chunks before it are cut and stored.
constexpr std::size_t kPiece = kMiB;
// With small chunks a ring of two would make the stages wait for each other.
constexpr std::size_t kLeastPayloadRing = 8 * kMiB;
constexpr std::size_t kLeastMetadataRing = 4 * kMiB;
// A multiple of every page size.
constexpr std::size_t kGrain = 64 * 1024;

std::size_t ring_size(const IngestOptions& options) {
  const std::size_t least = Ingest::least_ring(options.average);
  if (options.ring_bytes != 0) return std::max(options.ring_bytes / kGrain * kGrain, least);
  return options.payload ? std::max(kLeastPayloadRing, 2 * least) : std::max(kLeastMetadataRing, least);
}

}  // namespace

Result<std::shared_ptr<Ingest>> Ingest::create(Engine& engine, std::shared_ptr<ChunkSink> sink,
                                               const IngestOptions& options) {
  auto ring = Ring::create(ring_size(options), 4 * options.average);
  if (!ring.ok()) return ring.error();
  return std::shared_ptr<Ingest>(new Ingest(engine, std::move(sink), options, std::move(ring.value())));
}

void Ingest::put(std::unique_ptr<Input> input, PutDone done) {
  const std::uint64_t size = input->size();
  append(std::make_shared<Put>(Put{std::move(input), size, std::move(done), {}}),
         size == Input::kUnknown ? 0 : size);
}

void Ingest::inject(std::vector<InjectedChunk> chunks, PutDone done) {
  std::uint64_t size = 0;
  for (const auto& chunk : chunks) size += chunk.length;
  append(std::make_shared<Put>(Put{nullptr, 0, std::move(done), std::move(chunks)}), size);
}

void Ingest::zeros(std::uint64_t chunks, PutDone done) {
  append(std::make_shared<Put>(Put{nullptr, 0, std::move(done), {}, chunks}), chunks * zero_.length());
}

void Ingest::append(std::shared_ptr<Put> put, std::uint64_t size) {
  std::unique_lock lock(mutex_);
  std::optional<Error> error = error_;
  if (!error && finishing_) error = Error::check("INGEST_FINISHED", "the stream is finished");
  if (!error && put->zeros > 0 && !(options_.fixed && position_ % zero_.length() == 0))
    error = Error::check("INGEST_ALIGN", "chunks of zeros begin where a chunk of a fixed stream does");
  if (error) {
    lock.unlock();
    return put->done(*error);
  }
  position_ += size;
  puts_.push_back(std::move(put));
  const auto injected = take_injections();
  const Job job = claim();
  lock.unlock();
  post(job);
  for (const auto& done : injected) done(0);
}

// Injections whose turn has come wait for the cutter from now on; their promises are to be fulfilled without
// the lock.
std::vector<Ingest::PutDone> Ingest::take_injections() {
  std::vector<PutDone> done;
  for (; !puts_.empty() && !puts_.front()->input; puts_.pop_front()) {
    Put& put = *puts_.front();
    boundaries_.push_back({read_, std::move(put.chunks), put.zeros});
    skipped_ += put.zeros * zero_.length();
    done.push_back(std::move(puts_.front()->done));
  }
  return done;
}

void Ingest::finish(FinishDone done) {
  std::unique_lock lock(mutex_);
  if (error_ || finishing_) {
    const Error error = error_.value_or(Error::check("INGEST_FINISHED", "the stream is finished"));
    lock.unlock();
    return done(error);
  }
  finishing_ = true;
  finish_done_ = std::move(done);
  const Job job = claim();
  const Ends ends = claim_ends();
  lock.unlock();
  post(job);
  complete(ends);
}

void Ingest::pause(PauseDone done) {
  std::unique_lock lock(mutex_);
  if (is_over() || paused_) {
    const Error error =
        error_.value_or(finished_ ? Error::check("INGEST_FINISHED", "the stream is finished")
                                  : Error::check("INGEST_PAUSED", "the stream is paused already"));
    lock.unlock();
    return done(error);
  }
  paused_ = true;
  pause_done_ = std::move(done);
  const Ends ends = claim_ends();
  lock.unlock();
  complete(ends);
}

void Ingest::resume() {
  std::unique_lock lock(mutex_);
  paused_ = false;
  const Job job = claim();
  lock.unlock();
  post(job);
}

void Ingest::abort() {
  fail(Error::cancelled());
}

std::uint64_t Ingest::position() const {
  const std::lock_guard lock(mutex_);
  return position_;
}

IngestProgress Ingest::progress() const {
  const std::lock_guard lock(mutex_);
  return {read_ + skipped_, stats_};
}

void Ingest::feed() {
  std::vector<std::size_t> file_starts;
  while (const auto piece = next_piece()) {
    file_starts.clear();
    const std::size_t n = piece->put->left > 0 ? piece->put->input->read(piece->room, file_starts) : 0;
    piece_done(*piece, n, file_starts);
  }
}

std::optional<Ingest::Piece> Ingest::next_piece() {
  if (engine_.stopping.is_set()) fail(Error::cancelled());
  const std::lock_guard lock(mutex_);
  if (is_over() || puts_.empty() || ring_->room() < Input::kMinRoom) {
    leave(feeding_);
    return std::nullopt;
  }
  const ByteSpan space = ring_->space();
  return Piece{puts_.front(), space.first(std::min(space.size(), kPiece))};
}

void Ingest::piece_done(const Piece& piece, std::size_t n, const std::vector<std::size_t>& file_starts) {
  std::unique_lock lock(mutex_);
  if (is_over()) return;
  if (options_.payload)
    for (const std::size_t start : file_starts) file_starts_.push_back(read_ + start);
  ring_->commit(n);
  read_ += n;
  piece.put->left -= n;
  if (piece.put->input->size() == Input::kUnknown) position_ += n;
  const bool ended = piece.put->left == 0 || n == 0;
  if (ended) puts_.pop_front();
  const auto injected = take_injections();
  const Job job = claim();
  const Ends ends = claim_ends();
  lock.unlock();
  post(job);
  if (ended) piece.put->done(piece.put->input->outcome());
  for (const auto& done : injected) done(0);
  complete(ends);
}

void Ingest::work() {
  if (engine_.stopping.is_set()) fail(Error::cancelled());
  const auto found = cut();
  if (found) store(*found);
}

std::optional<Ingest::Cut> Ingest::cut() {
  std::unique_lock lock(mutex_);
  if (is_over()) {
    leave(cutting_);
    return std::nullopt;
  }
  for (const std::uint64_t start : std::exchange(file_starts_, {})) cutter_.suggest(start);
  const bool forced = !boundaries_.empty();
  if (forced && boundaries_.front().position == cutter_.start()) {
    const Boundary& boundary = boundaries_.front();  // stays where it is until its chunks are in the index
    lock.unlock();
    inject_now(boundary);
    return std::nullopt;
  }
  const std::uint64_t there = (forced ? boundaries_.front().position : read_) - cutter_.start();
  const ByteView bytes = ring_->view(cutter_.start(), std::min<std::uint64_t>(there, cutter_.max()));
  const bool is_last = (forced || is_fed()) && bytes.size() == there;
  lock.unlock();

  std::size_t length = cutter_.find(bytes);
  if (length == 0 && is_last) length = bytes.size();

  lock.lock();
  std::optional<Cut> found;
  if (length > 0) {
    found = Cut{index_.open(length), bytes.first(length)};
    cutter_.advance(length);
    searched_ = cutter_.start();
    ++storing_;
  } else {
    searched_ = cutter_.start() + bytes.size();
  }
  leave(cutting_);
  const Job job = claim();
  const Ends ends = claim_ends();
  lock.unlock();
  post(job);
  complete(ends);
  return found;
}

// The cutter stands where chunks are to be injected.
void Ingest::inject_now(const Boundary& boundary) {
  auto taken = take_injected(boundary);
  if (!taken.ok()) fail(taken.error());
  std::unique_lock lock(mutex_);
  leave(cutting_);
  if (is_over()) return;
  list_injected(boundary, taken.value());
  boundaries_.pop_front();
  const Job job = claim();
  const Ends ends = claim_ends();
  lock.unlock();
  post(job);
  complete(ends);
}

// Gives the chunk of zeros, where there are any.
Result<StoredChunk> Ingest::take_injected(const Boundary& boundary) {
  for (const auto& chunk : boundary.chunks)
    if (Status reused = sink_->reuse(chunk.digest); !reused.ok()) return reused.error();
  return boundary.zeros > 0 ? zero_.store(*sink_) : StoredChunk{};
}

// To be called with the lock held.
void Ingest::list_injected(const Boundary& boundary, const StoredChunk& zero) {
  for (const auto& chunk : boundary.chunks) {
    index_.inject(chunk.length, chunk.digest);
    stats_.injected_chunks += 1;
    stats_.injected_bytes += chunk.length;
  }
  if (boundary.zeros == 0) return;
  for (std::uint64_t i = 0; i < boundary.zeros; ++i) index_.inject(zero_.length(), zero.digest);
  const std::uint64_t stored = zero.outcome.stored ? 1 : 0;
  stats_.new_chunks += stored;
  stats_.new_bytes += stored * zero_.length();
  stats_.new_encoded_bytes += zero.outcome.encoded_bytes;
  stats_.known_chunks += boundary.zeros - stored;
  stats_.known_bytes += (boundary.zeros - stored) * zero_.length();
}

void Ingest::store(const Cut& cut) {
  const bool is_zero = options_.fixed && zero_.is(cut.bytes);
  auto stored = is_zero ? zero_.store(*sink_) : sink_->store(cut.bytes);
  if (!stored.ok()) fail(stored.error());
  chunk_done(cut, stored.ok() ? stored.value() : StoredChunk{});
}

void Ingest::chunk_done(const Cut& cut, const StoredChunk& chunk) {
  std::unique_lock lock(mutex_);
  leave(storing_);
  if (is_over()) return;
  const ChunkOutcome& outcome = chunk.outcome;
  (outcome.stored ? stats_.new_chunks : stats_.known_chunks) += 1;
  (outcome.stored ? stats_.new_bytes : stats_.known_bytes) += cut.bytes.size();
  stats_.new_encoded_bytes += outcome.encoded_bytes;
  index_.settle(cut.chunk, chunk.digest);
  ring_->release(index_.data_end());
  const Job job = claim();
  const Ends ends = claim_ends();
  lock.unlock();
  post(job);
  complete(ends);
}

void Ingest::fail(const Error& error) {
  std::unique_lock lock(mutex_);
  if (is_over()) return;
  error_ = error;
  const auto puts = std::exchange(puts_, {});
  const FinishDone finish = std::exchange(finish_done_, nullptr);
  const PauseDone paused = std::exchange(pause_done_, nullptr);
  release_ring();
  lock.unlock();
  for (const auto& put : puts) put->done(error);
  if (finish) finish(error);
  if (paused) paused(error);
}

// Decides what can go on now; the caller posts it.
Ingest::Job Ingest::claim() {
  Job job;
  if (is_over()) return job;
  job.feed = feeding_ == 0 && !puts_.empty() && ring_->room() >= Input::kMinRoom;
  const bool rest = is_fed() && read_ > cutter_.start();
  job.work = !paused_ && cutting_ == 0 && (read_ > searched_ || rest || !boundaries_.empty());
  if (job.feed) feeding_ = 1;
  if (job.work) cutting_ = 1;
  return job;
}

Ingest::Ends Ingest::claim_ends() {
  Ends ends;
  ends.finished = claim_finish();
  if (!pause_done_ || !is_resting()) return ends;
  ends.paused = std::exchange(pause_done_, nullptr);
  if (finished_)
    ends.entries = Error::check("INGEST_FINISHED", "the stream is finished");
  else
    ends.entries = index_.entries();
  return ends;
}

// The promise of finish(), when everything is in the index.
Ingest::FinishDone Ingest::claim_finish() {
  const bool is_cut = boundaries_.empty() && index_.is_settled() && index_.data_end() == read_;
  if (is_over() || !is_fed() || !is_cut) return nullptr;
  finished_ = true;
  release_ring();
  return std::exchange(finish_done_, nullptr);
}

void Ingest::leave(unsigned& running) {
  --running;
  release_ring();
}

// With the last job of a stream that is over the ring goes.
void Ingest::release_ring() {
  if (is_over() && feeding_ + cutting_ + storing_ == 0) ring_.reset();
}

void Ingest::post(Job job) {
  if (job.feed) engine_.io.submit([self = shared_from_this()] { self->feed(); });
  if (job.work) engine_.cpu.submit([self = shared_from_this()] { self->work(); });
}

void Ingest::complete(const Ends& ends) {
  if (ends.paused) ends.paused(ends.entries);
  if (!ends.finished) return;
  IngestSummary summary{index_.take_entries(), index_.end(), index_.count(), index_.checksum(), stats_};
  ends.finished(std::move(summary));
}

}  // namespace restat
