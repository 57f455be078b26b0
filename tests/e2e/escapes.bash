# SPDX-License-Identifier: Apache-2.0
# escapes.bash - a gate with the collection of escapes.py as the commands of one role.

export TABLE=$data/escapes.table

escapes() {
	/usr/bin/python3 -B "$here/escapes.py" "$@" || printf 'failed\tescapes.py\t%s ended with %s\n' "$1" $?
}

# What entries share: programs nobody lists, a file that needs sorting, a configuration with a command in it.
make_world() {
	WORLD=$(mktemp -d "${TMPDIR:-/tmp}/postern-world-XXXXXX")
	export WORLD
	made+=("$WORLD")
	chmod 755 "$WORLD"
	# shellcheck disable=SC2016 # a shell that should not run would expand it
	printf '#!/bin/sh\necho esc$((6*7))ape >&2\nexec cat\n' >"$WORLD/script"
	# shellcheck disable=SC2016
	echo 'Match exec "echo esc$((6*7))ape >&2"' >"$WORLD/match"
	seq 30000 >"$WORLD/lines"
	chmod 755 "$WORLD/script"
	chmod 644 "$WORLD/match" "$WORLD/lines"
	${CC:-cc} -shared -fPIC -o "$WORLD/library.so" "$here/data/escaped_library.c" 2>/dev/null &&
		chmod 755 "$WORLD/library.so"
	if [ "$(id -u)" -eq 0 ]; then
		export RUN_AS=64003:64003
		cp /usr/bin/id "$WORLD/suid-id"
		chmod 4755 "$WORLD/suid-id"
	fi
}

# collection LEVEL [ENV-OR-LAUNCHER...]: a gate at work, started under the launcher if there is one.
collection() {
	level=$1
	shift
	make_world
	escapes roles "$level" >"$WORLD/roles.conf"
	mounts=$(cat /proc/self/mountinfo)
	scene "$WORLD/roles.conf" && start_gate "$@" || return 1
	export GATE=$scene/gate
	role=careless duration=30m grant the whole collection || return 1
	gate_config careless
	gate help >/dev/null
}

prove() { tell 'unconfined' < <(escapes free); }
hold() { tell "level $level${1:+, $1}" < <(escapes held "$scene/ssh_config" ${2+"$2"}); }

# What was shown is on record, and none of it is what should not have been.
on_record() {
	gate -O exit 2>/dev/null
	stop_gate
	tell "level $level" < <(escapes recorded "$scene/gate/recordings")
}

unchanged_mounts() {
	is "$(cat /proc/self/mountinfo)" "$mounts" "level $level: no mount of a command is seen outside"
}
