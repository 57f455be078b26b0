#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The known ways out of allowed programs (data/escapes.table), each tried twice by stock means: first
# where nothing holds it, to see that it works, then through the gate, to see that nothing comes of it.
# As root at level full, and then at level kernel as an ordinary user.
#
#   ONLY=REGEX tests/e2e/escapes.sh     some of them
# shellcheck source=tests/e2e/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=tests/e2e/world.bash
. "$here/world.bash"
# shellcheck source=tests/e2e/escapes.bash
. "$here/escapes.bash"
own_world "$0" "$@"

level=kernel
[ "$(id -u)" -ne 0 ] || level=full
[ -n "${POSTERN_SERVERS-}" ] || start_servers
why=$(why_not $level)
if [ -n "$why" ]; then
	skip "level $level" "$why"
else
	collection $level || { ok 1 'a gate can be started'; finish; }
	prove
	hold
	on_record
	unchanged_mounts
fi
if [ "$(id -u)" -eq 0 ]; then
	POSTERN_SERVERS=shared as_ordinary_user
fi
finish
