#include "extract/metadata.h"

#include <sys/stat.h>

#include <cstring>

#include "pxar/items.h"

namespace restat::extract {
namespace {

constexpr std::uint64_t kEntryV1 = 0x11da850a1c1cceff;
constexpr std::uint64_t kAbsent = ~std::uint64_t{0};
constexpr std::uint64_t kKnownModeBits = 0177777;
constexpr std::uint32_t kNanosecondsPerSecond = 1000000000;

Error broken(const char* what) {
  return Error::check("METADATA", std::string("metadata: ") + what);
}

// ENTRY: mode u64, flags u64, uid u32, gid u32, then seconds i64, nanoseconds u32, 4 bytes of padding (§3.3);
// in ENTRY_V1 nanoseconds u64 since the epoch (§3.4).
Status parse_entry(std::uint64_t type, ByteView content, Metadata& out) {
  const bool v1 = type == kEntryV1;
  if (!v1 && type != pxar::kEntry) return broken("does not begin with an ENTRY");
  if (content.size() != (v1 ? 32u : 40u)) return broken("an ENTRY of another size");
  const auto* p = content.data();
  const auto mode = load_le<std::uint64_t>(p);
  if ((mode & ~kKnownModeBits) != 0) return broken("unknown mode bits");
  out.mode = static_cast<std::uint32_t>(mode);
  out.flags = load_le<std::uint64_t>(p + 8);
  out.uid = load_le<std::uint32_t>(p + 16);
  out.gid = load_le<std::uint32_t>(p + 20);
  if (v1) {
    const auto time = load_le<std::uint64_t>(p + 24);
    out.seconds = static_cast<std::int64_t>(time / kNanosecondsPerSecond);
    out.nanoseconds = static_cast<std::uint32_t>(time % kNanosecondsPerSecond);
    return Unit{};
  }
  out.seconds = load_le<std::int64_t>(p + 24);
  out.nanoseconds = load_le<std::uint32_t>(p + 32);
  if (out.nanoseconds >= kNanosecondsPerSecond) return broken("more than a second of nanoseconds");
  return Unit{};
}

Status parse_xattr(ByteView content, Metadata& out) {
  if (content.size() > pxar::kMaxXattrContent) return broken("an XATTR that is too long");
  const auto* name = reinterpret_cast<const char*>(content.data());
  const auto* end = static_cast<const char*>(std::memchr(name, 0, content.size()));
  if (end == nullptr || end == name || static_cast<std::size_t>(end - name) > pxar::kMaxXattrName)
    return broken("an XATTR without a name");
  out.xattrs.push_back({name, content.subspan(static_cast<std::size_t>(end - name) + 1)});
  return Unit{};
}

bool permissions_from(std::uint64_t word, std::uint16_t& out) {
  out = static_cast<std::uint16_t>(word);
  return word <= 7;
}

Status parse_named(ByteView content, std::vector<AclEntry>& out) {
  AclEntry entry{};
  if (content.size() != 16) return broken("an ACL item of another size");
  const auto id = load_le<std::uint64_t>(content.data());
  if (id >= 0xffffffff || !permissions_from(load_le<std::uint64_t>(content.data() + 8), entry.permissions))
    return broken("an ACL item with an impossible id or permission");
  entry.id = static_cast<std::uint32_t>(id);
  out.push_back(entry);
  return Unit{};
}

Status parse_group_object(ByteView content, Metadata& out) {
  std::uint16_t permissions = 0;
  if (content.size() != 8 || out.group_object) return broken("ACL_GROUP_OBJ twice or of another size");
  if (!permissions_from(load_le<std::uint64_t>(content.data()), permissions))
    return broken("ACL_GROUP_OBJ with impossible permissions");
  out.group_object = permissions;
  return Unit{};
}

Status parse_default(ByteView content, Metadata& out) {
  if (content.size() != 32 || out.default_acl) return broken("ACL_DEFAULT twice or of another size");
  DefaultAcl acl;
  std::optional<std::uint16_t>* const fields[] = {&acl.user, &acl.group, &acl.other, &acl.mask};
  for (std::size_t i = 0; i < 4; ++i) {
    const auto word = load_le<std::uint64_t>(content.data() + 8 * i);
    std::uint16_t permissions = 0;
    if (word == kAbsent) continue;
    if (!permissions_from(word, permissions)) return broken("ACL_DEFAULT with impossible permissions");
    *fields[i] = permissions;
  }
  out.default_acl = acl;
  return Unit{};
}

Status parse_capabilities(ByteView content, Metadata& out) {
  if (content.size() > pxar::kMaxXattrContent || out.capabilities) return broken("FCAPS twice or too long");
  out.capabilities = content;
  return Unit{};
}

Status parse_project(ByteView content, Metadata& out) {
  if (content.size() != 8 || out.project) return broken("QUOTA_PROJID twice or of another size");
  const auto id = load_le<std::uint64_t>(content.data());
  if (id > 0xffffffff) return broken("a project id that is too large");
  out.project = static_cast<std::uint32_t>(id);
  return Unit{};
}

Status parse_attribute(std::uint64_t type, ByteView content, Metadata& out) {
  switch (type) {
    case pxar::kXattr:
      return parse_xattr(content, out);
    case pxar::kAclUser:
      return parse_named(content, out.users);
    case pxar::kAclGroup:
      return parse_named(content, out.groups);
    case pxar::kAclGroupObj:
      return parse_group_object(content, out);
    case pxar::kAclDefault:
      return parse_default(content, out);
    case pxar::kAclDefaultUser:
      return parse_named(content, out.default_users);
    case pxar::kAclDefaultGroup:
      return parse_named(content, out.default_groups);
    case pxar::kFcaps:
      return parse_capabilities(content, out);
    case pxar::kQuotaProjectId:
      return parse_project(content, out);
    default:
      return broken("an unknown item");
  }
}

}  // namespace

Result<Metadata> parse_metadata(ByteView bytes) {
  Metadata out;
  bool first = true;
  do {
    if (bytes.size() < pxar::kHeaderSize) return broken("cut short");
    const auto type = load_le<std::uint64_t>(bytes.data());
    const auto size = load_le<std::uint64_t>(bytes.data() + 8);
    if (size < pxar::kHeaderSize || size > bytes.size()) return broken("an item that does not fit");
    const auto content = bytes.subspan(pxar::kHeaderSize, size - pxar::kHeaderSize);
    const Status status = first ? parse_entry(type, content, out) : parse_attribute(type, content, out);
    if (!status.ok()) return status.error();
    bytes = bytes.subspan(size);
    first = false;
  } while (!bytes.empty());
  return out;
}

Result<Metadata> parse_metadata_of(std::uint32_t type, ByteView bytes) {
  auto metadata = parse_metadata(bytes);
  if (metadata.ok() && (metadata.value().mode & S_IFMT) != type)
    return broken("of another file type than the entry");
  return metadata;
}

}  // namespace restat::extract
