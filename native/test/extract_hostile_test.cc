// Archives and targets that mean harm: nothing outside of the target changes, nothing wrong stands under a
// name.
#include <fcntl.h>
#include <sys/stat.h>

#include "pxar/items.h"
#include "test/check.h"
#include "test/extract_world.h"

using namespace restat;
using namespace restat::test;

namespace {

std::size_t temporary_names(const World& world) {
  std::size_t n = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(world.path()))
    n += entry.path().filename().string().starts_with(".restat-");
  return n;
}

}  // namespace

TEST("names that lead elsewhere are errors for every kind of entry") {
  World world;
  const std::string before = world.outside();
  const std::string bad[] = {
      "..", ".", "", "/etc", "../outside/new", "a/b", std::string("nul\0x", 5), std::string(256, 'n')};
  Archive archive;
  archive.target();
  const auto good = archive.file("good", "x");
  for (const auto& name : bad) {
    archive.file(name, "evil");
    archive.symlink(name, "x").special(name, Kind::fifo, S_IFIFO).hardlink(name, good, "good");
    archive.directory(name);
    archive.file("below", "evil");
    archive.close();
  }
  archive.close();
  const auto outcome = world.run(archive);
  CHECK_EQ(world.outside(), before);
  CHECK_EQ(world.names().size(), 1u);
  CHECK_EQ(outcome.summary->errors, 40u);
  CHECK_EQ(outcome.summary->skipped, 8u);
}

TEST("a symlink does not lead a later file, directory or link out of the target") {
  World world;
  const std::string before = world.outside();
  for (const bool allow : {false, true}) {
    Archive archive;
    archive.target();
    archive.symlink("dir", "../outside").symlink("file", "../outside/sentinel");
    archive.directory("dir");
    archive.file("new", "evil");
    archive.close();
    archive.file("file", "evil");
    const auto outcome =
        world.run(archive, Options{.overwrite_symlinks = allow, .allow_existing_dirs = allow});
    CHECK_EQ(world.outside(), before);
    CHECK(outcome.has_error("dir", allow ? "ENOTDIR" : "EEXIST"));
    CHECK(outcome.has_error("file", "EEXIST"));
    CHECK(std::filesystem::is_symlink(world.path("dir")));
  }
}

TEST("with overwriting, a file replaces a symlink and not what it points to") {
  World world;
  const std::string before = world.outside();
  Archive archive;
  archive.target();
  archive.symlink("name", "../outside/sentinel");
  archive.file("name", "mine");
  CHECK_EQ(world.run(archive, Options{.overwrite_files = true}).summary->errors, 0u);
  CHECK_EQ(world.outside(), before);
  CHECK_EQ(read_file(world.path("name")), "mine");
  CHECK(S_ISREG(stat_of(world.path("name")).st_mode));
}

TEST("hard links lead only to the file of the archive that they name") {
  World world;
  std::filesystem::create_directory(world.path());
  write_file(world.path("mine"), "was here before");
  std::filesystem::create_symlink("../outside", world.path("way"));
  const std::string before = world.outside();
  Archive archive;
  archive.target();
  const auto a = archive.file("a", "x");
  archive.hardlink("l1", a, "../outside/sentinel").hardlink("l2", a, "/etc/passwd").hardlink("l3", a, "");
  archive.hardlink("l4", a, "way/sentinel").hardlink("l5", a, "mine").hardlink("l6", a + 999, "a");
  archive.hardlink("l7", a, "gone").hardlink("l8", a, "./a");
  const auto outcome = world.run(archive);
  CHECK_EQ(world.outside(), before);
  for (const char* name : {"l1", "l2", "l3", "l8"}) CHECK(outcome.has_error(name, "NAME"));
  CHECK(outcome.has_error("l4", "ELOOP"));
  CHECK(outcome.has_error("l5", "HARDLINK_TARGET"));
  CHECK(outcome.has_error("l6", "HARDLINK_TARGET"));
  CHECK(outcome.has_error("l7", "ENOENT"));
  CHECK_EQ(world.names().size(), 3u);
  CHECK_EQ(stat_of(world.path("mine")).st_nlink, 1u);
}

TEST("the second of two equal names is an error, whatever the kinds are") {
  World world;
  Archive archive;
  archive.target();
  archive.file("same", std::string(20000, 'x'));
  archive.file("same", "second");
  archive.symlink("same", "x").special("same", Kind::fifo, S_IFIFO).directory("same").close();
  archive.file("unsorted", "1");
  archive.file("before", "2");
  const auto outcome = world.run(archive);
  CHECK_EQ(outcome.summary->errors, 4u);
  CHECK(outcome.has_error("same", "EEXIST"));
  CHECK_EQ(read_file(world.path("same")), std::string(20000, 'x'));
  CHECK_EQ(read_file(world.path("before")), "2");
}

