// Payload reads of small files, many in one call; and the opening of large ones.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/engine.h"
#include "file/read_batch.h"
#include "scan/stat.h"
#include "scan/tree.h"

namespace restat {

// Bits of ReadBatch::File::status.
enum ReadStatus : std::uint32_t {
  kReadChanged =
      1,           // size, mtime or ctime are not those of the stat record, or moved while it was read, twice
  kReadShort = 2,  // shorter than announced: the rest is zeros
  kReadLonger = 4,    // longer than announced: cut
  kReadFailed = 8,    // could not be opened or read: `error`
  kReadReplaced = 16  // another inode or type has the name now
};

struct ReadRequest {
  std::uint32_t directory;
  std::string name;
  StatRecord record;
};

// Reads record.size bytes of each file (announced sizes; the caller bounds their sum) into one batch.
// A file that moves while it is read is read once more.
void read_files(Engine& engine, std::shared_ptr<Tree> tree, std::vector<ReadRequest> requests,
                CancelToken token, std::function<void(Result<std::shared_ptr<ReadBatch>>)> done);

// Opens a regular file that must still be the stat'ed inode (else ESTALE).
Result<std::shared_ptr<Fd>> open_file(Tree& tree, const ReadRequest& request);

// The first `limit` bytes of a regular file; nothing where there is no readable regular file of that name.
Result<std::optional<std::string>> read_beginning(Tree& tree, std::uint32_t directory,
                                                  const std::string& name, std::size_t limit);

// Compares an open file with its stat record: bits of ReadStatus, 0 = as it was.
Result<std::uint32_t> compare_with_record(int fd, const StatRecord& record);

}  // namespace restat
