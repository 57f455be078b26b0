# SPDX-License-Identifier: Apache-2.0
"""measure.py - what every figure needs: a scene, processes and their cost, a table."""
import fcntl
import os
import pty
import statistics
import struct
import subprocess
import sys
import termios
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
TICK = os.sysconf("SC_CLK_TCK")

median = statistics.median


def tool(name):
    """A program of this bench."""
    return os.path.join(BUILD, "tests", "bench", name)


class Side:
    """One of the two servers: where it is, and who logs in how."""

    def __init__(self, name, facts):
        self.name = name
        self.pid = int(facts[name + "_pid"])
        self.port = facts[name + "_port"]
        self.user = facts[name + "_user"]
        self.cert = facts[name + "_cert"]
        self.key = facts["key"]
        self.known_hosts = facts["known_hosts"]

    def ssh(self, *words):
        """argv of stock ssh; the key exchange is the one that both have."""
        options = ["CertificateFile=" + self.cert, "IdentitiesOnly=yes", "BatchMode=yes", "StrictHostKeyChecking=yes",
                   "UserKnownHostsFile=" + self.known_hosts, "KexAlgorithms=curve25519-sha256", "LogLevel=ERROR"]
        argv = ["ssh", "-F", "none", "-p", self.port, "-i", self.key]
        for option in options:
            argv += ["-o", option]
        flags = [word for word in words if word.startswith("-")]
        return argv + flags + [self.user + "@127.0.0.1"] + [word for word in words if not word.startswith("-")]

    def light(self, *words):
        """argv of the light client."""
        return [tool("connect"), self.port, self.user, self.key, self.cert, *words]


class Scene:
    """A gate and an sshd, as long as the `with` lasts. `launcher`: what starts the gate."""

    def __init__(self, *launcher):
        self.launcher = launcher

    def __enter__(self):
        self.process = subprocess.Popen([os.path.join(HERE, "scene"), *self.launcher], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        facts = {}
        for line in self.process.stdout:
            name, _, value = line.rstrip("\n").partition(" ")
            facts[name] = value
            if name == "ready":
                break
        if "ready" not in facts:
            self.__exit__()
            sys.exit("bench: the gate or the sshd beside it could not be started")
        self.folder = facts["scene"]
        self.level = facts["level"]
        self.gate = Side("gate", facts)
        self.sshd = Side("sshd", facts)
        self.sides = (self.gate, self.sshd)
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()

    def tidy(self):
        """Recordings go and dirty pages with them, so that no run pays for the one before."""
        recordings = os.path.join(self.folder, "gate", "recordings")
        for name in os.listdir(recordings):
            os.unlink(os.path.join(recordings, name))
        os.sync()


def stat_fields(pid):
    """The fields of /proc/PID/stat behind the name, or None when it is gone."""
    try:
        with open("/proc/%d/stat" % pid, encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return None


def tree(root):
    """A process and all below it: pid -> fields."""
    every = {int(name): stat_fields(int(name)) for name in os.listdir("/proc") if name.isdigit()}
    children = {}
    for pid, fields in every.items():
        if fields:
            children.setdefault(int(fields[1]), []).append(pid)
    found, left = {}, [root]
    while left:
        pid = left.pop()
        if every.get(pid):
            found[pid] = every[pid]
            left += children.get(pid, [])
    return found


def cpu(root):
    """Seconds that a tree has used, the ended ones that were waited for included."""
    return sum(sum(int(field) for field in fields[11:15]) for fields in tree(root).values()) / TICK


def settle(root, count=None):
    """Waits until what belonged to past connections has ended: until a tree is of `count` processes, or
    until it has not changed for a while. Gives its size."""
    deadline = time.monotonic() + 5
    size, since = len(tree(root)), time.monotonic()
    while time.monotonic() < deadline and (size > count if count else time.monotonic() - since < 0.3):
        time.sleep(0.02)
        now = len(tree(root))
        if now != size:
            size, since = now, time.monotonic()
    return size


def pss(pid):
    """KiB of a process's proportional share of memory."""
    with open("/proc/%d/smaps_rollup" % pid, encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:"))


def run(argv, **more):
    """Runs to a good end; gives wall seconds. Output goes nowhere."""
    begun = time.monotonic()
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False, **more)
    took = time.monotonic() - begun
    if done.returncode != 0:
        sys.exit("bench: status %d: %s" % (done.returncode, " ".join(argv)))
    return took


def ask(argv, stderr=None):
    """Runs to a good end; gives what it printed."""
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, text=True, check=False)
    if done.returncode != 0:
        sys.exit("bench: status %d: %s" % (done.returncode, " ".join(argv)))
    return done.stdout


def on_terminal(argv, **environment):
    """Runs on a terminal of its own that is drained; gives (CPU seconds of its tree, bytes shown)."""
    pid, master = pty.fork()
    if pid == 0:
        try:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
            os.execvpe(argv[0], argv, {**os.environ, **environment})
        finally:
            os._exit(127)
    shown = 0
    while True:
        try:
            chunk = os.read(master, 65536)
        except OSError:
            break
        shown += len(chunk)
        if not chunk:
            break
    os.close(master)
    _, status, usage = os.wait4(pid, 0)
    if status != 0:
        sys.exit("bench: status %d: %s" % (status, " ".join(argv)))
    return usage.ru_utime + usage.ru_stime, shown


class Table:
    """Figure, ours, peer's, ratio, target, met or not: a row at once, all rows at the end."""

    def __init__(self):
        self.rows = []
        self.notes = []

    def add(self, figure, ours, peers, target, unit, most=True):
        """Medians of what was measured by turns, and the median of the neighbours' ratios, which a busy
        machine moves least. `target` bounds it from above, from below when not `most`; None: only told."""
        ratio = median(mine / other for mine, other in zip(ours, peers))
        ours, peer = median(ours), median(peers)
        met = "" if target is None else "met" if (ratio <= target if most else ratio >= target) else "MISSED"
        bound = "" if target is None else "%s %.2f" % ("<=" if most else ">=", target)
        row = (figure, "%.4g %s" % (ours, unit), "%.4g %s" % (peer, unit), "%.3f" % ratio, bound, met)
        self.append(row)

    def add_limit(self, figure, ours, limit, unit):
        """A figure without a peer: a bound on the figure itself."""
        self.append((figure, "%.4g %s" % (ours, unit), "", "", "< %.4g %s" % (limit, unit),
                     "met" if ours < limit else "MISSED"))

    def append(self, row):
        self.rows.append(row)
        print("  %s: %s, %s  %s %s %s" % row, file=sys.stderr, flush=True)

    def note(self, text):
        if text not in self.notes:
            self.notes.append(text)

    def show(self):
        heads = ("figure", "ours", "peer's", "ratio", "target", "")
        widths = [max(len(row[i]) for row in [heads, *self.rows]) for i in range(len(heads))]
        print()
        for row in [heads, *self.rows]:
            cells = [cell.ljust(width) if i in (0, 5) else cell.rjust(width)
                     for i, (cell, width) in enumerate(zip(row, widths))]
            print("  ".join(cells).rstrip())
        for text in self.notes:
            print("note: " + text)
        missed = sum(row[5] == "MISSED" for row in self.rows)
        met = sum(row[5] == "met" for row in self.rows)
        print("\n%d met, %d missed" % (met, missed))
