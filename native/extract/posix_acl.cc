#include "extract/posix_acl.h"

#include <algorithm>

namespace restat::extract {
namespace {

// The kernel's layout (posix_acl_xattr.h): u32 version, then (u16 tag, u16 permissions, u32 id) in the order
// of tags.
constexpr std::uint32_t kVersion = 2;
constexpr std::uint32_t kNoId = 0xffffffff;
enum Tag : std::uint16_t { kUserObj = 1, kUser = 2, kGroupObj = 4, kGroup = 8, kMask = 0x10, kOther = 0x20 };

class AclValue {
 public:
  AclValue() : bytes_(4) { store_le(bytes_.data(), kVersion); }

  void add(Tag tag, std::uint16_t permissions, std::uint32_t id = kNoId) {
    const std::size_t at = bytes_.size();
    bytes_.resize(at + 8);
    store_le<std::uint16_t>(&bytes_[at], tag);
    store_le(&bytes_[at + 2], permissions);
    store_le(&bytes_[at + 4], id);
  }
  void add_named(Tag tag, std::vector<AclEntry> entries) {
    std::sort(entries.begin(), entries.end(),
              [](const AclEntry& a, const AclEntry& b) { return a.id < b.id; });
    for (const auto& entry : entries) add(tag, entry.permissions, entry.id);
  }
  void add_if(Tag tag, std::optional<std::uint16_t> permissions) {
    if (permissions) add(tag, *permissions);
  }
  std::vector<std::uint8_t> take() { return std::move(bytes_); }

 private:
  std::vector<std::uint8_t> bytes_;
};

}  // namespace

std::vector<std::uint8_t> access_acl(const Metadata& m) {
  if (m.users.empty() && m.groups.empty() && !m.group_object) return {};
  const auto bits = [&](unsigned shift) { return static_cast<std::uint16_t>((m.mode >> shift) & 7); };
  AclValue value;
  value.add(kUserObj, bits(6));
  value.add_named(kUser, m.users);
  // With a mask the mode's group bits are the mask, and the item holds what the owning group may.
  value.add(kGroupObj, m.group_object.value_or(bits(3)));
  value.add_named(kGroup, m.groups);
  value.add(kMask, bits(3));
  value.add(kOther, bits(0));
  return value.take();
}

std::vector<std::uint8_t> default_acl(const Metadata& m) {
  if (!m.default_acl) return {};
  AclValue value;
  value.add_if(kUserObj, m.default_acl->user);
  value.add_named(kUser, m.default_users);
  value.add_if(kGroupObj, m.default_acl->group);
  value.add_named(kGroup, m.default_groups);
  value.add_if(kMask, m.default_acl->mask);
  value.add_if(kOther, m.default_acl->other);
  return value.take();
}

}  // namespace restat::extract
