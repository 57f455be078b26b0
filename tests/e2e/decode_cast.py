#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The exact bytes of one stream of a recording, by the words of include/recorder/cast.h.

    decode_cast.py CODE FILE

A last line that is not whole is left out, as a crash may have cut it.
"""
import base64
import json
import sys

code, path = sys.argv[1], sys.argv[2]
pieces, pending, last = [], b"", None
with open(path, "rb") as cast:
    next(cast, None)
    for line in cast:
        if not line.endswith(b"\n"):
            break
        _, kind, data = json.loads(line)
        if kind == "B" and last == code:
            pieces[-1] = base64.b64decode(data)
        elif kind == "p" and data[0] == code:
            pending = base64.b64decode(data[1:])
        elif kind == code:
            pieces.append(data.encode())
            pending = b""
        last = kind
sys.stdout.buffer.write(b"".join(pieces) + pending)
