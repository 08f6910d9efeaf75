// Every kind of entry comes back as it was: names, contents, links, special files.
#include <sys/sysmacros.h>

#include <algorithm>
#include <random>

#include "test/check.h"
#include "test/extract_world.h"

using namespace restat;
using namespace restat::test;

namespace {

std::string noise(std::size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::string out(n, 0);
  for (auto& c : out) c = static_cast<char>(random());
  return out;
}

void check_clean(const Outcome& outcome) {
  if (outcome.error) CHECK_EQ(outcome.error->code + outcome.error->message, "");
  for (const auto& event : outcome.events)
    CHECK_EQ(event.path + ": " + event.error.code + event.error.syscall + event.error.message, "");
  CHECK(outcome.summary.has_value());
}

}  // namespace

TEST("a small tree is restored with contents, symlinks and counters") {
  World world;
  Archive archive;
  archive.target().directory("sub");
  archive.file("a", "first");
  archive.file("empty", "");
  archive.close().symlink("to", std::string("odd \xff\x01 target"));
  archive.file("zz", "last");
  archive.close();
  const auto outcome = world.run(archive);
  check_clean(outcome);
  CHECK_EQ(read_file(world.path("sub/a")), "first");
  CHECK_EQ(stat_of(world.path("sub/empty")).st_size, 0);
  CHECK_EQ(read_file(world.path("zz")), "last");
  CHECK_EQ(std::filesystem::read_symlink(world.path("to")).string(), std::string("odd \xff\x01 target"));
  CHECK_EQ(outcome.summary->files, 3u);
  CHECK_EQ(outcome.summary->directories, 2u);
  CHECK_EQ(outcome.summary->symlinks, 1u);
  CHECK_EQ(outcome.summary->bytes, 9u);
}

TEST("directories that were not closed are closed at the end") {
  World world;
  Archive archive;
  archive.target().directory("sub", Meta{.mode = 0751});
  archive.file("a", "first");
  check_clean(world.run(archive));
  CHECK_EQ(stat_of(world.path("sub")).st_mode & 07777, 0751u);
}

TEST("names of 255 bytes and names that are no UTF-8 are kept") {
  World world;
  Archive archive;
  const std::string longest(255, 'n'), odd("\xc3\x28\x80");
  archive.target();
  archive.file(longest, "1");
  archive.file(odd, "2");
  check_clean(world.run(archive));
  CHECK_EQ(read_file(world.path(longest)), "1");
  CHECK_EQ(read_file(world.path(odd)), "2");
}

TEST("a tree of 400 levels is restored with fewer descriptors than levels, and its times are kept") {
  World world;
  Archive archive;
  archive.target();
  std::string path;
  for (int i = 0; i < 400; ++i) {
    archive.directory("d");
    path += path.empty() ? "d" : "/d";
  }
  archive.file("leaf", "deep");
  for (int i = 0; i < 400; ++i) archive.close();
  archive.file("top", "shallow");
  archive.close();
  check_clean(world.run(archive));
  CHECK_EQ(read_file(world.path(path + "/leaf")), "deep");
  CHECK_EQ(stat_of(world.path(path)).st_mtim.tv_sec, 1700000000);
  CHECK_EQ(stat_of(world.path("d")).st_mtim.tv_nsec, 123456789);
}

// Takes a chain of directories `d` apart from its top: tools that walk it down need a descriptor per level.
void remove_chain(const std::string& root) {
  const std::string top = root + "/d", next = top + "/d", aside = root + "/aside";
  while (rename(next.c_str(), aside.c_str()) == 0) {
    CHECK_EQ(rmdir(top.c_str()), 0);
    CHECK_EQ(rename(aside.c_str(), top.c_str()), 0);
  }
}

TEST("a tree deeper than any path may be is restored") {
  World world;
  Archive archive;
  archive.target();
  constexpr std::uint64_t kDepth = 6000;
  for (std::uint64_t i = 0; i < kDepth; ++i) archive.directory("d");
  archive.file("leaf", "deep", Meta{.flags = 0x400000});
  const auto outcome = world.run(archive);
  CHECK_EQ(outcome.summary->directories, kDepth + 1);
  CHECK_EQ(outcome.summary->files, 1u);
  CHECK_EQ(stat_of(world.path("d/d/d")).st_mtim.tv_nsec, 123456789);
  remove_chain(world.path());
}

