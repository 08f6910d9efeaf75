// What a caller of the extraction chooses, and what it gets back.
#pragma once

#include <cstdint>
#include <string>

namespace restat::extract {

struct Options {
  std::string target;
  // Without these an existing name is EEXIST. A directory is never replaced.
  bool overwrite_files = false;  // by regular files and special files
  bool overwrite_symlinks = false;
  bool overwrite_hardlinks = false;
  // Existing directories are entered and get the archive's metadata; the target itself may always exist.
  bool allow_existing_dirs = false;
  bool ignore_acls = false;
  bool ignore_xattrs = false;
  bool ignore_ownership = false;
  bool ignore_permissions = false;
  bool ignore_device_errors = false;
  bool no_specials = false;  // devices, FIFOs and sockets are counted as skipped
  bool no_setuid = false;    // setuid, setgid and capabilities of regular files are dropped
  bool strict = false;       // the first error ends the extraction
};

struct Summary {
  std::uint64_t files = 0;
  std::uint64_t directories = 0;
  std::uint64_t symlinks = 0;
  std::uint64_t hardlinks = 0;
  std::uint64_t specials = 0;
  std::uint64_t skipped = 0;
  std::uint64_t bytes = 0;  // contents of the files that are done
  std::uint64_t errors = 0;
  std::uint64_t warnings = 0;
};

struct Progress {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;  // written so far, of unfinished files too
  std::string path;         // of the entry that was started last, relative to the target
};

}  // namespace restat::extract
