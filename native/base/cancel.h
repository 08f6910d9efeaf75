// Flags that several threads look at: set once, never cleared.
#pragma once

#include <atomic>
#include <memory>
#include <utility>

namespace restat {

class CancelFlag {
 public:
  void set() { set_.store(true, std::memory_order_release); }
  bool is_set() const { return set_.load(std::memory_order_acquire); }

 private:
  std::atomic<bool> set_{false};
};

// What a job asks now and then: was this call aborted, or is the whole environment going away?
class CancelToken {
 public:
  CancelToken() = default;
  CancelToken(std::shared_ptr<const CancelFlag> own, const CancelFlag* environment)
      : own_(std::move(own)), environment_(environment) {}

  bool is_set() const {
    return (own_ && own_->is_set()) || (environment_ != nullptr && environment_->is_set());
  }

 private:
  std::shared_ptr<const CancelFlag> own_;
  const CancelFlag* environment_ = nullptr;
};

}  // namespace restat