TEST("an existing file, FIFO or directory is neither opened nor replaced without leave") {
  World world;
  std::filesystem::create_directories(world.path("dir/kept"));
  write_file(world.path("old"), "old");
  CHECK_EQ(mkfifo(world.path("fifo").c_str(), 0600), 0);
  Archive archive;
  archive.target().directory("dir");
  archive.file("new", "below");
  archive.close();
  archive.file("fifo", "new");
  archive.file("old", "new");
  auto outcome = world.run(archive);
  for (const char* name : {"dir", "fifo", "old"}) CHECK(outcome.has_error(name, "EEXIST"));
  CHECK_EQ(outcome.summary->skipped, 1u);
  CHECK_EQ(read_file(world.path("old")), "old");
  outcome = world.run(archive, Options{.overwrite_files = true, .allow_existing_dirs = true});
  CHECK_EQ(outcome.summary->errors, 0u);
  CHECK_EQ(read_file(world.path("fifo")), "new");
  CHECK_EQ(read_file(world.path("old")), "new");
  CHECK_EQ(world.names("dir").size(), 2u);
}

TEST("a file never replaces a directory") {
  World world;
  std::filesystem::create_directories(world.path("dir"));
  Archive archive;
  archive.target();
  archive.file("dir", "new");
  const auto outcome = world.run(
      archive, Options{.overwrite_files = true, .overwrite_symlinks = true, .overwrite_hardlinks = true});
  CHECK(outcome.has_error("dir", "EISDIR"));
  CHECK_EQ(temporary_names(world), 0u);
}

TEST("overwriting a name leaves the other names of its inode alone") {
  World world;
  std::filesystem::create_directory(world.path());
  write_file(world.path("name"), "old content");
  std::filesystem::create_hard_link(world.path("name"), world.path("other"));
  Archive archive;
  archive.target();
  const auto a = archive.file("name", "new");
  archive.hardlink("other2", a, "name").symlink("s", "1").symlink("s", "2");
  archive.hardlink("zz", a, "name").hardlink("zz", a, "name");
  const Options options{.overwrite_files = true, .overwrite_symlinks = true, .overwrite_hardlinks = true};
  const auto outcome = world.run(archive, options);
  CHECK_EQ(outcome.summary->errors, 0u);
  CHECK_EQ(read_file(world.path("other")), "old content");
  CHECK_EQ(read_file(world.path("other2")), "new");
  CHECK_EQ(std::filesystem::read_symlink(world.path("s")).string(), "2");
  CHECK_EQ(temporary_names(world), 0u);
  CHECK_EQ(stat_of(world.path("name")).st_nlink, 3u);
}

TEST("contents that are not where the archive says leave no file behind") {
  World world;
  Archive archive;
  const auto at = archive.put_payload(std::string(9000, 'p'));
  archive.target();
  archive.file_at("beyond", 1 << 20, 5);
  archive.file_at("half", at, 1 << 20);
  archive.file_at("huge", at, ~0ull);
  archive.file_at("short", at, 8999);
  archive.file_at("shift", at + 1, 5);
  archive.file_at("wrap", ~0ull - 3, 20);
  archive.file("zgood", "good");
  const auto outcome = world.run(archive);
  for (const char* name : {"beyond", "half", "huge", "wrap"}) CHECK(outcome.has_error(name, "PAYLOAD_RANGE"));
  for (const char* name : {"short", "shift"}) CHECK(outcome.has_error(name, "PAYLOAD_HEADER"));
  CHECK_EQ(world.names().size(), 1u);
  CHECK_EQ(read_file(world.path("zgood")), "good");
}

TEST("a chunk that cannot be loaded costs the files in it, by name, and no others") {
  World world;
  Archive archive;
  archive.target();
  archive.file("a", std::string(4000, 'a'));
  const auto b = archive.file("b", std::string(20000, 'b'));
  archive.file("c", std::string(100, 'c'));
  archive.hardlink("d", b, "b").close();
  auto source = std::make_shared<MemorySource>(archive.payload, 4096);
  source->broken = {3};
  const auto extraction = world.start(source);
  World::submit(*extraction, archive.records);
  const auto outcome = world.finish(*extraction);
  CHECK_EQ(outcome.summary->files, 2u);
  CHECK(outcome.has_error("b", "CHUNK_CORRUPT"));
  CHECK(outcome.has_error("d", "HARDLINK_TARGET"));
  CHECK_EQ(outcome.events.at(0).error.message, "chunk 3 of the payload: digest 00ff does not fit");
  CHECK_EQ(world.names().size(), 2u);
}

