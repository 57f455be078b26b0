# SPDX-License-Identifier: Apache-2.0
"""report_parts.py - the module beside report.py."""

NAME = "parts"
