#include "chunk/image_input.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

namespace restat {
namespace {

class RangeInput : public Input {
 public:
  RangeInput(std::shared_ptr<const Fd> file, std::uint64_t offset, std::uint64_t size)
      : file_(std::move(file)), offset_(offset), size_(size) {}

  std::uint64_t size() const override { return size_; }

  std::size_t read(ByteSpan room, std::vector<std::size_t>&) override {
    const ByteSpan to = room.first(std::min<std::uint64_t>(room.size(), size_ - at_));
    const std::size_t n = ended_ ? 0 : read_file(to);
    if (error_) return 0;
    if (ended_) std::ranges::fill(to, std::uint8_t{0});
    const std::size_t filled = ended_ ? to.size() : n;
    at_ += filled;
    return filled;
  }

  Result<std::uint64_t> outcome() override {
    if (error_) return *error_;
    return really_there_;
  }

 private:
  std::size_t read_file(ByteSpan to) {
    ssize_t n;
    do {
      n = ::pread(file_->get(), to.data(), to.size(), static_cast<off_t>(offset_ + at_));
    } while (n < 0 && errno == EINTR);
    if (n < 0) error_ = Error::system(errno, "pread", {});
    ended_ = n == 0;
    if (n <= 0) return 0;
    really_there_ += static_cast<std::uint64_t>(n);
    return static_cast<std::size_t>(n);
  }

  std::shared_ptr<const Fd> file_;
  std::uint64_t offset_;
  std::uint64_t size_;
  std::uint64_t at_ = 0;
  std::uint64_t really_there_ = 0;
  bool ended_ = false;
  std::optional<Error> error_;
};

class PipeInput : public Input {
 public:
  PipeInput(std::shared_ptr<const Fd> pipe, CancelToken token)
      : pipe_(std::move(pipe)), token_(std::move(token)) {}

  std::uint64_t size() const override { return kUnknown; }

  std::size_t read(ByteSpan room, std::vector<std::size_t>&) override {
    while (!error_) {
      if (!is_ready()) continue;
      const ssize_t n = ::read(pipe_->get(), room.data(), room.size());
      if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (n < 0) error_ = Error::system(errno, "read", {});
      if (n <= 0) break;
      really_there_ += static_cast<std::uint64_t>(n);
      return static_cast<std::size_t>(n);
    }
    return 0;
  }

  Result<std::uint64_t> outcome() override {
    if (error_) return *error_;
    return really_there_;
  }

 private:
  // How often it looks whether anybody still wants the bytes, in milliseconds.
  static constexpr int kLook = 100;

  // Whether read() would not wait. A FIFO that nobody has opened for writing yet is not ready.
  bool is_ready() {
    if (token_.is_set()) error_ = Error::cancelled();
    pollfd wait{pipe_->get(), POLLIN, 0};
    return !error_ && ::poll(&wait, 1, kLook) > 0;
  }

  std::shared_ptr<const Fd> pipe_;
  CancelToken token_;
  std::uint64_t really_there_ = 0;
  std::optional<Error> error_;
};

}  // namespace

std::unique_ptr<Input> range_input(std::shared_ptr<const Fd> file, std::uint64_t offset, std::uint64_t size) {
  return std::make_unique<RangeInput>(std::move(file), offset, size);
}

std::unique_ptr<Input> pipe_input(std::shared_ptr<const Fd> pipe, CancelToken token) {
  return std::make_unique<PipeInput>(std::move(pipe), std::move(token));
}

}  // namespace restat
