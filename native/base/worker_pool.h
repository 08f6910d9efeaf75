// Threads that run jobs in the order they were submitted.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace restat {

class WorkerPool {
 public:
  using Job = std::function<void()>;

  // Threads are started when the first job comes.
  explicit WorkerPool(unsigned threads) : wanted_(threads) {}
  ~WorkerPool() { stop(); }
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Not to be called with a lock held that the job takes: a stopped pool runs the job in the calling thread,
  // so that jobs of one pool may hand work to another that has ended.
  void submit(Job job);
  // Runs what is queued, then joins. A job that must not run any more has to look at its own cancel flag.
  void stop();
  unsigned size() const { return wanted_; }

 private:
  void start();
  void run();

  const unsigned wanted_;
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<Job> jobs_;
  std::vector<std::thread> threads_;
  bool stopping_ = false;
};

}  // namespace restat
