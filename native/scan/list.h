// The names in a directory, sorted by bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/cancel.h"
#include "base/error.h"
#include "scan/tree.h"

namespace restat {

// Packed for JavaScript: u32 count, u32 bytes of all names, u32 offset[count + 1] (from the start of the
// names), u8 type[count] (DT_* of getdents64, 0 where the file system does not say), names one after the
// other.
struct Listing {
  std::string packed;

  std::uint32_t count() const;
  std::string_view name(std::uint32_t index) const;
  // By binary search: the names are sorted.
  bool has(std::string_view name) const;
};

// Gathers the names of one directory from the buffers that getdents64 fills.
class NameList {
 public:
  // Whole records of struct linux_dirent64.
  void add(ByteView records);
  std::size_t size() const { return names_.size(); }
  // The names, sorted, each once: a directory that changes between two buffers may show a name in both.
  Listing take();

 private:
  struct Name {
    std::uint32_t offset;
    std::uint32_t length;
    std::uint8_t type;
  };
  std::string_view text(const Name& name) const { return {bytes_.data() + name.offset, name.length}; }
  Listing pack() const;

  std::string bytes_;
  std::vector<Name> names_;
};

// Reads at most `limit` names. Errors: those of openat and getdents64; ENTRIES_MAX when there are more.
Result<Listing> list_directory(Tree& tree, std::uint32_t directory, std::uint32_t limit,
                               const CancelToken& token);

}  // namespace restat
