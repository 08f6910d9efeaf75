// Batches of records in memory and the room they take: a submission is answered once there is room again.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/bytes.h"

namespace restat::extract {

class RecordRoom {
 public:
  static constexpr std::size_t kLimit = 4u << 20;

  void take(std::size_t bytes) {
    std::lock_guard lock(mutex_);
    used_ += bytes;
  }
  // Calls `ready` at once if there is room, else as soon as there is; one waiter at a time.
  void when_free(std::function<void()> ready) {
    {
      std::lock_guard lock(mutex_);
      if (used_ > kLimit) {
        ready_ = std::move(ready);
        return;
      }
    }
    ready();
  }
  void give_back(std::size_t bytes) {
    std::function<void()> ready;
    {
      std::lock_guard lock(mutex_);
      used_ -= bytes;
      if (used_ <= kLimit) ready = std::exchange(ready_, nullptr);
    }
    if (ready) ready();
  }
  bool waited_for() {
    std::lock_guard lock(mutex_);
    return ready_ != nullptr;
  }

 private:
  std::mutex mutex_;
  std::size_t used_ = 0;
  std::function<void()> ready_;
};

// Gives its room back when the last of its records is done.
class Batch {
 public:
  Batch(std::shared_ptr<RecordRoom> room, std::vector<std::uint8_t> bytes)
      : room_(std::move(room)), bytes_(std::move(bytes)) {
    room_->take(bytes_.size());
  }
  ~Batch() { room_->give_back(bytes_.size()); }
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  ByteView bytes() const { return bytes_; }

 private:
  std::shared_ptr<RecordRoom> room_;
  std::vector<std::uint8_t> bytes_;
};

}  // namespace restat::extract
