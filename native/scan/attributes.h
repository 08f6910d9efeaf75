// Reads what a file carries besides its stat, and encodes it as archive items (pxar.md §3.5, §3.10–3.13).
#pragma once

#include <string>

#include "base/error.h"
#include "scan/stat.h"

namespace restat {

struct AttributeOptions {
  bool skip_e2big_xattr = false;
};

// The file system's magic number (statfs).
Result<std::uint64_t> filesystem_magic(int fd, const std::string& path);

// ENTRY flags from chattr and FAT attributes.
std::uint64_t read_flags(int fd, std::uint64_t magic);

// The project id, 0 where there is none or the file system has no such thing.
std::uint32_t read_project_id(int fd, std::uint64_t magic);

// Appends XATTR, ACL and FCAPS items in the writer's order. Sets `skipped` when the list was too big and that
// is allowed.
Status append_attributes(int fd, bool directory, const AttributeOptions& options, std::string& out,
                         bool& skipped);

}  // namespace restat
