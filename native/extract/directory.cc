#include "extract/directory.h"

#include <sys/stat.h>

#include <algorithm>

#include "extract/beneath.h"

namespace restat::extract {

// Ancestors that nothing else holds go one after the other: one inside the other would need a stack as deep
// as the tree.
Directory::~Directory() {
  while (parent && parent.use_count() == 1) {
    auto above = parent->parent;
    parent = std::move(above);
  }
}

std::string Directory::path(std::string_view entry) const {
  std::vector<std::string_view> names;
  if (!entry.empty()) names.push_back(entry);
  for (const Directory* at = this; at->parent; at = at->parent.get()) names.push_back(at->name);
  std::string path;
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    if (!path.empty()) path += '/';
    path += *name;
  }
  return path;
}

DirectoryHandle DirectoryTable::keep(const std::shared_ptr<Directory>& directory, Fd fd) {
  std::lock_guard lock(mutex_);
  return keep_locked(directory, std::move(fd));
}

DirectoryHandle DirectoryTable::keep_locked(const std::shared_ptr<Directory>& directory, Fd fd) {
  directory->handle_ = std::make_shared<const Fd>(std::move(fd));
  if (!directory->parent) return directory->handle_;
  recent_.push_front(directory);
  directory->place_ = recent_.begin();
  DirectoryHandle handle = directory->handle_;
  if (recent_.size() > kMaxOpen) {
    recent_.back()->handle_.reset();
    recent_.pop_back();
  }
  return handle;
}

Result<DirectoryHandle> DirectoryTable::open(const std::shared_ptr<Directory>& directory) {
  std::lock_guard lock(mutex_);
  if (directory->handle_) {
    if (directory->parent) recent_.splice(recent_.begin(), recent_, directory->place_);
    return directory->handle_;
  }
  std::vector<std::shared_ptr<Directory>> closed;
  std::shared_ptr<Directory> at = directory;
  for (; at && !at->handle_; at = at->parent) closed.push_back(at);
  if (!at) return Error::check("DIRECTORY_CHANGED", "the target is not open");
  DirectoryHandle handle = at->handle_;
  for (auto next = closed.rbegin(); next != closed.rend(); ++next) {
    auto opened = reopen(*next, handle->get());
    if (!opened.ok()) return opened.error();
    handle = opened.value();
  }
  return handle;
}

Result<DirectoryHandle> DirectoryTable::reopen(const std::shared_ptr<Directory>& directory, int parent) {
  auto fd = open_directory(parent, directory->name);
  if (!fd.ok()) return fd.error();
  struct stat st {};
  if (fstat(fd.value().get(), &st) != 0) return Error::system(errno, "fstat", directory->name);
  if (st.st_dev != directory->device || st.st_ino != directory->inode)
    return Error::check("DIRECTORY_CHANGED", "another process replaced a directory of the extraction");
  return keep_locked(directory, std::move(fd.value()));
}

void DirectoryTable::forget(Directory& directory) {
  std::lock_guard lock(mutex_);
  if (!directory.handle_ || !directory.parent) return;
  directory.handle_.reset();
  recent_.erase(directory.place_);
}

}  // namespace restat::extract
