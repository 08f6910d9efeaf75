// Directories that the extraction works in, and a bounded set of descriptors for them.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/fd.h"

namespace restat::extract {

using DirectoryHandle = std::shared_ptr<const Fd>;

// One directory of the archive, from its record until everything in it is done.
struct Directory {
  std::shared_ptr<Directory> parent;  // none: the target itself
  std::string name;
  std::uint32_t id = 0;
  unsigned depth = 0;
  std::vector<std::uint8_t> body;  // metadata items; empty: the directory's metadata stays as it is
  bool failed = false;             // could not be made: what is below is skipped
  bool existed = false;
  bool inherits_acl = false;  // has a default ACL that new entries must not keep
  dev_t device = 0;
  ino_t inode = 0;
  std::string greatest_name;  // of its entries so far; only the thread that reads the records looks
  // Entries that are not done, and one while the directory is not closed.
  std::atomic<std::uint32_t> pending{1};
  // Set while the records wait for the entries so far.
  std::atomic<bool> waited_for{false};

  Directory() = default;
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory();

  // Path of the directory, or of an entry in it, relative to the target.
  std::string path(std::string_view entry = {}) const;

 private:
  friend class DirectoryTable;
  DirectoryHandle handle_;
  std::list<std::shared_ptr<Directory>>::iterator place_;
};

// Keeps the descriptors that were used last; opens the others again through their parents. Safe from any
// thread.
class DirectoryTable {
 public:
  static constexpr std::size_t kMaxOpen = 256;

  // Takes the descriptor of a directory that was just made or found. The target's is kept for ever.
  DirectoryHandle keep(const std::shared_ptr<Directory>& directory, Fd fd);
  // Error code DIRECTORY_CHANGED where another directory stands in its place now.
  Result<DirectoryHandle> open(const std::shared_ptr<Directory>& directory);
  // The directory is done: no descriptor is needed for it.
  void forget(Directory& directory);

 private:
  DirectoryHandle keep_locked(const std::shared_ptr<Directory>& directory, Fd fd);
  Result<DirectoryHandle> reopen(const std::shared_ptr<Directory>& directory, int parent);

  std::mutex mutex_;
  std::list<std::shared_ptr<Directory>> recent_;  // the one used last stands first
};

}  // namespace restat::extract
