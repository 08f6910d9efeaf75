// What all parts of one extraction share. Lives as long as the extraction's jobs.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/cancel.h"
#include "base/engine.h"
#include "extract/apply.h"
#include "extract/directory.h"
#include "extract/inode_table.h"
#include "extract/options.h"
#include "extract/report.h"
#include "extract/temporary.h"

namespace restat::extract {

// Immutable and append-only flags that are set at the very end.
struct LastFlags {
  std::shared_ptr<Directory> directory;
  std::string name;  // empty: the directory itself
  std::uint64_t flags;
  Inode inode;
};

class Context {
 public:
  Context(Engine& engine, Options options, CancelToken token)
      : engine(engine), options(std::move(options)), token(std::move(token)) {}

  Engine& engine;
  const Options options;
  const CancelToken token;
  Report report;
  DirectoryTable directories;
  InodeTable inodes;
  TemporaryNames names;
  // Something happened that the reader of records may wait for.
  std::function<void()> kick;
  // Everything in the target is done.
  std::function<void()> target_done;
  // Keeps the extraction alive while a job is queued or runs.
  std::weak_ptr<void> owner;

  void post(WorkerPool& pool, std::function<void()> job);

  bool stopped() const { return stopped_.is_set() || token.is_set(); }
  // Ends the extraction: nothing new is begun, what is begun is taken back. The first reason counts.
  void stop(Error reason);
  Error stop_reason();

  // Counts and keeps an error event; with `strict` it ends the extraction. Aborts are no events.
  void error(std::string path, Error error);
  void report_problems(const std::string& path, Problems problems);

  void set_last(LastFlags flags);
  std::vector<LastFlags> take_last();

 private:
  CancelFlag stopped_;
  std::mutex mutex_;
  std::optional<Error> reason_;
  std::vector<LastFlags> last_;
};

}  // namespace restat::extract
