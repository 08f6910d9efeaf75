#include "scan/describe.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <mutex>
#include <optional>

#include "base/fan_out.h"
#include "pxar/items.h"

namespace restat {
namespace {

constexpr std::size_t kGrain = 256;

// ENTRY: mode u64, flags u64, uid u32, gid u32, mtime i64, nanoseconds u32, padding u32 (pxar.md §3.3).
void put_entry(std::string& out, const StatRecord& record, std::uint64_t flags) {
  pxar::put_header(out, pxar::kEntry, 40);
  pxar::put_u64(out, record.mode);
  pxar::put_u64(out, flags);
  pxar::put_u64(out, std::uint64_t{record.gid} << 32 | record.uid);
  pxar::put_u64(out, static_cast<std::uint64_t>(record.mtime));
  pxar::put_u64(out, record.mtime_ns);
}

void put_project_id(std::string& out, std::uint32_t id) {
  if (id == 0) return;
  pxar::put_header(out, pxar::kQuotaProjectId, 8);
  pxar::put_u64(out, id);
}

struct Context {
  int directory;
  std::uint64_t dev;  // of the directory, for `magic`
  std::uint64_t magic;
  const AttributeOptions& options;
};

// Entries on another file system (mount points) have their own magic.
std::uint64_t magic_for(const Context& context, int fd, const StatRecord& record) {
  if (record.dev == context.dev) return context.magic;
  auto own = filesystem_magic(fd, {});
  return own.ok() ? own.value() : 0;
}

std::uint32_t append_open(const Context& context, int fd, const StatRecord& record, std::string& out) {
  const std::uint64_t magic = magic_for(context, fd, record);
  put_entry(out, record, read_flags(fd, magic));
  bool skipped = false;
  auto status = append_attributes(fd, S_ISDIR(record.mode), context.options, out, skipped);
  if (!status.ok()) return static_cast<std::uint32_t>(status.error().number);
  put_project_id(out, read_project_id(fd, magic));
  return skipped ? kDescribeXattrsSkipped : 0;
}

std::uint32_t append_opened(const Context& context, const char* name, const StatRecord& record,
                            std::string& out) {
  const int kind = S_ISDIR(record.mode) ? O_DIRECTORY : O_NONBLOCK | O_NOCTTY;
  Fd fd(open_quietly(context.directory, name, O_RDONLY | O_NOFOLLOW | kind));
  if (!fd && (errno == ELOOP || errno == ENOTDIR || errno == ENXIO)) return kDescribeReplaced;
  if (!fd) return static_cast<std::uint32_t>(errno);
  struct stat st;
  if (fstat(fd.get(), &st) != 0) return static_cast<std::uint32_t>(errno);
  if (st.st_ino != record.ino || st.st_dev != record.dev || (st.st_mode & S_IFMT) != (record.mode & S_IFMT))
    return kDescribeReplaced;
  return append_open(context, fd.get(), record, out);
}

std::uint32_t append_symlink(const Context& context, const char* name, const StatRecord& record,
                             std::string& out) {
  char target[pxar::kMaxPath + 1];
  const ssize_t n = readlinkat(context.directory, name, target, sizeof target);
  if (n < 0) return errno == EINVAL ? kDescribeReplaced : static_cast<std::uint32_t>(errno);
  if (static_cast<std::size_t>(n) > pxar::kMaxPath) return ENAMETOOLONG;
  put_entry(out, record, 0);
  pxar::put_header(out, pxar::kSymlink, static_cast<std::size_t>(n) + 1);
  out.append(target, static_cast<std::size_t>(n));
  out.push_back('\0');
  return 0;
}

void append_device(const StatRecord& record, std::string& out) {
  put_entry(out, record, 0);
  pxar::put_header(out, pxar::kDevice, 16);
  pxar::put_u64(out, record.rdev_major);
  pxar::put_u64(out, record.rdev_minor);
}

std::uint32_t append_body(const Context& context, const char* name, const StatRecord& record,
                          std::string& out) {
  switch (record.mode & S_IFMT) {
    case S_IFREG:
    case S_IFDIR:
      return append_opened(context, name, record, out);
    case S_IFLNK:
      return append_symlink(context, name, record, out);
    case S_IFCHR:
    case S_IFBLK:
      append_device(record, out);
      return 0;
    default:
      put_entry(out, record, 0);
      return 0;
  }
}

// What one job made: bodies of consecutive entries.
struct Part {
  std::string bodies;
  std::vector<std::uint32_t> status;
  std::vector<std::uint32_t> lengths;

