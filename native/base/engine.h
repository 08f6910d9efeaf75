// What the parts of the addon share within one JavaScript environment: the worker pools and the stop flag.
#pragma once

#include <memory>
#include <thread>

#include "base/buffer_pool.h"
#include "base/cancel.h"
#include "base/worker_pool.h"

namespace restat {

struct Engine {
  // Blocking file-system calls wait, they do not compute: more of them than cores pays (design: speed).
  static constexpr unsigned kIoThreads = 8;
  // Batches of small files that are under way at one time.
  static constexpr std::size_t kBuffers = 24 * 1024 * 1024;

  const std::shared_ptr<BufferPool> buffers = BufferPool::create(kBuffers);
  // Set when the environment goes away: long jobs end soon after.
  CancelFlag stopping;
  WorkerPool io{kIoThreads};
  WorkerPool cpu{std::thread::hardware_concurrency() > 0 ? std::thread::hardware_concurrency() : 1};

  Engine() = default;
  // Both pools are there until the jobs of both have ended: they hand work to each other.
  ~Engine() {
    stopping.set();
    io.stop();
    cpu.stop();
  }
};

}  // namespace restat
