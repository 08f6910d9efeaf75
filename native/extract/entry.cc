#include "extract/entry.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "extract/beneath.h"
#include "extract/directory_entry.h"

namespace restat::extract {
namespace {

constexpr std::size_t kMaxTarget = 4095;

void apply(Context& context, const Directory& directory, int at, const Record& record, std::uint32_t type,
           const Metadata& metadata) {
  Problems problems;
  const std::string name(record.name());
  apply_to_name({at, name.c_str(), type, directory.inherits_acl}, metadata, context.options, problems);
  if (!problems.empty()) context.report_problems(directory.path(record.name()), std::move(problems));
}

Status symlink(Context& context, const std::shared_ptr<Directory>& directory, const Record& record) {
  const std::string target(record.extra());
  if (target.empty() || target.size() > kMaxTarget || target.find('\0') != target.npos)
    return Error::check("SYMLINK", "a symbolic link to nothing that can be named");
  auto metadata = parse_metadata_of(S_IFLNK, record.body());
  if (!metadata.ok()) return metadata.error();
  auto handle = context.directories.open(directory);
  if (!handle.ok()) return handle.error();
  const auto make = [&](int at, const char* name) {
    return symlinkat(target.c_str(), at, name) == 0 ? 0 : errno;
  };
  Status status = create_entry(handle.value(), context.names, std::string(record.name()),
                               context.options.overwrite_symlinks, "symlink", make);
  if (status.ok()) apply(context, *directory, handle.value()->get(), record, S_IFLNK, metadata.value());
  return status;
}

// The file type of a special record, 0 where its kind and mode do not agree.
std::uint32_t special_type(Kind kind, std::uint32_t mode) {
  const std::uint32_t type = mode & S_IFMT;
  if (kind == Kind::fifo) return type == S_IFIFO ? type : 0;
  if (kind == Kind::socket) return type == S_IFSOCK ? type : 0;
  return type == S_IFCHR || type == S_IFBLK ? type : 0;
}

Status special(Context& context, const std::shared_ptr<Directory>& directory, const Record& record) {
  auto metadata = parse_metadata(record.body());
  if (!metadata.ok()) return metadata.error();
  const std::uint32_t type = special_type(record.kind(), metadata.value().mode);
  if (type == 0) return Error::check("METADATA", "metadata: another file type than the entry's");
  const bool is_device = record.kind() == Kind::device;
  const dev_t device = is_device ? makedev(static_cast<unsigned>(record.device() >> 32),
                                           static_cast<unsigned>(record.device()))
                                 : 0;
  auto handle = context.directories.open(directory);
  if (!handle.ok()) return handle.error();
  const auto make = [&](int at, const char* name) {
    return mknodat(at, name, type | 0600, device) == 0 ? 0 : errno;
  };
  Status status = create_entry(handle.value(), context.names, std::string(record.name()),
                               context.options.overwrite_files, "mknod", make);
  if (status.ok()) apply(context, *directory, handle.value()->get(), record, type, metadata.value());
  return status;
}

int link_inode(int inode, int at, const char* name) {
  if (linkat(inode, "", at, name, AT_EMPTY_PATH) == 0) return 0;
  // Needs a capability on older kernels, which then say ENOENT; the way through /proc needs none.
  if (errno != ENOENT && errno != EPERM && errno != EINVAL) return errno;
  const std::string link = "/proc/self/fd/" + std::to_string(inode);
  return linkat(AT_FDCWD, link.c_str(), at, name, AT_SYMLINK_FOLLOW) == 0 ? 0 : errno;
}

Status hardlink(Context& context, const std::shared_ptr<Directory>& directory, const Record& record,
                std::optional<Inode> target) {
  if (!target) return Error::check("HARDLINK_TARGET", "the file that it links to was not extracted");
  std::shared_ptr<Directory> top = directory;
  while (top->parent) top = top->parent;
  auto root = context.directories.open(top);
  if (!root.ok()) return root.error();
  auto inode = find_beneath(root.value()->get(), std::string(record.extra()));
  if (!inode.ok()) return inode.error();
  struct stat st {};
  if (fstat(inode.value().get(), &st) != 0) return Error::system(errno, "fstat", {});
  if (st.st_ino != target->number || st.st_dev != target->device)
    return Error::check("HARDLINK_TARGET", "what it links to is not the file of the archive");
  auto handle = context.directories.open(directory);
  if (!handle.ok()) return handle.error();
  const auto make = [&](int at, const char* name) { return link_inode(inode.value().get(), at, name); };
  return create_entry(handle.value(), context.names, std::string(record.name()),
                      context.options.overwrite_hardlinks, "link", make);
}

}  // namespace

void make_symlink(Context& context, const std::shared_ptr<Directory>& directory, const Record& record) {
  Status status = symlink(context, directory, record);
  if (!status.ok()) return context.error(directory->path(record.name()), std::move(status.error()));
  ++context.report.symlinks;
}

void make_special(Context& context, const std::shared_ptr<Directory>& directory, const Record& record) {
  if (context.options.no_specials) {
    ++context.report.skipped;
    return;
  }
  Status status = special(context, directory, record);
  if (status.ok()) {
    ++context.report.specials;
  } else if (record.kind() == Kind::device && context.options.ignore_device_errors) {
    ++context.report.skipped;
    context.report.add(true, directory->path(record.name()), std::move(status.error()));
  } else {
    context.error(directory->path(record.name()), std::move(status.error()));
  }
}

void make_hardlink(Context& context, std::shared_ptr<Batch> batch, std::shared_ptr<Directory> directory,
                   Record record) {
  directory->pending.fetch_add(1);
  const auto link = [&context, batch = std::move(batch), directory, record](std::optional<Inode> target) {
    if (!context.stopped()) {
      Status status = hardlink(context, directory, record, target);
      if (status.ok()) {
        ++context.report.hardlinks;
      } else {
        context.error(directory->path(record.name()), std::move(status.error()));
      }
    }
    release(context, directory);
  };
  if (!context.inodes.when_settled(record.target_position(), link)) link(std::nullopt);
}

}  // namespace restat::extract
