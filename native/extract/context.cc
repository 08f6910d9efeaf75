#include "extract/context.h"

namespace restat::extract {

void Context::post(WorkerPool& pool, std::function<void()> job) {
  pool.submit([keep = owner.lock(), job = std::move(job)] { job(); });
}

void Context::stop(Error reason) {
  {
    std::lock_guard lock(mutex_);
    if (!reason_) reason_ = std::move(reason);
  }
  stopped_.set();
}

Error Context::stop_reason() {
  std::lock_guard lock(mutex_);
  return reason_ ? *reason_ : Error::cancelled();
}

void Context::error(std::string path, Error error) {
  if (error.is_cancelled()) return;
  Error first = error;
  if (first.path.empty()) first.path = path;
  report.add(false, std::move(path), std::move(error));
  if (options.strict) stop(std::move(first));
}

void Context::report_problems(const std::string& path, Problems problems) {
  for (auto& problem : problems) {
    if (problem.warning) {
      report.add(true, path, std::move(problem.error));
    } else {
      error(path, std::move(problem.error));
    }
  }
}

void Context::set_last(LastFlags flags) {
  std::lock_guard lock(mutex_);
  last_.push_back(std::move(flags));
}

std::vector<LastFlags> Context::take_last() {
  std::lock_guard lock(mutex_);
  return std::exchange(last_, {});
}

}  // namespace restat::extract
