# SPDX-License-Identifier: Apache-2.0
"""escapes.py - the known ways out of allowed programs, tried one by one.

  escapes.py roles LEVEL               the role `careless` for a gate's configuration
  escapes.py free                      every way unconfined: a check that cannot fail proves nothing
  escapes.py held CONFIG [or-refused]  every way through the gate that ssh reaches with CONFIG
  escapes.py recorded FOLDER           what the gate's recordings hold of it

The environment says where: WORLD is the folder of files to be read, changed or left alone; TABLE the
collection (data/escapes.table, which explains itself); RUN_AS, when root, the uid and gid of the role.
Prints `STATUS<tab>NAME<tab>WHAT HAPPENED`, STATUS being ok, failed or skipped.
"""

import codecs
import concurrent.futures
import configparser
import ctypes
import fcntl
import glob
import hashlib
import json
import os
import pty
import re
import secrets
import select
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time

WORLD = os.environ.get("WORLD", "")
IDS = [int(i) for i in os.environ.get("RUN_AS", "%d:%d" % (os.getuid(), os.getgid())).split(":")]
ALL_SECRETS = []
MARK = b"esc42ape"  # printed by whatever computes esc$((6*7))ape: a shell that should not run
LIBC = ctypes.CDLL(None)
METADATA = "169.254.169.254"
SIDE_BY_SIDE = 4
PATIENCE = 12  # seconds for one entry


class Entry:
    """One way out: a program as an administrator allowed it, and an engineer's words and keys."""

    def __init__(self, name, part):
        self.name = name
        self.tries = part["tries"].split()
        self.part = part
        self.root = os.path.join(WORLD, "{}", name)
        self.keys = [k for k in part.get("keys", "").split("\n") if k]
        self.terminal = bool(self.keys)
        self.values = {
            "NAME": name,
            "SAY": "echo esc$((6*7))ape",
            "DATA": self.root.format("data"),
            "NOTES": self.root.format("data") + "/notes",
            "LISTED": self.root.format("data") + "/listed",
            "WORK": self.root.format("work"),
            "OUT": self.root.format("out"),
            "SECRET": self.root.format("out") + "/secret",
            "TARGET": self.root.format("out") + "/target",
            "NEW": self.root.format("out") + "/new",
            "SOCKET": self.root.format("out") + "/socket",
            "ABSTRACT": "postern-%s-%d" % (name, os.getpid()),
            "SUID": os.path.join(WORLD, "suid-id"),
            "SCRIPT": os.path.join(WORLD, "script"),
            "LINES": os.path.join(WORLD, "lines"),
            "MATCH": os.path.join(WORLD, "match"),
            "LIBRARY": os.path.join(WORLD, "library.so"),
            "METADATA": METADATA,
        }

    def fill(self, text):
        return re.sub(r"@([A-Z]+)@", lambda m: str(self.values.get(m[1], os.environ.get(m[1], m[0]))), text)

    def words(self, key):
        return [self.fill(w) for w in shlex.split(self.part.get(key, ""))]

    def paths(self, key):
        """Those that there are: what a list of files names differs between Debian's releases."""
        found = [sorted(glob.glob(p)) or [p] * (WORLD in p) for p in self.words(key)]
        return [p for some in found for p in some]

    def argv(self):
        head = self.words("argv")
        return [(sorted(glob.glob(head[0])) or head)[-1]] + head[1:]

    def input(self):
        return (self.fill(self.part["input"]) + "\n").encode() if "input" in self.part else b""

    def is_meant(self):
        """Whether there is such a way for who runs the test."""
        return self.part.get("only") != ("user" if "RUN_AS" in os.environ else "root")

    def skip(self):
        """Why it cannot be tried here, or None."""
        program = self.argv()[0]
        if not os.access(program, os.X_OK):
            return "there is no " + program
        for need in self.words("needs"):
            if need == "metadata" and not can_bind(METADATA):
                return "this machine has no address " + METADATA
            if need.startswith("@") or need.startswith("/") and not os.path.exists(need):
                return "there is no " + need
        return None

    def make(self):
        """Files that are listed, files that are not, all of them the role's own."""
        self.secret = "key" + secrets.token_hex(12)
        ALL_SECRETS.append(self.secret)
        for place in "data", "work", "out":
            folder = self.root.format(place)
            shutil.rmtree(folder, ignore_errors=True)
            os.makedirs(folder)
            os.chmod(folder, 0o755)
        put(self.values["NOTES"], "the notes\n" + "of %s\n" % self.name * 60)
        put(self.values["LISTED"], "listed\n")
        put(self.values["TARGET"], "target\n")
        put(self.values["SECRET"], self.secret + "\n")
        for place in "data", "work", "out":
            folder = self.root.format(place)
            for path in [folder] + [os.path.join(folder, f) for f in os.listdir(folder)]:
                os.chown(path, *IDS)


