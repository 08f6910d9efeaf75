"""Builds, scans and clears real trees with every kind of metadata, step by step below directory descriptors (paths may be longer
than PATH_MAX). Entries are those of test/fixtures/trees: paths and values in hex, times {s, ns}, modes octal without the type.

    tree.py build DIR    entries as JSON on standard input; `data` of a file is [[offset, base64], ...]
    tree.py scan DIR     entries as JSON on standard output, depth first, names sorted by bytes
    tree.py clear DIR    takes away flags that keep anybody from deleting
"""

import base64
import errno
import fcntl
import hashlib
import json
import os
import stat
import struct
import sys

FS_IOC_GETFLAGS, FS_IOC_SETFLAGS = 0x80086601, 0x40086602
FS_IOC_FSGETXATTR, FS_IOC_FSSETXATTR = 0x801C581F, 0x401C5820
FLAGS = {
    "sync": 0x8, "immutable": 0x10, "append": 0x20, "nodump": 0x40, "noatime": 0x80, "dirsync": 0x10000,
    "nocow": 0x800000, "projinherit": 0x20000000,
}
KINDS = {"file": stat.S_IFREG, "chr": stat.S_IFCHR, "blk": stat.S_IFBLK, "fifo": stat.S_IFIFO, "socket": stat.S_IFSOCK}
ACLS = {"acl_access": "system.posix_acl_access", "acl_default": "system.posix_acl_default"}
ACL_TAGS = {"user": (1, 2), "group": (4, 8), "mask": (16, 16), "other": (32, 32)}
FCAPS = "security.capability"
NOWHERE = 0xFFFFFFFF
READ_ONLY = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK


def unpack_acl(value):
    lines = []
    for tag, perm, who in struct.iter_unpack("<HHI", value[4:]):
        name = next(n for n, tags in ACL_TAGS.items() if tag in tags)
        bits = "".join(c if perm & b else "-" for c, b in (("r", 4), ("w", 2), ("x", 1)))
        lines.append(f"{name}:{'' if who == NOWHERE else who}:{bits}")
    return lines


def pack_acl(lines):
    out = struct.pack("<I", 2)
    for line in lines:
        name, who, bits = line.split(":")
        perm = sum(b for c, b in (("r", 4), ("w", 2), ("x", 1)) if c in bits)
        tag = ACL_TAGS[name][1 if who else 0]
        out += struct.pack("<HHI", tag, perm, int(who) if who else NOWHERE)
    return out


def named(parent, name):
    """A short path to an entry, for calls without a directory descriptor."""
    return b"/proc/self/fd/%d/%s" % (parent, name)


def flags_of(fd):
    buffer = bytearray(8)
    try:
        fcntl.ioctl(fd, FS_IOC_GETFLAGS, buffer)
    except OSError as error:
        if error.errno in (errno.ENOTTY, errno.EOPNOTSUPP, errno.EINVAL):
            return None
        raise
    return struct.unpack_from("<I", buffer)[0]


def set_flags(fd, names):
    known = sum(FLAGS.values())
    value = (flags_of(fd) & ~known) | sum(FLAGS[n] for n in names)
    fcntl.ioctl(fd, FS_IOC_SETFLAGS, struct.pack("<Q", value))


def project_of(fd):
    buffer = bytearray(28)
    try:
        fcntl.ioctl(fd, FS_IOC_FSGETXATTR, buffer)
    except OSError:
        return 0
    return struct.unpack_from("<I", buffer, 12)[0]


def set_project(fd, project):
    buffer = bytearray(28)
    fcntl.ioctl(fd, FS_IOC_FSGETXATTR, buffer)
    struct.pack_into("<I", buffer, 12, project)
    fcntl.ioctl(fd, FS_IOC_FSSETXATTR, bytes(buffer))


