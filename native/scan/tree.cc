#include "scan/tree.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <vector>

namespace restat {

Result<Identity> identity_of(int fd, const std::string& path) {
  struct stat st;
  if (fstat(fd, &st) != 0) return Error::system(errno, "fstat", path);
  return Identity{st.st_dev, st.st_ino};
}

namespace {

int open_without_atime(int directory, const char* name, int flags) {
  const int fd = openat(directory, name, flags | O_CLOEXEC | O_NOATIME);
  if (fd >= 0 || errno != EPERM) return fd;
  return openat(directory, name, flags | O_CLOEXEC);
}

// Somebody has a lease on the file (a file server's oplock) and was told to give it up. Waits for that, at
// most /proc/sys/fs/lease-break-time, on what is certainly a regular file: a FIFO would be waited for without
// end.
int open_leased(int directory, const char* name, int flags) {
  const Fd path(openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat st;
  if (path && fstat(path.get(), &st) == 0 && S_ISREG(st.st_mode)) {
    const std::string same = "/proc/self/fd/" + std::to_string(path.get());
    const int fd = open_without_atime(AT_FDCWD, same.c_str(), flags & ~(O_NONBLOCK | O_NOFOLLOW));
    if (fd >= 0 || errno != ENOENT) return fd;
  }
  errno = EWOULDBLOCK;
  return -1;
}

}  // namespace

int open_quietly(int directory, const char* name, int flags) {
  const int fd = open_without_atime(directory, name, flags);
  if (fd >= 0 || errno != EWOULDBLOCK) return fd;
  return open_leased(directory, name, flags);
}

Result<std::shared_ptr<Tree>> Tree::open(const std::string& path) {
  Fd fd(open_quietly(AT_FDCWD, path.c_str(), O_RDONLY | O_DIRECTORY));
  if (!fd) return Error::system(errno, "open", path);
  auto identity = identity_of(fd.get(), path);
  if (!identity.ok()) return identity.error();
  auto root = std::make_shared<Node>(Node{kRoot, nullptr, {}, identity.value()});
  return std::shared_ptr<Tree>(new Tree(std::move(root), std::move(fd)));
}

Tree::Tree(std::shared_ptr<Node> root, Fd fd)
    : root_(std::move(root)), root_fd_(std::make_shared<Fd>(std::move(fd))) {
  nodes_.emplace(kRoot, root_);
}

std::uint32_t Tree::enter(std::uint32_t parent, std::string name, Identity expected) {
  std::lock_guard lock(mutex_);
  auto above = nodes_.find(parent);
  const std::uint32_t id = next_++;
  nodes_.emplace(id, std::make_shared<Node>(
                         Node{id, above == nodes_.end() ? root_ : above->second, std::move(name), expected}));
  return id;
}

void Tree::leave(std::uint32_t directory) {
  std::lock_guard lock(mutex_);
  if (directory == kRoot) return;
  nodes_.erase(directory);
  open_.remove_if([directory](const Open& entry) { return entry.first == directory; });
}

std::shared_ptr<Tree::Node> Tree::node(std::uint32_t id) const {
  std::lock_guard lock(mutex_);
  auto found = nodes_.find(id);
  return found == nodes_.end() ? nullptr : found->second;
}

std::shared_ptr<Fd> Tree::cached(std::uint32_t id) {
  std::lock_guard lock(mutex_);
  if (id == kRoot) return root_fd_;
  auto found =
      std::find_if(open_.begin(), open_.end(), [id](const Open& entry) { return entry.first == id; });
  if (found == open_.end()) return nullptr;
  open_.splice(open_.begin(), open_, found);
  return found->second;
}

void Tree::remember(std::uint32_t id, std::shared_ptr<Fd> fd) {
  std::lock_guard lock(mutex_);
  open_.emplace_front(id, std::move(fd));
  if (open_.size() > kOpenDirectories) open_.pop_back();
}

Result<std::shared_ptr<Fd>> Tree::directory(std::uint32_t id) {
  std::vector<std::shared_ptr<Node>> closed;
  std::shared_ptr<Fd> fd;
  for (auto at = node(id); at != nullptr; at = at->parent) {
    fd = cached(at->id);
    if (fd) break;
    closed.push_back(at);
  }
  if (!fd) return Error::system(EBADF, "openat", path_of(id));
  for (auto at = closed.rbegin(); at != closed.rend(); ++at) {
    Fd child(open_quietly(fd->get(), (*at)->name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    if (!child) return Error::system(errno, "openat", path_of((*at)->id));
    auto identity = identity_of(child.get(), (*at)->name);
    if (!identity.ok()) return identity.error();
    if (identity.value() != (*at)->expected) return Error::system(ESTALE, "openat", path_of((*at)->id));
    fd = std::make_shared<Fd>(std::move(child));
    remember((*at)->id, fd);
  }
  return fd;
}

std::string Tree::path_of(std::uint32_t id) const {
  std::vector<std::shared_ptr<Node>> chain;
  for (auto at = node(id); at != nullptr && at->id != kRoot; at = at->parent) chain.push_back(at);
  std::string path;
  for (auto at = chain.rbegin(); at != chain.rend(); ++at) {
    if (!path.empty()) path += '/';
    path += (*at)->name;
  }
  return path;
}

}  // namespace restat
