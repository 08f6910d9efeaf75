#include "base/buffer_pool.h"

#include <algorithm>
#include <thread>
#include <vector>

#include "test/check.h"

using namespace restat;

TEST("a buffer that was given back is used again for about the same size") {
  const auto pool = BufferPool::create(1 << 20);
  const std::uint8_t* first = nullptr;
  {
    const Buffer buffer = pool->take(300000);
    first = buffer.data();
  }
  CHECK(pool->take(310000).data() == first);
  CHECK(pool->take(600000).data() != first);
  CHECK(pool->take(100000).data() != first);
}

TEST("two buffers in use never share memory") {
  const auto pool = BufferPool::create(1 << 20);
  Buffer a = pool->take(100);
  Buffer b = pool->take(100);
  std::ranges::fill(a, std::uint8_t{1});
  std::ranges::fill(b, std::uint8_t{2});
  CHECK(std::ranges::all_of(a, [](std::uint8_t byte) { return byte == 1; }));
}

TEST("nothing is kept beyond the limit") {
  const auto pool = BufferPool::create(0);
  { const Buffer buffer = pool->take(100000); }
  // Fresh memory is zero; memory that was kept would not be.
  Buffer dirty = pool->take(100000);
  std::ranges::fill(dirty, std::uint8_t{7});
  dirty = Buffer();
  CHECK(std::ranges::all_of(pool->take(100000), [](std::uint8_t byte) { return byte == 0; }));
}

TEST("a buffer outlives its pool's owner, and views move with it") {
  Buffer buffer = BufferPool::create(1 << 20)->take(10);
  std::ranges::fill(buffer, std::uint8_t{3});
  buffer.data()[4] = 9;
  buffer.drop_front(4);
  buffer.shrink(2);
  const Buffer moved = std::move(buffer);
  CHECK(moved == std::vector<std::uint8_t>({9, 3}));
}

TEST("threads take and give back at once") {
  const auto pool = BufferPool::create(256 * 1024);
  std::vector<std::jthread> threads;
  for (std::uint8_t id = 1; id <= 4; ++id)
    threads.emplace_back([&pool, id] {
      for (std::size_t i = 0; i < 200; ++i) {
        Buffer buffer = pool->take(1 + i * 997 % 200000);
        std::ranges::fill(buffer, id);
        CHECK(std::ranges::all_of(buffer, [id](std::uint8_t byte) { return byte == id; }));
      }
    });
}
