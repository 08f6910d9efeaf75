#include "test/extract_world.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <sstream>

#include "pxar/items.h"
#include "test/check.h"

namespace restat::test {
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kPayload = 0x28147a1b0b7c1a25;

void set_flags(const std::string& path, int flags) {
  const Fd fd(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
  if (fd) ioctl(fd.get(), FS_IOC_SETFLAGS, &flags);
}

// Immutable files would stay behind.
void remove_all(const std::string& root) {
  set_flags(root, 0);
  for (const auto& entry : fs::recursive_directory_iterator(root))
    if (entry.is_directory() || entry.is_regular_file()) set_flags(entry.path(), 0);
  fs::remove_all(root);
}

}  // namespace

Result<ChunkData> MemorySource::load(std::size_t i, const CancelToken&) {
  {
    std::unique_lock lock(mutex_);
    ++loads_;
    changed_.wait(lock, [this] { return !held_; });
  }
  if (on_load) on_load();
  if (broken.contains(i)) return Error::check("CHUNK_CORRUPT", "digest 00ff does not fit");
  Buffer chunk(end(i) - start(i));
  std::copy_n(stream_.begin() + static_cast<std::ptrdiff_t>(start(i)), chunk.size(), chunk.begin());
  return ChunkData(std::make_shared<const Buffer>(std::move(chunk)));
}

void MemorySource::hold() {
  std::lock_guard lock(mutex_);
  held_ = true;
}

void MemorySource::let_go() {
  {
    std::lock_guard lock(mutex_);
    held_ = false;
  }
  changed_.notify_all();
}

std::size_t MemorySource::loads() {
  std::lock_guard lock(mutex_);
  return loads_;
}

std::string words(std::initializer_list<std::uint64_t> values) {
  std::string out;
  for (const auto value : values) pxar::put_u64(out, value);
  return out;
}

Meta& Meta::with(std::uint64_t type, const std::string& content) {
  pxar::put_header(attributes, type, content.size());
  attributes += content;
  return *this;
}

std::string Meta::encode(std::uint64_t type) const {
  std::string out;
  pxar::put_header(out, pxar::kEntry, 40);
  out += words(
      {mode | type, flags, uid | std::uint64_t{gid} << 32, static_cast<std::uint64_t>(seconds), nanoseconds});
  return out + attributes;
}

void Archive::record(Kind kind, const std::string& name, const std::string& body, const std::string& extra,
                     const Numbers& n) {
  const std::size_t length = (64 + name.size() + body.size() + extra.size() + 7) / 8 * 8;
  const std::size_t at = records.size();
  records.resize(at + length);
  auto* p = records.data() + at;
  store_le(p, static_cast<std::uint32_t>(length));
  p[4] = static_cast<std::uint8_t>(kind);
  store_le(p + 8, open_.empty() ? 0xffffffffu : open_.back());
  store_le(p + 12, n.id);
  store_le(p + 16, n.position);
  store_le(p + 24, n.payload);
  store_le(p + 32, n.size);
  store_le(p + 40, static_cast<std::uint32_t>(name.size()));
  store_le(p + 44, static_cast<std::uint32_t>(body.size()));
  store_le(p + 48, static_cast<std::uint32_t>(extra.size()));
  store_le(p + 56, n.target);
  const std::string all = name + body + extra;
  std::memcpy(p + 64, all.data(), all.size());
}

Archive& Archive::target(const Meta& meta) {
  return directory({}, meta);
}

Archive& Archive::directory(const std::string& name, const Meta& meta) {
  const std::uint32_t id = next_id_++;
  record(Kind::directory, name, meta.encode(S_IFDIR), {}, {.id = id});
  open_.push_back(id);
  return *this;
}

Archive& Archive::close() {
  const std::uint32_t id = open_.back();
  open_.pop_back();
  record(Kind::close, {}, {}, {}, {.id = id});
  return *this;
}

std::uint64_t Archive::put_payload(const std::string& content) {
  const std::uint64_t at = payload.size();
  pxar::put_header(payload, kPayload, content.size());
  payload += content;
  return at;
}

std::uint64_t Archive::file(const std::string& name, const std::string& content, const Meta& meta) {
  return file_at(name, put_payload(content), content.size(), meta);
}

std::uint64_t Archive::file_at(const std::string& name, std::uint64_t at, std::uint64_t size,
                               const Meta& meta) {
  const std::uint64_t position = next_position_++;
  record(Kind::file, name, meta.encode(S_IFREG), {}, {.position = position, .payload = at, .size = size});
  return position;
}

Archive& Archive::symlink(const std::string& name, const std::string& to) {
  record(Kind::symlink, name, Meta{.mode = 0777}.encode(S_IFLNK), to, {});
  return *this;
}

Archive& Archive::special(const std::string& name, Kind kind, std::uint64_t type, std::uint64_t device,
                          const Meta& meta) {
  record(kind, name, meta.encode(type), {}, {.target = device});
  return *this;
}

Archive& Archive::hardlink(const std::string& name, std::uint64_t target, const std::string& path) {
  record(Kind::hardlink, name, {}, path, {.target = target});
  return *this;
}

bool Outcome::has_error(const std::string& path, const std::string& code) const {
  return std::any_of(events.begin(), events.end(), [&](const Event& event) {
    const auto& e = event.error;
    return !event.warning && event.path == path &&
           code == (e.number != 0 ? strerrorname_np(e.number) : e.code);
  });
}

World::World() {
  std::string name = fs::temp_directory_path() / "restat-extract-XXXXXX";
  CHECK(mkdtemp(name.data()) != nullptr);
  root_ = name;
  fs::create_directory(root_ + "/outside");
  write_file(root_ + "/outside/sentinel", "untouched");
}

World::~World() {
  remove_all(root_);
}

void World::submit(Extraction& extraction, const Bytes& records) {
  std::promise<Status> answer;
  extraction.submit(records, [&](Status status) { answer.set_value(std::move(status)); });
  (void)answer.get_future().get().ok();
}

std::shared_ptr<Extraction> World::start(std::shared_ptr<ChunkSource> source, Options options) {
  options.target = path();
  return Extraction::create(engine, std::move(options), std::move(source), CancelToken());
}

Outcome World::finish(Extraction& extraction) {
  std::promise<Result<Summary>> answer;
  extraction.finish([&](Result<Summary> result) { answer.set_value(std::move(result)); });
  const auto result = answer.get_future().get();
  Outcome outcome;
  if (result.ok()) {
    outcome.summary = result.value();
  } else {
    outcome.error = result.error();
  }
  outcome.events = extraction.take_events();
  return outcome;
}

Outcome World::run(const Archive& archive, Options options, std::size_t chunk) {
  const auto extraction = start(std::make_shared<MemorySource>(archive.payload, chunk), std::move(options));
  submit(*extraction, archive.records);
  return finish(*extraction);
}

std::string World::path(const std::string& name) const {
  return root_ + "/target" + (name.empty() ? "" : "/" + name);
}

std::string World::outside() const {
  std::ostringstream out;
  const auto describe = [&](const std::string& name) {
    const auto st = stat_of(name);
    out << name << " " << st.st_mode << " " << st.st_nlink << " " << st.st_mtim.tv_sec << "."
        << st.st_mtim.tv_nsec << " " << (S_ISREG(st.st_mode) ? read_file(name) : "") << "\n";
  };
  for (const auto& entry : fs::directory_iterator(root_))
    if (entry.path() != path()) out << entry.path().string() << "\n";
  describe(root_ + "/outside");
  for (const auto& entry : fs::recursive_directory_iterator(root_ + "/outside")) describe(entry.path());
  return out.str();
}

std::vector<std::string> World::names(const std::string& directory) const {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(path(directory))) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

void write_file(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

struct stat stat_of(const std::string& path) {
  struct stat st {};
  CHECK_EQ(path + ": " + (lstat(path.c_str(), &st) == 0 ? "there" : strerror(errno)), path + ": there");
  return st;
}

std::string xattr_of(const std::string& path, const char* name) {
  char value[1024];
  const ssize_t n = lgetxattr(path.c_str(), name, value, sizeof value);
  return n < 0 ? std::string("no: ") + strerrorname_np(errno)
               : std::string(value, static_cast<std::size_t>(n));
}

int flags_of(const std::string& path) {
  int flags = 0;
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  CHECK(fd && ioctl(fd.get(), FS_IOC_GETFLAGS, &flags) == 0);
  return flags;
}

}  // namespace restat::test
