#include "extract/inode_table.h"

#include <algorithm>

namespace restat::extract {

InodeTable::Entry* InodeTable::find(std::uint64_t position) {
  const auto entry = std::lower_bound(entries_.begin(), entries_.end(), position,
                                      [](const Entry& e, std::uint64_t p) { return e.position < p; });
  return entry != entries_.end() && entry->position == position ? &*entry : nullptr;
}

bool InodeTable::add(std::uint64_t position) {
  std::lock_guard lock(mutex_);
  if (!entries_.empty() && entries_.back().position >= position) return false;
  entries_.push_back({position, 0, 0});
  return true;
}

void InodeTable::settle(std::uint64_t position, std::optional<Inode> inode) {
  std::vector<Waiter> waiters;
  {
    std::lock_guard lock(mutex_);
    Entry* entry = find(position);
    if (entry == nullptr) return;
    entry->number = inode ? inode->number : kFailed;
    entry->device = inode ? inode->device : 0;
    if (auto found = waiting_.find(position); found != waiting_.end()) {
      waiters = std::move(found->second);
      waiting_.erase(found);
    }
  }
  for (const auto& waiter : waiters) waiter(inode);
}

bool InodeTable::when_settled(std::uint64_t position, Waiter waiter) {
  std::optional<Inode> inode;
  {
    std::lock_guard lock(mutex_);
    const Entry* entry = find(position);
    if (entry == nullptr) return false;
    if (entry->number == 0) {
      waiting_[position].push_back(std::move(waiter));
      return true;
    }
    if (entry->number != kFailed) inode = Inode{entry->device, entry->number};
  }
  waiter(inode);
  return true;
}

}  // namespace restat::extract
