#include "extract/file_task.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>
#include <array>

#include "extract/directory_entry.h"
#include "extract/file_flags.h"
#include "extract/posix_acl.h"
#include "extract/sparse_write.h"

namespace restat::extract {
namespace {

constexpr std::uint64_t kPayload = 0x28147a1b0b7c1a25;

void raise_to(std::atomic<std::uint64_t>& value, std::uint64_t least) {
  std::uint64_t now = value.load();
  while (now < least && !value.compare_exchange_weak(now, least)) {
  }
}

}  // namespace

FileTask::FileTask(Context& context, std::shared_ptr<Batch> batch, Record record,
                   std::shared_ptr<Directory> directory, std::uint64_t pieces)
    : context_(context),
      batch_(std::move(batch)),
      record_(record),
      directory_(std::move(directory)),
      left_(pieces) {}

void FileTask::open() {
  if (Status status = create(); !status.ok()) fail(std::move(status.error()));
}

Status FileTask::create() {
  auto metadata = parse_metadata_of(S_IFREG, record_.body());
  if (!metadata.ok()) return metadata.error();
  metadata_ = std::make_unique<Metadata>(std::move(metadata.value()));
  auto directory = context_.directories.open(directory_);
  if (!directory.ok()) return directory.error();
  // In a directory of ours the rename finds out; where there may be much already, not after all the writing.
  if (directory_->existed && !context_.options.overwrite_files) {
    struct stat st {};
    const std::string name(record_.name());
    if (fstatat(directory.value()->get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0)
      return Error::system(EEXIST, "open", name);
  }
  auto file = create_file(std::move(directory.value()), context_.names);
  if (!file.ok()) return file.error();
  file_.emplace(std::move(file.value()));
  if (directory_->inherits_acl) fremovexattr(file_->fd.get(), kAccessAcl);
  apply_before_data(file_->fd.get(), *metadata_, problems_);
  return Unit{};
}

void FileTask::write(ByteView chunk, std::uint64_t start) {
  if (context_.stopped()) return fail(Error::cancelled());
  if (failed()) return;
  if (!file_) open();
  if (failed()) return;
  if (Status status = write_part(chunk, start); !status.ok()) fail(std::move(status.error()));
}

Status FileTask::write_part(ByteView chunk, std::uint64_t start) {
  const std::uint64_t content = begin() + kHeader;
  const std::uint64_t low = std::max(begin(), start);
  const std::uint64_t high = std::min(content + record_.size(), start + chunk.size());
  if (low < content) {
    const auto part = chunk.subspan(low - start, std::min(high, content) - low);
    if (!header_matches(part, low - begin()))
      return Error::check("PAYLOAD_HEADER", "the payload stream holds no content of this size there");
  }
  const std::uint64_t from = std::max(low, content);
  if (from >= high) return Unit{};
  const auto data = chunk.subspan(from - start, high - from);
  const auto end = write_sparse(file_->fd.get(), data, from - content);
  if (!end.ok()) return end.error();
  raise_to(written_end_, end.value());
  context_.report.written += data.size();
  return Unit{};
}

bool FileTask::header_matches(ByteView part, std::uint64_t from) const {
  std::array<std::uint8_t, kHeader> header;
  store_le<std::uint64_t>(header.data(), kPayload);
  store_le<std::uint64_t>(header.data() + 8, kHeader + record_.size());
  return std::equal(part.begin(), part.end(), header.begin() + static_cast<std::ptrdiff_t>(from));
}

void FileTask::fail(Error error) {
  std::lock_guard lock(mutex_);
  if (!error_) error_ = std::move(error);
  failed_.store(true, std::memory_order_release);
}

void FileTask::pieces_done(std::uint64_t n) {
  if (left_.fetch_sub(n) == n) conclude();
}

Result<Inode> FileTask::finish(Problems& problems) {
  const int fd = file_->fd.get();
  if (written_end_.load() < record_.size() && ftruncate(fd, static_cast<off_t>(record_.size())) != 0)
    return Error::system(errno, "ftruncate", {});
  apply_metadata(fd, InodeType::file, *metadata_, context_.options, problems);
  struct stat st {};
  if (fstat(fd, &st) != 0) return Error::system(errno, "fstat", {});
  const Status status = file_->name.publish(std::string(record_.name()), context_.options.overwrite_files);
  if (!status.ok()) return status.error();
  return Inode{st.st_dev, st.st_ino};
}

void FileTask::conclude() {
  std::optional<Inode> inode;
  if (!failed() && context_.stopped()) fail(Error::cancelled());
  if (!failed()) {
    auto finished = finish(problems_);
    if (finished.ok()) {
      inode = finished.value();
    } else {
      fail(std::move(finished.error()));
    }
  }
  file_.reset();
  if (inode) {
    ++context_.report.files;
    context_.report.bytes += record_.size();
    if (!problems_.empty())
      context_.report_problems(directory_->path(record_.name()), std::exchange(problems_, {}));
    if (const auto last = flags_of(FlagStage::last, metadata_->flags); last != 0)
      context_.set_last({directory_, std::string(record_.name()), last, *inode});
  } else if (!error_->is_cancelled()) {
    context_.error(directory_->path(record_.name()), *error_);
  }
  context_.inodes.settle(record_.position(), inode);
  release(context_, directory_);
}

}  // namespace restat::extract
