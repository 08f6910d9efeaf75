#include "extract/directory_entry.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "extract/beneath.h"
#include "extract/file_flags.h"
#include "extract/posix_acl.h"

namespace restat::extract {
namespace {

std::shared_ptr<Directory> new_directory(const std::shared_ptr<Directory>& parent, const Record& record) {
  auto directory = std::make_shared<Directory>();
  directory->parent = parent;
  directory->name = record.name();
  directory->id = record.id();
  directory->depth = parent ? parent->depth + 1 : 0;
  directory->body.assign(record.body().begin(), record.body().end());
  if (parent) parent->pending.fetch_add(1);
  return directory;
}

// What the archive does not say must not come from a default ACL above.
void settle_acls(const Context& context, int fd, Directory& directory) {
  if (context.options.ignore_acls) return;
  if (directory.existed) {
    directory.inherits_acl = fgetxattr(fd, kDefaultAcl, nullptr, 0) > 0;
  } else if (!directory.parent || directory.parent->inherits_acl) {
    fremovexattr(fd, kAccessAcl);
    fremovexattr(fd, kDefaultAcl);
  }
}

Status adopt(Context& context, const std::shared_ptr<Directory>& directory, Fd fd) {
  struct stat st {};
  if (fstat(fd.get(), &st) != 0) return Error::system(errno, "fstat", directory->name);
  directory->device = st.st_dev;
  directory->inode = st.st_ino;
  settle_acls(context, fd.get(), *directory);
  context.directories.keep(directory, std::move(fd));
  return Unit{};
}

Status make(Context& context, const std::shared_ptr<Directory>& directory) {
  const std::string& name = directory->name;
  if (directory->depth > kMaxDepth) return Error::check("DEPTH", "directories are nested too deeply");
  auto parent = context.directories.open(directory->parent);
  if (!parent.ok()) return parent.error();
  const int at = parent.value()->get();
  if (mkdirat(at, name.c_str(), 0700) != 0) {
    if (errno != EEXIST || !context.options.allow_existing_dirs) return Error::system(errno, "mkdir", name);
    directory->existed = true;
  }
  auto fd = open_directory(at, name);
  if (!fd.ok()) return fd.error();
  return adopt(context, directory, std::move(fd.value()));
}

void apply_to_directory(Context& context, const std::shared_ptr<Directory>& directory) {
  if (directory->body.empty()) return;
  const auto metadata = parse_metadata_of(S_IFDIR, directory->body);
  if (!metadata.ok()) return context.error(directory->path(), metadata.error());
  const auto handle = context.directories.open(directory);
  if (!handle.ok()) return context.error(directory->path(), handle.error());
  const int fd = handle.value()->get();
  Problems problems;
  // Not earlier: what is made in the directory would inherit these.
  apply_before_data(fd, metadata.value(), problems);
  apply_metadata(fd, InodeType::directory, metadata.value(), context.options, problems);
  if (!problems.empty()) context.report_problems(directory->path(), std::move(problems));
  if (const auto last = flags_of(FlagStage::last, metadata.value().flags); last != 0)
    context.set_last({directory, {}, last, {directory->device, directory->inode}});
}

void finish(Context& context, const std::shared_ptr<Directory>& directory) {
  if (!directory->failed && !context.stopped()) {
    apply_to_directory(context, directory);
    ++context.report.directories;
  }
  context.directories.forget(*directory);
}

Result<Fd> open_for_flags(Context& context, const LastFlags& last) {
  auto directory = context.directories.open(last.directory);
  if (!directory.ok()) return directory.error();
  const std::string name = last.name.empty() ? "." : last.name;
  const Fd inode(openat(directory.value()->get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat st {};
  if (!inode || fstat(inode.get(), &st) != 0) return Error::system(errno, "openat", name);
  // Replaced by a later entry of the archive, or by somebody else: not ours to lock.
  if (st.st_ino != last.inode.number || st.st_dev != last.inode.device)
    return Error::check("ENTRY_CHANGED", "another entry stands there now");
  // It is known to be a file or directory: opening it cannot block.
  const std::string link = "/proc/self/fd/" + std::to_string(inode.get());
  Fd fd(open(link.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!fd) return Error::system(errno, "open", name);
  return fd;
}

}  // namespace

Result<std::shared_ptr<Directory>> open_target(Context& context, const Record& record) {
  const std::string& target = context.options.target;
  auto directory = new_directory(nullptr, record);
  if (mkdir(target.c_str(), 0700) != 0) {
    if (errno != EEXIST) return Error::system(errno, "mkdir", target);
    directory->existed = true;
  }
  Fd fd(open(target.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return Error::system(errno, "open", target);
  if (Status status = adopt(context, directory, std::move(fd)); !status.ok()) return status.error();
  return directory;
}

std::shared_ptr<Directory> make_directory(Context& context, const std::shared_ptr<Directory>& parent,
                                          const Record& record) {
  auto directory = new_directory(parent, record);
  if (parent->failed) {
    ++context.report.skipped;
    directory->failed = true;
    return directory;
  }
  Status status = check_name(record.name());
  if (status.ok()) status = make(context, directory);
  if (!status.ok()) {
    directory->failed = true;
    context.error(directory->path(), std::move(status.error()));
  }
  return directory;
}

void release(Context& context, std::shared_ptr<Directory> directory) {
  while (directory) {
    const std::uint32_t left = directory->pending.fetch_sub(1) - 1;
    if (left > 0) {
      if (left == 1 && directory->waited_for.load()) context.kick();
      return;
    }
    finish(context, directory);
    if (!directory->parent) context.target_done();
    directory = directory->parent;
  }
}

void apply_last_flags(Context& context) {
  for (const auto& last : context.take_last()) {
    auto fd = open_for_flags(context, last);
    Status status = fd.ok() ? add_flags(fd.value().get(), last.flags) : Status(fd.error());
    if (status.ok()) continue;
    const bool warning = status.error().code == "FLAG_UNSUPPORTED";
    Problems problems;
    problems.push_back({warning, std::move(status.error())});
    context.report_problems(last.directory->path(last.name), std::move(problems));
  }
}

}  // namespace restat::extract