TEST("broken metadata is an error of its entry") {
  World world;
  Archive archive;
  archive.target();
  archive.file("a", "x", Meta{.mode = 0200644});
  archive.file("b", "x", Meta{.nanoseconds = 1000000000});
  archive.file("c", "x", Meta{}.with(0x1234, "unknown"));
  archive.file("d", "x", Meta{}.with(pxar::kAclUser, words({1, 8})));
  archive.file("e", "x", Meta{}.with(pxar::kFcaps, "1").with(pxar::kFcaps, "1"));
  archive.file("f", "x", Meta{}.with(pxar::kXattr, "no end"));
  archive.special("g", Kind::fifo, S_IFSOCK);
  const auto outcome = world.run(archive);
  for (const char* name : {"a", "b", "c", "d", "e", "f", "g"}) CHECK(outcome.has_error(name, "METADATA"));
  CHECK_EQ(world.names().size(), 0u);
}

TEST("an abort in the middle leaves no temporary names") {
  World world;
  Archive archive;
  archive.target();
  for (int i = 100; i < 400; ++i) archive.file("f" + std::to_string(i), std::string(10000, 'x'));
  auto source = std::make_shared<MemorySource>(archive.payload, 4096);
  const auto extraction = world.start(source);
  std::atomic<int> loads{0};
  source->on_load = [&] {
    if (++loads == 100) extraction->abort();
  };
  World::submit(*extraction, archive.records);
  const auto outcome = world.finish(*extraction);
  CHECK_EQ(outcome.error.value().code, "ABORT_ERR");
  CHECK_EQ(outcome.events.size(), 0u);
  CHECK_EQ(temporary_names(world), 0u);
  CHECK(world.names().size() < 300u);
}

TEST("an extraction that is dropped in the middle leaves no temporary names") {
  World world;
  Archive archive;
  archive.target();
  archive.file("large", std::string(10000, 'x'));
  {
    auto source = std::make_shared<MemorySource>(archive.payload, 4096);
    const auto extraction = world.start(source);
    World::submit(*extraction, archive.records);
    while (source->loads() < 2) std::this_thread::yield();
  }
  world.engine.cpu.stop();
  world.engine.io.stop();
  CHECK_EQ(world.names().size(), 0u);
}

TEST("when the engine stops, a pending end is answered") {
  World world;
  Archive archive;
  archive.target();
  for (int i = 100; i < 200; ++i) archive.file("f" + std::to_string(i), std::string(10000, 'x'));
  auto engine = std::make_unique<Engine>();
  auto source = std::make_shared<MemorySource>(archive.payload, 4096);
  source->hold();
  const auto extraction = Extraction::create(*engine, Options{.target = world.path()}, source,
                                             CancelToken(nullptr, &engine->stopping));
  World::submit(*extraction, archive.records);
  std::atomic<bool> aborted{false};
  extraction->finish(
      [&](Result<Summary> result) { aborted = !result.ok() && result.error().is_cancelled(); });
  while (source->loads() == 0) std::this_thread::yield();
  engine->stopping.set();
  source->let_go();
  engine.reset();
  CHECK(aborted);
  CHECK_EQ(temporary_names(world), 0u);
}

TEST("strict extraction ends with the first error") {
  World world;
  Archive archive;
  archive.target();
  archive.file_at("bad", 1 << 20, 5);
  archive.file("good", "x");
  const auto outcome = world.run(archive, Options{.strict = true});
  CHECK_EQ(outcome.error.value().code, "PAYLOAD_RANGE");
  CHECK_EQ(outcome.error.value().path, "bad");
  CHECK_EQ(world.names().size(), 0u);
}

TEST("records that contradict themselves end the extraction") {
  World world;
  Archive archive;
  archive.target();
  Bytes cut = archive.records;
  cut.resize(cut.size() - 8);
  const auto answer = [&](const Bytes& records) {
    std::string code = "OK";
    const auto extraction = world.start(nullptr);
    extraction->submit(records, [&](Status status) { code = status.ok() ? "OK" : status.error().code; });
    const auto outcome = world.finish(*extraction);
    return code + " " + (outcome.error ? outcome.error->code : "done");
  };
  CHECK_EQ(answer(cut), "RECORD done");
  Bytes kind = archive.records;
  kind[4] = 9;
  CHECK_EQ(answer(kind), "RECORD done");
  Bytes name = archive.records;
  store_le<std::uint32_t>(name.data() + 40, 0xffffffff);
  CHECK_EQ(answer(name), "RECORD done");
  Bytes twice = archive.records;
  twice.insert(twice.end(), archive.records.begin(), archive.records.end());
  CHECK_EQ(answer(twice), "OK RECORD");
  CHECK_EQ(answer({}), "OK done");
}

TEST("a target that cannot be made ends the extraction") {
  World world;
  write_file(world.path(), "a file");
  Archive archive;
  archive.target();
  CHECK_EQ(world.run(archive).error.value().number, ENOTDIR);
}
