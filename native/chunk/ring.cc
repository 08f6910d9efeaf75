#include "chunk/ring.h"

#include <sys/mman.h>

#include <algorithm>
#include <utility>

#include "base/fd.h"

namespace restat {
namespace {

bool map_at(std::uint8_t* at, std::size_t length, int fd) {
  return ::mmap(at, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) != MAP_FAILED;
}

}  // namespace

Result<Ring> Ring::create(std::size_t capacity, std::size_t mirror) {
  const Fd memory(::memfd_create("restat-ring", MFD_CLOEXEC));
  if (!memory) return Error::system(errno, "memfd_create", {});
  if (::ftruncate(memory.get(), static_cast<off_t>(capacity)) != 0)
    return Error::system(errno, "ftruncate", {});
  void* base =
      ::mmap(nullptr, capacity + mirror, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) return Error::system(errno, "mmap", {});
  Ring ring(static_cast<std::uint8_t*>(base), capacity, mirror);
  if (!map_at(ring.base_, capacity, memory.get()) || !map_at(ring.base_ + capacity, mirror, memory.get()))
    return Error::system(errno, "mmap", {});
  return ring;
}

Ring::Ring(Ring&& other) noexcept
    : base_(std::exchange(other.base_, nullptr)),
      capacity_(other.capacity_),
      mirror_(other.mirror_),
      head_(other.head_),
      tail_(other.tail_) {}

Ring::~Ring() {
  if (base_ != nullptr) ::munmap(base_, capacity_ + mirror_);
}

ByteSpan Ring::space() {
  const auto offset = static_cast<std::size_t>(head_ % capacity_);
  return {base_ + offset, std::min(room(), capacity_ + mirror_ - offset)};
}

ByteView Ring::view(std::uint64_t position, std::size_t length) const {
  return {base_ + position % capacity_, length};
}

}  // namespace restat
