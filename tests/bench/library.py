# SPDX-License-Identifier: Apache-2.0
"""library.py - certificates in the library, beside what the primitives cost."""
import subprocess

from measure import ask, median, tool

ROUNDS = 5


def openssl_limit():
    """How many pairs of one signature and one verification `openssl speed` makes in a second."""
    said = ask(["openssl", "speed", "-mr", "-seconds", "1", "ed25519"], subprocess.DEVNULL)
    line = next(line for line in said.splitlines() if line.startswith("+F6:"))
    signed, verified = (float(field) for field in line.split(":")[-2:])
    return 1 / (1 / signed + 1 / verified)


def library(_, table):
    """Issue and judge; both sides count CPU time."""
    limits, rounds = [], []
    for _ in range(ROUNDS):
        limits.append(openssl_limit())
        rounds.append({name: float(value) for name, value in
                       (line.split() for line in ask([tool("judge"), "1"]).splitlines())})
    issued, granted, judgement = ([made[name] for made in rounds] for name in ("issued", "granted", "judgement"))
    table.add("certificate built, signed, judged (openssl speed: 1 + 1)", issued, limits, 0.5, "/s", most=False)
    table.add("the same with three approvals", granted, limits, None, "/s")
    table.add_limit("judgement with three approvals", median(judgement) / 1000, 1, "ms")


def spawn(_, table):
    """Confinement: what a command takes longer than plain fork and exec, at the level that is reached."""
    rounds = []
    for _ in range(ROUNDS):
        rounds.append([line.split() for line in ask([tool("spawn"), "100"]).splitlines()])
    for index, (level, _) in enumerate(rounds[0]):
        if index > 0:
            costs = [(float(made[index][1]) - float(made[0][1])) / 1000 for made in rounds]
            table.add_limit("command at level %s, over plain fork and exec" % level, median(costs), 1.2, "ms")
