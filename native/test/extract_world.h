// The small world of the extraction tests: a temporary directory with a sentinel beside the target, a payload
// stream in memory, a builder of records, and a run that waits for its end.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "chunk/chunk_source.h"
#include "extract/extraction.h"

namespace restat::test {

using extract::Event;
using extract::Extraction;
using extract::Kind;
using extract::Options;
using extract::Summary;
using Bytes = std::vector<std::uint8_t>;

// A payload stream cut into chunks of one length; some of them may be broken, and loads may be held back.
class MemorySource : public ChunkSource {
 public:
  MemorySource(std::string stream, std::size_t chunk) : stream_(std::move(stream)), chunk_(chunk) {}

  std::size_t count() const override { return (stream_.size() + chunk_ - 1) / chunk_; }
  std::uint64_t start(std::size_t i) const override { return i * chunk_; }
  std::uint64_t end(std::size_t i) const override {
    return std::min<std::uint64_t>(stream_.size(), (i + 1) * chunk_);
  }
  std::size_t find(std::uint64_t offset) const override {
    return offset < stream_.size() ? offset / chunk_ : count();
  }
  Result<ChunkData> load(std::size_t i, const CancelToken& token) override;

  // Loads wait from now on until they are let go.
  void hold();
  void let_go();
  std::size_t loads();

  std::set<std::size_t> broken;
  std::function<void()> on_load;

 private:
  const std::string stream_;
  const std::size_t chunk_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;
  std::size_t loads_ = 0;
};

// ENTRY and attribute items.
struct Meta {
  std::uint64_t mode = 0644;  // the builder adds the file type
  std::uint64_t flags = 0;
  std::uint32_t uid = geteuid();
  std::uint32_t gid = getegid();
  std::int64_t seconds = 1700000000;
  std::uint32_t nanoseconds = 123456789;
  std::string attributes;

  Meta& with(std::uint64_t type, const std::string& content);
  std::string encode(std::uint64_t type) const;
};

std::string words(std::initializer_list<std::uint64_t> values);

// Appends records and the payload they need.
class Archive {
 public:
  Archive() : payload(16, '\xaa') {}

  Archive& target(const Meta& meta = Meta{.mode = 0755});
  Archive& directory(const std::string& name, const Meta& meta = Meta{.mode = 0755});
  Archive& close();
  // Returns the file's position.
  std::uint64_t file(const std::string& name, const std::string& content, const Meta& meta = Meta{});
  // A file whose content is said to be elsewhere.
  std::uint64_t file_at(const std::string& name, std::uint64_t payload, std::uint64_t size,
                        const Meta& meta = Meta{});
  Archive& symlink(const std::string& name, const std::string& to);
  Archive& special(const std::string& name, Kind kind, std::uint64_t type, std::uint64_t device = 0,
                   const Meta& meta = Meta{});
  Archive& hardlink(const std::string& name, std::uint64_t target, const std::string& path);

  std::uint64_t put_payload(const std::string& content);

  Bytes records;
  std::string payload;

 private:
  struct Numbers {
    std::uint64_t position = 0, payload = 0, size = 0, target = 0;
    std::uint32_t id = 0;
  };
  void record(Kind kind, const std::string& name, const std::string& body, const std::string& extra,
              const Numbers& numbers);
  std::vector<std::uint32_t> open_;
  std::uint32_t next_id_ = 0;
  std::uint64_t next_position_ = 0x50;
};

struct Outcome {
  std::optional<Summary> summary;
  std::optional<Error> error;
  std::vector<Event> events;

  // Codes (or errno names) of the error events at the path.
  bool has_error(const std::string& path, const std::string& code) const;
};

class World {
 public:
  World();
  ~World();

  // Runs the archive to its end.
  Outcome run(const Archive& archive, Options options = {}, std::size_t chunk = 4096);
  std::shared_ptr<Extraction> start(std::shared_ptr<ChunkSource> source, Options options = {});
  Outcome finish(Extraction& extraction);
  static void submit(Extraction& extraction, const Bytes& records);

  std::string path(const std::string& name = {}) const;
  // Everything outside of the target: names, types, contents, modes, times.
  std::string outside() const;
  std::vector<std::string> names(const std::string& directory = {}) const;

  Engine engine;

 private:
  std::string root_;
};

std::string read_file(const std::string& path);
void write_file(const std::string& path, const std::string& content);
struct stat stat_of(const std::string& path);
std::string xattr_of(const std::string& path, const char* name);
int flags_of(const std::string& path);

}  // namespace restat::test
