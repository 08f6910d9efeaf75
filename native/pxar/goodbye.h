// Search-tree order of goodbye rows (pxar.md §5.3).
#pragma once

#include "base/bytes.h"

namespace restat {

inline constexpr std::size_t kGoodbyeRowSize = 24;

// Sorts the rows (hash, offset, size: 24 bytes each) by hash and places them as an implicit binary search
// tree.
void order_goodbye_rows(ByteSpan rows);

}  // namespace restat
