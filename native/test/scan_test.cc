#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <array>
#include <fstream>
#include <future>

#include "file/read_files.h"
#include "pxar/items.h"
#include "scan/acl.h"
#include "scan/whole.h"
#include "test/check.h"
#include "test/temporary.h"

using namespace restat;
using restat::test::TemporaryDirectory;

namespace {

void write_file(const std::string& path, const std::string& content) {
  std::ofstream(path) << content;
}

std::shared_ptr<Tree> open_tree(const std::string& path) {
  auto tree = Tree::open(path);
  CHECK(tree.ok());
  return tree.value();
}

std::shared_ptr<const Listing> list(Tree& tree, std::uint32_t id = Tree::kRoot) {
  auto listing = list_directory(tree, id, 1'000'000, {});
  CHECK(listing.ok());
  return std::make_shared<Listing>(std::move(listing.value()));
}

std::vector<std::uint32_t> all_of(const Listing& listing) {
  std::vector<std::uint32_t> indexes(listing.count());
  for (std::uint32_t i = 0; i < listing.count(); ++i) indexes[i] = i;
  return indexes;
}

// Waits for a call that hands its result to a callback.
template <typename T, typename Start>
Result<T> wait(Start start) {
  std::promise<Result<T>> promise;
  auto future = promise.get_future();
  start([&promise](Result<T> result) { promise.set_value(std::move(result)); });
  return future.get();
}

StatRecords stat_all(Engine& engine, std::shared_ptr<Tree> tree, std::shared_ptr<const Listing> listing,
                     std::uint32_t id = Tree::kRoot) {
  auto records = wait<StatRecords>(
      [&](auto done) { stat_entries(engine, tree, id, listing, all_of(*listing), {}, std::move(done)); });
  CHECK(records.ok());
  return records.value();
}

Description describe_all(Engine& engine, std::shared_ptr<Tree> tree, std::shared_ptr<const Listing> listing,
                         StatRecords records) {
  auto description = wait<Description>([&](auto done) {
    describe_entries(engine, tree, Tree::kRoot, listing, std::move(records), {}, {}, std::move(done));
  });
  CHECK(description.ok());
  return description.value();
}

std::uint32_t status_of(const Description& d, std::uint32_t i) {
  return load_le<std::uint32_t>(d.data() + 8 + 4 * i);
}

std::string body_of(const Description& d, std::uint32_t i) {
  const auto count = load_le<std::uint32_t>(d.data());
  const char* offsets = d.data() + 8 + 4 * std::size_t{count};
  const auto from = load_le<std::uint32_t>(offsets + 4 * std::size_t{i});
  const auto to = load_le<std::uint32_t>(offsets + 4 * (std::size_t{i} + 1));
  return d.substr(8 + 4 * std::size_t{count} + 4 * (std::size_t{count} + 1) + from, to - from);
}

std::shared_ptr<ReadBatch> read_all(Engine& engine, std::shared_ptr<Tree> tree, const Listing& listing,
                                    const StatRecords& records) {
  std::vector<ReadRequest> requests;
  for (const auto& record : records)
    requests.push_back({Tree::kRoot, std::string(listing.name(record.name_index)), record});
  auto batch = wait<std::shared_ptr<ReadBatch>>(
      [&](auto done) { read_files(engine, tree, std::move(requests), {}, std::move(done)); });
  CHECK(batch.ok());
  return batch.value();
}

std::string contents(const ReadBatch& batch, std::size_t i) {
  const auto bytes = batch.contents(i);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

TEST("names come sorted by bytes, without dot and dot-dot, whatever bytes they have") {
  TemporaryDirectory dir;
  for (const char* name : {"b", "a", "\xff\xfe", "a.b", "new\nline", "B"})
    write_file(dir.path() + "/" + name, "");
  auto tree = open_tree(dir.path());
  const auto listing = list(*tree);
  CHECK_EQ(listing->count(), 6u);
  const char* sorted[] = {"B", "a", "a.b", "b", "new\nline", "\xff\xfe"};
  for (std::uint32_t i = 0; i < 6; ++i) CHECK_EQ(listing->name(i), std::string_view(sorted[i]));
}

TEST("a name that a changing directory shows in two buffers is listed once") {
  NameList names;
  for (const char* buffer : {"ab", "bc", "b"}) {
    std::vector<std::uint8_t> records;
    for (const char* name = buffer; *name != 0; ++name) {
      std::array<std::uint8_t, 24> record{};
      store_le<std::uint16_t>(record.data() + 16, record.size());
      record[18] = DT_REG;
      record[19] = static_cast<std::uint8_t>(*name);
      records.insert(records.end(), record.begin(), record.end());
    }
    names.add(records);
  }
  const Listing listing = names.take();
  CHECK_EQ(listing.count(), 3u);
  CHECK_EQ(std::string(listing.name(0)) + std::string(listing.name(1)) + std::string(listing.name(2)), "abc");
  CHECK_EQ(listing.packed.size(), 8u + 4 * 4 + 3 + 3);
}

TEST("a directory with more names than the limit is ENTRIES_MAX") {
  TemporaryDirectory dir;
  for (int i = 0; i < 5; ++i) write_file(dir.path() + "/" + std::to_string(i), "");
  auto tree = open_tree(dir.path());
  CHECK(list_directory(*tree, Tree::kRoot, 5, {}).ok());
  auto over = list_directory(*tree, Tree::kRoot, 4, {});
  CHECK(!over.ok());
  CHECK_EQ(over.error().code, std::string("ENTRIES_MAX"));
}

TEST("a directory in one go is what list, stat and describe find one after the other") {
  TemporaryDirectory dir;
  for (int i = 0; i < 300; ++i) write_file(dir.path() + "/file " + std::to_string(i), "x");
  mkdir((dir.path() + "/directory").c_str(), 0700);
  CHECK_EQ(symlink("target", (dir.path() + "/link").c_str()), 0);
  CHECK_EQ(mkfifo((dir.path() + "/fifo").c_str(), 0600), 0);
  CHECK_EQ(setxattr((dir.path() + "/file 7").c_str(), "user.a", "value", 5, 0), 0);
  Engine engine;
  auto tree = open_tree(dir.path());
  const auto whole = scan_whole(*tree, Tree::kRoot, 1000, {".pxarexclude"}, {}, {});
  CHECK(whole.ok());
  const auto listing = list(*tree);
  const auto records = stat_all(engine, tree, listing);
  CHECK(whole.value().listing.packed == listing->packed);
  CHECK_EQ(whole.value().stats.size(), records.size());
  CHECK_EQ(std::memcmp(whole.value().stats.data(), records.data(), records.size() * sizeof(StatRecord)), 0);
  CHECK(whole.value().description == describe_all(engine, tree, listing, records));
}

TEST("a directory in one go ends with the listing where JavaScript has to look at the names first") {
  TemporaryDirectory dir;
  auto tree = open_tree(dir.path());
  const auto described = [&](const std::vector<std::string>& only_list) {
    const auto whole = scan_whole(*tree, Tree::kRoot, 1'000'000, only_list, {}, {});
    CHECK(whole.ok());
    CHECK_EQ(whole.value().stats.empty(), whole.value().description.empty());
    return !whole.value().stats.empty();
  };
  CHECK(!described({}));
  write_file(dir.path() + "/a", "");
  write_file(dir.path() + "/marker", "");
  CHECK(described({}));
  CHECK(described({"aa", "mark", "markers", ""}));
  CHECK(!described({"none", "marker"}));
  CHECK(!described({"a"}));
  for (std::uint32_t i = 2; i < kWholeEntries; ++i) write_file(dir.path() + "/x" + std::to_string(i), "");
  CHECK(described({}));
  write_file(dir.path() + "/one more", "");
  CHECK(!described({}));
  CHECK(!scan_whole(*tree, Tree::kRoot, 5, {}, {}, {}).ok());
}

TEST("a cancelled token stops list, stat and describe") {
  TemporaryDirectory dir;
  write_file(dir.path() + "/a", "");
  Engine engine;
  auto tree = open_tree(dir.path());
  const auto listing = list(*tree);
  auto flag = std::make_shared<CancelFlag>();
  flag->set();
  const CancelToken token(flag, nullptr);
  CHECK(list_directory(*tree, Tree::kRoot, 10, token).error().is_cancelled());
  auto stats = wait<StatRecords>(
      [&](auto done) { stat_entries(engine, tree, Tree::kRoot, listing, {0}, token, std::move(done)); });
  CHECK(stats.error().is_cancelled());
}

TEST("a subdirectory that was replaced since it was stat'ed is ESTALE") {
  TemporaryDirectory dir;
  const std::string sub = dir.path() + "/sub";
  mkdir(sub.c_str(), 0755);
  Engine engine;
  auto tree = open_tree(dir.path());
  const auto record = stat_all(engine, tree, list(*tree))[0];
  // The old one stays alive under another name, so its inode number cannot be used again.
  rename(sub.c_str(), (dir.path() + "/gone").c_str());
  mkdir(sub.c_str(), 0755);
  const auto id = tree->enter(Tree::kRoot, "sub", {record.dev, record.ino});
  CHECK_EQ(list_directory(*tree, id, 10, {}).error().number, ESTALE);
}

TEST("directories deeper than descriptors stay open are reopened, also beyond PATH_MAX") {
  TemporaryDirectory dir;
  const std::string name(100, 'd');
  Fd at(open(dir.path().c_str(), O_RDONLY | O_DIRECTORY));
  auto tree = open_tree(dir.path());
  std::uint32_t id = Tree::kRoot;
  std::vector<std::uint32_t> chain;
  for (int depth = 0; depth < 60; ++depth) {
    CHECK_EQ(mkdirat(at.get(), name.c_str(), 0755), 0);
    at = Fd(openat(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY));
    auto identity = identity_of(at.get(), name);
    id = tree->enter(id, name, identity.value());
    chain.push_back(id);
  }
  CHECK(tree->path_of(id).size() > 4096);
  CHECK(tree->directory(id).ok());
  CHECK(tree->directory(chain.front()).ok());
  CHECK(list_directory(*tree, chain[30], 10, {}).ok());
  for (const auto each : chain) tree->leave(each);
  CHECK_EQ(tree->directory(id).error().number, EBADF);
}

TEST("stat hashes names and reports what vanished without failing the call") {
  TemporaryDirectory dir;
  write_file(dir.path() + "/a", "12345");
  write_file(dir.path() + "/b", "");
  Engine engine;
  auto tree = open_tree(dir.path());
  const auto listing = list(*tree);
  unlink((dir.path() + "/b").c_str());
  const auto records = stat_all(engine, tree, listing);
  CHECK_EQ(records[0].size, 5u);
  CHECK_EQ(records[0].name_hash, 0x0c26e9067c2c7bcfu);
  CHECK_EQ(records[1].error, static_cast<std::uint32_t>(ENOENT));
}

TEST("a body is ENTRY, attributes in the kernel's order, then SYMLINK or DEVICE") {
  TemporaryDirectory dir;
  const std::string file = dir.path() + "/a";
  write_file(file, "x");
  chmod(file.c_str(), 0640);
  CHECK_EQ(setxattr(file.c_str(), "user.k", "v1", 2, 0), 0);
  CHECK_EQ(symlink("target", (dir.path() + "/l").c_str()), 0);
  const timespec times[2] = {{0, UTIME_OMIT}, {-1, 750000000}};
  CHECK_EQ(utimensat(AT_FDCWD, file.c_str(), times, 0), 0);
  Engine engine;
  auto tree = open_tree(dir.path());
  const auto listing = list(*tree);
  const auto description = describe_all(engine, tree, listing, stat_all(engine, tree, listing));
  const std::string body = body_of(description, 0);
  CHECK_EQ(load_le<std::uint64_t>(body.data()), pxar::kEntry);
  CHECK_EQ(load_le<std::uint64_t>(body.data() + 16), std::uint64_t{0100640});
  CHECK_EQ(load_le<std::int64_t>(body.data() + 40), -1);
  CHECK_EQ(load_le<std::uint32_t>(body.data() + 48), 750000000u);
  std::string xattr;
  pxar::put_header(xattr, pxar::kXattr, 9);
  xattr += std::string("user.k\0v1", 9);
  CHECK(body.substr(56) == xattr);
  std::string link;
  pxar::put_header(link, pxar::kSymlink, 7);
  link += std::string("target\0", 7);
  CHECK(body_of(description, 1).substr(56) == link);
}

TEST("an entry that is another inode than its record says is `replaced`, one that is gone has its errno") {
  TemporaryDirectory dir;
  for (const char* name : {"a", "b", "c"}) write_file(dir.path() + "/" + name, "x");
  Engine engine;
  auto tree = open_tree(dir.path());
  const auto listing = list(*tree);
  const auto records = stat_all(engine, tree, listing);
  rename((dir.path() + "/b").c_str(), (dir.path() + "/a").c_str());
  unlink((dir.path() + "/c").c_str());
  CHECK_EQ(symlink("a", (dir.path() + "/b").c_str()), 0);
  const auto description = describe_all(engine, tree, listing, records);
  CHECK_EQ(status_of(description, 0), kDescribeReplaced);
  CHECK_EQ(status_of(description, 1), kDescribeReplaced);
  CHECK_EQ(status_of(description, 2), static_cast<std::uint32_t>(ENOENT));
  CHECK(body_of(description, 0).empty());
}

TEST("an ACL with a mask keeps the owning group's permissions; ids are sorted") {
  // user::rw-, user:1002:r--, user:1001:rw-, group::r--, mask::rwx, other::---
  const std::string raw(
      "\2\0\0\0"
      "\1\0\6\0\xff\xff\xff\xff"
      "\2\0\4\0\xea\3\0\0"
      "\2\0\6\0\xe9\3\0\0"
      "\4\0\4\0\xff\xff\xff\xff"
      "\x10\0\7\0\xff\xff\xff\xff"
      "\x20\0\0\0\xff\xff\xff\xff",
      4 + 6 * 8);
  std::string out;
  append_acl_items(raw, {}, out);
  CHECK_EQ(out.size(), 32u + 32u + 24u);
  CHECK_EQ(load_le<std::uint64_t>(out.data() + 16), 1001u);
  CHECK_EQ(load_le<std::uint64_t>(out.data() + 48), 1002u);
  CHECK_EQ(load_le<std::uint64_t>(out.data() + 64), pxar::kAclGroupObj);
  CHECK_EQ(load_le<std::uint64_t>(out.data() + 80), 4u);
}

TEST("an ACL cut short or of another version stores nothing that was not there") {
  std::string out;
  append_acl_items(std::string("\3\0\0\0\1\0\6\0", 8), std::string("\2\0\0\0\1\0", 6), out);
  CHECK(out.empty());
}

TEST("small files are read in one call, each with its status") {
  TemporaryDirectory dir;
  const auto path = [&dir](const char* name) { return dir.path() + "/" + name; };
  for (const char* name : {"grown", "gone", "other", "same", "short"}) write_file(path(name), "0123456789");
  write_file(path("empty"), "");
  Engine engine;
  auto tree = open_tree(dir.path());
  const auto listing = list(*tree);
  const auto records = stat_all(engine, tree, listing);
  std::ofstream(path("grown"), std::ios::app) << "more";
  unlink(path("gone").c_str());
  write_file(path("new"), "replacement");
  rename(path("new").c_str(), path("other").c_str());
  CHECK_EQ(truncate(path("short").c_str(), 4), 0);
  const auto batch = read_all(engine, tree, *listing, records);
  // empty, gone, grown, other, same, short
  CHECK_EQ(batch->files[0].status, 0u);
  CHECK_EQ(batch->files[1].status, std::uint32_t{kReadFailed});
  CHECK_EQ(batch->files[1].error, static_cast<std::uint32_t>(ENOENT));
  CHECK_EQ(batch->files[2].status, std::uint32_t{kReadChanged | kReadLonger});
  CHECK_EQ(contents(*batch, 2), std::string("0123456789"));
  CHECK_EQ(batch->files[3].status, std::uint32_t{kReadReplaced});
  CHECK_EQ(batch->files[4].status, 0u);
  CHECK_EQ(contents(*batch, 4), std::string("0123456789"));
  CHECK_EQ(batch->files[5].status, std::uint32_t{kReadChanged | kReadShort});
  CHECK_EQ(contents(*batch, 5), std::string("0123\0\0\0\0\0\0", 10));
}

TEST("a FIFO in the place of a file neither blocks nor is read") {
  TemporaryDirectory dir;
  const std::string path = dir.path() + "/a";
  write_file(path, "content");
  Engine engine;
  auto tree = open_tree(dir.path());
  const auto listing = list(*tree);
  const auto records = stat_all(engine, tree, listing);
  unlink(path.c_str());
  CHECK_EQ(mkfifo(path.c_str(), 0600), 0);
  CHECK_EQ(read_all(engine, tree, *listing, records)->files[0].status, std::uint32_t{kReadReplaced});
  CHECK_EQ(open_file(*tree, {Tree::kRoot, "a", records[0]}).error().number, ESTALE);
  CHECK(!read_beginning(*tree, Tree::kRoot, "a", 10).value());
}
