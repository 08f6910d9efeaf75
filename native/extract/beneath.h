// Opening things below a directory and nowhere else: no symbolic link is followed, no name leads out.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"

namespace restat::extract {

// Not empty, not `.` or `..`, at most 255 bytes, no `/` and no NUL; error code NAME.
Status check_name(std::string_view name);

// The directory `name` in `parent`.
Result<Fd> open_directory(int parent, const std::string& name);

// The inode at `path` ('/'-separated names) below `root`, as O_PATH. Error code NAME for a path that has
// other parts.
Result<Fd> find_beneath(int root, const std::string& path);

}  // namespace restat::extract
