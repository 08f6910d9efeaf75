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

bool Listing::has(std::string_view wanted) const {
  std::uint32_t low = 0;
  std::uint32_t high = count();
  while (low < high) {
    const std::uint32_t middle = low + (high - low) / 2;
    if (name(middle) < wanted) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low < count() && name(low) == wanted;
}

void NameList::add(ByteView records) {
  const char* buffer = reinterpret_cast<const char*>(records.data());
  for (std::size_t at = 0; at < records.size(); at += load_le<std::uint16_t>(buffer + at + kRecordLengthAt)) {
    const std::string_view name(buffer + at + kNameAt);
    if (name == "." || name == "..") continue;
    names_.push_back({static_cast<std::uint32_t>(bytes_.size()), static_cast<std::uint32_t>(name.size()),
                      static_cast<std::uint8_t>(buffer[at + kTypeAt])});
    bytes_.append(name);
  }
}

Listing NameList::take() {
  std::sort(names_.begin(), names_.end(), [this](const Name& a, const Name& b) { return text(a) < text(b); });
  const auto end = std::unique(names_.begin(), names_.end(),
                               [this](const Name& a, const Name& b) { return text(a) == text(b); });
  names_.erase(end, names_.end());
  return pack();
}

Listing NameList::pack() const {
  const auto count = static_cast<std::uint32_t>(names_.size());
  std::uint32_t length = 0;
  for (const Name& name : names_) length += name.length;
  const std::size_t types_at = 8 + 4 * (std::size_t{count} + 1);
  const std::size_t names_at = types_at + count;
  Listing out;
  out.packed.resize(names_at + length);
  char* to = out.packed.data();
  store_le(to, count);
  store_le(to + 4, length);
  std::uint32_t offset = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto name = text(names_[i]);
    store_le(to + 8 + 4 * std::size_t{i}, offset);
    to[types_at + i] = static_cast<char>(names_[i].type);
    std::memcpy(to + names_at + offset, name.data(), name.size());
    offset += names_[i].length;
  }
  store_le(to + 8 + 4 * std::size_t{count}, offset);
  return out;
}

Result<Listing> list_directory(Tree& tree, std::uint32_t directory, std::uint32_t limit,
                               const CancelToken& token) {
  auto shared = tree.directory(directory);
  if (!shared.ok()) return shared.error();
  // The read position belongs to the open file, and the cached descriptor may be in use elsewhere.
  Fd fd(open_quietly(shared.value()->get(), ".", O_RDONLY | O_DIRECTORY));
  if (!fd) return Error::system(errno, "openat", tree.path_of(directory));
  const auto buffer = std::make_unique_for_overwrite<std::uint8_t[]>(kBufferSize);
  NameList names;
  for (;;) {
    if (token.is_set()) return Error::cancelled();
    const long n = syscall(SYS_getdents64, fd.get(), buffer.get(), kBufferSize);
    if (n < 0) return Error::system(errno, "getdents64", tree.path_of(directory));
    if (n == 0) break;
    names.add({buffer.get(), static_cast<std::size_t>(n)});
    if (names.size() > limit)
      return Error::check("ENTRIES_MAX", "exceeded allowed number of file entries", tree.path_of(directory));
  }
  return names.take();
}

}  // namespace restat
