#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a process holds, for rooms.sh.

rooms.py fds PID             a line per descriptor: its kind, and for files the path
rooms.py holds PID KEY...    the private key files whose secret is in the process's memory
rooms.py tree PID            a line per process of the tree: PID, its room or "command"
"""
import base64
import hashlib
import os
import re
import subprocess
import sys


def tree(top):
    parents, names = {}, {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            stat = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
            title = open(f"/proc/{pid}/cmdline", "rb").read().rstrip(b"\0 ").decode(errors="replace")
        except OSError:
            continue
        if stat[0] in "ZX":
            continue
        parents[int(pid)] = int(stat[1])
        found = re.match(r"postern-bastion: (\w+)", title)
        names[int(pid)] = found.group(1) if found else "command"
    for pid in sorted(parents):
        up = pid
        while up != top and up in parents:
            up = parents[up]
        if up == top:
            print(pid, names[pid])


def sockets():
    kinds = {}
    for table, kind in (("tcp", "tcp"), ("tcp6", "tcp"), ("udp", "udp"), ("udp6", "udp"), ("raw", "raw"), ("packet", "raw")):
        try:
            lines = open(f"/proc/net/{table}").read().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            words = line.split()
            if kind == "raw" and table == "packet":
                kinds[words[-1]] = kind
            else:
                kinds[words[9]] = "listening" if kind == "tcp" and words[3] == "0A" else kind
    for line in open("/proc/net/unix").read().splitlines()[1:]:
        kinds[line.split()[6]] = "unix"
    return kinds


def fds(pid):
    kinds = sockets()
    for fd in sorted(os.listdir(f"/proc/{pid}/fd"), key=int):
        try:
            target = os.readlink(f"/proc/{pid}/fd/{fd}")
        except OSError:
            continue
        found = re.match(r"socket:\[(\d+)\]", target)
        if found:
            print(fd, kinds.get(found.group(1), "other-socket"))
        elif target.startswith("pipe:"):
            print(fd, "pipe")
        elif target.startswith("anon_inode:"):
            print(fd, target[12:].strip("[]"))
        elif target.startswith("/memfd:"):
            print(fd, "memfd")
        else:
            print(fd, "file", target)


def needles(path):
    """What an Ed25519 private key looks like in memory: its seed, what is computed of it, its file's text."""
    text = open(path).read()
    body = "".join(text.splitlines()[1:-1])
    blob = base64.b64decode(body)
    public = base64.b64decode(subprocess.check_output(["ssh-keygen", "-y", "-f", path]).split()[1])[-32:]
    at = blob.rindex(public) - 32
    seed = blob[at:at + 32]
    expanded = bytearray(hashlib.sha512(seed).digest()[:32])
    yield seed
    yield bytes(expanded)
    expanded[0] &= 248
    expanded[31] = expanded[31] & 127 | 64
    yield bytes(expanded)
    first, last = -(-at // 3) * 4, (at + 32) // 3 * 4  # base64 that is made of the seed alone
    width = len(text.splitlines()[1])
    end = min(last, (first // width + 1) * width)
    part = body[first:end] if end - first >= 12 else body[end:last]
    assert len(part) >= 12 and part in text
    yield part.encode()


def holds(pid, keys):
    wanted = [(key, list(needles(key))) for key in keys]
    found = set()
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in open(f"/proc/{pid}/maps"):
            span, rights = line.split()[:2]
            if rights[0] != "r" or line.rstrip().endswith(("[vvar]", "[vsyscall]", "[vvar_vclock]")):
                continue
            start, end = (int(half, 16) for half in span.split("-"))
            if end - start > 1 << 30:  # a sanitizer's shadow
                continue
            try:
                memory.seek(start)
                content = memory.read(end - start)
            except (OSError, OverflowError, ValueError):
                continue
            for key, all_forms in wanted:
                if any(form in content for form in all_forms):
                    found.add(key)
    for key in keys:
        if key in found:
            print(key)


if sys.argv[1] == "tree":
    tree(int(sys.argv[2]))
elif sys.argv[1] == "fds":
    fds(int(sys.argv[2]))
else:
    holds(int(sys.argv[2]), sys.argv[3:])
