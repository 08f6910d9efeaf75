// Splits work over n items into jobs on a pool; whichever job ends last calls `done`. Nothing blocks.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>

#include "base/worker_pool.h"

namespace restat {

// Calls body(first, last, part) for consecutive ranges of at most `grain` items, then done() once, on the
// worker that finished last. With n = 0 `done` runs alone.
inline void fan_out(WorkerPool& pool, std::size_t n, std::size_t grain,
                    std::function<void(std::size_t, std::size_t, std::size_t)> body,
                    std::function<void()> done) {
  struct Shared {
    std::function<void(std::size_t, std::size_t, std::size_t)> body;
    std::function<void()> done;
    std::atomic<std::size_t> left;
    Shared(std::function<void(std::size_t, std::size_t, std::size_t)> b, std::function<void()> d,
           std::size_t n)
        : body(std::move(b)), done(std::move(d)), left(n) {}
  };
  const std::size_t parts = std::max<std::size_t>(1, (n + grain - 1) / grain);
  auto shared = std::make_shared<Shared>(std::move(body), std::move(done), parts);
  for (std::size_t part = 0; part < parts; ++part) {
    pool.submit([shared, part, n, grain] {
      const std::size_t first = part * grain;
      if (first < n) shared->body(first, std::min(n, first + grain), part);
      if (shared->left.fetch_sub(1, std::memory_order_acq_rel) == 1) shared->done();
    });
  }
}

}  // namespace restat
