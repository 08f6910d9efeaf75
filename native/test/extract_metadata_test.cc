// Owner, mode, times, xattrs, ACLs, capabilities and flags come back, in an order that keeps all of them.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>

#include "extract/posix_acl.h"
#include "pxar/items.h"
#include "test/check.h"
#include "test/extract_world.h"

using namespace restat;
using namespace restat::test;

namespace {

constexpr std::uint64_t kAppend = 0x10000, kNoatime = 0x20000, kNodump = 0x100000, kImmutable = 0x400000,
                        kSync = 0x800000;

std::string xattr(const std::string& name, const std::string& value) {
  return name + std::string(1, 0) + value;
}

// cap_net_raw, effective, revision 2 of the kernel's layout.
const std::string kCapability(
    "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 20);

std::string acl_entry(std::uint16_t tag, std::uint16_t permissions, std::uint32_t id = 0xffffffff) {
  std::string out(8, 0);
  store_le(out.data(), tag);
  store_le(out.data() + 2, permissions);
  store_le(out.data() + 4, id);
  return out;
}

const std::string kAclHead("\x02\x00\x00\x00", 4);

// The tests of privileged metadata need root and a file system with flags.
bool privileged(World& world) {
  if (geteuid() != 0) return false;
  std::filesystem::create_directory(world.path());
  int flags = 0;
  const Fd fd(open(world.path().c_str(), O_RDONLY | O_CLOEXEC));
  return ioctl(fd.get(), FS_IOC_GETFLAGS, &flags) == 0;
}

}  // namespace

TEST("owner, mode with setuid bits, and times before the epoch and far away are kept") {
  World world;
  if (!privileged(world)) return;
  Archive archive;
  archive.target(Meta{.mode = 01777, .uid = 7, .gid = 8});
  archive.file("far", "x", Meta{.mode = 0640, .uid = 1000, .gid = 1001, .seconds = 4102444800 + 86400});
  archive.file("old", "x", Meta{.mode = 06755, .uid = 12, .seconds = -1, .nanoseconds = 750000000});
  archive.directory("sub", Meta{.mode = 02500, .gid = 3, .seconds = -2000000000, .nanoseconds = 1}).close();
  archive.symlink("zlink", "old").close();
  const auto outcome = world.run(archive);
  CHECK_EQ(outcome.events.size(), 0u);
  const auto far = stat_of(world.path("far")), old = stat_of(world.path("old")),
             sub = stat_of(world.path("sub"));
  CHECK_EQ(far.st_mode & 07777, 0640u);
  CHECK_EQ(far.st_uid, 1000u);
  CHECK_EQ(far.st_gid, 1001u);
  CHECK_EQ(far.st_mtim.tv_sec, 4102531200);
  CHECK_EQ(old.st_mode & 07777, 06755u);
  CHECK_EQ(old.st_mtim.tv_sec, -1);
  CHECK_EQ(old.st_mtim.tv_nsec, 750000000);
  CHECK_EQ(sub.st_mode & 07777, 02500u);
  CHECK_EQ(sub.st_mtim.tv_sec, -2000000000);
  CHECK_EQ(sub.st_mtim.tv_nsec, 1);
  CHECK_EQ(stat_of(world.path()).st_mode & 07777, 01777u);
  CHECK_EQ(stat_of(world.path()).st_gid, 8u);
  CHECK_EQ(stat_of(world.path()).st_mtim.tv_nsec, 123456789);
  CHECK_EQ(stat_of(world.path("zlink")).st_mtim.tv_nsec, 123456789);
}

TEST("xattrs and capabilities survive the change of owner") {
  World world;
  if (!privileged(world)) return;
  Archive archive;
  archive.target(Meta{.mode = 0755}.with(pxar::kXattr, xattr("user.root", "r")));
  Meta meta{.mode = 0755, .uid = 5};
  meta.with(pxar::kXattr, xattr("user.empty", ""))
      .with(pxar::kXattr, xattr("user.b", std::string("\0\xff", 2)));
  archive.file("caps", "x", meta.with(pxar::kXattr, xattr("trusted.t", "t")).with(pxar::kFcaps, kCapability));
  CHECK_EQ(world.run(archive).events.size(), 0u);
  CHECK_EQ(xattr_of(world.path(), "user.root"), "r");
  CHECK_EQ(xattr_of(world.path("caps"), "user.empty"), "");
  CHECK_EQ(xattr_of(world.path("caps"), "user.b"), std::string("\0\xff", 2));
  CHECK_EQ(xattr_of(world.path("caps"), "trusted.t"), "t");
  CHECK_EQ(xattr_of(world.path("caps"), "security.capability"), kCapability);
}

TEST("names that backups do not store are not restored as plain attributes") {
  World world;
  if (!privileged(world)) return;
  Archive archive;
  archive.target();
  archive.file("a", "x", Meta{}.with(pxar::kXattr, xattr("security.capability", kCapability)));
  archive.file("b", "x", Meta{}.with(pxar::kXattr, xattr("system.posix_acl_access", "x")));
  const auto outcome = world.run(archive, Options{.no_setuid = true});
  CHECK_EQ(outcome.summary->warnings, 2u);
  CHECK_EQ(outcome.summary->errors, 0u);
  CHECK_EQ(xattr_of(world.path("a"), "security.capability"), "no: ENODATA");
}

TEST("access and default ACLs are those of the archive") {
  World world;
  if (!privileged(world)) return;
  Archive archive;
  archive.target();
  Meta meta{.mode = 0770};
  meta.with(pxar::kAclUser, words({1002, 4})).with(pxar::kAclUser, words({1001, 6}));
  meta.with(pxar::kAclGroup, words({2001, 5})).with(pxar::kAclGroupObj, words({1}));
  meta.with(pxar::kAclDefault, words({7, 5, 0, 7})).with(pxar::kAclDefaultUser, words({1002, 6}));
  archive.directory("d", meta);
  archive.file("plain", "x");
  archive.close();
  archive.file("f", "x", Meta{.mode = 0640}.with(pxar::kAclUser, words({70000, 4})));
  archive.file("mask", "x", Meta{.mode = 0640}.with(pxar::kAclGroupObj, words({6})));
  CHECK_EQ(world.run(archive).events.size(), 0u);
  const char* access = "system.posix_acl_access";
  CHECK_EQ(xattr_of(world.path("d"), access),
           kAclHead + acl_entry(1, 7) + acl_entry(2, 6, 1001) + acl_entry(2, 4, 1002) + acl_entry(4, 1) +
               acl_entry(8, 5, 2001) + acl_entry(0x10, 7) + acl_entry(0x20, 0));
  CHECK_EQ(xattr_of(world.path("d"), "system.posix_acl_default"),
           kAclHead + acl_entry(1, 7) + acl_entry(2, 6, 1002) + acl_entry(4, 5) + acl_entry(0x10, 7) +
               acl_entry(0x20, 0));
  CHECK_EQ(xattr_of(world.path("d/plain"), access), "no: ENODATA");
  CHECK_EQ(xattr_of(world.path("f"), access), kAclHead + acl_entry(1, 6) + acl_entry(2, 4, 70000) +
                                                  acl_entry(4, 4) + acl_entry(0x10, 4) + acl_entry(0x20, 0));
  CHECK_EQ(xattr_of(world.path("mask"), access),
           kAclHead + acl_entry(1, 6) + acl_entry(4, 6) + acl_entry(0x10, 4) + acl_entry(0x20, 0));
  CHECK_EQ(stat_of(world.path("mask")).st_mode & 0777, 0640u);
}

TEST("a default ACL of the target does not get into what is restored below") {
  World world;
  if (!privileged(world)) return;
  const std::string value = kAclHead + acl_entry(1, 7) + acl_entry(2, 7, 1234) + acl_entry(4, 7) +
                            acl_entry(0x10, 7) + acl_entry(0x20, 7);
  CHECK_EQ(setxattr(world.path().c_str(), "system.posix_acl_default", value.data(), value.size(), 0), 0);
  Archive archive;
  archive.target();
  archive.file("a", "x", Meta{.mode = 0600});
  archive.directory("d");
  archive.file("b", "x");
  archive.close();
  archive.special("p", Kind::fifo, S_IFIFO);
  archive.special("s", Kind::socket, S_IFSOCK);
  CHECK_EQ(world.run(archive).events.size(), 0u);
  for (const char* name : {"a", "d", "d/b", "p", "s"})
    CHECK_EQ(xattr_of(world.path(name), "system.posix_acl_access"), "no: ENODATA");
  CHECK_EQ(xattr_of(world.path("d"), "system.posix_acl_default"), "no: ENODATA");
}

TEST("a default ACL above a new target gets neither into it nor into what is restored below") {
  World world;
  if (!privileged(world)) return;
  const std::string value = kAclHead + acl_entry(1, 7) + acl_entry(2, 7, 1234) + acl_entry(4, 7) +
                            acl_entry(0x10, 7) + acl_entry(0x20, 7);
  const auto above = std::filesystem::path(world.path()).parent_path();
  std::filesystem::remove_all(world.path());
  CHECK_EQ(setxattr(above.c_str(), "system.posix_acl_default", value.data(), value.size(), 0), 0);
  Archive archive;
  archive.target();
  archive.file("f", "x", Meta{.mode = 0600});
  archive.special("p", Kind::fifo, S_IFIFO);
  CHECK_EQ(world.run(archive).events.size(), 0u);
  for (const char* name : {"", "f", "p"})
    CHECK_EQ(xattr_of(world.path(name), "system.posix_acl_access"), "no: ENODATA");
  CHECK_EQ(xattr_of(world.path(), "system.posix_acl_default"), "no: ENODATA");
}

TEST("flags are set, immutable and append-only when everything else is done") {
  World world;
  if (!privileged(world)) return;
  Archive archive;
  archive.target();
  const auto first = archive.file("a", "x", Meta{.flags = kImmutable | kNodump});
  archive.file("b", "x", Meta{.flags = kAppend | kNoatime | kSync});
  archive.hardlink("c", first, "a").directory("d", Meta{.mode = 0755, .flags = kImmutable | kNodump});
  archive.file("in", "x");
  archive.close().close();
  CHECK_EQ(world.run(archive).events.size(), 0u);
  const int known = FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NODUMP_FL | FS_NOATIME_FL | FS_SYNC_FL;
  CHECK_EQ(flags_of(world.path("a")) & known, FS_IMMUTABLE_FL | FS_NODUMP_FL);
  CHECK_EQ(flags_of(world.path("b")) & known, FS_APPEND_FL | FS_NOATIME_FL | FS_SYNC_FL);
  CHECK_EQ(flags_of(world.path("d")) & known, FS_IMMUTABLE_FL | FS_NODUMP_FL);
  CHECK_EQ(flags_of(world.path("d/in")) & known, 0);
  CHECK_EQ(stat_of(world.path("a")).st_nlink, 2u);
  CHECK_EQ(stat_of(world.path("d")).st_mtim.tv_sec, 1700000000);
}

TEST("a flag that the file system does not know is a warning, and the others are set") {
  World world;
  if (!privileged(world)) return;
  Archive archive;
  archive.target();
  // Compressed and nocow exist on btrfs, hidden on FAT.
  archive.file("a", "x", Meta{.flags = kNoatime | 0x40000 | 0x80000});
  archive.file("b", "x", Meta{.flags = 0x2000});
  const auto outcome = world.run(archive);
  CHECK_EQ(outcome.summary->errors, 0u);
  CHECK_EQ(outcome.summary->warnings, 2u);
  CHECK_EQ(outcome.events.at(0).error.code, "FLAG_UNSUPPORTED");
  CHECK((flags_of(world.path("a")) & FS_NOATIME_FL) != 0);
}

TEST("what is to be ignored is not restored") {
  World world;
  if (!privileged(world)) return;
  Archive archive;
  archive.target();
  Meta meta{.mode = 06777, .uid = 5, .gid = 6};
  meta.with(pxar::kXattr, xattr("user.a", "1")).with(pxar::kAclUser, words({1001, 6}));
  archive.file("a", "x", meta);
  archive.special("fifo", Kind::fifo, S_IFIFO);
  const Options options{
      .ignore_acls = true, .ignore_xattrs = true, .ignore_ownership = true, .no_specials = true};
  const auto outcome = world.run(archive, options);
  CHECK_EQ(outcome.summary->skipped, 1u);
  CHECK_EQ(stat_of(world.path("a")).st_uid, 0u);
  CHECK_EQ(stat_of(world.path("a")).st_mode & 07777, 06777u);
  CHECK_EQ(xattr_of(world.path("a"), "user.a"), "no: ENODATA");
  CHECK_EQ(xattr_of(world.path("a"), "system.posix_acl_access"), "no: ENODATA");
  World other;
  CHECK_EQ(other.run(archive, Options{.ignore_permissions = true}).summary->errors, 0u);
  CHECK_EQ(stat_of(other.path("a")).st_mode & 07777, 0600u);
}

TEST("without setuid, files lose their setuid bits and capabilities, and directories keep setgid") {
  World world;
  if (!privileged(world)) return;
  Archive archive;
  archive.target();
  archive.file("a", "x", Meta{.mode = 06755}.with(pxar::kFcaps, kCapability));
  archive.directory("d", Meta{.mode = 02755}).close();
  CHECK_EQ(world.run(archive, Options{.no_setuid = true}).events.size(), 0u);
  CHECK_EQ(stat_of(world.path("a")).st_mode & 07777, 0755u);
  CHECK_EQ(xattr_of(world.path("a"), "security.capability"), "no: ENODATA");
  CHECK_EQ(stat_of(world.path("d")).st_mode & 07777, 02755u);
}

TEST("an owner that cannot be set is an error, and nobody can run the file as the wrong user") {
  World world;
  if (!privileged(world)) return;
  Archive archive;
  archive.target();
  archive.file("a", "x", Meta{.mode = 04755, .uid = 0xffffffff});
  const auto outcome = world.run(archive);
  CHECK(outcome.has_error("a", "EINVAL"));
  CHECK_EQ(stat_of(world.path("a")).st_mode & 07777, 0755u);
}
