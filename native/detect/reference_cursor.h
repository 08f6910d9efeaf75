// Walks the reference in lock-step with a live tree: both are sorted by name bytes.
#pragma once

#include <optional>
#include <vector>

#include "detect/reference_items.h"

namespace restat::detect {

// What the reference says of a name, as bits.
enum Match : std::uint8_t {
  kMatchFile = 1,       // a regular file with a payload of its own
  kMatchHardlink = 2,   // a further name of another entry
  kMatchOther = 4,      // something else
  kMatchSize = 8,       // a file of the same size …
  kMatchMtime = 16,     // … and the same modification time
  kMatchMetadata = 32,  // all encoded metadata are equal
};

// A live entry as the cursor compares it.
struct Live {
  std::string_view name;
  ByteView body;  // ENTRY and attributes; empty where it is no regular file
  std::uint64_t size;
};

struct Compared {
  std::uint8_t match = 0;
  std::uint64_t payload = 0;
};

// A call that ends with SPOOL_MORE is made again once more of the reference is there. Not for two threads at
// once.
class ReferenceCursor {
 public:
  explicit ReferenceCursor(std::shared_ptr<const Fd> file) : items_(std::move(file)) {}

  void set_available(std::uint64_t bytes) { items_.set_available(bytes); }

  // Goes to the root directory. Where that fails the live tree's root counts as entered all the same.
  Status begin();
  // Enters a subdirectory; true if the reference has one of that name. A directory that it does not have is
  // entered all the same, and everything in it is new.
  Result<bool> enter(std::string_view name);
  // Leaves the directory entered last.
  Status leave();
  Result<Compared> compare(const Live& live);

  // Payload offsets of files that were passed over since the last call: deleted, excluded, or not files any
  // more.
  std::vector<double> take_gone() { return std::exchange(gone_, {}); }

  // Where reading stopped, and how many entered directories the reference has.
  std::uint64_t position() const { return position_; }
  std::size_t depth() const { return depth_; }
  // Goes on at a child of the `depth`-th of these directories (1: the root); deeper ones are taken to have
  // nothing more.
  void resume(std::uint64_t position, std::size_t depth);
  // The rest has no reference.
  void give_up() { resume(0, 0); }

 private:
  Result<std::optional<Item>> advance(std::string_view name);
  Status pass(const Item& item);
  Status finish_passing();

  ItemReader items_;
  std::uint64_t position_ = 0;
  std::size_t depth_ = 0;       // directories of the reference that are open
  std::size_t live_depth_ = 0;  // directories of the live tree that are open
  std::size_t passing_ = 0;     // directories below that are being passed over
  std::vector<double> gone_;
};

// Ranges [start, end) of all files of a complete reference in its payload stream, headers included, in
// archive order.
struct FileRanges {
  std::vector<double> starts;
  std::vector<double> ends;
};
// Reads up to the end or the first damage.
FileRanges file_ranges(std::shared_ptr<const Fd> file, std::uint64_t available);

}  // namespace restat::detect
