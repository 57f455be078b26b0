#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Asks a gate for more than it gives: more time, more connections, more tries, more memory.

    raw_limits.py PORT KEY USER GATE-PID GRACE      KEY: as for raw_messages.py; the limits are the default ones

Speaks TAP.
"""
import os
import socket
import sys
import threading
import time

import paramiko

import by_hand
from by_hand import (ADJUST, AUTH_FAILURE, CLOSE, DATA, DISCONNECT, OPEN_OK, PK_OK, SERVICE_ACCEPT, Client, Ended,
                     blob_of, string, u32)

PORT, KEY, USER, GATE, GRACE = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
OVERALL, PER_ADDRESS, AUTH_REQUESTS = 64, 16, 20
SLACK = 3  # seconds; the machine may have other things to do
MEMORY = 32 << 20  # what a door or a keeper may have, at most


def knock(address="127.0.0.1"):
    """A connection that says nothing, and whether it was greeted."""
    sock = socket.create_connection(("127.0.0.1", PORT), 10, (address, 0))
    try:
        return sock, sock.recv(8) == b"SSH-2.0-"
    except ConnectionResetError:
        return sock, False


def seconds_until_closed(sock, chatter=b""):
    start = time.monotonic()
    sock.settimeout(0.2)
    while time.monotonic() - start < GRACE + 10:
        try:
            if not sock.recv(4096):
                break
        except socket.timeout:
            pass
        except OSError:
            break
        try:
            sock.sendall(chatter)
        except OSError:
            break
    return time.monotonic() - start


def rooms():
    """The processes under the gate's first, with their resident memory in bytes."""
    parents, found = {}, {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % pid) as file:
                fields = file.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        parents[int(pid)] = int(fields[1])
        found[int(pid)] = int(fields[21]) * os.sysconf("SC_PAGE_SIZE")

    def is_ours(pid):
        while pid > 1:
            if pid == GATE:
                return True
            pid = parents.get(pid, 0)
        return False
    return {pid: memory for pid, memory in found.items() if is_ours(pid)}


def until(condition, wait=10):
    end = time.monotonic() + wait
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def begin(address="127.0.0.1"):
    client = Client(PORT, address=address).service()
    client.hear(SERVICE_ACCEPT)
    return client


def login(address="127.0.0.1"):
    return Client(PORT, (USER, KEY), address)


tests = []


def test(function):
    tests.append(function)
    return function


@test
def who_says_nothing_has_the_grace_time_and_no_more():
    sock, greeted = knock()
    assert greeted
    assert GRACE - 1 < seconds_until_closed(sock) < GRACE + SLACK


@test
def who_says_a_little_at_a_time_has_no_more():
    sock, _ = knock()
    assert GRACE - 1 < seconds_until_closed(sock, b"S") < GRACE + SLACK


@test
def who_exchanges_keys_and_then_tries_in_vain_has_no_more():
    start = time.monotonic()
    with begin() as client:
        try:
            while time.monotonic() - start < GRACE + 10:
                client.auth(USER, "none")
                client.hear(AUTH_FAILURE)
                time.sleep(GRACE / 8)
        except (Ended, OSError, EOFError):
            pass
    assert GRACE - 1 < time.monotonic() - start < GRACE + SLACK


@test
def one_address_has_its_share_of_strangers():
    socks = [knock("127.0.0.2") for _ in range(PER_ADDRESS)]
    assert all(greeted for _, greeted in socks)
    assert not knock("127.0.0.2")[1]
    assert knock("127.0.0.3")[1]
    socks[0][0].close()
    until(lambda: knock("127.0.0.2")[1])
    for sock, _ in socks:
        sock.close()


@test
def all_strangers_together_have_theirs_and_who_is_in_stays_in():
    with login() as inside:
        until(lambda: len(rooms()) < 12)
        socks = [knock("127.0.1.%d" % (1 + i // PER_ADDRESS)) for i in range(OVERALL)]
        assert all(greeted for _, greeted in socks)
        assert not knock("127.0.2.1")[1]
        assert inside.lives() and inside.transport.is_active()
        for sock, _ in socks:
            sock.close()
    until(lambda: knock("127.0.2.1")[1])
    with login() as inside:
        assert inside.lives()


@test
def who_has_logged_in_is_no_stranger_any_more():
    inside = [login("127.0.3.1") for _ in range(PER_ADDRESS + 2)]
    assert all(client.lives() and client.transport.is_active() for client in inside)
    for client in inside:
        client.__exit__()


@test
def probes_count_as_tries():
    kind, blob = blob_of(KEY + "-cert.pub")
    answered = 0
    with begin() as client:
        try:
            for _ in range(300):
                client.auth(USER, "publickey", b"\0" + string(kind) + string(blob))
                if client.hear(PK_OK, DISCONNECT)[0] == DISCONNECT:
                    break
                answered += 1
        except (Ended, OSError, EOFError):
            pass
    assert answered == AUTH_REQUESTS, answered


@test
def probes_that_wait_for_no_answer_are_no_way_around_it():
    kind, blob = blob_of(KEY + "-cert.pub")
    with begin() as client:
        try:
            for _ in range(300):
                client.auth(USER, "publickey", b"\0" + string(kind) + string(blob))
        except (OSError, EOFError, paramiko.SSHException):
            pass
        assert client.is_over()
    with login() as client:
        assert client.lives()


@test
def a_window_that_overflows_lets_nothing_overflow():
    with login() as client:
        channel = client.open(window=0xffffffff)
        for _ in range(4):
            client.send(ADJUST, u32(channel) + u32(0xffffffff))
        assert client.request(channel, "exec", string("count 1000"))
        client.hear(DATA)
        client.hear(CLOSE)
        assert client.lives()


@test
def data_past_the_window_costs_no_memory():
    with login() as client:
        channel = client.open()
        assert client.request(channel, "exec", string("sleep 60"))
        pusher = threading.Thread(target=push, args=(client, channel), daemon=True)
        pusher.start()
        most = 0
        for _ in range(40):
            most = max(most, *rooms().values())
            time.sleep(0.05)
        assert most < MEMORY, most
        client.__exit__()
        pusher.join(10)
        assert not pusher.is_alive()
    with login() as client:
        assert client.lives()


def push(client, channel):
    block = string(b"x" * 32000)
    try:
        for _ in range(4000):
            client.send(DATA, u32(channel) + block)
    except (OSError, EOFError, paramiko.SSHException):
        pass


@test
def nothing_of_it_is_left():
    until(lambda: len(rooms()) <= 5, 20)


sys.exit(by_hand.run(tests))
