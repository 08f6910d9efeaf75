// Things that worker threads make and JavaScript takes, one promise each.
#pragma once

#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>

namespace restat {

// Safe from any thread. Takers are served in the order of their calls.
template <typename T>
class HandOver {
 public:
  // Gets nothing when there will be no more.
  using Taker = std::function<void(std::optional<T>)>;

  void put(T thing) {
    std::unique_lock lock(mutex_);
    if (ended_) return;
    if (takers_.empty()) {
      things_.push_back(std::move(thing));
      return;
    }
    const Taker taker = std::move(takers_.front());
    takers_.pop_front();
    lock.unlock();
    taker(std::move(thing));
  }

  void take(Taker taker) {
    std::unique_lock lock(mutex_);
    if (things_.empty() && !ended_) {
      takers_.push_back(std::move(taker));
      return;
    }
    std::optional<T> thing;
    if (!things_.empty()) {
      thing = std::move(things_.front());
      things_.pop_front();
    }
    lock.unlock();
    taker(std::move(thing));
  }

  // Nothing is put any more; what is there can still be taken.
  void end() { close(false); }
  // What is there is dropped, too.
  void stop() { close(true); }

 private:
  void close(bool drop) {
    std::unique_lock lock(mutex_);
    ended_ = true;
    if (drop) things_.clear();
    const auto takers = std::exchange(takers_, {});
    lock.unlock();
    for (const auto& taker : takers) taker(std::nullopt);
  }

  std::mutex mutex_;
  std::deque<T> things_;
  std::deque<Taker> takers_;
  bool ended_ = false;
};

}  // namespace restat