class Scan:
    def __init__(self):
        self.first = {}
        self.entries = []

    def run(self, root):
        fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
        self.directory(fd, b"", named(fd, b"."), os.fstat(fd))
        return self.entries

    def directory(self, fd, path, short, info):
        self.entries.append(self.describe(path, short, info, fd))
        for name in sorted(os.fsencode(n) for n in os.listdir(fd)):
            info = os.stat(name, dir_fd=fd, follow_symlinks=False)
            below = path + b"/" + name if path else name
            if stat.S_ISDIR(info.st_mode):
                child = os.open(name, READ_ONLY | os.O_DIRECTORY, dir_fd=fd)
                self.directory(child, below, named(fd, name), info)
                os.close(child)
            else:
                self.leaf(fd, name, below, info)

    def leaf(self, parent, name, path, info):
        if not stat.S_ISREG(info.st_mode):
            entry = self.describe(path, named(parent, name), info, None)
            if stat.S_ISLNK(info.st_mode):
                entry["target"] = os.readlink(name, dir_fd=parent).hex()
            elif stat.S_ISCHR(info.st_mode) or stat.S_ISBLK(info.st_mode):
                entry["rdev"] = [os.major(info.st_rdev), os.minor(info.st_rdev)]
            self.entries.append(entry)
            return
        fd = os.open(name, READ_ONLY, dir_fd=parent)
        entry = self.describe(path, named(parent, name), info, fd)
        key = (info.st_dev, info.st_ino)
        if info.st_nlink > 1 and key in self.first:
            entry["hardlink_to"] = self.first[key]
        self.first.setdefault(key, path.hex())
        self.contents(entry, fd, info)
        os.close(fd)
        self.entries.append(entry)

    def contents(self, entry, fd, info):
        digest = hashlib.sha256()
        holes = 0
        at = 0
        while at < info.st_size:
            try:
                data = os.lseek(fd, at, os.SEEK_DATA)
            except OSError:
                data = info.st_size
            holes += data - at
            at = os.lseek(fd, data, os.SEEK_HOLE) if data < info.st_size else data
        entry["holes"] = holes
        os.lseek(fd, 0, os.SEEK_SET)
        if info.st_size <= 1 << 28:
            while block := os.read(fd, 1 << 20):
                digest.update(block)
            entry["sha256"] = digest.hexdigest()
        entry["size"] = info.st_size

    def describe(self, path, short, info, fd):
        kind = next((k for k, v in KINDS.items() if v == stat.S_IFMT(info.st_mode)), None)
        kind = kind or ("dir" if stat.S_ISDIR(info.st_mode) else "symlink")
        seconds, nanos = divmod(info.st_mtime_ns, 10**9)
        entry = {
            "path": path.hex(), "type": kind, "mode": "%04o" % stat.S_IMODE(info.st_mode), "uid": info.st_uid,
            "gid": info.st_gid, "mtime": {"s": seconds, "ns": nanos},
        }
        self.attributes(entry, short)
        if fd is not None:
            flags = flags_of(fd)
            names = [n for n, bit in FLAGS.items() if flags is not None and flags & bit]
            if names:
                entry["flags"] = sorted(names)
            if project_of(fd):
                entry["project"] = project_of(fd)
        return entry

    def attributes(self, entry, short):
        xattrs = []
        for name in os.listxattr(short, follow_symlinks=entry["path"] == ""):
            value = os.getxattr(short, name, follow_symlinks=entry["path"] == "")
            key = next((k for k, n in ACLS.items() if n == name), None)
            if key:
                entry[key] = unpack_acl(value)
            elif name == FCAPS:
                entry["fcaps"] = value.hex()
            else:
                xattrs.append({"name": name, "value": value.hex()})
        if xattrs:
            entry["xattrs"] = xattrs


