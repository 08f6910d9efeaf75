#include "file/publish.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <fstream>
#include <sstream>

#include "file/locks.h"
#include "test/check.h"
#include "test/temporary.h"

using namespace restat;
using restat::test::TemporaryDirectory;

namespace {

ByteView view(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string read_file(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

int count_names(const std::string& path) {
  int count = 0;
  DIR* dir = opendir(path.c_str());
  while (readdir(dir) != nullptr) ++count;
  closedir(dir);
  return count - 2;
}

}  // namespace

TEST("a published file has its bytes and its mode, and leaves no other name") {
  TemporaryDirectory dir;
  CHECK(publish_file(dir.path(), "a", view("content"), {.mode = 0604}).ok());
  CHECK_EQ(read_file(dir.path() + "/a"), std::string("content"));
  struct stat st;
  CHECK_EQ(stat((dir.path() + "/a").c_str(), &st), 0);
  CHECK_EQ(st.st_mode & 07777, 0604u);
  CHECK_EQ(count_names(dir.path()), 1);
}

TEST("an existing file is EEXIST and stays as it is unless it may be replaced") {
  TemporaryDirectory dir;
  CHECK(publish_file(dir.path(), "a", view("first"), {}).ok());
  CHECK_EQ(publish_file(dir.path(), "a", view("second"), {}).error().number, EEXIST);
  CHECK_EQ(read_file(dir.path() + "/a"), std::string("first"));
  CHECK(publish_file(dir.path(), "a", view("second"), {.replace = true, .sync = true}).ok());
  CHECK_EQ(read_file(dir.path() + "/a"), std::string("second"));
  CHECK_EQ(count_names(dir.path()), 1);
}

TEST("publishing into a directory that is missing names it") {
  TemporaryDirectory dir;
  const auto status = publish_file(dir.path() + "/none", "a", view(""), {});
  CHECK_EQ(status.error().number, ENOENT);
}

TEST("an unnamed file can be written and has no name") {
  TemporaryDirectory dir;
  auto fd = open_unnamed(dir.path());
  CHECK(fd.ok());
  CHECK_EQ(write(fd.value().get(), "abc", 3), 3);
  CHECK_EQ(count_names(dir.path()), 0);
}

TEST("an exclusive rename never replaces") {
  TemporaryDirectory dir;
  mkdir((dir.path() + "/a").c_str(), 0755);
  mkdir((dir.path() + "/b").c_str(), 0755);
  CHECK_EQ(rename_exclusive(dir.path() + "/a", dir.path() + "/b").error().number, EEXIST);
  CHECK(rename_exclusive(dir.path() + "/a", dir.path() + "/c").ok());
}

TEST("flock excludes other open files, shared ones stand side by side") {
  TemporaryDirectory dir;
  const std::string path = dir.path() + "/lock";
  Fd a(open(path.c_str(), O_RDWR | O_CREAT, 0600));
  Fd b(open(path.c_str(), O_RDWR));
  CHECK(try_lock(a.get(), LockKind::kFlock, false).value());
  CHECK(try_lock(b.get(), LockKind::kFlock, false).value());
  CHECK(!try_lock(a.get(), LockKind::kFlock, true).value());
  b.reset();
  CHECK(try_lock(a.get(), LockKind::kFlock, true).value());
}

TEST("a record lock excludes other processes") {
  TemporaryDirectory dir;
  const std::string path = dir.path() + "/lock";
  Fd a(open(path.c_str(), O_RDWR | O_CREAT, 0600));
  CHECK(try_lock(a.get(), LockKind::kRecord, false).value());
  const pid_t child = fork();
  if (child == 0) {
    Fd b(open(path.c_str(), O_RDWR));
    const bool exclusive = try_lock(b.get(), LockKind::kRecord, true).value();
    const bool shared = try_lock(b.get(), LockKind::kRecord, false).value();
    _exit((exclusive ? 1 : 0) | (shared ? 0 : 2));
  }
  int status = 0;
  CHECK_EQ(waitpid(child, &status, 0), child);
  CHECK_EQ(WEXITSTATUS(status), 0);
}
