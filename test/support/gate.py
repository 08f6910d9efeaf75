"""Stands at the door of files: every open or read of a marked file waits until the rule for it has acted (fanotify permission
events). So files change at an exact point of somebody else's run, without any timing. Needs root.

Rules come as JSON on standard input's first line: [{path, on: "open"|"read", nth, act, ...}]; `ready` goes to standard output.
    grow {size}, shrink {size}   sets the file's size        touch       sets another modification time
    unlink                       removes the name            become {what: dir|fifo|symlink|file}  puts something else there
    deny                         fails with EPERM, and so does every later one        signal {number}  to the process itself
    hold {until}                 waits until that path exists
Ends when standard input ends.
"""

import ctypes
import json
import os
import select
import struct
import sys
import time

CLASS_CONTENT, MARK_ADD, ALLOW, DENY = 0x4, 0x1, 1, 2
MASKS = {"open": 0x10000, "read": 0x20000}
ON_DIRECTORY = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def mark(group, path, mask):
    if os.path.isdir(path) and not os.path.islink(path):
        mask |= ON_DIRECTORY
    if libc.fanotify_mark(group, MARK_ADD, ctypes.c_uint64(mask), -100, os.fsencode(path)) != 0:
        raise OSError(ctypes.get_errno(), "fanotify_mark", path)


def become(path, what):
    os.rename(path, path + ".moved-away")
    if what == "dir":
        os.mkdir(path)
    elif what == "fifo":
        os.mkfifo(path)
    elif what == "symlink":
        os.symlink("/etc/passwd", path)
    else:
        with open(path, "w") as file:
            file.write("another inode")


def act(rule, pid):
    kind, path = rule["act"], rule["path"]
    if kind in ("grow", "shrink"):
        os.truncate(path, rule["size"])
    elif kind == "touch":
        os.utime(path, ns=(1, 1))
    elif kind == "unlink":
        (os.rmdir if os.path.isdir(path) else os.unlink)(path)
    elif kind == "become":
        become(path, rule["what"])
    elif kind == "signal":
        os.kill(pid, rule["number"])
        time.sleep(0.1)  # so that a handler usually runs before the call returns; nothing depends on it
    elif kind == "hold":
        while not os.path.exists(rule["until"]):
            time.sleep(0.01)


def handle(group, rules, counts):
    data = os.read(group, 65536)
    while data:
        length, _, _, _, mask, fd, pid = struct.unpack_from("<IBBHQii", data)
        info = os.fstat(fd)
        answer = ALLOW
        for rule in rules:
            if rule["inode"] != info.st_ino or not mask & MASKS[rule["on"]]:
                continue
            counts[rule["index"]] += 1
            if counts[rule["index"]] == rule["nth"]:
                act(rule, pid)
            if rule["act"] == "deny" and counts[rule["index"]] >= rule["nth"]:
                answer = DENY
        os.write(group, struct.pack("<iI", fd, answer))
        os.close(fd)
        data = data[length:]


def main():
    rules = json.loads(sys.stdin.readline())
    group = libc.fanotify_init(CLASS_CONTENT | 0x1, os.O_RDONLY)
    if group < 0:
        raise OSError(ctypes.get_errno(), "fanotify_init")
    for index, rule in enumerate(rules):
        rule["index"] = index
        rule["inode"] = os.lstat(rule["path"]).st_ino
    counts = [0] * len(rules)
    for rule in rules:
        mark(group, rule["path"], MASKS[rule["on"]])
    print("ready", flush=True)
    while True:
        readable, _, _ = select.select([group, sys.stdin], [], [])
        if group in readable:
            handle(group, rules, counts)
        elif sys.stdin in readable and sys.stdin.readline() == "":
            return


main()
