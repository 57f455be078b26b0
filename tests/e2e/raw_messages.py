#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Sends a bastion what no stock client sends: messages out of order, too big, or to nobody.

    raw_messages.py PORT KEY USER [CHANNELS [AUTH_REQUESTS]]

KEY is a private key whose certificate KEY-cert.pub lets USER in to run `cat` and `echo`; beside it lie
plain.pub, a key that nobody certified, and machine-cert.pub, a host certificate. Speaks TAP.
"""
import os
import socket
import sys
import time

import paramiko

import by_hand
from by_hand import (ADJUST, AUTH_FAILURE, AUTH_SUCCESS, CLOSE, DATA, DISCONNECT, EOF, EXTENDED, GLOBAL, NO, OK, OPEN,
                     PK_OK, REQUEST, SERVICE_ACCEPT, UNIMPLEMENTED, blob_of, string, u32)

PORT, KEY, USER = int(sys.argv[1]), sys.argv[2], sys.argv[3]
CHANNELS = int(sys.argv[4]) if len(sys.argv) > 4 else 10
AUTH_REQUESTS = int(sys.argv[5]) if len(sys.argv) > 5 else 20


class Client(by_hand.Client):
    def __init__(self, login=False):
        super().__init__(PORT, (USER, KEY) if login else None)

    def auth(self, method, rest=b"", user=USER, service="ssh-connection"):
        super().auth(user, method, rest, service)


def begin():
    client = Client().service()
    client.hear(SERVICE_ACCEPT)
    return client


def probe(path, kind="ssh-ed25519-cert-v01@openssh.com", user=USER):
    with begin() as client:
        client.auth("publickey", b"\0" + string(kind) + string(blob_of(path)[1]), user=user)
        return client.hear(AUTH_FAILURE, PK_OK)[0]


FOLDER = os.path.dirname(KEY)
PTY = string("xterm") + u32(80) + u32(24) + u32(0) + u32(0) + string(b"\0")
tests = []


def test(function):
    tests.append(function)
    return function


@test
def success_sent_by_the_client_ends_the_connection():
    for kind in (AUTH_SUCCESS, AUTH_FAILURE, PK_OK):
        with begin() as client:
            client.send(kind)
            assert client.is_over()


@test
def a_channel_before_authentication_ends_the_connection():
    with begin() as client:
        client.send(OPEN, string("session") + u32(0) + u32(1 << 20) + u32(32768))
        assert client.is_over()
    with Client() as client:
        client.send(OPEN, string("session") + u32(0) + u32(1 << 20) + u32(32768))
        assert client.is_over()


@test
def requests_and_data_before_authentication_end_the_connection():
    for kind, payload in ((REQUEST, u32(0) + string("exec") + b"\1" + string("echo")),
                          (DATA, u32(0) + string("x")),
                          (GLOBAL, string("tcpip-forward") + b"\1" + string("") + u32(0))):
        with begin() as client:
            client.send(kind, payload)
            assert client.is_over(), kind


@test
def another_service_ends_the_connection():
    with Client() as client:
        client.service("ssh-connection")
        assert client.is_over()


@test
def other_methods_fail_and_only_publickey_is_offered():
    with begin() as client:
        for method, rest in (("none", b""), ("password", b"\0" + string("x")),
                             ("keyboard-interactive", string("") + string("")),
                             ("hostbased", string("ssh-ed25519") + string("x") * 4), ("nonsense", b""),
                             ("gssapi-with-mic",
                              u32(1) + string(bytes.fromhex("06092a864886f712010202")))):
            client.auth(method, rest)
            payload = client.hear(AUTH_FAILURE)[1]
            assert payload == string("publickey") + b"\0", (method, payload)


@test
def an_authentication_for_another_service_fails():
    with begin() as client:
        client.auth("publickey", b"\0" + string("ssh-ed25519") + string(b""), service="ssh-nothing")
        client.hear(AUTH_FAILURE)


@test
def a_certificate_is_probed_and_a_plain_key_or_a_host_certificate_is_not():
    assert probe(KEY + "-cert.pub") == PK_OK
    assert probe(FOLDER + "/plain.pub", "ssh-ed25519") == AUTH_FAILURE
    assert probe(FOLDER + "/machine-cert.pub") == AUTH_FAILURE


@test
def user_names_of_any_length_and_bytes_are_survived():
    assert probe(KEY + "-cert.pub", user="x" * 1025) == AUTH_FAILURE
    assert probe(KEY + "-cert.pub", user="x" * 100000) == AUTH_FAILURE
    # No more is asked of a name before the proof.
    assert probe(KEY + "-cert.pub", user=b"\x1b[2J\xff\n") in (AUTH_FAILURE, PK_OK)


@test
def what_libssh_drops_in_silence_is_refused():
    good = blob_of(KEY + "-cert.pub")[1]
    kind = "ssh-ed25519-cert-v01@openssh.com"
    with begin() as client:
        client.auth("none")
        client.hear(AUTH_FAILURE)
        for rest in (b"\0" + string("ssh-mldsa44-ed25519") + string(string("ssh-mldsa44-ed25519") + string("x")),
                     b"\1" + string(kind) + string(good) + string(string("ssh-ed25519") + string(b"\0" * 64)),
                     b"\1" + string(kind) + string(good) + string(b""),
                     b"\1" + string(kind) + string(good)):
            start = time.monotonic()
            client.auth("publickey", rest)
            client.hear(AUTH_FAILURE)
            assert time.monotonic() - start < 2


@test
def a_first_request_that_is_dropped_ends_the_connection():
    with begin() as client:
        client.auth("publickey", b"\0" + string("ssh-x") + string(string("ssh-x")))
        assert client.is_over()


@test
def requests_are_counted_silent_ones_too():
    with begin() as client:
        for i in range(AUTH_REQUESTS - 1):
            client.auth("none")
            client.hear(AUTH_FAILURE)
        client.auth("publickey", b"\0" + string("ssh-x") + string(string("ssh-x")))
        client.hear(AUTH_FAILURE)
        client.auth("none")
        assert b"too many" in client.hear(DISCONNECT)[1]
        assert client.is_over()


@test
def requests_sent_at_once_are_answered_one_by_one():
    with begin() as client:
        for i in range(8):
            client.auth("none")
        for i in range(8):
            client.hear(AUTH_FAILURE)


@test
def an_authentication_after_success_opens_nothing():
    with Client(login=True) as client:
        client.auth("none")
        assert client.is_over() or client.lives()


@test
def a_second_command_on_a_channel_is_refused():
    with Client(login=True) as client:
        channel = client.open()
        assert client.request(channel, "exec", string("cat"))
        assert not client.request(channel, "exec", string("echo"))
        assert not client.request(channel, "shell")
        assert not client.request(channel, "pty-req", PTY)
        client.send(EOF, u32(channel))
        client.hear(CLOSE)
        assert client.lives()


@test
def a_second_terminal_is_refused():
    with Client(login=True) as client:
        channel = client.open()
        assert client.request(channel, "pty-req", PTY)
        assert not client.request(channel, "pty-req", PTY)
        assert client.request(channel, "exec", string("echo"))


@test
def requests_sent_at_once_are_answered_in_their_order():
    with Client(login=True) as client:
        channel = client.open()
        for kind, rest in (("pty-req", PTY), ("env", string("SECRET") + string("x")),
                           ("env", string("LANG") + string("C")), ("exec", string("echo"))):
            client.send(REQUEST, u32(channel) + string(kind) + b"\1" + rest)
        assert [client.hear(OK, NO)[0] for i in range(4)] == [OK, NO, OK, OK]


@test
def requests_on_a_closed_channel_are_survived():
    with Client(login=True) as client:
        channel = client.open()
        assert client.request(channel, "exec", string("cat"))
        client.send(CLOSE, u32(channel))
        for i in range(20):
            client.request(channel, "exec", string("echo"), reply=False)
            client.send(DATA, u32(channel) + string("x"))
            client.send(ADJUST, u32(channel) + u32(1000))
            client.send(EOF, u32(channel))
            client.send(CLOSE, u32(channel))
        client.hear(CLOSE)
        for kind in (DATA, EOF, CLOSE, REQUEST, ADJUST):
            client.send(kind, u32(99) + string("exec") + b"\0" + string("echo"))
        assert client.lives()


@test
def a_channel_that_closes_at_once_leaves_nothing_behind():
    with Client(login=True) as client:
        for i in range(200):
            channel = client.open(mine=i)
            client.send(REQUEST, u32(channel) + string("exec") + b"\1" + string("echo hello"))
            client.send(CLOSE, u32(channel))
            client.hear(CLOSE)
        assert client.lives()


@test
def data_and_eof_before_a_command_wait_for_it():
    with Client(login=True) as client:
        channel = client.open()
        client.send(DATA, u32(channel) + string("early"))
        client.send(EOF, u32(channel))
        assert client.request(channel, "exec", string("cat"))
        assert client.hear(DATA)[1][8:] == b"early"
        client.hear(CLOSE)
        client.send(DATA, u32(channel) + string("late"))
        assert client.lives()


@test
def channels_are_limited_and_come_free_again():
    with Client(login=True) as client:
        channels = [client.open(mine=i) for i in range(CHANNELS)]
        assert None not in channels
        assert client.open() is None
        client.send(CLOSE, u32(channels[0]))
        client.hear(CLOSE)
        assert client.open() is not None


@test
def other_channels_are_refused():
    with Client(login=True) as client:
        where = string("127.0.0.1") + u32(9) + string("127.0.0.1") + u32(9)
        for kind, rest in (("direct-tcpip", where), ("forwarded-tcpip", where), ("x11", where[:17]),
                           ("direct-streamlocal@openssh.com", string("/x") + string("") + u32(0)),
                           ("tun@openssh.com", u32(1) + u32(0)), ("auth-agent@openssh.com", b""),
                           ("nonsense", b"")):
            assert client.open(kind, rest=rest) is None, kind
        assert client.lives()


@test
def a_line_may_have_65536_bytes_and_no_more():
    with Client(login=True) as client:
        line = "echo ".ljust(65536, "x")
        assert client.request(client.open(), "exec", string(line))
        assert not client.request(client.open(mine=1), "exec", string(line + "x"))


@test
def a_client_that_ignores_its_window_is_sent_away_or_not_heard():
    with Client(login=True) as client:
        channel = client.open()
        try:
            for i in range(160):
                client.send(DATA, u32(channel) + string(b"x" * 32000))
        except (OSError, EOFError, paramiko.SSHException):
            pass
        # libssh from 0.11 on throws away what is too much.
        assert client.is_over(1) or client.lives()


@test
def windows_and_packets_of_odd_sizes_are_survived():
    for window, packet in ((0, 0), (1, 0), (1 << 20, 0), (1 << 20, 1), (1 << 20, 9), (1 << 20, 10), (1 << 20, 11),
                           (0xffffffff, 0xffffffff), (0, 32768)):
        with Client(login=True) as client:
            # libssh may open it, refuse it, drop it or give the connection up, but not go on for ever.
            client.send(OPEN, string("session") + u32(0) + u32(window) + u32(packet))
            client.send(REQUEST, u32(43) + string("exec") + b"\1" + string("echo hello"))
            client.send(ADJUST, u32(43) + u32(0xffffffff))
            assert client.is_over(0.3) or client.lives(), (window, packet)


@test
def a_packet_beyond_any_size_ends_the_connection():
    with Client(login=True) as client:
        channel = client.open()
        client.send(DATA, u32(channel) + string(b"x" * 400000))
        assert client.is_over()


@test
def cut_messages_are_survived():
    with Client(login=True) as client:
        channel = client.open()
        whole = {REQUEST: u32(channel) + string("pty-req") + b"\0" + PTY, OPEN: string("session") + u32(9) * 3,
                 GLOBAL: string("tcpip-forward") + b"\0" + string("x") + u32(1),
                 DATA: u32(channel) + string("data"), EXTENDED: u32(channel) + u32(1) + string("data")}
        for kind, payload in whole.items():
            for cut in range(len(payload)):
                client.send(kind, payload[:cut])
        assert client.is_over(0.5) or client.lives()


@test
def an_unknown_message_is_answered_so():
    with Client(login=True) as client:
        client.send(200)
        client.hear(UNIMPLEMENTED)
        assert client.lives()


@test
def a_stranger_that_speaks_something_else_is_sent_away():
    for text in (b"GET / HTTP/1.0\r\n\r\n", b"SSH-1.5-old\r\n", b"x" * 70000, b"\0" * 1000,
                 b"SSH-2.0-x\r\n" + b"\xff" * 5000):
        with socket.create_connection(("127.0.0.1", PORT), 10) as sock:
            sock.settimeout(5)
            try:
                sock.sendall(text)
                while sock.recv(4096):
                    pass
            except (ConnectionResetError, BrokenPipeError):
                pass


sys.exit(by_hand.run(tests))
