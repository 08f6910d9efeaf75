// Which inode each regular file of the archive became: what a hard link may point to. Safe from any thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

namespace restat::extract {

struct Inode {
  std::uint64_t device;
  std::uint64_t number;
};

// 24 bytes per regular file.
class InodeTable {
 public:
  // Gets the inode, or nothing where the file could not be extracted.
  using Waiter = std::function<void(std::optional<Inode>)>;

  // A file that was submitted; false unless positions increase.
  bool add(std::uint64_t position);
  // The file is done (nothing: not extracted). Calls who waited for it.
  void settle(std::uint64_t position, std::optional<Inode> inode);
  // Calls `waiter` with the file's inode: at once, or from settle(). False: no such file.
  bool when_settled(std::uint64_t position, Waiter waiter);

 private:
  struct Entry {
    std::uint64_t position;
    std::uint64_t number;  // 0: being written; kFailed
    std::uint64_t device;
  };
  static constexpr std::uint64_t kFailed = ~std::uint64_t{0};
  Entry* find(std::uint64_t position);

  std::mutex mutex_;
  std::deque<Entry> entries_;
  std::map<std::uint64_t, std::vector<Waiter>> waiting_;
};

}  // namespace restat::extract
