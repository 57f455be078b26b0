# SPDX-License-Identifier: Apache-2.0
"""recorder.py - recorders of terminals side by side: what they cost, and what they lose."""
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile

from measure import HERE, on_terminal, tool

ROUNDS = 5
MEGABYTES = 100
# tlog-rec enters a login record, and fails where the machine keeps none.
WITH_UTMP = "mount -t tmpfs tmpfs /run && : >/run/utmp && exec \"$@\""


class Output:
    """Bytes that a recording gives back: how many, and their hash."""

    def __init__(self, pieces=()):
        self.size = 0
        self.hash = hashlib.sha256()
        for piece in pieces:
            self.add(piece)

    def add(self, piece):
        self.size += len(piece)
        self.hash.update(piece)

    def lost(self, whole):
        """Bytes that are missing; `whole` is what the terminal showed."""
        if self.size == whole.size and self.hash.digest() != whole.hash.digest():
            return "changed bytes"
        return self.size and "%d bytes" % (whole.size - self.size) or "everything"


def shown(path):
    """What a terminal makes of a file: a carriage return before each line feed."""
    with open(path, "rb") as file:
        return Output(piece.replace(b"\n", b"\r\n") for piece in iter(lambda: file.read(1 << 20), b""))


class Ours:
    name = "postern"

    def argv(self, folder, text):
        return [tool("record"), folder, "bench.1", "cat", text]

    def decode(self, folder):
        return cast(os.path.join(folder, "bench.1.cast"))


class Asciinema:
    name = "asciinema rec"

    def argv(self, folder, text):
        return ["asciinema", "rec", "-q", "-c", "exec cat " + text, os.path.join(folder, "cast")]

    def decode(self, folder):
        return cast(os.path.join(folder, "cast"))


class Script:
    name = "script"

    def argv(self, folder, text):
        return ["script", "-q", "-e", "-T", os.path.join(folder, "timing"), "-O", os.path.join(folder, "typescript"),
                "-c", "exec cat " + text]

    def decode(self, folder):
        """Without the line above and the two below."""
        with open(os.path.join(folder, "typescript"), "rb") as file:
            data = memoryview(file.read())
        first = bytes(data[:4096]).index(b"\n") + 1
        last = len(data) - 4096 + bytes(data[-4096:]).rindex(b"\nScript done on ")
        return Output([data[first:last]])


class Tlog:
    name = "tlog-rec"

    def argv(self, folder, text):
        argv = ["tlog-rec", "--writer=file", "--file-path=" + os.path.join(folder, "log"), "cat", text]
        if not os.path.exists("/run/utmp") and os.geteuid() == 0:
            argv = ["unshare", "-m", "sh", "-c", WITH_UTMP, "sh", *argv]
        return argv

    def decode(self, folder):
        with open(os.path.join(folder, "log"), encoding="utf-8") as file:
            return Output(json.loads(line)["out_txt"].encode() for line in file)


def cast(path):
    """asciicast v2, ours and asciinema's read alike: nothing of ours but its standard events."""
    with open(path, encoding="utf-8", newline="\n") as file:
        next(file)
        events = (json.loads(line) for line in file)
        return Output(event[2].encode() for event in events if event[1] == "o")


def once(recorder, scratch, text, whole):
    """One recording: CPU seconds and what was lost of it."""
    folder = tempfile.mkdtemp(dir=scratch)
    try:
        used, seen = on_terminal(recorder.argv(folder, text), SHELL="/bin/sh", TERM="xterm")
        lost = recorder.decode(folder).lost(whole)
        if isinstance(recorder, Ours) and seen != whole.size:
            lost += " recorded, %d shown" % seen
        return used, lost
    finally:
        shutil.rmtree(folder)
        os.sync()


def side_by_side(kind, scratch, table):
    text = os.path.join(scratch, kind)
    with open(text, "wb") as file:
        subprocess.run([sys.executable, os.path.join(HERE, "texts.py"), kind, str(MEGABYTES)], stdout=file, check=True)
    whole = shown(text)
    recorders = [maker() for maker in (Ours, Asciinema, Script, Tlog)]
    used = {each: [] for each in recorders}
    lost = {each: set() for each in recorders}
    for _ in range(ROUNDS):
        for each in recorders:
            seconds, missing = once(each, scratch, text, whole)
            used[each].append(seconds)
            lost[each].add(missing)
    report(kind, recorders, used, lost, table)
    os.unlink(text)


def report(kind, recorders, used, lost, table):
    what = {"log": "log text", "random": "random UTF-8"}[kind]
    for each in recorders[1:]:
        target = 0.35 if isinstance(each, Asciinema) else None
        table.add("recorder, %d MB of %s: CPU (%s)" % (MEGABYTES, what, each.name), used[recorders[0]], used[each],
                  target, "s")
    kept = lost[recorders[0]] == {"0 bytes"}
    table.append(("recorder, %d MB of %s: lost" % (MEGABYTES, what), " / ".join(sorted(lost[recorders[0]])),
                  "", "", "0 bytes", "met" if kept else "MISSED"))
    for each in recorders[1:]:
        table.note("%s lost of %s: %s" % (each.name, what, ", ".join(sorted(lost[each]))))


def recorder(_, table):
    """The recorder alone, on a drained terminal."""
    with tempfile.TemporaryDirectory(prefix="postern-bench-") as scratch:
        for kind in ("log", "random"):
            side_by_side(kind, scratch, table)
