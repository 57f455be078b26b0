# SPDX-License-Identifier: Apache-2.0
"""greedy.py - a program that takes all it can get: greedy.py WHAT MARK.

Whatever it starts and leaves behind has MARK in its arguments, so that a test can find it.
"""

import os
import signal
import subprocess
import sys
import time

what, mark = sys.argv[1:3]


def count_processes():
    """How many it gets before it gets no more; they end with it."""
    made = []
    try:
        for _ in range(2000):
            pid = os.fork()
            if pid == 0:
                signal.pause()
            made.append(pid)
        print("processes without end")
    except OSError:
        print("processes %d" % len(made))
    for pid in made:
        os.kill(pid, signal.SIGKILL)


def bomb():
    """Every process makes others as fast as it can, and none of them waits."""
    print("started", flush=True)
    while True:
        try:
            os.fork()
        except OSError:
            pass


def memory():
    """A megabyte at a time, each page touched."""
    held = []
    try:
        for _ in range(4096):
            held.append(bytearray(b"x" * (1 << 20)))
        print("memory without end")
    except MemoryError:
        taken = len(held)
        held = None
        print("megabytes %d" % taken)


def fill(folder, most):
    """Files of half a megabyte until there is no more room, or there was too much of it."""
    written = 0
    try:
        for number in range(most * 2):
            with open("%s/fill-%s-%d" % (folder, mark, number), "wb", buffering=0) as file:
                written += file.write(b"x" * (1 << 19))
        print("room without end")
    except OSError as error:
        print("filled %d: %s" % (written >> 20, error.strerror))


def one_file(path):
    """One file of ten megabytes; whoever is signalled for its size ignores it."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    written = 0
    with open(path, "wb", buffering=0) as file:
        try:
            for _ in range(160):
                written += file.write(b"x" * (1 << 16))
        except OSError as error:
            print("refused: " + error.strerror)
    print("bytes %d" % written)


def leave(how):
    """Starts what should stay, says so, and goes on or ends."""
    null = os.open("/dev/null", os.O_RDWR)
    if how == "daemon":
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                for fd in range(3):
                    os.dup2(null, fd)
                signal.signal(signal.SIGHUP, signal.SIG_IGN)
                os.execv("/usr/bin/sleep", ["sleep", mark])
            os._exit(0)
        os.wait()
    elif how == "nohup":
        subprocess.Popen(["/usr/bin/nohup", "/usr/bin/setsid", "/usr/bin/sleep", mark], stdin=null, stdout=null, stderr=null)
    elif how == "stopped":
        child = os.fork()
        if child == 0:
            os.execv("/usr/bin/sleep", ["sleep", mark])
        os.kill(child, signal.SIGSTOP)
    elif how == "deaf":
        for number in range(1, 65):
            if number not in (signal.SIGKILL, signal.SIGSTOP, 32, 33):
                signal.signal(number, signal.SIG_IGN)
        if os.fork() == 0:
            os.execv("/usr/bin/sleep", ["sleep", mark])
    print("left", flush=True)


if what == "processes":
    count_processes()
elif what == "bomb":
    bomb()
elif what == "memory":
    memory()
elif what.startswith("fill:"):
    fill(what.split(":")[1], 512)
elif what.startswith("file:"):
    one_file(what.split(":")[1])
elif what == "spin":
    print("started", flush=True)
    while True:
        pass
elif what == "stop-itself":
    print("started", flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)
else:
    leave(what.split(":")[0])
    if what.endswith(":stay"):
        time.sleep(1000)
    if what.endswith(":stop"):
        os.kill(os.getpid(), signal.SIGSTOP)
