// POSIX ACLs as the kernel hands them out (system.posix_acl_*) → archive items (pxar.md §3.11).
#pragma once

#include <string>
#include <string_view>

namespace restat {

// Appends the ACL items of raw xattr values; an empty value means that there is no such ACL. A value that is
// not in version 2 of the kernel's layout stores nothing.
void append_acl_items(std::string_view access, std::string_view default_acl, std::string& out);

}  // namespace restat