  void add(const Context& context, const char* name, const StatRecord& record) {
    const std::size_t before = bodies.size();
    const std::uint32_t result = append_body(context, name, record, bodies);
    if ((result & ~kDescribeXattrsSkipped) != 0) bodies.resize(before);
    status.push_back(result);
    lengths.push_back(static_cast<std::uint32_t>(bodies.size() - before));
  }
};

// Adds records [first, last) of a directory.
Status append_range(int directory, const Listing& listing, const StatRecords& records, std::size_t first,
                    std::size_t last, const AttributeOptions& options, Part& part) {
  struct stat st;
  auto magic = filesystem_magic(directory, {});
  if (!magic.ok()) return magic.error();
  if (fstat(directory, &st) != 0) return Error::system(errno, "fstat", {});
  const Context context{directory, st.st_dev, magic.value(), options};
  std::string name;
  for (std::size_t i = first; i < last; ++i) {
    name = listing.name(records[i].name_index);
    part.add(context, name.c_str(), records[i]);
  }
  return Unit{};
}

Description pack(const std::vector<Part>& parts, std::size_t count) {
  std::size_t bytes = 0;
  for (const auto& part : parts) bytes += part.bodies.size();
  const std::size_t offsets_at = 8 + 4 * count;
  const std::size_t bodies_at = offsets_at + 4 * (count + 1);
  Description out(bodies_at, '\0');
  out.reserve(bodies_at + bytes);
  store_le(out.data(), static_cast<std::uint32_t>(count));
  std::size_t i = 0;
  std::uint32_t offset = 0;
  for (const auto& part : parts) {
    for (std::size_t k = 0; k < part.status.size(); ++k, ++i) {
      store_le(out.data() + 8 + 4 * i, part.status[k]);
      offset += part.lengths[k];
      store_le(out.data() + offsets_at + 4 * (i + 1), offset);
    }
    out.append(part.bodies);
  }
  return out;
}

}  // namespace

void describe_entries(Engine& engine, std::shared_ptr<Tree> tree, std::uint32_t directory,
                      std::shared_ptr<const Listing> listing, StatRecords records, AttributeOptions options,
                      CancelToken token, std::function<void(Result<Description>)> done) {
  struct Job {
    StatRecords records;
    std::vector<Part> parts;
    std::mutex mutex;
    std::optional<Error> error;

    void fail(Error e) {
      std::lock_guard lock(mutex);
      error = std::move(e);
    }
  };
  auto job = std::make_shared<Job>();
  job->records = std::move(records);
  job->parts.resize((job->records.size() + kGrain - 1) / kGrain);
  auto body = [job, tree, directory, listing, options, token](std::size_t first, std::size_t last,
                                                              std::size_t part) {
    if (token.is_set()) return job->fail(Error::cancelled());
    auto fd = tree->directory(directory);
    if (!fd.ok()) return job->fail(fd.error());
    auto status =
        append_range(fd.value()->get(), *listing, job->records, first, last, options, job->parts[part]);
    if (!status.ok()) job->fail(status.error());
  };
  auto finish = [job, done = std::move(done)] {
    if (job->error) return done(std::move(*job->error));
    auto packed = pack(job->parts, job->records.size());
    job->parts = {};
    job->records = {};
    done(std::move(packed));
  };
  fan_out(engine.io, job->records.size(), kGrain, std::move(body), std::move(finish));
}

Result<Description> describe_directory(int directory, const Listing& listing, const StatRecords& records,
                                       const AttributeOptions& options) {
  std::vector<Part> parts(1);
  auto status = append_range(directory, listing, records, 0, records.size(), options, parts.front());
  if (!status.ok()) return status.error();
  return pack(parts, records.size());
}

Result<std::string> describe_root(Tree& tree, const AttributeOptions& options) {
  auto fd = tree.directory(Tree::kRoot);
  if (!fd.ok()) return fd.error();
  const int root = fd.value()->get();
  const StatRecord record = stat_at(root, "");
  if (record.error != 0) return Error::system(static_cast<int>(record.error), "statx", {});
  auto magic = filesystem_magic(root, {});
  if (!magic.ok()) return magic.error();
  std::string out(reinterpret_cast<const char*>(&record), sizeof record);
  const std::uint32_t status = append_open({root, record.dev, magic.value(), options}, root, record, out);
  if ((status & ~kDescribeXattrsSkipped) != 0)
    return Error::system(static_cast<int>(status), "flistxattr", {});
  return out;
}

}  // namespace restat
