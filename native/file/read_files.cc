#include "file/read_files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/fan_out.h"

namespace restat {
namespace {

constexpr std::size_t kGrain = 32;

bool same_times(const struct stat& st, const StatRecord& record) {
  return st.st_mtim.tv_sec == record.mtime && st.st_mtim.tv_nsec == record.mtime_ns &&
         st.st_ctim.tv_sec == record.ctime && st.st_ctim.tv_nsec == record.ctime_ns;
}

bool same_state(const struct stat& a, const struct stat& b) {
  return a.st_size == b.st_size && a.st_mtim.tv_sec == b.st_mtim.tv_sec &&
         a.st_mtim.tv_nsec == b.st_mtim.tv_nsec && a.st_ctim.tv_sec == b.st_ctim.tv_sec &&
         a.st_ctim.tv_nsec == b.st_ctim.tv_nsec;
}

std::uint32_t size_bits(std::uint64_t found, std::uint64_t announced) {
  if (found < announced) return std::uint32_t{kReadShort};
  return found > announced ? std::uint32_t{kReadLonger} : 0;
}

int open_request(Tree& tree, const ReadRequest& request, int& error) {
  auto directory = tree.directory(request.directory);
  if (!directory.ok()) {
    error = directory.error().number;
    return -1;
  }
  const int fd = open_quietly(directory.value()->get(), request.name.c_str(),
                              O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  error = fd < 0 ? errno : 0;
  return fd;
}

bool is_same_file(const struct stat& st, const StatRecord& record) {
  return S_ISREG(st.st_mode) && st.st_ino == record.ino && st.st_dev == record.dev;
}

// Fills `to` from the start of the file; zeros where it is too short. Returns errno, and how much was there
// in `got`.
int read_whole(int fd, ByteSpan to, std::size_t& got) {
  got = 0;
  while (got < to.size()) {
    const ssize_t n = pread(fd, to.data() + got, to.size() - got, static_cast<off_t>(got));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    if (n == 0) break;
    got += static_cast<std::size_t>(n);
  }
  std::memset(to.data() + got, 0, to.size() - got);
  return 0;
}

void set_failed(ReadBatch::File& file, int error) {
  file.status = kReadFailed;
  file.error = static_cast<std::uint32_t>(error);
}

void read_one(Tree& tree, const ReadRequest& request, ByteSpan to, ReadBatch::File& file) {
  int error = 0;
  const Fd fd(open_request(tree, request, error));
  if (!fd) return error == ELOOP ? void(file.status = kReadReplaced) : set_failed(file, error);
  struct stat before;
  struct stat after;
  if (fstat(fd.get(), &before) != 0) return set_failed(file, errno);
  if (!is_same_file(before, request.record)) {
    file.status = kReadReplaced;
    return;
  }
  bool moved = true;
  std::size_t got = 0;
  for (int attempt = 0; attempt < 2 && moved; ++attempt) {
    if (attempt > 0) before = after;
    if (const int failed = read_whole(fd.get(), to, got); failed != 0) return set_failed(file, failed);
    if (fstat(fd.get(), &after) != 0) return set_failed(file, errno);
    moved = !same_state(before, after);
  }
  file.status = size_bits(static_cast<std::uint64_t>(after.st_size), request.record.size);
  if (moved || file.status != 0 || !same_times(after, request.record)) file.status |= kReadChanged;
  if (got < to.size()) file.status |= kReadShort;
}

}  // namespace

void read_files(Engine& engine, std::shared_ptr<Tree> tree, std::vector<ReadRequest> requests,
                CancelToken token, std::function<void(Result<std::shared_ptr<ReadBatch>>)> done) {
  struct Job {
    std::vector<ReadRequest> requests;
    std::shared_ptr<ReadBatch> batch = std::make_shared<ReadBatch>();
    CancelToken token;
  };
  auto job = std::make_shared<Job>();
  job->requests = std::move(requests);
  job->token = token;
  std::uint64_t total = 0;
  for (const auto& request : job->requests) {
    job->batch->files.push_back({total, request.record.size, 0, 0});
    total += request.record.size;
  }
  job->batch->data = engine.buffers->take(total);
  auto body = [job, tree](std::size_t first, std::size_t last, std::size_t) {
    for (std::size_t i = first; i < last && !job->token.is_set(); ++i) {
      auto& file = job->batch->files[i];
      read_one(*tree, job->requests[i], {job->batch->data.data() + file.offset, file.size}, file);
    }
  };
  auto finish = [job, done = std::move(done)] {
    if (job->token.is_set()) return done(Error::cancelled());
    done(std::move(job->batch));
  };
  fan_out(engine.io, job->requests.size(), kGrain, std::move(body), std::move(finish));
}

Result<std::shared_ptr<Fd>> open_file(Tree& tree, const ReadRequest& request) {
  const auto path = [&] { return tree.path_of(request.directory) + "/" + request.name; };
  int error = 0;
  Fd fd(open_request(tree, request, error));
  if (!fd) return Error::system(error, "openat", path());
  struct stat st;
  if (fstat(fd.get(), &st) != 0) return Error::system(errno, "fstat", path());
  if (!is_same_file(st, request.record)) return Error::system(ESTALE, "openat", path());
  return std::make_shared<Fd>(std::move(fd));
}

Result<std::optional<std::string>> read_beginning(Tree& tree, std::uint32_t directory,
                                                  const std::string& name, std::size_t limit) {
  using Found = std::optional<std::string>;
  int error = 0;
  const Fd fd(open_request(tree, ReadRequest{directory, name, {}}, error));
  struct stat st;
  if (!fd || fstat(fd.get(), &st) != 0 || !S_ISREG(st.st_mode)) return Found();
  std::string bytes(std::min<std::uint64_t>(limit, static_cast<std::uint64_t>(st.st_size)), '\0');
  std::size_t got = 0;
  if (read_whole(fd.get(), {reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()}, got) != 0)
    return Found();
  bytes.resize(got);
  return Found(std::move(bytes));
}

Result<std::uint32_t> compare_with_record(int fd, const StatRecord& record) {
  struct stat st;
  if (fstat(fd, &st) != 0) return Error::system(errno, "fstat", {});
  std::uint32_t bits = size_bits(static_cast<std::uint64_t>(st.st_size), record.size);
  if (bits != 0 || !same_times(st, record)) bits |= kReadChanged;
  return bits;
}

}  // namespace restat
