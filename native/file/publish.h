// Files that appear under their name whole or not at all.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/bytes.h"
#include "base/error.h"
#include "base/fd.h"

namespace restat {

struct PublishOptions {
  mode_t mode = 0640;
  // Owner of the new file; left alone where it is the process's own anyway.
  uid_t uid = static_cast<uid_t>(-1);
  gid_t gid = static_cast<gid_t>(-1);
  bool replace = false;
  bool sync = false;
};

// A file without a name in `directory` (O_TMPFILE; where the file system lacks that, one that is unlinked at
// once).
Result<Fd> open_unnamed(const std::string& directory);

// Writes `bytes` as `directory`/`name`. Without `replace` an existing name is EEXIST.
Status publish_file(const std::string& directory, const std::string& name, ByteView bytes,
                    const PublishOptions& options);

// Renames a directory without ever replacing anything that has content: EEXIST.
Status rename_exclusive(const std::string& from, const std::string& to);

// syncfs of the file system that holds `fd`. Fails also where data written since `fd` was opened could not be
// kept: it is opened before the first write. `path` stands in errors.
Status sync_filesystem(int fd, const std::string& path);

}  // namespace restat
