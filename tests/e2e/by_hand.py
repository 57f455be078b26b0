# SPDX-License-Identifier: Apache-2.0
"""An SSH client whose every message after the key exchange is made by hand (RFC 4252, RFC 4254)."""
import base64
import queue
import socket
import sys
import time

import paramiko
from paramiko.message import Message

(DISCONNECT, UNIMPLEMENTED, SERVICE_REQUEST, SERVICE_ACCEPT, AUTH, AUTH_FAILURE, AUTH_SUCCESS, BANNER, PK_OK) = (
    1, 3, 5, 6, 50, 51, 52, 53, 60)
(GLOBAL, GLOBAL_OK, GLOBAL_NO, OPEN, OPEN_OK, OPEN_NO, ADJUST, DATA, EXTENDED, EOF, CLOSE, REQUEST, OK, NO) = (
    80, 81, 82, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100)

paramiko.util.logging.disable()


def u32(value):
    return value.to_bytes(4, "big")


def string(value):
    value = value.encode() if isinstance(value, str) else value
    return u32(len(value)) + value


def take_string(data):
    """The first string in data, and what follows it."""
    length = int.from_bytes(data[:4], "big")
    return data[4:4 + length], data[4 + length:]


def blob_of(path):
    """The type word of a .pub file, and its blob."""
    with open(path) as file:
        kind, text = file.read().split()[:2]
    return kind, base64.b64decode(text)


class Silence(AssertionError):
    """Nothing came for as long as was waited."""


class Ended(AssertionError):
    """The server ended the connection; args[0]: what it said, if anything."""


class Client:
    """Key exchange by paramiko; after it every message by hand. login: a user and the path of an Ed25519 key."""

    def __init__(self, port, login=None, address="127.0.0.1"):
        self.heard = queue.Queue()
        self.sock = socket.create_connection(("127.0.0.1", port), 10, (address, 0))
        self.transport = paramiko.Transport(self.sock)
        self.by_hand = False
        read = self.transport.packetizer.read_message

        def read_message():
            while True:
                kind, message = read()
                self.heard.put((kind, message.asbytes()))
                # What paramiko would make of the others is of no interest.
                if not self.by_hand or kind < 50:
                    return kind, message

        self.transport.packetizer.read_message = read_message
        self.transport.start_client(timeout=10)
        if login:
            key = paramiko.Ed25519Key.from_private_key_file(login[1])
            key.load_certificate(login[1] + "-cert.pub")
            self.transport.auth_publickey(login[0], key)
            self.heard = queue.Queue()
        self.by_hand = True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # A socket that another thread reads is not closed by close() alone.
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.transport.close()
        self.sock.close()

    def send(self, kind, payload=b""):
        message = Message()
        message.add_bytes(bytes([kind]) + payload)
        self.transport._send_message(message)

    def hear(self, *kinds, wait=10):
        """The payload of the next message of one of these kinds, with the kind; others are passed over."""
        until = time.monotonic() + wait
        while True:
            try:
                kind, payload = self.heard.get(timeout=0.05)
            except queue.Empty:
                if not self.transport.is_active():
                    raise Ended("") from None
                if time.monotonic() > until:
                    raise Silence() from None
                continue
            if kind in kinds:
                return kind, payload
            if kind == DISCONNECT:
                raise Ended(take_string(payload[4:])[0].decode(errors="replace"))

    def service(self, name="ssh-userauth"):
        self.send(SERVICE_REQUEST, string(name))
        return self

    def auth(self, user, method, rest=b"", service="ssh-connection"):
        self.send(AUTH, string(user) + string(service) + string(method) + rest)

    def offer(self, user, algorithm, blob, sign):
        """A public key with its proof. sign: from the bytes to be signed to a signature blob."""
        request = string(user) + string("ssh-connection") + string("publickey") + b"\1" + string(algorithm) + string(blob)
        signature = sign(string(self.transport.session_id) + bytes([AUTH]) + request)
        self.send(AUTH, request + string(signature))

    def is_over(self, wait=5):
        until = time.monotonic() + wait
        while time.monotonic() < until and self.transport.is_active():
            time.sleep(0.01)
        return not self.transport.is_active()

    def lives(self):
        """It answers, or it has ended meanwhile: anything but silence."""
        self.send(GLOBAL, string("keepalive@openssh.com") + b"\1")
        until = time.monotonic() + 20
        while time.monotonic() < until and self.transport.is_active():
            try:
                self.hear(GLOBAL_OK, GLOBAL_NO, wait=0.2)
                return True
            except AssertionError:
                pass
        return not self.transport.is_active()

    def open(self, kind="session", mine=0, window=1 << 20, packet=32768, rest=b""):
        self.send(OPEN, string(kind) + u32(mine) + u32(window) + u32(packet) + rest)
        answer, payload = self.hear(OPEN_OK, OPEN_NO)
        return int.from_bytes(payload[4:8], "big") if answer == OPEN_OK else None

    def request(self, channel, kind, rest=b"", reply=True):
        self.send(REQUEST, u32(channel) + string(kind) + bytes([reply]) + rest)
        return self.hear(OK, NO)[0] == OK if reply else None


def run(tests):
    """Each a function; speaks TAP, gives the exit status."""
    print("1..%d" % len(tests))
    failed = 0
    for number, function in enumerate(tests, 1):
        try:
            function()
            print("ok %d - %s" % (number, function.__name__))
        except Exception as error:  # whatever it is, the test has failed
            failed += 1
            print("not ok %d - %s\n# %s: %s" % (number, function.__name__, type(error).__name__, error))
        sys.stdout.flush()
    return 1 if failed else 0
