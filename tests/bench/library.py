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
