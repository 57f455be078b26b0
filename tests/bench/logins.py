# SPDX-License-Identifier: Apache-2.0
"""logins.py - what a connection costs: time, processor, memory."""
import os
import subprocess

from measure import Scene, ask, cpu, pss, run, settle, tool, tree

CONNECTIONS = 100
WARM = 3
CLIENTS = 8
SECONDS = 2
ROUNDS = 7
HELD = 100


def connect(scene, table):
    """Connect, certificate, exec `true`: stock ssh, one after the other, the two by turns."""
    sizes, used, times = {}, {}, {}
    for side in scene.sides:
        for _ in range(WARM):
            run(side.ssh("true"))
        sizes[side] = settle(side.pid)
        used[side] = cpu(side.pid)
        times[side] = []
    for _ in range(CONNECTIONS):
        for side in scene.sides:
            times[side].append(run(side.ssh("true")) * 1000)
    for side in scene.sides:
        settle(side.pid, sizes[side])
        used[side] = [(cpu(side.pid) - used[side]) / CONNECTIONS * 1000]
    what = "connect, authenticate, exec `true` (%s): " % scene.level
    table.add(what + "wall", *times.values(), 0.25, "ms")
    table.add(what + "server CPU", *used.values(), 0.25, "ms")


def rate(scene, table):
    """Connections a second with clients in parallel."""
    rates = {side: [] for side in scene.sides}
    for _ in range(ROUNDS):
        for side in scene.sides:
            rates[side].append(float(ask(side.light("rate", str(CLIENTS), str(SECONDS)))))
    table.add("connections a second, %d clients (%s)" % (CLIENTS, scene.level), *rates.values(), 4, "/s", most=False)


def basic(scene, table):
    """The same where commands are held like sshd's, by their user alone (level basic)."""
    if scene.level == "basic":
        return
    with Scene(tool("lower")) as lower:
        connect(lower, table)
        rate(lower, table)


def held_memory(side):
    """KiB of what is there for each held session and was not there before."""
    before = tree(side.pid)
    client = subprocess.Popen(side.light("hold", str(HELD)), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        if client.stdout.readline() != b"held\n":
            raise SystemExit("bench: %d sessions could not be held" % HELD)
        return sum(pss(pid) for pid in tree(side.pid) if pid not in before) / HELD
    finally:
        client.stdin.close()
        client.wait()
        settle(side.pid, len(before))


def memory(scene, table):
    """Proportional memory of an idle session, door and keeper together."""
    if os.geteuid() != 0:
        table.note("memory of a session is measured as root only: our rooms show theirs to nobody else")
        return
    sizes = ([held_memory(side)] for side in scene.sides)
    table.add("memory of an idle session, %d held (PSS)" % HELD, *sizes, 0.5, "KiB")
