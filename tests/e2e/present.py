#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Presents certificates to an SSH server, each in a connection of its own and with proof of its key.

    present.py PORT USER [LOG | --raw]      lines on standard input: NAME KEY CERTIFICATE HOW

HOW the proof is made with the private key KEY: sign; sha1; malleable (S + L); trailing (a byte after it);
flipped (a bit in it); empty; plain (the type of KEY is claimed for the certificate). Or without any private
key: forge-rsa (for exponent 1) and forge-ed25519 (for the identity point).
Answers a line for each: NAME, accepted | refused | silent | ended, and what the server said (or wrote to LOG
meanwhile), with tabs between; escaped, unless it is to be --raw.
"""
import hashlib
import sys

import paramiko

from by_hand import (AUTH_FAILURE, AUTH_SUCCESS, BANNER, SERVICE_ACCEPT, Client, Ended, Silence, blob_of, string,
                     take_string)

ORDER = 2**252 + 27742317777372353535851937790883648493
SHA512_INFO = bytes.fromhex("3051300d060960864801650304020305000440")
KEYS = {"ssh-ed25519": paramiko.Ed25519Key, "ssh-rsa": paramiko.RSAKey}


def sign_rsa(path, algorithm):
    key = paramiko.RSAKey.from_private_key_file(path)
    return lambda data: key.sign_ssh_data(data, algorithm).asbytes()


def sign_with(path, kind):
    if kind == "ssh-rsa":
        return sign_rsa(path, "rsa-sha2-512")
    key = KEYS.get(kind, paramiko.ECDSAKey).from_private_key_file(path)
    return lambda data: key.sign_ssh_data(data).asbytes()


def spoil(sign, how):
    def spoilt(data):
        algorithm, rest = take_string(sign(data))
        made = bytearray(take_string(rest)[0])
        if how == "malleable":
            scalar = int.from_bytes(made[32:], "little") + ORDER
            made[32:] = scalar.to_bytes(32, "little")
        elif how == "flipped":
            made[8] ^= 1
        return string(algorithm) + string(bytes(made)) + (b"\0" if how == "trailing" else b"")
    return spoilt


def forge_rsa(data):
    """With exponent 1 the padded hash is its own signature (RFC 8017, 9.2)."""
    info = SHA512_INFO + hashlib.sha512(data).digest()
    return string("rsa-sha2-512") + string(b"\0\1".ljust(256 - len(info) - 1, b"\xff") + b"\0" + info)


def forge_ed25519(_data):
    """R the identity point and S zero: with the identity as key, right for whatever was signed."""
    return string("ssh-ed25519") + string(b"\1" + bytes(63))


def signer(how, key):
    if how == "forge-rsa":
        return forge_rsa
    if how == "forge-ed25519":
        return forge_ed25519
    if how == "sha1":
        return sign_rsa(key, "ssh-rsa")
    if how == "empty":
        return lambda data: b""
    sign = sign_with(key, blob_of(key + ".pub")[0])
    return sign if how in ("sign", "plain") else spoil(sign, how)


def algorithm_of(kind, how):
    if how == "sha1" or not kind.startswith("ssh-rsa"):
        return kind
    return kind.replace("ssh-rsa", "rsa-sha2-512")


def present(port, user, key, certificate, how):
    kind, blob = blob_of(certificate)
    algorithm = algorithm_of(kind, how) if how != "plain" else blob_of(key + ".pub")[0]
    said = []
    with Client(port) as client:
        try:
            client.service().hear(SERVICE_ACCEPT)
            # A client begins with this one, and a server may have its reasons to hear it first.
            client.auth(user, "none")
            client.hear(AUTH_FAILURE)
            client.offer(user, algorithm, blob, signer(how, key))
            while True:
                answer, payload = client.hear(AUTH_SUCCESS, AUTH_FAILURE, BANNER, wait=15)
                if answer != BANNER:
                    return "accepted" if answer == AUTH_SUCCESS else "refused", said
                said.append(take_string(payload)[0].decode(errors="replace"))
        except Silence:
            return "silent", said
        except Ended as end:
            return "ended", said + [end.args[0]]


def main():
    port, user = int(sys.argv[1]), sys.argv[2]
    raw = sys.argv[3:] == ["--raw"]
    log = open(sys.argv[3]) if len(sys.argv) > 3 and not raw else None
    for line in sys.stdin:
        name, key, certificate, how = line.split()
        if log:
            log.read()
        verdict, said = present(port, user, key, certificate, how)
        if log:
            said = [entry for entry in log.read().splitlines() if not entry.startswith("Connection ")]
        text = " / ".join(said)
        print(name, verdict, text.rstrip("\r\n") if raw else repr(text)[1:-1], sep="\t", flush=True)


main()
