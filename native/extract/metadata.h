// The metadata of an entry: ENTRY and attribute items decoded (pxar.md §3).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace restat::extract {

struct AclEntry {
  std::uint32_t id;
  std::uint16_t permissions;
};

struct DefaultAcl {
  std::optional<std::uint16_t> user, group, other, mask;
};

struct Xattr {
  const char* name;  // ends with a NUL, inside the decoded bytes
  ByteView value;
};

// Views point into the decoded bytes, which must outlive it.
struct Metadata {
  std::uint32_t mode = 0;  // with the file type
  std::uint64_t flags = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;
  std::vector<Xattr> xattrs;
  std::vector<AclEntry> users, groups, default_users, default_groups;
  std::optional<std::uint16_t> group_object;
  std::optional<DefaultAcl> default_acl;
  std::optional<ByteView> capabilities;
  std::optional<std::uint32_t> project;

  std::uint32_t permissions() const { return mode & 07777; }
};

// Decodes one ENTRY (or ENTRY_V1) and the attribute items behind it. Error code METADATA.
Result<Metadata> parse_metadata(ByteView bytes);

// The same, of an entry that has to be of file type `type` (S_IFREG, …).
Result<Metadata> parse_metadata_of(std::uint32_t type, ByteView bytes);

}  // namespace restat::extract