TEST("twenty files of one chunk need one load") {
  World world;
  Archive archive;
  archive.target();
  for (int i = 10; i < 30; ++i) archive.file("f" + std::to_string(i), "content " + std::to_string(i));
  auto source = std::make_shared<MemorySource>(archive.payload, 65536);
  const auto extraction = world.start(source);
  World::submit(*extraction, archive.records);
  check_clean(world.finish(*extraction));
  CHECK_EQ(source->loads(), 1u);
  for (int i = 10; i < 30; ++i)
    CHECK_EQ(read_file(world.path("f" + std::to_string(i))), "content " + std::to_string(i));
}

TEST("files over many chunks are whole whatever the cuts hit, headers included") {
  for (const std::size_t chunk : {7u, 16u, 100u, 4096u, 5000u}) {
    World world;
    Archive archive;
    archive.target();
    const std::string large = noise(chunk * 51 + 3, 1), small = noise(20, 2);
    archive.file("a", small);
    archive.file("b", large);
    archive.file("c", small);
    archive.close();
    check_clean(world.run(archive, {}, chunk));
    CHECK_EQ(read_file(world.path("a")), small);
    CHECK(read_file(world.path("b")) == large);
    CHECK_EQ(read_file(world.path("c")), small);
  }
}

TEST("long files that are written side by side are whole, and so are short ones between them") {
  World world;
  Archive archive;
  archive.target();
  std::vector<std::string> contents;
  for (unsigned i = 0; i < 14; ++i) contents.push_back(noise(i % 3 == 2 ? 100 : 40000 + 777 * i, i + 1));
  for (std::size_t i = 0; i < contents.size(); ++i) archive.file("f" + std::to_string(i + 10), contents[i]);
  check_clean(world.run(archive, {}, 4096));
  for (std::size_t i = 0; i < contents.size(); ++i)
    CHECK(read_file(world.path("f" + std::to_string(i + 10))) == contents[i]);
}

TEST("offsets that go back or repeat are followed") {
  World world;
  Archive archive;
  const auto first = archive.put_payload("first content"), second = archive.put_payload(noise(9000, 3)),
             third = archive.put_payload("third");
  archive.target();
  archive.file_at("a", third, 5);
  archive.file_at("b", first, 13);
  archive.file_at("c", second, 9000);
  archive.file_at("d", first, 13);
  check_clean(world.run(archive));
  CHECK_EQ(read_file(world.path("a")), "third");
  CHECK_EQ(read_file(world.path("b")), "first content");
  CHECK(read_file(world.path("c")) == noise(9000, 3));
  CHECK_EQ(read_file(world.path("d")), "first content");
}

TEST("zeros become holes, at the end of a file too") {
  World world;
  Archive archive;
  const std::string data = noise(4096, 4), zeros(1 << 20, 0);
  archive.target();
  archive.file("end", data + zeros);
  archive.file("middle", data + zeros + data);
  archive.file("nothing", zeros + "");
  archive.file("odd", "x" + zeros + "y");
  check_clean(world.run(archive, {}, 300000));
  CHECK(read_file(world.path("end")) == data + zeros);
  CHECK(read_file(world.path("middle")) == data + zeros + data);
  CHECK(read_file(world.path("nothing")) == zeros);
  CHECK(read_file(world.path("odd")) == "x" + zeros + "y");
  CHECK_EQ(stat_of(world.path("nothing")).st_blocks < 64, true);
  CHECK_EQ(stat_of(world.path("middle")).st_blocks < 128, true);
}

