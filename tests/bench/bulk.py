# SPDX-License-Identifier: Apache-2.0
"""bulk.py - much output: ours is recorded, sshd's is not."""
import os
import subprocess

from measure import BUILD, run

ROUNDS = 5
CIPHERS = ("aes128-gcm@openssh.com", "chacha20-poly1305@openssh.com")


def words(scene, side, name):
    """What is asked for: a name at the gate, the same program at sshd."""
    return name if side is scene.gate else "/usr/bin/cat " + os.path.join(scene.folder, name)


def check(scene):
    """What arrives is what was sent, and what was recorded is that, too."""
    path = os.path.join(scene.folder, "text")
    scene.tidy()
    for side in scene.sides:
        client = subprocess.Popen(side.ssh(words(scene, side, "text")), stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE)
        same = subprocess.run(["cmp", "-", path], stdin=client.stdout, check=False).returncode == 0
        if client.wait() != 0 or not same:
            raise SystemExit("bench: the text did not arrive whole from %s" % side.name)
    recorder = [os.path.join(BUILD, "postern-recorder"), "-C", os.path.join(scene.folder, "gate")]
    names = [name[:-len(".cast")] for name in os.listdir(os.path.join(scene.folder, "gate", "recordings"))
             if name.endswith(".cast")]
    shown = subprocess.Popen([*recorder, "cat", names[0]], stdout=subprocess.PIPE)
    same = subprocess.run(["cmp", "-", path], stdin=shown.stdout, check=False).returncode == 0
    if shown.wait() != 0 or not same:
        raise SystemExit("bench: the text was not recorded whole")


def throughput(scene, name, *flags):
    """MB a second for both, connecting included, by turns."""
    size = os.path.getsize(os.path.join(scene.folder, name)) / 1e6
    speeds = {side: [] for side in scene.sides}
    for _ in range(ROUNDS):
        for side in scene.sides:
            scene.tidy()
            speeds[side].append(size / run(side.ssh(*flags, words(scene, side, name))))
    return speeds.values()


def bulk(scene, table):
    """500 MB of log text through a pipe."""
    check(scene)
    for cipher in CIPHERS:
        speeds = throughput(scene, "text", "-oCiphers=" + cipher)
        table.add("500 MB of log text, recorded, %s" % cipher.split("@")[0], *speeds, 0.6, "MB/s", most=False)


def terminal(scene, table):
    """200 MB of log text through a terminal."""
    speeds = throughput(scene, "screen", "-tt")
    table.add("200 MB through a terminal, recorded", *speeds, 1.0, "MB/s", most=False)
