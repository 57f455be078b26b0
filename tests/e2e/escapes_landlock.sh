#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The same collection of escapes on older kernels: with Landlock as Linux 5.19 and Debian 12 have it
# (ABI 2), and with none. Nothing comes of any way out, or the gate refuses the command. That the ways work
# where nothing holds them is seen by escapes.sh.
# shellcheck source=tests/e2e/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=tests/e2e/world.bash
. "$here/world.bash"
# shellcheck source=tests/e2e/escapes.bash
. "$here/escapes.bash"
own_world "$0" "$@"

level=kernel
[ "$(id -u)" -ne 0 ] || level=full
why=$(why_not $level)

# on_older LAUNCHER... -- NAME
on_older() {
	local launcher=()
	while [ "$1" != -- ]; do
		launcher+=("$1")
		shift
	done
	collection $level "${launcher[@]}" || { ok 1 "a gate can be started with $2"; return; }
	hold "with $2" or-refused
	on_record
	rm -rf "$scene"
}

[ -n "${POSTERN_SERVERS-}" ] || start_servers
if [ -n "$why" ]; then
	skip "level $level" "$why"
else
	old=$(mktemp -d "${TMPDIR:-/tmp}/postern-old-XXXXXX")
	made+=("$old")
	chmod 755 "$old"
	if ${CC:-cc} -D_GNU_SOURCE -shared -fPIC -o "$old/old_landlock.so" "$data/old_landlock.c"; then
		chmod 755 "$old/old_landlock.so"
		on_older "LD_PRELOAD=$old/old_landlock.so" -- 'Landlock ABI 2'
	else
		ok 1 'a library for ABI 2 can be built'
	fi
	on_older "$build/tests/e2e/no_landlock" -- 'no Landlock'
fi
if [ "$(id -u)" -eq 0 ]; then
	POSTERN_SERVERS=shared as_ordinary_user
fi
finish
