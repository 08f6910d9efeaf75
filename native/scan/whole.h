// A directory in one go: its names, the stat records and the metadata of all of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "scan/describe.h"

namespace restat {

// Directories with more names are left after the listing: their entries are spread over the workers.
inline constexpr std::uint32_t kWholeEntries = 2048;

// `stats` and `description` are empty where the listing is all there is: it has more than kWholeEntries names
// or one of the names that were to be looked for. `description` alone is empty where a name could not be
// stat'ed.
struct WholeDirectory {
  Listing listing;
  StatRecords stats;
  Description description;
};

// Runs in the calling thread. Errors: those of list_directory.
Result<WholeDirectory> scan_whole(Tree& tree, std::uint32_t directory, std::uint32_t limit,
                                  const std::vector<std::string>& only_list, const AttributeOptions& options,
                                  const CancelToken& token);

}  // namespace restat
