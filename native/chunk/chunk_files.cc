#include "chunk/chunk_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <cstdio>
#include <cstdlib>
#include <random>

namespace restat {
namespace {

constexpr std::size_t kDirectories = 65536;
constexpr mode_t kDirectoryMode = 0750;
constexpr mode_t kFileMode = 0640;

std::string prefix_of(const Digest& digest) {
  return to_hex(digest).substr(0, 4);
}

std::string name_of(const Digest& digest) {
  const std::string hex = to_hex(digest);
  return hex.substr(0, 4) + '/' + hex;
}

// Garbage collection and the next backup recognise it when a crash leaves it behind.
std::string temporary_name(const std::string& name) {
  std::random_device device;
  char suffix[64];
  std::snprintf(suffix, sizeof suffix, ".%d.%08x%08x.tmp_restat", ::getpid(), device(), device());
  return name + suffix;
}

bool lacks_tmpfile(int error) {
  return error == EOPNOTSUPP || error == EISDIR || error == EINVAL;
}

std::string proc_path(int fd) {
  return "/proc/self/fd/" + std::to_string(fd);
}

// Writes header and body; returns false with errno set.
bool write_all(int fd, const EncodedBlob& blob) {
  std::size_t done = 0;
  while (done < blob.size()) {
    const std::size_t head = std::min(done, blob.header.size());
    const ByteView rest = blob.body.subspan(done - head);
    const iovec parts[2]{{const_cast<std::uint8_t*>(blob.header.data()) + head, blob.header.size() - head},
                         {const_cast<std::uint8_t*>(rest.data()), rest.size()}};
    const ssize_t n = ::writev(fd, parts, 2);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    done += static_cast<std::size_t>(n);
  }
  return true;
}

}  // namespace

struct ChunkFiles::Target {
  std::string prefix;
  std::string name;
  bool replace;
};

Result<std::unique_ptr<ChunkFiles>> ChunkFiles::open(const std::string& path,
                                                     const ChunkFileOptions& options) {
  const std::string chunks = path + "/.chunks";
  Fd root(::open(chunks.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root) return Error::system(errno, "open", chunks);
  return std::unique_ptr<ChunkFiles>(new ChunkFiles(std::move(root), chunks, options));
}

ChunkFiles::ChunkFiles(Fd root, std::string path, const ChunkFileOptions& options)
    : root_(std::move(root)),
      path_(std::move(path)),
      options_(options),
      unnamed_(options.unnamed),
      directory_ready_(new std::atomic<bool>[kDirectories]()) {}

Result<Buffer> ChunkFiles::read(const Digest& digest, BufferPool& buffers) const {
  const std::string name = name_of(digest);
  // Without O_NONBLOCK a FIFO of this name would wait for a writer.
  const Fd fd(::openat(root_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd && errno == ELOOP) return Error::check("CHUNK_FILE", "is not a regular file", path_ + '/' + name);
  if (!fd) return failed("open", name);
  struct stat st;
  if (::fstat(fd.get(), &st) != 0) return failed("fstat", name);
  if (!S_ISREG(st.st_mode)) return Error::check("CHUNK_FILE", "is not a regular file", path_ + '/' + name);
  if (st.st_size == 0) return Error::check("CHUNK_SIZE", "the file is empty");
  if (static_cast<std::uint64_t>(st.st_size) > kMaxEncodedChunk)
    return Error::check("CHUNK_SIZE", "the file is too long for a chunk");
  Buffer bytes = buffers.take(static_cast<std::size_t>(st.st_size));
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t n = ::read(fd.get(), bytes.data() + filled, bytes.size() - filled);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed("read", name);
    if (n == 0) break;
    filled += static_cast<std::size_t>(n);
  }
  bytes.shrink(filled);
  return bytes;
}

Status ChunkFiles::write(const Digest& digest, const EncodedBlob& blob, bool replace) {
  const Target target{prefix_of(digest), name_of(digest), replace};
  if (Status made = prepare_directory(digest); !made.ok()) return made;
  Status written = unnamed_ ? write_unnamed(target, blob) : write_named(target, blob);
  if (written.ok() && options_.sync) return sync_directory(target.prefix);
  return written;
}

Result<bool> ChunkFiles::make_durable(const Digest& digest) {
  if (!options_.sync) return true;
  if (Status prepared = prepare_directory(digest); !prepared.ok()) return prepared.error();
  const std::string name = name_of(digest);
  const Fd fd(::openat(root_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd && errno == ENOENT) return false;
  if (!fd) return failed("open", name);
  if (::fsync(fd.get()) != 0) return failed("fsync", name);
  if (Status synced = sync_directory(prefix_of(digest)); !synced.ok()) return synced.error();
  return true;
}

Result<bool> ChunkFiles::touch(const Digest& digest) const {
  const std::string name = name_of(digest);
  const timespec times[2]{{0, UTIME_NOW}, {0, UTIME_OMIT}};
  if (::utimensat(root_.get(), name.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0) return true;
  if (errno == ENOENT) return false;
  return failed("utimensat", name);
}

Result<bool> ChunkFiles::is_there(const Digest& digest) const {
  const std::string name = name_of(digest);
  struct stat st;
  if (::fstatat(root_.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0)
    return S_ISREG(st.st_mode) && st.st_size > 0;
  if (errno == ENOENT) return false;
  return failed("fstatat", name);
}

Status ChunkFiles::write_unnamed(const Target& target, const EncodedBlob& blob) {
  const Fd fd(::openat(root_.get(), target.prefix.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
  if (!fd && lacks_tmpfile(errno)) {
    unnamed_ = false;
    return write_named(target, blob);
  }
  if (!fd) return failed("open", target.prefix);
  if (Status filled = fill(fd.get(), blob, target.name); !filled.ok()) return filled;
  const std::string to = target.replace ? temporary_name(target.name) : target.name;
  const std::string from = proc_path(fd.get());
  if (::linkat(AT_FDCWD, from.c_str(), root_.get(), to.c_str(), AT_SYMLINK_FOLLOW) == 0)
    return target.replace ? rename(to, target.name) : Status(Unit{});
  if (errno != ENOENT) return failed("linkat", target.name);
  // /proc is not mounted: there is no way from a descriptor to a name.
  unnamed_ = false;
  return write_named(target, blob);
}

Status ChunkFiles::write_named(const Target& target, const EncodedBlob& blob) {
  const std::string temporary = temporary_name(target.name);
  const Fd fd(
      ::openat(root_.get(), temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return failed("open", temporary);
  Status filled = fill(fd.get(), blob, target.name);
  if (filled.ok()) return rename(temporary, target.name);
  ::unlinkat(root_.get(), temporary.c_str(), 0);
  return filled;
}

Status ChunkFiles::fill(int fd, const EncodedBlob& blob, const std::string& name) const {
  if (!write_all(fd, blob)) return failed("write", name);
  if (is_foreign() && ::fchown(fd, options_.uid, options_.gid) != 0) return failed("fchown", name);
  if (::fchmod(fd, kFileMode) != 0) return failed("fchmod", name);
  if (options_.sync && ::fsync(fd) != 0) return failed("fsync", name);
  return Unit{};
}

Status ChunkFiles::rename(const std::string& from, const std::string& to) const {
  if (::renameat(root_.get(), from.c_str(), root_.get(), to.c_str()) == 0) return Unit{};
  Error error = failed("rename", to);
  ::unlinkat(root_.get(), from.c_str(), 0);
  return error;
}

// A directory that is there may be another run's that did not sync: `.chunks` is synced once for each.
Status ChunkFiles::prepare_directory(const Digest& digest) {
  auto& ready = directory_ready_[std::size_t{digest[0]} << 8 | digest[1]];
  if (ready.load(std::memory_order_acquire)) return Unit{};
  Status status = make_directory(prefix_of(digest));
  if (status.ok() && options_.sync) status = sync_directory(".");
  if (status.ok()) ready.store(true, std::memory_order_release);
  return status;
}

Status ChunkFiles::make_directory(const std::string& prefix) {
  if (::mkdirat(root_.get(), prefix.c_str(), kDirectoryMode) != 0)
    return errno == EEXIST ? Status(Unit{}) : Status(failed("mkdir", prefix));
  // The umask may have taken bits away.
  if (::fchmodat(root_.get(), prefix.c_str(), kDirectoryMode, 0) != 0) return failed("fchmodat", prefix);
  if (is_foreign() && ::fchownat(root_.get(), prefix.c_str(), options_.uid, options_.gid, 0) != 0)
    return failed("fchownat", prefix);
  return Unit{};
}

Status ChunkFiles::sync_directory(const std::string& name) const {
  const Fd fd(::openat(root_.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return failed("open", name);
  if (::fsync(fd.get()) != 0) return failed("fsync", name);
  return Unit{};
}

bool ChunkFiles::is_foreign() const {
  return options_.uid != ::geteuid() || options_.gid != ::getegid();
}

Error ChunkFiles::failed(const char* call, const std::string& name) const {
  return Error::system(errno, call, path_ + '/' + name);
}

}  // namespace restat
