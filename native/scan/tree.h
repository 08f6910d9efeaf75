// A directory tree that is being read: directories by number, opened beneath the root without following
// links.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/error.h"
#include "base/fd.h"

namespace restat {

struct Identity {
  std::uint64_t dev = 0;
  std::uint64_t ino = 0;
  bool operator==(const Identity&) const = default;
};

// The identity of what `fd` refers to.
Result<Identity> identity_of(int fd, const std::string& path);

// openat that asks for O_NOATIME and does without where the file belongs to somebody else. Waits for leases
// on regular files.
int open_quietly(int directory, const char* name, int flags);

// Safe from any thread. At most kOpenDirectories descriptors stay open; a directory that was closed is opened
// again from its nearest open ancestor, name by name, and must still be the same inode (else ESTALE).
class Tree {
 public:
  static constexpr std::uint32_t kRoot = 0;
  static constexpr std::size_t kOpenDirectories = 6;

  // A link to a directory is followed here, and only here.
  static Result<std::shared_ptr<Tree>> open(const std::string& path);

  std::uint32_t enter(std::uint32_t parent, std::string name, Identity expected);
  void leave(std::uint32_t directory);

  // An open descriptor of the directory. Errors: those of openat, ESTALE when it is another one now.
  Result<std::shared_ptr<Fd>> directory(std::uint32_t id);
  // "" for the root, else names joined by '/'.
  std::string path_of(std::uint32_t id) const;
  Identity root_identity() const { return root_->expected; }

 private:
  struct Node {
    std::uint32_t id;
    std::shared_ptr<Node> parent;
    std::string name;
    Identity expected;
  };
  using Open = std::pair<std::uint32_t, std::shared_ptr<Fd>>;

  Tree(std::shared_ptr<Node> root, Fd fd);
  std::shared_ptr<Node> node(std::uint32_t id) const;
  std::shared_ptr<Fd> cached(std::uint32_t id);
  void remember(std::uint32_t id, std::shared_ptr<Fd> fd);

  mutable std::mutex mutex_;
  std::shared_ptr<Node> root_;
  std::shared_ptr<Fd> root_fd_;
  std::unordered_map<std::uint32_t, std::shared_ptr<Node>> nodes_;
  std::list<Open> open_;  // most recently used first
  std::uint32_t next_ = 1;
};

}  // namespace restat
