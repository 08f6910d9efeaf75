#include "chunk/input.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

namespace restat {
namespace {

void put_header(ByteSpan room, std::uint64_t size) {
  store_le(room.data(), kPayloadItem);
  store_le(room.data() + sizeof kPayloadItem, size + kPayloadHeader);
}

class BytesInput : public Input {
 public:
  explicit BytesInput(std::vector<std::uint8_t> bytes) : bytes_(std::move(bytes)) {}

  std::uint64_t size() const override { return bytes_.size(); }

  std::size_t read(ByteSpan room, std::vector<std::size_t>&) override {
    const ByteView rest = ByteView(bytes_).subspan(at_);
    const std::size_t n = std::min(rest.size(), room.size());
    std::copy_n(rest.begin(), n, room.begin());
    at_ += n;
    return n;
  }

  Result<std::uint64_t> outcome() override { return std::uint64_t{bytes_.size()}; }

 private:
  std::vector<std::uint8_t> bytes_;
  std::size_t at_ = 0;
};

class MixedInput : public Input {
 public:
  MixedInput(std::shared_ptr<const ReadBatch> batch, std::vector<std::uint32_t> indexes,
             std::vector<std::uint8_t> bytes, std::vector<std::uint32_t> ends)
      : batch_(std::move(batch)),
        indexes_(std::move(indexes)),
        bytes_(std::move(bytes)),
        ends_(std::move(ends)) {
    for (const std::uint32_t index : indexes_) contents_ += batch_->contents(index).size();
  }

  std::uint64_t size() const override { return bytes_.size() + contents_ + indexes_.size() * kPayloadHeader; }

  std::size_t read(ByteSpan room, std::vector<std::size_t>& file_starts) override {
    std::size_t filled = 0;
    for (;; ++next_, in_file_ = 0) {
      const bool is_rest = next_ == indexes_.size();
      const std::size_t end = is_rest ? bytes_.size() : ends_[next_];
      filled += copy(ByteView(bytes_).first(end).subspan(at_), room.subspan(filled), at_);
      if (is_rest || at_ < end || !read_file(room, filled, file_starts)) return filled;
    }
  }

  Result<std::uint64_t> outcome() override { return contents_; }

 private:
  // Moves `at` on by what fits.
  static std::size_t copy(ByteView from, ByteSpan to, std::size_t& at) {
    const std::size_t n = std::min(from.size(), to.size());
    std::copy_n(from.begin(), n, to.begin());
    at += n;
    return n;
  }

  // False when `room` is full before the end of the file whose turn it is.
  bool read_file(ByteSpan room, std::size_t& filled, std::vector<std::size_t>& file_starts) {
    const ByteView contents = batch_->contents(indexes_[next_]);
    if (in_file_ == 0) {
      if (room.size() - filled < kPayloadHeader) return false;
      put_header(room.subspan(filled), contents.size());
      file_starts.push_back(filled);
      filled += kPayloadHeader;
      in_file_ = kPayloadHeader;
    }
    filled += copy(contents.subspan(in_file_ - kPayloadHeader), room.subspan(filled), in_file_);
    return in_file_ == kPayloadHeader + contents.size();
  }

  std::shared_ptr<const ReadBatch> batch_;
  std::vector<std::uint32_t> indexes_;
  std::vector<std::uint8_t> bytes_;
  std::vector<std::uint32_t> ends_;
  std::uint64_t contents_ = 0;
  std::size_t at_ = 0;  // bytes that were delivered
  std::size_t next_ = 0;
  std::size_t in_file_ = 0;  // bytes of the current file that were delivered, header included
};

class FileInput : public Input {
 public:
  FileInput(std::shared_ptr<const Fd> file, std::uint64_t size) : file_(std::move(file)), size_(size) {}

  std::uint64_t size() const override { return size_ + kPayloadHeader; }

  std::size_t read(ByteSpan room, std::vector<std::size_t>& file_starts) override {
    std::size_t filled = 0;
    if (!begun_) {
      begun_ = true;
      ::posix_fadvise(file_->get(), 0, static_cast<off_t>(size_), POSIX_FADV_SEQUENTIAL);
      put_header(room, size_);
      file_starts.push_back(0);
      filled = kPayloadHeader;
    }
    const ByteSpan to = room.subspan(filled, std::min<std::uint64_t>(room.size() - filled, size_ - at_));
    const std::size_t n = to.empty() || ended_ ? 0 : read_file(to);
    if (ended_) std::ranges::fill(to.subspan(n), std::uint8_t{0});
    at_ += ended_ ? to.size() : n;
    return filled + (ended_ ? to.size() : n);
  }

  Result<std::uint64_t> outcome() override {
    if (error_) return *error_;
    return really_there_;
  }

 private:
  std::size_t read_file(ByteSpan to) {
    ssize_t n;
    do {
      n = ::pread(file_->get(), to.data(), to.size(), static_cast<off_t>(at_));
    } while (n < 0 && errno == EINTR);
    // No other call of a stream reports as pread: who backs up tells the source from the store by it.
    if (n < 0) error_ = Error::system(errno, "pread", {});
    ended_ = n <= 0;
    if (ended_) return 0;
    really_there_ += static_cast<std::uint64_t>(n);
    return static_cast<std::size_t>(n);
  }

  std::shared_ptr<const Fd> file_;
  std::uint64_t size_;
  std::uint64_t at_ = 0;
  std::uint64_t really_there_ = 0;
  bool begun_ = false;
  bool ended_ = false;
  std::optional<Error> error_;
};

}  // namespace

std::unique_ptr<Input> bytes_input(std::vector<std::uint8_t> bytes) {
  return std::make_unique<BytesInput>(std::move(bytes));
}

std::unique_ptr<Input> batch_input(std::shared_ptr<const ReadBatch> batch,
                                   std::vector<std::uint32_t> indexes) {
  std::vector<std::uint32_t> ends(indexes.size());
  return mixed_input(std::move(batch), std::move(indexes), {}, std::move(ends));
}

std::unique_ptr<Input> mixed_input(std::shared_ptr<const ReadBatch> batch, std::vector<std::uint32_t> indexes,
                                   std::vector<std::uint8_t> bytes, std::vector<std::uint32_t> ends) {
  return std::make_unique<MixedInput>(std::move(batch), std::move(indexes), std::move(bytes),
                                      std::move(ends));
}

std::unique_ptr<Input> file_input(std::shared_ptr<const Fd> file, std::uint64_t size) {
  return std::make_unique<FileInput>(std::move(file), size);
}

}  // namespace restat
