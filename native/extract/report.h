// What happened: counters, and a bounded list of errors and warnings. Safe from any thread.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

#include "base/error.h"
#include "extract/options.h"

namespace restat::extract {

struct Event {
  bool warning;
  std::string path;  // relative to the target
  Error error;
};

class Report {
 public:
  // Events beyond these are only counted.
  static constexpr std::size_t kMaxEvents = 10000;
  static constexpr std::size_t kMaxEventBytes = 4u << 20;

  using Counter = std::atomic<std::uint64_t>;
  Counter files{0}, directories{0}, symlinks{0}, hardlinks{0}, specials{0}, skipped{0}, bytes{0}, written{0};

  void add(bool warning, std::string path, Error error);
  // The events since the last call.
  std::vector<Event> take_events();
  Summary summary() const;

 private:
  Counter errors_{0}, warnings_{0};
  std::mutex mutex_;
  std::vector<Event> events_;
  std::size_t kept_ = 0;
  std::size_t kept_bytes_ = 0;
};

}  // namespace restat::extract