class Build:
    """Contents, then owners, modes and attributes, then times, deepest first, then flags."""

    def __init__(self, root, entries):
        self.entries = entries
        self.open = [(b"", os.open(root, os.O_RDONLY | os.O_DIRECTORY))]

    def parent(self, path):
        """Descriptor of the directory that holds `path`: entries come depth first, so it is the last one opened or above."""
        above, _, name = path.rpartition(b"/")
        while self.open[-1][0] and not (above + b"/").startswith(self.open[-1][0] + b"/"):
            os.close(self.open.pop()[1])
        while self.open[-1][0] != above:
            base, fd = self.open[-1]
            step = above[len(base) :].lstrip(b"/").split(b"/")[0]
            below = os.open(step, READ_ONLY | os.O_DIRECTORY, dir_fd=fd)
            self.open.append((base + b"/" + step if base else step, below))
        return self.open[-1][1], name or b"."

    def run(self):
        for entry in self.entries:
            if "hardlink_to" not in entry:
                self.make(entry)
        for entry in self.entries:
            if "hardlink_to" in entry:
                self.link(entry)
        for entry in self.entries:
            # After everything is made: default ACLs are handed down to what is made later.
            if "hardlink_to" not in entry:
                self.metadata(*self.parent(bytes.fromhex(entry["path"])), entry)
        for entry in reversed(self.entries):
            parent, name = self.parent(bytes.fromhex(entry["path"]))
            ns = entry["mtime"]["s"] * 10**9 + entry["mtime"]["ns"]
            os.utime(name, ns=(ns, ns), dir_fd=parent, follow_symlinks=name == b".")
        for entry in reversed(self.entries):
            if "flags" in entry:
                self.flags(entry)

    def make(self, entry):
        path = bytes.fromhex(entry["path"])
        parent, name = self.parent(path)
        kind = entry["type"]
        if kind == "dir":
            if path:
                os.mkdir(name, 0o700, dir_fd=parent)
        elif kind == "symlink":
            os.symlink(bytes.fromhex(entry["target"]), name, dir_fd=parent)
        elif kind == "file":
            self.content(parent, name, entry)
        else:
            os.mknod(name, 0o600 | KINDS[kind], os.makedev(*entry.get("rdev", (0, 0))), dir_fd=parent)

    def content(self, parent, name, entry):
        fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=parent)
        for offset, text in entry["data"]:
            data = base64.b64decode(text)
            while data:
                written = os.pwrite(fd, data, offset)
                offset, data = offset + written, data[written:]
        os.ftruncate(fd, entry["size"])
        os.close(fd)

    def metadata(self, parent, name, entry):
        follow = name == b"."
        os.chown(name, entry["uid"], entry["gid"], dir_fd=parent, follow_symlinks=follow)
        if entry["type"] != "symlink":
            os.chmod(name, int(entry["mode"], 8), dir_fd=parent)
        short = named(parent, name)
        for xattr in entry.get("xattrs", []):
            os.setxattr(short, xattr["name"], bytes.fromhex(xattr["value"]), follow_symlinks=follow)
        for key, attribute in ACLS.items():
            if key in entry:
                os.setxattr(short, attribute, pack_acl(entry[key]), follow_symlinks=follow)
        if "fcaps" in entry:
            os.setxattr(short, FCAPS, bytes.fromhex(entry["fcaps"]), follow_symlinks=follow)
        if "project" in entry:
            fd = os.open(name, READ_ONLY, dir_fd=parent)
            set_project(fd, entry["project"])
            os.close(fd)

    def link(self, entry):
        there, first = self.parent(bytes.fromhex(entry["hardlink_to"]))
        there = os.dup(there)
        here, name = self.parent(bytes.fromhex(entry["path"]))
        os.link(first, name, src_dir_fd=there, dst_dir_fd=here, follow_symlinks=False)
        os.close(there)

    def flags(self, entry):
        parent, name = self.parent(bytes.fromhex(entry["path"]))
        fd = os.open(name, READ_ONLY, dir_fd=parent)
        set_flags(fd, entry["flags"])
        os.close(fd)


def clear(fd):
    protected = FLAGS["immutable"] | FLAGS["append"]
    if (flags_of(fd) or 0) & protected:
        set_flags(fd, [])
    for name in os.listdir(fd):
        info = os.stat(name, dir_fd=fd, follow_symlinks=False)
        if stat.S_ISDIR(info.st_mode) or stat.S_ISREG(info.st_mode):
            child = os.open(name, READ_ONLY, dir_fd=fd)
            if stat.S_ISDIR(info.st_mode):
                clear(child)
            elif (flags_of(child) or 0) & protected:
                set_flags(child, [])
            os.close(child)


def main():
    sys.setrecursionlimit(10000)
    command, root = sys.argv[1], os.fsencode(sys.argv[2])
    if command == "build":
        Build(root, json.load(sys.stdin)).run()
    elif command == "scan":
        json.dump(Scan().run(root), sys.stdout)
    else:
        clear(os.open(root, os.O_RDONLY | os.O_DIRECTORY))


main()
