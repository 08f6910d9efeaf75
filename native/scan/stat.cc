#include "scan/stat.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <mutex>
#include <optional>

#include "base/fan_out.h"
#include "base/siphash.h"

namespace restat {
namespace {

constexpr std::size_t kGrain = 512;

void fill(StatRecord& record, const struct statx& x) {
  record.dev = makedev(x.stx_dev_major, x.stx_dev_minor);
  record.ino = x.stx_ino;
  record.size = x.stx_size;
  record.mtime = x.stx_mtime.tv_sec;
  record.ctime = x.stx_ctime.tv_sec;
  record.btime = x.stx_btime.tv_sec;
  record.mtime_ns = x.stx_mtime.tv_nsec;
  record.ctime_ns = x.stx_ctime.tv_nsec;
  record.btime_ns = x.stx_btime.tv_nsec;
  record.mode = x.stx_mode;
  record.uid = x.stx_uid;
  record.gid = x.stx_gid;
  record.nlink = x.stx_nlink;
  record.rdev_major = x.stx_rdev_major;
  record.rdev_minor = x.stx_rdev_minor;
  record.bits = ((x.stx_mask & STATX_BTIME) != 0 ? kStatHasBirthTime : 0) |
                ((x.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0 ? kStatIsMountRoot : 0);
}

}  // namespace

StatRecord stat_at(int directory, const char* name) {
  StatRecord record{};
  struct statx x;
  const int flags =
      AT_SYMLINK_NOFOLLOW | AT_STATX_SYNC_AS_STAT | AT_NO_AUTOMOUNT | (*name == '\0' ? AT_EMPTY_PATH : 0);
  if (statx(directory, name, flags, STATX_BASIC_STATS | STATX_BTIME, &x) != 0) {
    record.error = static_cast<std::uint32_t>(errno);
  } else {
    fill(record, x);
  }
  return record;
}

StatRecord stat_entry(int directory, const Listing& listing, std::uint32_t index, std::string& scratch) {
  scratch = listing.name(index);
  StatRecord record = stat_at(directory, scratch.c_str());
  record.name_index = index;
  record.name_hash = name_hash({reinterpret_cast<const std::uint8_t*>(scratch.data()), scratch.size()});
  return record;
}

void stat_entries(Engine& engine, std::shared_ptr<Tree> tree, std::uint32_t directory,
                  std::shared_ptr<const Listing> listing, std::vector<std::uint32_t> selected,
                  CancelToken token, std::function<void(Result<StatRecords>)> done) {
  struct Job {
    std::vector<std::uint32_t> selected;
    StatRecords records;
    std::mutex mutex;
    std::optional<Error> error;
  };
  auto job = std::make_shared<Job>();
  job->selected = std::move(selected);
  job->records.resize(job->selected.size());
  auto body = [job, tree, directory, listing, token](std::size_t first, std::size_t last, std::size_t) {
    auto fd = tree->directory(directory);
    if (!fd.ok() || token.is_set()) {
      std::lock_guard lock(job->mutex);
      job->error = fd.ok() ? Error::cancelled() : fd.error();
      return;
    }
    std::string scratch;
    for (std::size_t i = first; i < last; ++i)
      job->records[i] = stat_entry(fd.value()->get(), *listing, job->selected[i], scratch);
  };
  auto finish = [job, done = std::move(done)] {
    if (job->error) return done(std::move(*job->error));
    done(std::move(job->records));
  };
  fan_out(engine.io, job->records.size(), kGrain, std::move(body), std::move(finish));
}

}  // namespace restat
