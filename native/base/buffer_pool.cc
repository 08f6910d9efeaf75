#include "base/buffer_pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <utility>

namespace restat {
namespace {

constexpr std::size_t kLeast = 64 * 1024;

// Four sizes between two powers of two.
std::size_t capacity_for(std::size_t size) {
  const std::size_t step = std::max(kLeast, std::bit_floor(std::max(size, kLeast)) / 4);
  return (std::max<std::size_t>(size, 1) + step - 1) / step * step;
}

std::uint8_t* map(std::size_t capacity) {
  void* base = ::mmap(nullptr, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED) std::abort();
  return static_cast<std::uint8_t*>(base);
}

}  // namespace

Buffer::Buffer(std::size_t size) : capacity_(capacity_for(size)), size_(size) {
  base_ = map(capacity_);
}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  if (this == &other) return *this;
  reset();
  home_ = std::move(other.home_);
  base_ = std::exchange(other.base_, nullptr);
  capacity_ = std::exchange(other.capacity_, 0);
  offset_ = std::exchange(other.offset_, 0);
  size_ = std::exchange(other.size_, 0);
  return *this;
}

void Buffer::reset() {
  std::uint8_t* base = std::exchange(base_, nullptr);
  if (base == nullptr) return;
  if (const auto home = std::exchange(home_, nullptr)) return home->give_back(base, capacity_);
  ::munmap(base, capacity_);
}

bool operator==(const Buffer& a, ByteView b) {
  return std::ranges::equal(a, b);
}

std::shared_ptr<BufferPool> BufferPool::create(std::size_t limit) {
  return std::shared_ptr<BufferPool>(new BufferPool(limit));
}

BufferPool::~BufferPool() {
  unmap(idle_);
}

Buffer BufferPool::take(std::size_t size) {
  const std::size_t capacity = capacity_for(size);
  std::vector<Idle> surplus;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = best_fit(capacity); found != idle_.end()) {
      const Idle idle = *found;
      idle_.erase(found);
      return Buffer(shared_from_this(), idle.base, idle.capacity, size);
    }
    bytes_ += capacity;
    surplus = take_surplus();
  }
  unmap(surplus);
  return Buffer(shared_from_this(), map(capacity), capacity, size);
}

void BufferPool::give_back(std::uint8_t* base, std::size_t capacity) {
  std::vector<Idle> surplus;
  {
    const std::lock_guard lock(mutex_);
    idle_.push_back({base, capacity});
    surplus = take_surplus();
  }
  unmap(surplus);
}

// The smallest that is large enough, but none of more than twice the size: its memory may all be there.
std::vector<BufferPool::Idle>::iterator BufferPool::best_fit(std::size_t capacity) {
  auto best = idle_.end();
  for (auto it = idle_.begin(); it != idle_.end(); ++it)
    if (it->capacity >= capacity && it->capacity <= 2 * capacity &&
        (best == idle_.end() || it->capacity <= best->capacity))
      best = it;
  return best;
}

// What has been idle longest, until the limit is kept. To be called with the lock held.
std::vector<BufferPool::Idle> BufferPool::take_surplus() {
  auto first = idle_.begin();
  for (; bytes_ > limit_ && first != idle_.end(); ++first) bytes_ -= first->capacity;
  std::vector<Idle> surplus(idle_.begin(), first);
  idle_.erase(idle_.begin(), first);
  return surplus;
}

void BufferPool::unmap(const std::vector<Idle>& buffers) {
  for (const Idle& buffer : buffers) ::munmap(buffer.base, buffer.capacity);
}

}  // namespace restat
