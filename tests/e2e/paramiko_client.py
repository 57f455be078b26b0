#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A client of paramiko: logs in with a certificate, or tries otherwise, and runs one command.

    paramiko_client.py PORT USER KEY CERTIFICATE COMMAND
    paramiko_client.py PORT USER password|keyboard-interactive|none|plain|unknown KEY
    paramiko_client.py PORT USER KEY CERTIFICATE COMMAND unknown      offers that key before

The exit status is the command's, or 255 with a line on stderr that names the methods which remain.
"""
import sys

import paramiko

KEYS = {"ssh-ed25519": paramiko.Ed25519Key, "ssh-rsa": paramiko.RSAKey}


class Unknown(paramiko.Ed25519Key):
    """A type of key that is too new for the server."""

    def get_name(self):
        return "ssh-nothing-yet"

    def asbytes(self):
        message = paramiko.Message()
        message.add_string(self.get_name())
        message.add_string("x" * 32)
        return message.asbytes()


def load(path):
    with open(path + ".pub") as file:
        kind = file.read().split()[0]
    return KEYS.get(kind, paramiko.ECDSAKey).from_private_key_file(path)


def try_otherwise(transport, user, how, path):
    if how == "password":
        return transport.auth_password(user, "secret", fallback=False)
    if how == "keyboard-interactive":
        return transport.auth_interactive(user, lambda *_: ["secret"])
    if how == "none":
        return transport.auth_none(user)
    if how == "unknown":
        return transport.auth_publickey(user, Unknown.from_private_key_file(path))
    return transport.auth_publickey(user, load(path))


def offer_unknown(transport, user, path):
    for how in "none", "unknown":
        try:
            try_otherwise(transport, user, how, path)
        except paramiko.AuthenticationException:
            pass


def run(transport, command):
    channel = transport.open_session()
    channel.exec_command(command)
    channel.shutdown_write()
    sys.stdout.write(channel.makefile("r").read().decode())
    sys.stderr.write(channel.makefile_stderr("r").read().decode())
    return channel.recv_exit_status()


def main():
    port, user, third, fourth = sys.argv[1:5]
    transport = paramiko.Transport(("127.0.0.1", int(port)))
    transport.start_client(timeout=10)
    try:
        if len(sys.argv) == 5:
            try_otherwise(transport, user, third, fourth)
        else:
            if len(sys.argv) > 6:
                offer_unknown(transport, user, third)
            key = load(third)
            key.load_certificate(fourth)
            transport.auth_publickey(user, key)
        return run(transport, sys.argv[5])
    except paramiko.SSHException as error:
        banner = transport.get_banner() or b""
        print("%s: %s" % (type(error).__name__, error), banner.decode(), file=sys.stderr)
        return 255
    finally:
        transport.close()


sys.exit(main())
