#include "pxar/goodbye.h"

#include <algorithm>
#include <vector>

namespace restat {
namespace {

struct Row {
  std::uint64_t hash;
  std::uint64_t offset;
  std::uint64_t size;
};
static_assert(sizeof(Row) == kGoodbyeRowSize);

// Walks the complete heap shape in order; the k-th visited slot gets the k-th smallest row.
void place(const std::vector<Row>& sorted, std::uint8_t* out) {
  const std::size_t n = sorted.size();
  std::vector<std::size_t> stack;
  std::size_t next = 0;
  std::size_t slot = 0;
  while (!stack.empty() || slot < n) {
    for (; slot < n; slot = 2 * slot + 1) stack.push_back(slot);
    slot = stack.back();
    stack.pop_back();
    std::memcpy(out + slot * sizeof(Row), &sorted[next++], sizeof(Row));
    slot = 2 * slot + 2;
  }
}

}  // namespace

void order_goodbye_rows(ByteSpan rows) {
  std::vector<Row> sorted(rows.size() / sizeof(Row));
  if (sorted.empty()) return;
  std::memcpy(sorted.data(), rows.data(), sorted.size() * sizeof(Row));
  // Equal hashes: the later entry (smaller distance to the table) last, so that the order is fixed.
  std::sort(sorted.begin(), sorted.end(), [](const Row& a, const Row& b) {
    return a.hash != b.hash ? a.hash < b.hash : a.offset > b.offset;
  });
  place(sorted, rows.data());
}

}  // namespace restat
