// The entries of a metadata stream (format version 2), one after the other, from a file that may still be
// growing.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/fd.h"

namespace restat::detect {

enum class Kind : std::uint8_t { file, directory, hardlink, other, goodbye };

// What stands at a position: an entry with its FILENAME, or the GOODBYE item of the directory.
struct Item {
  Kind kind = Kind::other;
  std::uint64_t position = 0;  // of the FILENAME or GOODBYE header
  std::uint64_t next = 0;      // behind it; for a directory, where its first child begins
  std::string_view name;       // valid until the next call of the reader
  ByteView body;               // ENTRY and attributes, as long
  std::uint64_t payload = 0;   // file: position of its PAYLOAD header
  std::uint64_t size = 0;      // file: bytes of content
};

// Reads with a window of its own; not for two threads at once.
class ItemReader {
 public:
  // Error codes of item(): SPOOL_MORE, what is there ends before the item does; REFERENCE_DAMAGED; or that of
  // pread.
  explicit ItemReader(std::shared_ptr<const Fd> file) : file_(std::move(file)) {}

  // So much of the file may be read.
  void set_available(std::uint64_t bytes) { available_ = bytes; }
  std::uint64_t available() const { return available_; }

  // The root's ENTRY behind FORMAT_VERSION and PRELUDE: kind directory, without a name.
  Result<Item> root();
  // The child or GOODBYE item at `position`.
  Result<Item> item(std::uint64_t position);

 private:
  struct Header {
    std::uint64_t type;
    std::uint64_t size;
  };

  Status need(std::uint64_t position, std::uint64_t length);
  const std::uint8_t* at(std::uint64_t position) const { return window_.data() + (position - start_); }
  Result<Header> header(std::uint64_t position);
  Result<std::uint64_t> body_end(std::uint64_t position, std::uint64_t& mode);
  Status read_body(std::uint64_t position, Item& item);
  Status read_content(std::uint64_t position, std::uint64_t mode, Item& item);
  Error damaged(std::uint64_t position, const char* what) const;

  std::shared_ptr<const Fd> file_;
  std::uint64_t available_ = 0;
  std::uint64_t start_ = 0;
  std::vector<std::uint8_t> window_;
};

// Modification time of a body: seconds and nanoseconds, also of the oldest stat layout (pxar.md §3.3, §3.4).
struct Mtime {
  std::int64_t seconds;
  std::uint32_t nanoseconds;
  bool operator==(const Mtime&) const = default;
};
Mtime mtime_of(ByteView body);

}  // namespace restat::detect
