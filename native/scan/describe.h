// The pxar-encoded metadata of directory entries: ENTRY, attributes and, for links and devices, what follows
// them.
#pragma once

#include "scan/attributes.h"
#include "scan/stat.h"

namespace restat {

// An entry that is something else now than when it was stat'ed.
inline constexpr std::uint32_t kDescribeReplaced = 1u << 16;
// The list of extended attributes was too big and was left out (AttributeOptions::skip_e2big_xattr).
inline constexpr std::uint32_t kDescribeXattrsSkipped = 1u << 17;

// Packed for JavaScript: u32 count, u32 0, u32 status[count] (errno in the low 16 bits, then the bits above),
// u32 offset[count + 1] (from the start of the bodies), bodies. A body with an errno or `replaced` is empty.
using Description = std::string;

// Opens regular files and directories, reads links; everything else comes from the record alone.
void describe_entries(Engine& engine, std::shared_ptr<Tree> tree, std::uint32_t directory,
                      std::shared_ptr<const Listing> listing, StatRecords records, AttributeOptions options,
                      CancelToken token, std::function<void(Result<Description>)> done);

// The same for all names of a small directory, in the calling thread.
Result<Description> describe_directory(int directory, const Listing& listing, const StatRecords& records,
                                       const AttributeOptions& options);

// Stat record (of size sizeof(StatRecord)) and body of the tree's root, one after the other.
Result<std::string> describe_root(Tree& tree, const AttributeOptions& options);

}  // namespace restat
