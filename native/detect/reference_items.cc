#include "detect/reference_items.h"

#include <sys/stat.h>

#include <algorithm>
#include <string>

#include "pxar/items.h"

namespace restat::detect {
namespace {

constexpr std::uint64_t kFormatVersion = 0x730f6c75df16a40d;
constexpr std::uint64_t kPrelude = 0xe309d79d9f7b771b;
constexpr std::uint64_t kEntryV1 = 0x11da850a1c1cceff;
constexpr std::uint64_t kFilename = 0x16701121063917b3;
constexpr std::uint64_t kHardlink = 0x51269c8422bd7275;
constexpr std::uint64_t kPayloadRef = 0x419d3d6bc4ba977e;
constexpr std::uint64_t kGoodbye = 0x2fec4fa642d5731d;

constexpr std::uint64_t kHeader = pxar::kHeaderSize;
constexpr std::size_t kWindow = 256 * 1024;
// Metadata of one entry; more is no archive that anybody writes.
constexpr std::uint64_t kMaxBody = 64 * 1024 * 1024;
constexpr std::uint64_t kMaxItem = std::uint64_t{1} << 52;

bool is_attribute(std::uint64_t type) {
  switch (type) {
    case pxar::kXattr:
    case pxar::kAclUser:
    case pxar::kAclGroup:
    case pxar::kAclGroupObj:
    case pxar::kAclDefault:
    case pxar::kAclDefaultUser:
    case pxar::kAclDefaultGroup:
    case pxar::kFcaps:
    case pxar::kQuotaProjectId:
      return true;
    default:
      return false;
  }
}

}  // namespace

Mtime mtime_of(ByteView body) {
  const std::uint8_t* stat = body.data() + kHeader;
  if (load_le<std::uint64_t>(body.data()) != kEntryV1)
    return {load_le<std::int64_t>(stat + 24), load_le<std::uint32_t>(stat + 32)};
  const auto nanoseconds = load_le<std::uint64_t>(stat + 24);
  return {static_cast<std::int64_t>(nanoseconds / 1'000'000'000),
          static_cast<std::uint32_t>(nanoseconds % 1'000'000'000)};
}

Error ItemReader::damaged(std::uint64_t position, const char* what) const {
  return Error::check("REFERENCE_DAMAGED", std::string(what) + " at byte " + std::to_string(position));
}

// Makes sure that [position, position + length) is in the window.
Status ItemReader::need(std::uint64_t position, std::uint64_t length) {
  const std::uint64_t end = position + length;
  if (position >= start_ && end <= start_ + window_.size()) return Unit{};
  if (end > available_) return Error::check("SPOOL_MORE", "the reference is not there yet");
  const std::uint64_t want = std::min(std::max<std::uint64_t>(kWindow, length), available_ - position);
  window_.resize(want);
  start_ = position;
  std::uint64_t got = 0;
  while (got < want) {
    const ssize_t n =
        pread(file_->get(), window_.data() + got, want - got, static_cast<off_t>(position + got));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      const int error = n < 0 ? errno : EIO;
      window_.clear();
      return Error::system(error, "pread", {});
    }
    got += static_cast<std::uint64_t>(n);
  }
  return Unit{};
}

Result<ItemReader::Header> ItemReader::header(std::uint64_t position) {
  if (auto there = need(position, kHeader); !there.ok()) return there.error();
  const Header found{load_le<std::uint64_t>(at(position)), load_le<std::uint64_t>(at(position) + 8)};
  if (found.size < kHeader || found.size > kMaxItem) return damaged(position, "no item");
  return found;
}

Result<Item> ItemReader::root() {
  auto version = header(0);
  if (!version.ok()) return version.error();
  if (version.value().type != kFormatVersion || version.value().size != kHeader + 8)
    return damaged(0, "no format version");
  if (auto there = need(kHeader, 8); !there.ok()) return there.error();
  if (load_le<std::uint64_t>(at(kHeader)) != 2) return damaged(0, "another format version");
  std::uint64_t position = kHeader + 8;
  auto next = header(position);
  if (!next.ok()) return next.error();
  if (next.value().type == kPrelude) position += next.value().size;
  Item item;
  item.position = position;
  if (auto read = read_body(position, item); !read.ok()) return read.error();
  if (item.kind != Kind::directory) return damaged(position, "the root is no directory");
  return item;
}

Result<Item> ItemReader::item(std::uint64_t position) {
  auto found = header(position);
  if (!found.ok()) return found.error();
  Item item;
  item.position = position;
  const std::uint64_t size = found.value().size;
  if (found.value().type == kGoodbye) {
    item.kind = Kind::goodbye;
    item.next = position + size;
    return item;
  }
  if (found.value().type != kFilename || size < kHeader + 2 || size > kHeader + pxar::kMaxPath + 1)
    return damaged(position, "no name");
  if (auto read = read_body(position + size, item); !read.ok()) return read.error();
  // Reading the body may have moved the window.
  const std::uint64_t end = item.body.empty() ? position + size : position + size + item.body.size();
  if (auto there = need(position, end - position); !there.ok()) return there.error();
  item.name = {reinterpret_cast<const char*>(at(position + kHeader)), size - kHeader - 1};
  if (!item.body.empty()) item.body = {at(position + size), item.body.size()};
  return item;
}

// End of ENTRY and its attributes.
Result<std::uint64_t> ItemReader::body_end(std::uint64_t position, std::uint64_t& mode) {
  auto entry = header(position);
  if (!entry.ok()) return entry.error();
  const bool v1 = entry.value().type == kEntryV1;
  if ((!v1 && entry.value().type != pxar::kEntry) || entry.value().size != kHeader + (v1 ? 32 : 40))
    return damaged(position, "no entry");
  if (auto there = need(position, entry.value().size); !there.ok()) return there.error();
  mode = load_le<std::uint64_t>(at(position + kHeader));
  std::uint64_t end = position + entry.value().size;
  for (;;) {
    auto next = header(end);
    if (!next.ok()) return next.error();
    if (!is_attribute(next.value().type)) return end;
    end += next.value().size;
    if (end - position > kMaxBody) return damaged(position, "too much metadata");
  }
}

Status ItemReader::read_body(std::uint64_t position, Item& item) {
  auto first = header(position);
  if (!first.ok()) return first.error();
  if (first.value().type == kHardlink) {
    item.kind = Kind::hardlink;
    item.next = position + first.value().size;
    return Unit{};
  }
  std::uint64_t mode = 0;
  auto end = body_end(position, mode);
  if (!end.ok()) return end.error();
  if (auto read = read_content(end.value(), mode, item); !read.ok()) return read;
  if (auto there = need(position, end.value() - position); !there.ok()) return there;
  item.body = {at(position), end.value() - position};
  return Unit{};
}

// What follows the attributes tells what the entry is (pxar.md §2).
Status ItemReader::read_content(std::uint64_t position, std::uint64_t mode, Item& item) {
  auto next = header(position);
  if (!next.ok()) return next.error();
  const auto [type, size] = next.value();
  if (type == kPayloadRef && size == kHeader + 16 && S_ISREG(mode)) {
    if (auto there = need(position, size); !there.ok()) return there;
    item.kind = Kind::file;
    item.payload = load_le<std::uint64_t>(at(position + kHeader));
    item.size = load_le<std::uint64_t>(at(position + kHeader + 8));
    item.next = position + size;
    return Unit{};
  }
  if (type == pxar::kSymlink || type == pxar::kDevice) {
    item.kind = Kind::other;
    item.next = position + size;
    return Unit{};
  }
  if (type != kFilename && type != kGoodbye) return damaged(position, "unexpected item");
  item.kind = S_ISDIR(mode) ? Kind::directory : Kind::other;
  item.next = position;
  return Unit{};
}

}  // namespace restat::detect
