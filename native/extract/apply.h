// Puts an entry's metadata on its inode: owner, xattrs, ACLs, capabilities, mode, flags, times, in this order
// (chown clears setuid bits and capabilities; everything changes times).
#pragma once

#include <vector>

#include "base/error.h"
#include "extract/metadata.h"
#include "extract/options.h"

namespace restat::extract {

// Something that could not be restored; the entry itself stays.
struct Problem {
  bool warning;  // the file system does not support it
  Error error;
};
using Problems = std::vector<Problem>;

enum class InodeType { file, directory };

// What has to be there before content is written: the project id and the flags that change how content is
// kept.
void apply_before_data(int fd, const Metadata& metadata, Problems& problems);

// Everything else but immutable and append-only.
void apply_metadata(int fd, InodeType type, const Metadata& metadata, const Options& options,
                    Problems& problems);

// What this extraction has just made in `directory` with file type `type` (S_IFLNK, …).
struct NewName {
  int directory;
  const char* name;
  std::uint32_t type;
  bool inherits_acl;  // from the directory, and must not keep it
};

// Owner, mode (not of a symlink) and times. Fails where another thing stands there now.
void apply_to_name(const NewName& at, const Metadata& metadata, const Options& options, Problems& problems);

}  // namespace restat::extract
