// ACL items → the raw values of system.posix_acl_access and system.posix_acl_default (pxar.md §3.11).
#pragma once

#include <vector>

#include "extract/metadata.h"

namespace restat::extract {

inline constexpr const char* kAccessAcl = "system.posix_acl_access";
inline constexpr const char* kDefaultAcl = "system.posix_acl_default";

// Empty where the permission bits say everything: no named entry, no separate owning-group entry.
std::vector<std::uint8_t> access_acl(const Metadata& metadata);
// Empty where the archive holds no ACL_DEFAULT.
std::vector<std::uint8_t> default_acl(const Metadata& metadata);

}  // namespace restat::extract
