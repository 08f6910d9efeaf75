// Restores an archive: takes the records of its entries in order and does everything on disk with them,
// beneath one target directory. Blocks nobody; the jobs run on the engine's pools.
//
// The records are read by one job at a time (`advance`), which makes directories and what has no content
// itself, and hands files to the payload queue. Whatever ends elsewhere and could let it go on calls kick().
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "chunk/chunk_source.h"
#include "extract/context.h"
#include "extract/payload_queue.h"
#include "extract/record_room.h"

namespace restat::extract {

class Extraction : public std::enable_shared_from_this<Extraction> {
 public:
  // `source`: where the contents are; none for an archive without regular files.
  static std::shared_ptr<Extraction> create(Engine& engine, Options options,
                                            std::shared_ptr<ChunkSource> source, CancelToken token);

  // Takes a batch of records (record.h), best at most 1 MiB at a time, and calls `done` once there is room
  // for more. Error codes: RECORD, SUBMIT_PENDING (the call before has not been answered), FINISHED,
  // ABORT_ERR, or what ended the extraction.
  void submit(std::vector<std::uint8_t> records, std::function<void(Status)> done);
  // Calls `done` when everything is restored. Directories that were not closed are closed. After an end
  // before its time: with the reason, when nothing is running and no temporary name is left.
  void finish(std::function<void(Result<Summary>)> done);
  void abort();

  std::vector<Event> take_events() { return context_.report.take_events(); }
  Progress progress();

 private:
  Extraction(Engine& engine, Options options, std::shared_ptr<ChunkSource> source, CancelToken token);

  void kick();
  void run();
  void advance();
  enum class Next { record, nothing, end };
  Next next_record();
  bool process(const Record& record);
  bool process_entry(const Record& record);
  bool must_wait(Directory& directory, std::string_view name);
  void enter_target(const Record& record);
  void add_file(const std::shared_ptr<Directory>& directory, const Record& record);
  void skip(const Record& record);
  void close_all();
  void drain();
  void deliver();

  Context context_;
  PayloadQueue payload_;
  std::shared_ptr<RecordRoom> room_ = std::make_shared<RecordRoom>();

  // Only the reading job uses these.
  std::shared_ptr<Batch> batch_;
  std::size_t at_ = 0;
  std::vector<std::shared_ptr<Directory>> open_;
  bool has_target_ = false;

  std::mutex mutex_;  // of everything below
  std::deque<std::shared_ptr<Batch>> queue_;
  std::function<void(Result<Summary>)> finish_;
  bool finishing_ = false;
  bool target_done_ = false;
  bool running_ = false;
  bool again_ = false;
  std::shared_ptr<Directory> current_directory_;
  std::string current_name_;
};

}  // namespace restat::extract
