#include "scan/acl.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <vector>

#include "pxar/items.h"

namespace restat {
namespace {

constexpr std::uint32_t kVersion = 2;
constexpr std::size_t kEntrySize = 8;
constexpr std::uint64_t kAbsent = ~std::uint64_t{0};

enum Tag : std::uint16_t {
  kUserObj = 0x01,
  kUser = 0x02,
  kGroupObj = 0x04,
  kGroup = 0x08,
  kMask = 0x10,
  kOther = 0x20
};

struct Named {
  std::uint64_t id;
  std::uint64_t permissions;
  bool operator<(const Named& o) const { return std::tie(id, permissions) < std::tie(o.id, o.permissions); }
};

struct Acl {
  std::vector<Named> users;
  std::vector<Named> groups;
  std::optional<std::uint64_t> user_obj, group_obj, mask, other;

  bool has_any_object() const { return user_obj || group_obj || mask || other; }
};

Acl parse(std::string_view raw) {
  Acl acl;
  if (raw.size() < 4 || load_le<std::uint32_t>(raw.data()) != kVersion) return acl;
  for (std::size_t at = 4; at + kEntrySize <= raw.size(); at += kEntrySize) {
    const auto tag = load_le<std::uint16_t>(raw.data() + at);
    const std::uint64_t permissions = load_le<std::uint16_t>(raw.data() + at + 2) & 7;
    const std::uint64_t id = load_le<std::uint32_t>(raw.data() + at + 4);
    if (tag == kUserObj) acl.user_obj = permissions;
    if (tag == kUser) acl.users.push_back({id, permissions});
    if (tag == kGroupObj) acl.group_obj = permissions;
    if (tag == kGroup) acl.groups.push_back({id, permissions});
    if (tag == kMask) acl.mask = permissions;
    if (tag == kOther) acl.other = permissions;
  }
  std::sort(acl.users.begin(), acl.users.end());
  std::sort(acl.groups.begin(), acl.groups.end());
  return acl;
}

void put_named(std::string& out, std::uint64_t type, const std::vector<Named>& list) {
  for (const auto& named : list) {
    pxar::put_header(out, type, 16);
    pxar::put_u64(out, named.id);
    pxar::put_u64(out, named.permissions);
  }
}

}  // namespace

void append_acl_items(std::string_view access, std::string_view default_acl, std::string& out) {
  const Acl a = parse(access);
  const Acl d = parse(default_acl);
  put_named(out, pxar::kAclUser, a.users);
  put_named(out, pxar::kAclGroup, a.groups);
  // Only then does the mode's group field hold the mask instead of the group's own permissions.
  if (a.group_obj && a.mask) {
    pxar::put_header(out, pxar::kAclGroupObj, 8);
    pxar::put_u64(out, *a.group_obj);
  }
  if (d.has_any_object()) {
    pxar::put_header(out, pxar::kAclDefault, 32);
    for (const auto& part : {d.user_obj, d.group_obj, d.other, d.mask})
      pxar::put_u64(out, part.value_or(kAbsent));
  }
  put_named(out, pxar::kAclDefaultUser, d.users);
  put_named(out, pxar::kAclDefaultGroup, d.groups);
}

}  // namespace restat
