#include "extract/report.h"

namespace restat::extract {

void Report::add(bool warning, std::string path, Error error) {
  ++(warning ? warnings_ : errors_);
  std::lock_guard lock(mutex_);
  const std::size_t bytes = path.size() + error.message.size() + error.path.size();
  if (kept_ >= kMaxEvents || kept_bytes_ + bytes > kMaxEventBytes) return;
  ++kept_;
  kept_bytes_ += bytes;
  events_.push_back({warning, std::move(path), std::move(error)});
}

std::vector<Event> Report::take_events() {
  std::lock_guard lock(mutex_);
  return std::exchange(events_, {});
}

Summary Report::summary() const {
  Summary s;
  s.files = files;
  s.directories = directories;
  s.symlinks = symlinks;
  s.hardlinks = hardlinks;
  s.specials = specials;
  s.skipped = skipped;
  s.bytes = bytes;
  s.errors = errors_;
  s.warnings = warnings_;
  return s;
}

}  // namespace restat::extract