def put(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    os.chmod(path, 0o644)
    os.utime(path, (1e9, 1e9))


def look(folders):
    """Everything about the files below that a program could have changed."""
    seen = {}
    for folder in folders:
        for path in [folder] + sorted(glob.glob(folder + "/**", recursive=True)):
            at = os.lstat(path)
            digest = ""
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    digest = hashlib.sha256(file.read()).hexdigest()
            seen[path] = (at.st_mode, at.st_uid, at.st_gid, at.st_nlink, at.st_mtime_ns, at.st_ctime_ns, digest)
    return seen


def can_bind(address):
    with socket.socket() as probe:
        try:
            probe.bind((address, 0))
            return True
        except OSError:
            return False


class Ear(threading.Thread):
    """Listens on one port of every address there is, and on a socket file; hears who comes."""

    def __init__(self, entry):
        super().__init__(daemon=True)
        self.heard = []
        self.sockets = []
        first = self.listen(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0))
        self.port = first.getsockname()[1]
        self.listen(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", self.port))
        self.listen(socket.AF_INET6, socket.SOCK_STREAM, ("::1", self.port))
        self.listen(socket.AF_INET, socket.SOCK_STREAM, (METADATA, self.port))
        self.listen(socket.AF_UNIX, socket.SOCK_STREAM, entry.values["SOCKET"])
        self.listen(socket.AF_UNIX, socket.SOCK_STREAM, "\0" + entry.values["ABSTRACT"])
        os.chmod(entry.values["SOCKET"], 0o777)
        self.ended, self.end = os.pipe()

    def listen(self, family, kind, address):
        one = socket.socket(family, kind)
        try:
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            one.bind(address)
        except OSError:
            one.close()
            return None
        if kind == socket.SOCK_STREAM:
            one.listen()
        self.sockets.append(one)
        return one

    def answer(self, one):
        if one.type == socket.SOCK_DGRAM:
            self.heard.append("datagram %r" % one.recvfrom(512)[0][:80])
            return
        peer = one.accept()[0]
        peer.settimeout(0.5)
        self.heard.append("connection")
        try:
            self.heard.append("%r" % peer.recv(512)[:80])
            peer.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n")
        except OSError:
            pass
        peer.close()

    def run(self):
        while True:
            ready = select.select(self.sockets + [self.ended], [], [])[0]
            if self.ended in ready:
                return
            for one in ready:
                self.answer(one)

    def close(self):
        os.write(self.end, b"x")
        self.join()
        # Whoever came at the very end waits in a queue still.
        for one in select.select(self.sockets, [], [], 0)[0]:
            self.answer(one)
        for one in self.sockets:
            one.close()
        os.close(self.ended)
        os.close(self.end)


def start(argv, terminal, user, fd):
    """A process in a session of its own; with a terminal, `fd` is its controlling one."""
    who = {}
    if user and os.getuid() == 0:
        who = {"user": IDS[0], "group": IDS[1], "extra_groups": []}
    clean = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LANG": "C.UTF-8", "HOME": "/"}
    if terminal:
        clean["TERM"] = "xterm"
        argv = ["/usr/bin/setsid", "-c"] + argv
    try:
        return subprocess.Popen(
            argv,
            env=clean,
            cwd="/",
            umask=0o077,
            stdin=fd if terminal else subprocess.PIPE,
            stdout=fd if terminal else subprocess.PIPE,
            stderr=fd if terminal else subprocess.STDOUT,
            start_new_session=not terminal,
            **who,
        )
    except FileNotFoundError as error:
        raise SystemExit("escapes.py: %s" % error)


def decode(line):
    return codecs.decode(line.replace("\\e", "\\x1b"), "unicode_escape").encode("latin-1")


def type_and_read(master, keys, deadline):
    """Each line of keys once the screen has been quiet for a moment; all that was shown."""
    shown = b""
    keys = [decode(k) for k in keys]
    quiet = time.monotonic()
    while time.monotonic() < deadline:
        if select.select([master], [], [], 0.05)[0]:
            try:
                some = os.read(master, 65536)
            except OSError:
                break
            if not some:
                break
            shown += some
            quiet = time.monotonic()
            continue
        still = time.monotonic() - quiet
        if still > (0.25 if shown else 3):
            if keys:
                os.write(master, keys.pop(0))
                quiet = time.monotonic()
            elif still > 2:
                break
    return shown


def run_on_terminal(argv, keys, user):
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    if os.getuid() == 0:
        os.fchown(slave, *IDS)
    process = start(argv, True, user, slave)
    os.close(slave)
    try:
        return type_and_read(master, keys, time.monotonic() + PATIENCE)
    finally:
        os.close(master)
        end(process)


def run_on_pipes(argv, given, user):
    process = start(argv, False, user, None)
    try:
        return process.communicate(given, timeout=PATIENCE)[0]
    except subprocess.TimeoutExpired as late:
        return late.output or b""
    finally:
        end(process)


def end(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    if process.stdout:
        process.stdout.close()
    if process.stdin:
        process.stdin.close()
    process.kill()
    process.wait()


class Victim:
    """What the role's own user has beside the gate: a process, a terminal, a message that waits."""

    def __init__(self, entry):
        who = {"user": IDS[0], "group": IDS[1], "extra_groups": []} if os.getuid() == 0 else {}
        self.process = subprocess.Popen(["/usr/bin/sleep", "1000"], env={"TOKEN": entry.secret}, **who)
        self.screen, self.terminal = pty.openpty()
        os.fchown(self.terminal, *IDS)
        self.queue = LIBC.msgget(0, 0o666)
        message = struct.pack("l", 1) + entry.secret.encode()
        LIBC.msgsnd(self.queue, message, len(message) - 8, 0)
        entry.values.update(PID=self.process.pid, PTS=os.ttyname(self.terminal), QUEUE=self.queue)

    def harm(self):
        """What was done to it, or None; and it is gone."""
        done = None
        if select.select([self.screen], [], [], 0)[0]:
            done = "its terminal shows %r" % os.read(self.screen, 80)
        if self.process.poll() is not None:
            done = "it ended"
        else:
            with open("/proc/%d/stat" % self.process.pid, encoding="ascii") as file:
                state = file.read().split()[2]
            if state in "Tt":
                done = "it is in state " + state
        LIBC.msgctl(self.queue, 0, None)
        os.close(self.screen)
        os.close(self.terminal)
        self.process.kill()
        self.process.wait()
        return done


def quote(word):
    """In the gate's own grammar, and the shell's."""
    return "'" + word.replace("'", "'\\''") + "'"


def through_gate(entry, ssh):
    line = " ".join([entry.name] + (["--"] if entry.words("words") else []) + [quote(w) for w in entry.words("words")])
    return ["/usr/bin/ssh", "-F", ssh, "-tt" if entry.terminal else "-T", "acme", line]


def attempt(entry, ssh):
    """Runs it once; what was shown, and every way in which it got out."""
    entry.make()
    ear = Ear(entry)
    victim = Victim(entry)
    entry.values.update(PORT=ear.port)
    before = look([entry.root.format("data"), entry.root.format("out")])
    ear.start()
    argv = through_gate(entry, ssh) if ssh else entry.argv() + entry.words("words")
    if entry.terminal:
        shown = run_on_terminal(argv, [entry.fill(k) for k in entry.keys], not ssh)
    else:
        shown = run_on_pipes(argv, entry.input(), not ssh)
    ear.close()
    after = look([entry.root.format("data"), entry.root.format("out")])
    got = {}
    if MARK in shown:
        got["shell"] = "a shell, or a program that was written, ran"
    if entry.secret.encode() in shown:
        got["read"] = "the secret was read"
    for path in glob.glob(entry.root.format("work") + "/**", recursive=True):
        if os.path.isfile(path) and not os.path.islink(path):
            with open(path, "rb") as file:
                if entry.secret.encode() in file.read():
                    got["read"] = "the secret was copied"
    if before != after:
        got["write"] = "changed: " + ", ".join(sorted(p for p in before.keys() | after.keys() if before.get(p) != after.get(p)))
    if ear.heard:
        got["connect"] = "heard: " + ", ".join(ear.heard)
    if b"euid=0" in shown:
        got["setuid"] = "root's identity was gained"
    harm = victim.harm()
    if harm:
        got["process"] = "to another process: " + harm
    if "tells" in entry.part and re.search(entry.fill(entry.part["tells"]).encode(), shown):
        got["tells"] = "it said " + entry.part["tells"]
    for path in entry.paths("never"):
        if os.path.lexists(path):
            got["write"] = path + " is there"
            os.unlink(path)
    return shown, got


def readable(shown):
    return repr(shown[-600:])


def prove(entry):
    """Unconfined, every way works; a busy machine may need a second look at a screen."""
    for _ in range(3):
        shown, got = attempt(entry, None)
        if set(entry.tries) <= set(got) and re.search(entry.fill(entry.part["shows"]).encode(), shown):
            return "ok", "works where nothing holds it: " + " ".join(entry.tries)
    if "perhaps" in entry.part:
        return "skipped", "this kernel has no %s for its users" % entry.part["perhaps"]
    return "failed", "unconfined it only got %s, and showed %s" % (sorted(got) or "nothing", readable(shown))


def hold(entry, ssh, or_refused):
    """Confined, nothing gets out, and the program did run: it shows what it would show."""
    for _ in range(3):
        shown, got = attempt(entry, ssh)
        if got:
            return "failed", "; ".join(got.values()) + "; showed " + readable(shown)
        if re.search(entry.fill(entry.part["shows"]).encode(), shown):
            return "ok", "held: " + " ".join(entry.tries)
        if or_refused and shown.startswith(b"postern: "):
            return "ok", "refused"
    return "failed", "nothing got out, but it did not run as it should: " + readable(shown)


def recorded(folder):
    """Every event of every recording, for what must not be there and for what must."""
    with open(os.path.join(WORLD, "secrets"), encoding="ascii") as file:
        secret = file.read().split()
    seen = bad = 0
    recordings = glob.glob(folder + "/*.cast")
    for path in recordings:
        with open(path, encoding="utf-8", errors="replace") as file:
            data = "".join(str(json.loads(line)[2]) for line in file.readlines()[1:])
        seen += data != ""
        for found in [MARK.decode()] + secret:
            if found in data:
                bad += 1
                print("failed\t%s\tit holds %s" % (os.path.basename(path), found))
    if not bad:
        print("%s\ton record\tnothing of it in %d recordings, %d of which show something" %
              ("ok" if seen else "failed", len(recordings), seen))


def text(word):
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def print_roles(entries, level):
    print('careless = { description = "What a careless administrator allows"; admits = "grant"; least = "%s";' % level)
    print("  quorum = ( { of = [ \"*@vendor.example\" ]; need = 1; }, { of = [ \"*@acme.example\" ]; need = 1; } );")
    print("  @USER@\n  commands = (")
    for number, entry in enumerate(entries):
        names = ["p%d" % i for i in range(len(entry.words("words")))]
        argv = [w.replace("{", "{{").replace("}", "}}") for w in entry.argv()] + ["{%s}" % n for n in names]
        confine = ["%s = [ %s ];" % (key, ", ".join(map(text, entry.paths(key))))
                   for key in ("read", "write", "execute") if entry.paths(key)]
        if entry.words("connect"):
            confine.append("connect = [ %s ];" % ", ".join(map(text, entry.words("connect"))))
        print("    %s{ name = %s; timeout = %d;%s" % (", " if number else "", text(entry.name), PATIENCE, " terminal = true;" * entry.terminal))
        print("      argv = [ %s ];" % ", ".join(map(text, argv)))
        if names:
            print("      parameters = ( %s );" % ", ".join('{ name = "%s"; type = "text"; dash = true; max = 4096; }' % n for n in names))
        print("      confine = { %s }; }" % " ".join(confine))
    print("  );\n};")


def load():
    table = configparser.RawConfigParser(delimiters=("=",), comment_prefixes=("#",), strict=True)
    table.read(os.environ["TABLE"], encoding="ascii")
    chosen = os.environ.get("ONLY", "")
    entries = [Entry(name, table[name]) for name in table.sections() if re.search(chosen, name)]
    return [entry for entry in entries if entry.is_meant()]


def main():
    entries = load()
    if sys.argv[1] == "roles":
        print_roles([e for e in entries if not e.skip()], sys.argv[2])
        return
    if sys.argv[1] == "recorded":
        recorded(sys.argv[2])
        return
    free = sys.argv[1] == "free"
    with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        running = []
        for entry in entries:
            why = entry.skip()
            if why:
                print("skipped\t%s\t%s" % (entry.name, why), flush=True)
            elif free:
                running.append((entry, pool.submit(prove, entry)))
            else:
                running.append((entry, pool.submit(hold, entry, sys.argv[2], "or-refused" in sys.argv[3:])))
        for entry, future in running:
            status, what = future.result()
            print("%s\t%s\t%s" % (status, entry.name, what), flush=True)
    if not free:
        with open(os.path.join(WORLD, "secrets"), "w", encoding="ascii") as file:
            file.write("\n".join(ALL_SECRETS))


main()