TEST("devices, FIFOs and sockets are made with mode and owner") {
  if (geteuid() != 0) return;
  World world;
  Archive archive;
  archive.target();
  archive.special("block", Kind::device, S_IFBLK, 8ull << 32 | 1, Meta{.mode = 0660, .gid = 6});
  archive.special("char", Kind::device, S_IFCHR, 4095ull << 32 | 1048575);
  archive.special("fifo", Kind::fifo, S_IFIFO, 0, Meta{.mode = 0622, .uid = 5});
  archive.special("sock", Kind::socket, S_IFSOCK, 0, Meta{.mode = 0777});
  const auto outcome = world.run(archive);
  check_clean(outcome);
  const auto block = stat_of(world.path("block")), character = stat_of(world.path("char"));
  CHECK_EQ(block.st_mode, static_cast<mode_t>(S_IFBLK | 0660));
  CHECK_EQ(block.st_gid, 6u);
  CHECK_EQ(block.st_rdev, makedev(8, 1));
  CHECK_EQ(character.st_rdev, makedev(4095, 1048575));
  CHECK_EQ(stat_of(world.path("fifo")).st_mode, static_cast<mode_t>(S_IFIFO | 0622));
  CHECK_EQ(stat_of(world.path("fifo")).st_uid, 5u);
  CHECK_EQ(stat_of(world.path("sock")).st_mode, static_cast<mode_t>(S_IFSOCK | 0777));
  CHECK_EQ(stat_of(world.path("sock")).st_mtim.tv_nsec, 123456789);
  CHECK_EQ(outcome.summary->specials, 4u);
}

TEST("hard links across directories are one inode, whatever comes first") {
  World world;
  Archive archive;
  archive.target().directory("a");
  const auto first = archive.file("one", "shared");
  archive.hardlink("two", first, "a/one").close().directory("b");
  archive.hardlink("three", first, "a/one").close().close();
  const auto outcome = world.run(archive);
  check_clean(outcome);
  const auto one = stat_of(world.path("a/one"));
  CHECK_EQ(one.st_nlink, 3u);
  CHECK_EQ(stat_of(world.path("a/two")).st_ino, one.st_ino);
  CHECK_EQ(stat_of(world.path("b/three")).st_ino, one.st_ino);
  CHECK_EQ(outcome.summary->hardlinks, 2u);
  CHECK_EQ(stat_of(world.path("b")).st_mtim.tv_sec, 1700000000);
}

TEST("a hard link to a file that is still being written waits for it, and others go on") {
  World world;
  Archive archive;
  archive.target();
  const std::string content = noise(20000, 5);
  const auto first = archive.file("a", content);
  archive.hardlink("b", first, "a").directory("c").close().close();
  auto source = std::make_shared<MemorySource>(archive.payload, 4096);
  source->hold();
  const auto extraction = world.start(source);
  World::submit(*extraction, archive.records);
  while (!std::filesystem::exists(world.path("c"))) std::this_thread::yield();
  CHECK(!std::filesystem::exists(world.path("b")));
  source->let_go();
  check_clean(world.finish(*extraction));
  CHECK(read_file(world.path("b")) == content);
  CHECK_EQ(stat_of(world.path("b")).st_ino, stat_of(world.path("a")).st_ino);
}

TEST("an archive of many batches is taken as fast as it is restored") {
  World world;
  Archive archive;
  archive.target();
  for (int i = 0; i < 2000; ++i) archive.file(std::to_string(100000 + i), "content " + std::to_string(i));
  archive.close();
  const auto extraction = world.start(std::make_shared<MemorySource>(archive.payload, 8192));
  std::size_t from = 0;
  for (std::size_t at = 0; at < archive.records.size();) {
    at += extract::Record(archive.records.data() + at).length();
    if (at - from < 4000 && at < archive.records.size()) continue;
    World::submit(*extraction, Bytes(archive.records.begin() + static_cast<std::ptrdiff_t>(from),
                                     archive.records.begin() + static_cast<std::ptrdiff_t>(at)));
    from = at;
  }
  const auto outcome = world.finish(*extraction);
  check_clean(outcome);
  CHECK_EQ(outcome.summary->files, 2000u);
  CHECK_EQ(world.names().size(), 2000u);
  CHECK_EQ(read_file(world.path("101999")), "content 1999");
}

TEST("records that wait for room are let in, although their files share one open chunk") {
  World world;
  Archive archive;
  archive.target();
  const auto empty = archive.put_payload("");
  for (int i = 0; i < 100; ++i) {
    Meta meta;
    for (int k = 0; k < 2; ++k)
      meta.with(0x0dab0229b57dcd03, "odd.name" + std::string(1, 0) + std::string(60000, 'v'));
    archive.file_at(std::to_string(100 + i), empty, 0, meta);
  }
  archive.close();
  CHECK(archive.records.size() > extract::RecordRoom::kLimit);
  const auto outcome = world.run(archive);
  CHECK_EQ(outcome.summary->files, 100u);
  CHECK_EQ(outcome.summary->warnings, 200u);
}
