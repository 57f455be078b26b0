#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""texts.py - texts to be moved and recorded, the same at every run.

   texts.py log|random MEGABYTES
"""
import random
import sys

BLOCK = 4 << 20

LEVELS = ["Information", "Information", "Debug", "Trace", "Warning", "Error"]
SOURCES = ["executeQuery", "MergeTask", "ReplicatedMergeTree", "TCPHandler", "MemoryTracker", "DiskLocal"]
WORDS = ("part merge replica select insert from system.parts where active rows bytes read written in sec "
         "memory usage peak queue log pointer fetch mutation table default.hits \"quoted\" path\\to <Error>").split()

# Letters of one, two, three and four bytes, in equal shares.
RANGES = [(0x20, 0x7E), (0xA0, 0x7FF), (0x800, 0xD7FF), (0x10000, 0x1FFFF)]


def log_line(rng):
    return "2026.11.21 18:%02d:%02d.%06d [ %d ] {%016x} <%s> %s: %s\n" % (
        rng.randrange(60), rng.randrange(60), rng.randrange(1000000), rng.randrange(100, 99999), rng.getrandbits(64),
        rng.choice(LEVELS), rng.choice(SOURCES), " ".join(rng.choice(WORDS) for _ in range(rng.randrange(4, 20))))


def random_line(rng):
    return "".join(chr(rng.randint(*rng.choice(RANGES))) for _ in range(rng.randrange(1, 120))) + "\n"


def block(kind):
    rng = random.Random(42)
    line = {"log": log_line, "random": random_line}[kind]
    made = bytearray()
    while len(made) < BLOCK:
        made += line(rng).encode()
    return bytes(made)


def main():
    piece = block(sys.argv[1])
    left = int(sys.argv[2]) << 20
    while left > 0:
        sys.stdout.buffer.write(piece)
        left -= len(piece)


if __name__ == "__main__":
    main()
