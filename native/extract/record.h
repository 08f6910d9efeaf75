// The packed records that the archive's decoder submits, one per entry, little-endian:
//   0 u32 length of the whole record, a multiple of 8      4 u8 kind   5 u8 0   6 u16 0
//   8 u32 id of the parent directory                      12 u32 own id (directory, close)
//  16 u64 position of the FILENAME item (regular file)    24 u64 position of the PAYLOAD header in the
//  payload stream 32 u64 size of the content                             40 u32 name length   44 u32 body
//  length   48 u32 extra length   52 u32 0 56 u64 hard link: position of its target; device: major << 32 |
//  minor 64 name, body (ENTRY and attribute items), extra (symlink: target; hard link: path of the target
//  below the root)
#pragma once

#include <memory>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"

namespace restat::extract {

enum class Kind : std::uint8_t {
  directory = 1,
  close = 2,
  file = 3,
  symlink = 4,
  device = 5,
  fifo = 6,
  socket = 7,
  hardlink = 8,
};

// A record inside a batch that validate_records() accepted.
class Record {
 public:
  static constexpr std::size_t kHeader = 64;
  static constexpr std::uint32_t kNoParent = 0xffffffff;

  explicit Record(const std::uint8_t* at) : at_(at) {}

  std::size_t length() const { return load_le<std::uint32_t>(at_); }
  Kind kind() const { return static_cast<Kind>(at_[4]); }
  std::uint32_t parent() const { return load_le<std::uint32_t>(at_ + 8); }
  std::uint32_t id() const { return load_le<std::uint32_t>(at_ + 12); }
  std::uint64_t position() const { return load_le<std::uint64_t>(at_ + 16); }
  std::uint64_t payload() const { return load_le<std::uint64_t>(at_ + 24); }
  std::uint64_t size() const { return load_le<std::uint64_t>(at_ + 32); }
  std::uint64_t target_position() const { return load_le<std::uint64_t>(at_ + 56); }
  std::uint64_t device() const { return load_le<std::uint64_t>(at_ + 56); }
  std::string_view name() const { return text(kHeader, name_length()); }
  ByteView body() const { return {at_ + kHeader + name_length(), body_length()}; }
  std::string_view extra() const { return text(kHeader + name_length() + body_length(), extra_length()); }

 private:
  friend Status validate_records(ByteView);
  std::size_t name_length() const { return load_le<std::uint32_t>(at_ + 40); }
  std::size_t body_length() const { return load_le<std::uint32_t>(at_ + 44); }
  std::size_t extra_length() const { return load_le<std::uint32_t>(at_ + 48); }
  std::string_view text(std::size_t from, std::size_t n) const {
    return {reinterpret_cast<const char*>(at_) + from, n};
  }

  const std::uint8_t* at_;
};

// Whether `bytes` are whole records with kinds and lengths that fit; error code RECORD.
Status validate_records(ByteView bytes);

}  // namespace restat::extract
