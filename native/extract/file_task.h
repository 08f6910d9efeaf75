// One regular file on its way: a temporary file that gets its content from one or more chunks, its metadata
// from whoever writes the last piece, and only then its name.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>

#include "extract/context.h"
#include "extract/record.h"
#include "extract/record_room.h"

namespace restat::extract {

class FileTask {
 public:
  // The PAYLOAD header in front of the content (pxar.md §3.14).
  static constexpr std::uint64_t kHeader = 16;

  // `pieces`: how often pieces_done() counts before the file is concluded.
  FileTask(Context& context, std::shared_ptr<Batch> batch, Record record,
           std::shared_ptr<Directory> directory, std::uint64_t pieces);

  // Where header and content begin in the payload stream.
  std::uint64_t begin() const { return record_.payload(); }

  // Makes the temporary file. Before pieces come from several threads; else the first write does it.
  void open();
  // Checks and writes the part of the file that lies in the chunk at `start` of the payload stream.
  void write(ByteView chunk, std::uint64_t start);
  // The file is not wanted any more; the first error is reported in the end.
  void fail(Error error);
  bool failed() const { return failed_.load(std::memory_order_acquire); }
  // Pieces that were written or given up. The last one finishes the file or removes it.
  void pieces_done(std::uint64_t n);

 private:
  Status create();
  Status write_part(ByteView chunk, std::uint64_t start);
  bool header_matches(ByteView part, std::uint64_t from) const;
  Result<Inode> finish(Problems& problems);
  void conclude();

  Context& context_;
  const std::shared_ptr<Batch> batch_;
  const Record record_;
  const std::shared_ptr<Directory> directory_;
  std::optional<NewFile> file_;
  std::unique_ptr<Metadata> metadata_;
  Problems problems_;
  std::atomic<std::uint64_t> left_;
  std::atomic<std::uint64_t> written_end_{0};
  std::atomic<bool> failed_{false};
  std::mutex mutex_;
  std::optional<Error> error_;
};

}  // namespace restat::extract
