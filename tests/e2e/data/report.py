# SPDX-License-Identifier: Apache-2.0
"""report.py - a script as administrators write them: modules of the library, one of its own, a file."""

import ctypes
import decimal
import hashlib
import json
import sqlite3
import ssl
import sys
import zlib

import report_parts

rows = sqlite3.connect(":memory:").execute("select 40 + 2").fetchall()
text = zlib.decompress(zlib.compress(json.dumps({"total": rows[0][0]}).encode()))
assert hashlib.sha256(text).digest() and ssl.create_default_context() and ctypes.CDLL(None).getpid() > 0
assert decimal.Decimal("0.1") * 3 == decimal.Decimal("0.3")
with open(sys.argv[1], "w", encoding="ascii") as file:
    file.write("total %d\n" % json.loads(text)["total"])
print("report:", "json sqlite3 ssl hashlib ctypes decimal zlib", report_parts.NAME)
