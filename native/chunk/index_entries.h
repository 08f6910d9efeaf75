// The entries of a dynamic index: end offset u64, digest 32 (indexes-blobs-chunks.md §2.2).
#pragma once

#include <cstddef>

namespace restat {

inline constexpr std::size_t kIndexEntry = 40;
inline constexpr std::size_t kIndexEntryDigest = 8;

}  // namespace restat
