#include "file/publish.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "file/locks.h"
#include "test/check.h"
#include "test/temporary.h"

using namespace restat;
using restat::test::TemporaryDirectory;

namespace {

// What the kernel says to RENAME_NOREPLACE; 0: what it really says.
int refused_with = 0;

}  // namespace

// Stands before the C library's: file systems that lack the flag are hard to come by.
extern "C" int renameat2(int from_at, const char* from, int to_at, const char* to, unsigned flags) noexcept {
  if (refused_with == 0) return static_cast<int>(syscall(SYS_renameat2, from_at, from, to_at, to, flags));
  errno = refused_with;
  return -1;
}

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

TEST("where the file system cannot rename exclusively, directories are still not replaced") {
  TemporaryDirectory dir;
  const std::string from = dir / "a", to = dir / "b";
  for (const int error : {EINVAL, ENOSYS}) {
    mkdir(from.c_str(), 0755);
    mkdir(to.c_str(), 0755);
    std::ofstream(to + "/kept") << "content";
    refused_with = error;
    const Status onto = rename_exclusive(from, to);
    const Status beside = rename_exclusive(from, dir / "c");
    const Status missing = rename_exclusive(dir / "none", dir / "d");
    const Status file = rename_exclusive(to + "/kept", dir / "e");
    refused_with = 0;
    CHECK_EQ(onto.error().number, EEXIST);
    CHECK(beside.ok());
    CHECK_EQ(missing.error().number, ENOENT);
    CHECK_EQ(file.error().number, ENOTDIR);
    CHECK_EQ(read_file(to + "/kept"), std::string("content"));
    CHECK_EQ(count_names(dir.path()), 2);
    std::filesystem::remove_all(dir / "c");
  }
}

TEST("syncing a file system needs an open file and names the path in its error") {
  TemporaryDirectory dir;
  Fd fd(open(dir.path().c_str(), O_RDONLY));
  CHECK(sync_filesystem(fd.get(), dir.path()).ok());
  const auto status = sync_filesystem(-1, "store");
  CHECK_EQ(status.error().number, EBADF);
  CHECK_EQ(status.error().path, std::string("store"));
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
