// One archive stream on its way into a store: read → cut → hash → known? → compress → store, on all cores.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/engine.h"
#include "chunk/chunk_sink.h"
#include "chunk/index_builder.h"
#include "chunk/input.h"
#include "chunk/ring.h"
#include "chunk/stream_cutter.h"
#include "chunk/zero_chunk.h"

namespace restat {

struct IngestOptions {
  std::size_t average = 4 * 1024 * 1024;  // a valid average chunk size
  bool payload = false;                   // cut where files begin
  std::size_t ring_bytes = 0;             // 0: what suits the average
  bool fixed = false;                     // an image: all chunks but the last have the average size
};

struct IngestStats {
  std::uint64_t new_chunks = 0;
  std::uint64_t new_bytes = 0;
  std::uint64_t new_encoded_bytes = 0;
  std::uint64_t known_chunks = 0;
  std::uint64_t known_bytes = 0;
  std::uint64_t injected_chunks = 0;
  std::uint64_t injected_bytes = 0;
};

// A chunk of an older stream that becomes part of this one.
struct InjectedChunk {
  std::size_t length;
  Digest digest;
};

struct IngestSummary {
  std::vector<std::uint8_t> entries;
  std::uint64_t size = 0;
  std::uint64_t chunks = 0;
  Digest checksum;
  IngestStats stats;
};

struct IngestProgress {
  std::uint64_t read = 0;  // bytes of the stream that are in the ring or past it, or zeros that need not be
  IngestStats stats;       // of the chunks that are done
};

// Nothing here waits: a job ends when there is nothing to do for it, and whoever makes something to do posts
// it again.
//  * feed (io pool, at most one): takes the next bytes of the oldest input into the ring while there is room;
//  * work (cpu pool): cuts the next chunk, which only one job does at a time, hands the cutting on, and
//  hashes and stores
//    its chunk.
// Memory: the ring, and what the sink needs for each thread of the cpu pool. The first error ends the stream:
// every promise that waits or comes later gets it. All calls are safe from any thread.
class Ingest : public std::enable_shared_from_this<Ingest> {
 public:
  using PutDone = std::function<void(Result<std::uint64_t>)>;
  using FinishDone = std::function<void(Result<IngestSummary>)>;
  using PauseDone = std::function<void(Result<std::vector<std::uint8_t>>)>;

  // Least ring for an average size: two of the largest chunks.
  static std::size_t least_ring(std::size_t average) { return 2 * 4 * average; }

  // The engine must outlive the jobs, not the object.
  static Result<std::shared_ptr<Ingest>> create(Engine& engine, std::shared_ptr<ChunkSink> sink,
                                                const IngestOptions& options);

  // Appends an input to the stream; `done` gets its outcome once all its bytes are in the ring.
  // Error codes: ABORT_ERR, INGEST_FINISHED, or what went wrong while storing.
  void put(std::unique_ptr<Input> input, PutDone done);
  // Appends chunks that the sink has (change-detection.md §8.3): the stream is cut here, and goes on behind
  // them. `done` gets 0 when all inputs before are in the ring. A chunk that is missing ends the stream.
  void inject(std::vector<InjectedChunk> chunks, PutDone done);
  // Appends so many chunks of zeros to a fixed stream, without making or reading them. `done` gets 0. Error
  // code besides those of put(): INGEST_ALIGN, where no chunk begins.
  void zeros(std::uint64_t chunks, PutDone done);
  // The end of the stream: `done` gets the index once everything is stored.
  void finish(FinishDone done);
  // Makes no new chunks until resume(). `done` gets the index entries so far, once every chunk that was made
  // is in the sink. Error codes: INGEST_PAUSED for a second call, INGEST_FINISHED, or as for put().
  void pause(PauseDone done);
  void resume();
  // Drops the stream: chunks that are stored stay in the store.
  void abort();

  // Length of the stream with all inputs that were put.
  std::uint64_t position() const;
  IngestProgress progress() const;

 private:
  // Either an input, or chunks to inject, or a number of chunks of zeros.
  struct Put {
    std::unique_ptr<Input> input;
    std::uint64_t left;
    PutDone done;
    std::vector<InjectedChunk> chunks;
    std::uint64_t zeros = 0;
  };
  struct Boundary {
    std::uint64_t position;  // bytes of data before it
    std::vector<InjectedChunk> chunks;
    std::uint64_t zeros;
  };
  struct Job {
    bool feed = false;
    bool work = false;
  };
  // Promises whose time has come.
  struct Ends {
    FinishDone finished;
    PauseDone paused;
    Result<std::vector<std::uint8_t>> entries = std::vector<std::uint8_t>{};
  };
  struct Piece {
    std::shared_ptr<Put> put;
    ByteSpan room;
  };
  struct Cut {
    std::uint64_t chunk;
    ByteView bytes;
  };

  Ingest(Engine& engine, std::shared_ptr<ChunkSink> sink, const IngestOptions& options, Ring ring)
      : engine_(engine),
        sink_(std::move(sink)),
        options_(options),
        zero_(options.average),
        ring_(std::move(ring)),
        cutter_(options.fixed ? StreamCutter::fixed(options.average) : StreamCutter(options.average)) {}

  void append(std::shared_ptr<Put> put, std::uint64_t size);
  void feed();
  std::optional<Piece> next_piece();
  void piece_done(const Piece& piece, std::size_t n, const std::vector<std::size_t>& file_starts);
  void work();
  std::optional<Cut> cut();
  void inject_now(const Boundary& boundary);
  Result<StoredChunk> take_injected(const Boundary& boundary);
  void list_injected(const Boundary& boundary, const StoredChunk& zero);
  void store(const Cut& cut);
  void chunk_done(const Cut& cut, const StoredChunk& chunk);
  void fail(const Error& error);

  // To be called with the lock held …
  bool is_over() const { return error_.has_value() || finished_; }
  bool is_fed() const { return finishing_ && puts_.empty(); }
  bool is_resting() const { return cutting_ + storing_ == 0; }
  Job claim();
  Ends claim_ends();
  FinishDone claim_finish();
  std::vector<PutDone> take_injections();
  void leave(unsigned& running);
  void release_ring();
  // … and without.
  void post(Job job);
  void complete(const Ends& ends);

  Engine& engine_;
  const std::shared_ptr<ChunkSink> sink_;
  const IngestOptions options_;
  ZeroChunk zero_;

  mutable std::mutex mutex_;
  std::optional<Ring> ring_;  // given back as soon as the stream is over
  std::deque<std::shared_ptr<Put>> puts_;
  std::vector<std::uint64_t> file_starts_;  // not yet told to the cutter
  std::deque<Boundary> boundaries_;         // not yet reached by the cutter
  StreamCutter cutter_;                     // belongs to the job that cuts
  std::uint64_t searched_ = 0;              // stream position up to which the cutter found nothing
  IndexBuilder index_;
  IngestStats stats_;
  std::uint64_t position_ = 0;
  std::uint64_t read_ = 0;
  std::uint64_t skipped_ = 0;  // zeros that are not read
  unsigned feeding_ = 0;
  unsigned cutting_ = 0;
  unsigned storing_ = 0;
  bool finishing_ = false;
  bool finished_ = false;
  FinishDone finish_done_;
  bool paused_ = false;
  PauseDone pause_done_;
  std::optional<Error> error_;
};

}  // namespace restat
