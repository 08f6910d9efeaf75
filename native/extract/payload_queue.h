// Groups files by the chunks that hold their contents: a chunk is loaded once for all neighbours in it,
// several are in flight, small files are written in batches, and several large files at once: a file system
// lets one thread at a time write to a file.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "chunk/chunk_source.h"
#include "extract/context.h"
#include "extract/file_task.h"

namespace restat::extract {

// The first and the last chunk of a file's header and content.
struct ChunkRange {
  std::size_t first;
  std::size_t last;
  std::uint64_t count() const { return last - first + 1; }
};

// Only one thread at a time may call it; its jobs run on the pools.
class PayloadQueue {
 public:
  static constexpr std::uint64_t kMaxBytes = 48u << 20;
  static constexpr std::size_t kMaxGroups = 64;
  static constexpr std::size_t kFilesPerJob = 128;
  // Large files in more chunks than this are long; so many of them are written side by side.
  static constexpr std::uint64_t kLongChunks = 8;
  static constexpr std::size_t kLongFiles = 4;

  PayloadQueue(Context& context, std::shared_ptr<ChunkSource> source)
      : context_(context), source_(std::move(source)) {}

  // Where `size` bytes of content behind the header at `payload` lie. Error code PAYLOAD_RANGE.
  Result<ChunkRange> locate(std::uint64_t payload, std::uint64_t size) const;
  // Takes a file; advance() has to have said that the one before is placed.
  void add(std::shared_ptr<FileTask> file, ChunkRange range);
  // Places the file, or some of a long one, in the groups of its chunks. False: no room now; the context is
  // kicked when there is.
  bool advance();
  // Places and starts everything that was added. False as with advance().
  bool flush();
  // Gives up what was not started.
  void discard();

 private:
  struct Group {
    std::size_t chunk;
    std::uint64_t start;
    std::uint64_t size;
    std::vector<std::shared_ptr<FileTask>> files;
    ChunkData data;
    std::atomic<std::size_t> left{0};
  };
  struct Cursor {
    std::shared_ptr<FileTask> file;
    std::size_t next;
    std::size_t last;
  };

  std::shared_ptr<Group> group_of(std::size_t chunk) const;
  bool place_long();
  bool start_open();
  bool start(const std::shared_ptr<Group>& group);
  void abandon(const Cursor& rest);
  void load(const std::shared_ptr<Group>& group);
  void fail_all(Group& group, Error error);
  void write_files(Group& group, std::size_t from, std::size_t to);
  void finished(Group& group);

  Context& context_;
  const std::shared_ptr<ChunkSource> source_;
  std::optional<Cursor> cursor_;
  std::deque<Cursor> long_;  // the one whose turn it is first
  std::shared_ptr<Group> open_;
  std::mutex mutex_;
  std::size_t groups_in_flight_ = 0;
  std::uint64_t bytes_in_flight_ = 0;
};

}  // namespace restat::extract
