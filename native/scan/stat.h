// statx of selected names of a directory.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/engine.h"
#include "base/error.h"
#include "scan/list.h"

namespace restat {

// One record; JavaScript reads the same bytes (src/native-scan.ts).
struct StatRecord {
  std::uint32_t error;       // errno of statx, 0 = the rest is valid
  std::uint32_t name_index;  // in the listing
  std::uint64_t dev;
  std::uint64_t ino;
  std::uint64_t size;
  std::int64_t mtime;
  std::int64_t ctime;
  std::int64_t btime;
  std::uint32_t mtime_ns;
  std::uint32_t ctime_ns;
  std::uint32_t btime_ns;
  std::uint32_t mode;
  std::uint32_t uid;
  std::uint32_t gid;
  std::uint32_t nlink;
  std::uint32_t rdev_major;
  std::uint32_t rdev_minor;
  std::uint32_t bits;
  std::uint64_t name_hash;
};
static_assert(sizeof(StatRecord) == 104);

inline constexpr std::uint32_t kStatHasBirthTime = 1;
inline constexpr std::uint32_t kStatIsMountRoot = 2;

// statx with the flags that a local or network file system answers truthfully, links not followed.
StatRecord stat_at(int directory, const char* name);

// The record of a name of a listing, with the name's hash. `scratch` is reused from name to name.
StatRecord stat_entry(int directory, const Listing& listing, std::uint32_t index, std::string& scratch);

using StatRecords = std::vector<StatRecord>;

// Stats listing names `selected` on the pool and hands over the records in the same order.
void stat_entries(Engine& engine, std::shared_ptr<Tree> tree, std::uint32_t directory,
                  std::shared_ptr<const Listing> listing, std::vector<std::uint32_t> selected,
                  CancelToken token, std::function<void(Result<StatRecords>)> done);

}  // namespace restat
