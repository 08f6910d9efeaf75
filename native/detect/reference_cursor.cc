#include "detect/reference_cursor.h"

#include <cstring>

namespace restat::detect {
namespace {

constexpr std::uint64_t kPayloadHeader = 16;

bool same_bytes(ByteView a, ByteView b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0;
}

Compared compare_with(const Item& item, const Live& live) {
  if (item.kind == Kind::hardlink) return {kMatchHardlink, 0};
  if (item.kind != Kind::file || live.body.empty()) return {kMatchOther, 0};
  Compared out{kMatchFile, item.payload};
  if (item.size == live.size) out.match |= kMatchSize;
  if (same_bytes(item.body, live.body)) {
    out.match |= kMatchMetadata | kMatchMtime;
  } else if (mtime_of(item.body) == mtime_of(live.body)) {
    out.match |= kMatchMtime;
  }
  return out;
}

}  // namespace

Status ReferenceCursor::begin() {
  live_depth_ = 1;
  auto root = items_.root();
  if (!root.ok()) return root.error();
  position_ = root.value().next;
  depth_ = 1;
  return Unit{};
}

// Goes through a directory that the live tree does not have, however deep, down to the end of its GOODBYE
// item.
Status ReferenceCursor::finish_passing() {
  while (passing_ > 0) {
    auto item = items_.item(position_);
    if (!item.ok()) return item.error();
    const Item& found = item.value();
    if (found.kind == Kind::goodbye) --passing_;
    if (found.kind == Kind::directory) ++passing_;
    if (found.kind == Kind::file) gone_.push_back(static_cast<double>(found.payload));
    position_ = found.next;
  }
  return Unit{};
}

// Passes over a child that the live tree does not have.
Status ReferenceCursor::pass(const Item& item) {
  if (item.kind == Kind::file) gone_.push_back(static_cast<double>(item.payload));
  if (item.kind == Kind::directory) passing_ = 1;
  position_ = item.next;
  return finish_passing();
}

// The child called `name` of the open directory, or nothing; what sorts before it is passed over.
Result<std::optional<Item>> ReferenceCursor::advance(std::string_view name) {
  if (auto passed = finish_passing(); !passed.ok()) return passed.error();
  for (;;) {
    auto item = items_.item(position_);
    if (!item.ok()) return item.error();
    if (item.value().kind == Kind::goodbye || item.value().name > name) return std::optional<Item>();
    if (item.value().name == name) return std::optional<Item>(item.value());
    if (auto passed = pass(item.value()); !passed.ok()) return passed.error();
  }
}

Result<bool> ReferenceCursor::enter(std::string_view name) {
  if (depth_ == 0 || live_depth_ > depth_) {
    ++live_depth_;
    return false;
  }
  auto found = advance(name);
  if (!found.ok()) return found.error();
  ++live_depth_;
  if (!found.value() || found.value()->kind != Kind::directory) return false;
  position_ = found.value()->next;
  ++depth_;
  return true;
}

Status ReferenceCursor::leave() {
  if (live_depth_ > depth_) {
    --live_depth_;
    return Unit{};
  }
  if (auto passed = finish_passing(); !passed.ok()) return passed;
  for (;;) {
    auto item = items_.item(position_);
    if (!item.ok()) return item.error();
    if (item.value().kind != Kind::goodbye) {
      if (auto passed = pass(item.value()); !passed.ok()) return passed;
      continue;
    }
    position_ = item.value().next;
    --depth_;
    --live_depth_;
    return Unit{};
  }
}

Result<Compared> ReferenceCursor::compare(const Live& live) {
  if (depth_ == 0 || live_depth_ > depth_) return Compared{};
  auto found = advance(live.name);
  if (!found.ok()) return found.error();
  if (!found.value()) return Compared{};
  const Item& item = *found.value();
  const Compared out = compare_with(item, live);
  // A directory where a file is now stays where it is: the next name passes over it.
  if (item.kind != Kind::directory) position_ = item.next;
  return out;
}

void ReferenceCursor::resume(std::uint64_t position, std::size_t depth) {
  position_ = position;
  depth_ = depth;
  passing_ = 0;
}

FileRanges file_ranges(std::shared_ptr<const Fd> file, std::uint64_t available) {
  FileRanges out;
  ItemReader items(std::move(file));
  items.set_available(available);
  auto at = items.root();
  for (std::size_t depth = 1; at.ok(); at = items.item(at.value().next)) {
    const Item& item = at.value();
    if (item.kind == Kind::file) {
      out.starts.push_back(static_cast<double>(item.payload));
      out.ends.push_back(static_cast<double>(item.payload + kPayloadHeader + item.size));
    }
    if (item.kind == Kind::directory && item.position != 0 && !item.name.empty()) ++depth;
    if (item.kind == Kind::goodbye && --depth == 0) break;
  }
  return out;
}

}  // namespace restat::detect
