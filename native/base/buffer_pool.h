// Large buffers that are used again: fresh memory costs a page fault and a cleared page for every 4 KiB, and
// what comes and goes by malloc leaves a heap behind that never shrinks.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "base/bytes.h"

namespace restat {

class BufferPool;

// Owns memory that is mapped by itself; goes back to its pool, else to the system. Its contents are undefined
// at first.
class Buffer {
 public:
  Buffer() = default;
  // Without a pool. Without memory the process ends, as with new.
  explicit Buffer(std::size_t size);
  Buffer(Buffer&& other) noexcept { *this = std::move(other); }
  Buffer& operator=(Buffer&& other) noexcept;
  ~Buffer() { reset(); }

  std::uint8_t* data() { return base_ + offset_; }
  const std::uint8_t* data() const { return base_ + offset_; }
  std::size_t size() const { return size_; }
  std::uint8_t* begin() { return data(); }
  std::uint8_t* end() { return data() + size_; }
  const std::uint8_t* begin() const { return data(); }
  const std::uint8_t* end() const { return data() + size_; }

  // Only the first `size` bytes count any more.
  void shrink(std::size_t size) { size_ = size; }
  // The first `n` bytes do not count any more.
  void drop_front(std::size_t n) {
    offset_ += n;
    size_ -= n;
  }

  friend bool operator==(const Buffer& a, ByteView b);

 private:
  friend class BufferPool;
  Buffer(std::shared_ptr<BufferPool> home, std::uint8_t* base, std::size_t capacity, std::size_t size)
      : home_(std::move(home)), base_(base), capacity_(capacity), size_(size) {}
  void reset();

  std::shared_ptr<BufferPool> home_;
  std::uint8_t* base_ = nullptr;
  std::size_t capacity_ = 0;
  std::size_t offset_ = 0;
  std::size_t size_ = 0;
};

// Safe from any thread; its buffers may outlive whoever made it.
class BufferPool : public std::enable_shared_from_this<BufferPool> {
 public:
  // Buffers that nobody uses are kept as long as all buffers together have at most `limit` bytes; those in
  // use may have more.
  static std::shared_ptr<BufferPool> create(std::size_t limit);
  ~BufferPool();

  Buffer take(std::size_t size);

 private:
  friend class Buffer;
  struct Idle {
    std::uint8_t* base;
    std::size_t capacity;
  };

  explicit BufferPool(std::size_t limit) : limit_(limit) {}
  std::vector<Idle>::iterator best_fit(std::size_t capacity);
  void give_back(std::uint8_t* base, std::size_t capacity);
  std::vector<Idle> take_surplus();
  static void unmap(const std::vector<Idle>& buffers);

  const std::size_t limit_;
  std::mutex mutex_;
  std::vector<Idle> idle_;  // the last used one at the end
  std::size_t bytes_ = 0;   // of all buffers
};

}  // namespace restat
