#include "scan/list.h"

#include <fcntl.h>
#include <sys/syscall.h>

#include <algorithm>
#include <memory>

#include "base/bytes.h"

namespace restat {
namespace {

constexpr std::size_t kBufferSize = 256 * 1024;

// struct linux_dirent64
constexpr std::size_t kRecordLengthAt = 16;
constexpr std::size_t kTypeAt = 18;
constexpr std::size_t kNameAt = 19;

struct Name {
  std::uint32_t offset;
  std::uint32_t length;
  std::uint8_t type;
};

struct Names {
  std::string bytes;
  std::vector<Name> entries;

  std::string_view text(const Name& name) const { return {bytes.data() + name.offset, name.length}; }
};

void collect(const char* buffer, std::size_t filled, Names& out) {
  for (std::size_t at = 0; at < filled; at += load_le<std::uint16_t>(buffer + at + kRecordLengthAt)) {
    const std::string_view name(buffer + at + kNameAt);
    if (name == "." || name == "..") continue;
    out.entries.push_back({static_cast<std::uint32_t>(out.bytes.size()),
                           static_cast<std::uint32_t>(name.size()),
                           static_cast<std::uint8_t>(buffer[at + kTypeAt])});
    out.bytes.append(name);
  }
}

Listing pack(const Names& names) {
  const auto count = static_cast<std::uint32_t>(names.entries.size());
  const std::size_t types_at = 8 + 4 * (std::size_t{count} + 1);
  const std::size_t names_at = types_at + count;
  Listing out;
  out.packed.resize(names_at + names.bytes.size());
  char* to = out.packed.data();
  store_le(to, count);
  store_le(to + 4, static_cast<std::uint32_t>(names.bytes.size()));
  std::uint32_t offset = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto text = names.text(names.entries[i]);
    store_le(to + 8 + 4 * std::size_t{i}, offset);
    to[types_at + i] = static_cast<char>(names.entries[i].type);
    std::memcpy(to + names_at + offset, text.data(), text.size());
    offset += static_cast<std::uint32_t>(text.size());
  }
  store_le(to + 8 + 4 * std::size_t{count}, offset);
  return out;
}

}  // namespace

std::uint32_t Listing::count() const {
  return load_le<std::uint32_t>(packed.data());
}

std::string_view Listing::name(std::uint32_t index) const {
  const char* offsets = packed.data() + 8;
  const auto from = load_le<std::uint32_t>(offsets + 4 * std::size_t{index});
  const auto to = load_le<std::uint32_t>(offsets + 4 * (std::size_t{index} + 1));
  const std::size_t names_at = 8 + 4 * (std::size_t{count()} + 1) + count();
  return {packed.data() + names_at + from, to - from};
}

Result<Listing> list_directory(Tree& tree, std::uint32_t directory, std::uint32_t limit,
                               const CancelToken& token) {
  auto shared = tree.directory(directory);
  if (!shared.ok()) return shared.error();
  // The read position belongs to the open file, and the cached descriptor may be in use elsewhere.
  Fd fd(open_quietly(shared.value()->get(), ".", O_RDONLY | O_DIRECTORY));
  if (!fd) return Error::system(errno, "openat", tree.path_of(directory));
  const auto buffer = std::make_unique_for_overwrite<char[]>(kBufferSize);
  Names names;
  for (;;) {
    if (token.is_set()) return Error::cancelled();
    const long n = syscall(SYS_getdents64, fd.get(), buffer.get(), kBufferSize);
    if (n < 0) return Error::system(errno, "getdents64", tree.path_of(directory));
    if (n == 0) break;
    collect(buffer.get(), static_cast<std::size_t>(n), names);
    if (names.entries.size() > limit)
      return Error::check("ENTRIES_MAX", "exceeded allowed number of file entries", tree.path_of(directory));
  }
  std::sort(names.entries.begin(), names.entries.end(),
            [&names](const Name& a, const Name& b) { return names.text(a) < names.text(b); });
  return pack(names);
}

}  // namespace restat
