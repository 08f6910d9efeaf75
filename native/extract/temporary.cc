#include "extract/temporary.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/random.h>
#include <sys/syscall.h>

#include <cstdio>

namespace restat::extract {
namespace {

// Names in use are possible only where another run left them; a few attempts pass all of those by.
constexpr int kAttempts = 16;

int rename_noreplace(int directory, const char* from, const char* to) {
  if (syscall(SYS_renameat2, directory, from, directory, to, RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  // File systems without that flag can still link exclusively.
  if (linkat(directory, from, directory, to, 0) != 0) return errno;
  return unlinkat(directory, from, 0) == 0 ? 0 : errno;
}

}  // namespace

TemporaryNames::TemporaryNames() {
  std::uint64_t random = 0;
  if (getrandom(&random, sizeof random, 0) != static_cast<ssize_t>(sizeof random))
    random = static_cast<std::uint64_t>(getpid());
  char text[32];
  std::snprintf(text, sizeof text, ".restat-%016llx-", static_cast<unsigned long long>(random));
  prefix_ = text;
}

std::string TemporaryNames::next() {
  return prefix_ + std::to_string(number_.fetch_add(1, std::memory_order_relaxed));
}

Status Temporary::publish(const std::string& name, bool replace) {
  const int directory = directory_->get();
  if (replace) {
    if (renameat(directory, name_.c_str(), directory, name.c_str()) != 0)
      return Error::system(errno, "rename", name);
    // rename() leaves both names where they already are one inode.
    remove();
    return Unit{};
  }
  const int number = rename_noreplace(directory, name_.c_str(), name.c_str());
  if (number != 0) return Error::system(number, "rename", name);
  name_.clear();
  return Unit{};
}

void Temporary::remove() {
  if (!name_.empty()) unlinkat(directory_->get(), name_.c_str(), 0);
  name_.clear();
}

Result<NewFile> create_file(DirectoryHandle directory, TemporaryNames& names) {
  for (int attempt = 0;; ++attempt) {
    std::string name = names.next();
    const int fd = openat(directory->get(), name.c_str(),
                          O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, 0600);
    if (fd >= 0) return NewFile{Temporary(std::move(directory), std::move(name)), Fd(fd)};
    if (errno != EEXIST || attempt == kAttempts) return Error::system(errno, "openat", std::move(name));
  }
}

}  // namespace restat::extract
