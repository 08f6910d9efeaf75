// Item types of the archive format and their layouts (pxar.md §1.2, §3).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace restat::pxar {

inline constexpr std::uint64_t kEntry = 0xd5956474e588acef;
inline constexpr std::uint64_t kSymlink = 0x27f971e7dbf5dc5f;
inline constexpr std::uint64_t kDevice = 0x9fc9e906586d5ce9;
inline constexpr std::uint64_t kXattr = 0x0dab0229b57dcd03;
inline constexpr std::uint64_t kAclUser = 0x2ce8540a457d55b8;
inline constexpr std::uint64_t kAclGroup = 0x136e3eceb04c03ab;
inline constexpr std::uint64_t kAclGroupObj = 0x10868031e9582876;
inline constexpr std::uint64_t kAclDefault = 0xbbbb13415a6896f5;
inline constexpr std::uint64_t kAclDefaultUser = 0xc89357b40532cd1f;
inline constexpr std::uint64_t kAclDefaultGroup = 0xf90a8a5816038ffe;
inline constexpr std::uint64_t kFcaps = 0x2da9dd9db5f7fb67;
inline constexpr std::uint64_t kQuotaProjectId = 0xe07540e82f7d1cbb;

inline constexpr std::size_t kHeaderSize = 16;
inline constexpr std::size_t kMaxXattrContent = 65791;
inline constexpr std::size_t kMaxXattrName = 255;
inline constexpr std::size_t kMaxPath = 4096;

// Appends an item header for `content` bytes that follow.
inline void put_header(std::string& out, std::uint64_t type, std::size_t content) {
  char header[kHeaderSize];
  store_le<std::uint64_t>(header, type);
  store_le<std::uint64_t>(header + 8, content + kHeaderSize);
  out.append(header, sizeof header);
}

inline void put_u64(std::string& out, std::uint64_t value) {
  char bytes[8];
  store_le(bytes, value);
  out.append(bytes, sizeof bytes);
}

// Flags of ENTRY (pxar.md §3.5).
struct FlagBit {
  std::uint64_t stored;
  std::uint32_t system;  // FS_*_FL or FAT attribute
};

inline constexpr FlagBit kChattrBits[] = {
    {0x10000, 0x00000020},    // append-only
    {0x20000, 0x00000080},    // noatime
    {0x40000, 0x00000004},    // compressed
    {0x80000, 0x00800000},    // nocow
    {0x100000, 0x00000040},   // nodump
    {0x200000, 0x00010000},   // dirsync
    {0x400000, 0x00000010},   // immutable
    {0x800000, 0x00000008},   // sync
    {0x1000000, 0x00000400},  // nocomp
    {0x2000000, 0x20000000},  // projinherit
};

inline constexpr FlagBit kFatBits[] = {
    {0x2000, 0x02},  // hidden
    {0x4000, 0x04},  // system
    {0x8000, 0x20},  // archive
};

}  // namespace restat::pxar
