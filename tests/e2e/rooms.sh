#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The table of processes in README.md against /proc, with sessions open: who each is, what it may, what it holds.
# shellcheck source=tests/e2e/lib.bash
. "$(dirname "$0")/lib.bash"

scene && start_gate || { ok 1 'a gate can be started'; finish; }
role=diagnostics
seconds=$((50000 + $$ % 50000)) # not those of another run on this machine
super=$([ "$(id -u)" -ne 0 ] || echo yes)

grant --sessions 100 -- rooms || { ok 1 'a grant can be had'; finish; }
gate_ssh sleep "$seconds" >/dev/null 2>&1 </dev/null &
extra_pids+=($!)
gate_ssh -tt top >/dev/null 2>&1 </dev/null &
extra_pids+=($!)
exec 7<>"/dev/tcp/127.0.0.1/$port" # a stranger
tree() { "$here/rooms.py" tree "$gate_pid"; }
wait_for 10 eval '[ "$(tree | grep -c " command$")" -eq 2 ] && [ "$(tree | grep -c " door$")" -eq 3 ] && [ "$(tree | grep -c " keeper$")" -eq 3 ]'
ok $? 'two sessions and a stranger' "$(tree)"
tree >"$scene/tree"

field() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status" | cut -f1; }
each() { awk -v room="$1" '$2 == room { print $1 }' "$scene/tree"; } # each ROOM: its pids
# every ROOM NAME COMMAND...: the command, given a pid, holds for each process of the room.
every() {
	local room=$1 name=$2 pid status=0 said=
	shift 2
	[ -n "$(each "$room")" ] || status=1
	for pid in $(each "$room"); do
		"$@" "$pid" || {
			status=1
			said+="$room $pid: $(cat "$scene/said" 2>/dev/null)"$'\n'
		}
	done
	ok $status "$room: $name" "$said"
}
has() { # has FIELD VALUE PID
	field "$3" "$1" >"$scene/said"
	[ "$(cat "$scene/said")" = "$2" ]
}
owned_by_root() { # what the kernel does to the files of a process that is not dumpable
	stat -c %u "/proc/$1/mem" >"$scene/said"
	[ "$(cat "$scene/said")" = 0 ]
}
limit_is() { # limit_is NAME VALUE PID
	grep "^$1" "/proc/$3/limits" >"$scene/said"
	grep -q "^$1  *$2  *$2 " "$scene/said"
}

# ---- the table itself ----
is "$(sed -n '/^| process | runs as/,/^$/p' "$root/README.md" | sed '1,2d' | cut -d'|' -f2 | grep -oE '[a-z]+' | grep -vxE 'one|a|connection|of' | sort -u)" \
	"$(cut -d' ' -f2 "$scene/tree" | sort -u)" 'the table in README.md lists the rooms that there are'

# ---- who they are, and what they may ----
for room in clerk nursery keeper listener door; do
	if [ -n "$super" ]; then
		user=64001
		[ $room = listener ] || [ $room = door ] && user=64002
		every $room "is user $user" has Uid $user
		every $room "is group $user" has Gid $user
		every $room 'is in no other group' has Groups ''
		every $room 'is not dumpable' owned_by_root
	fi
	every $room 'has a filter of system calls' has Seccomp 2
	every $room 'gains no privileges' has NoNewPrivs 1
	every $room 'has no capability' has CapEff 0000000000000000
	every $room 'nor may get one' has CapPrm 0000000000000000
done
if [ -n "$super" ]; then
	every spawner 'is not dumpable' owned_by_root
	every command 'is a user of its own' has Uid 64003
	every command 'has no capability' has CapEff 0000000000000000
fi
every command 'gains no privileges' has NoNewPrivs 1
for room in door keeper; do
	every $room 'can have no children' limit_is 'Max processes' 0
	every $room 'leaves no core' limit_is 'Max core file size' 0
done
[[ $build == *-san ]] || every door 'writes no file' limit_is 'Max file size' 0
every door 'has few descriptors' limit_is 'Max open files' 56

# ---- what they hold ----
if [ -n "$super" ]; then
	# holds_only KINDS PID: kinds of descriptors, as an extended expression.
	holds_only() {
		"$here/rooms.py" fds "$2" >"$scene/fds" && [ -s "$scene/fds" ] || return 1
		cut -d' ' -f2- "$scene/fds" | grep -vxE "file /dev/null|file $scene/gate.log|$1" >"$scene/said"
		[ ! -s "$scene/said" ]
	}
	state=$scene/gate
	every door 'holds its client, its keeper, its channels: no file' holds_only 'tcp|unix|pipe'
	every keeper 'holds recordings, pipes, rooms: no network, no log' holds_only "unix|pipe|timerfd|memfd|file $state/recordings|file $state/recordings/.*|file /dev/(pts/)?ptmx"
	every clerk 'holds the log and the recordings'"'"' folder: no network' holds_only "unix|eventpoll|memfd|file $state/(recordings|log|log/.*)"
	every nursery 'holds the recordings'"'"' folder and rooms' holds_only "unix|signalfd|file $state/recordings"
	every listener 'holds listening sockets, rooms, a pipe for each connection' holds_only 'listening|unix|pipe|signalfd'
	every spawner 'holds no connection, no recording, no log' holds_only "listening|unix|eventpoll|signalfd|pipe|file $scene/gate_host_key"
	rooted() { # rooted FOLDER PID
		readlink "/proc/$2/root" >"$scene/said"
		[ "$(cat "$scene/said")" = "$1" ]
	}
	every door 'is shut into an empty folder' rooted "$state/empty"
	silent() { # nothing that it says reaches the journal
		readlink "/proc/$1/fd/2" >"$scene/said"
		[ "$(cat "$scene/said")" = /dev/null ]
	}
	[[ $build == *-san ]] || every door 'has nowhere to write a line to' silent
	keys=("$scene/gate_host_key" "$state/seal_key" "$state/checkpoint_key")
	# knows KEYS PID: their names, one a line.
	knows() {
		"$here/rooms.py" holds "$2" "${keys[@]}" >"$scene/said" || return 1
		[ "$(sed 's|.*/||' "$scene/said" | tr '\n' ' ')" = "$1" ]
	}
	every listener 'has the host key in memory, and no other' knows 'gate_host_key '
	every door 'too' knows 'gate_host_key '
	every clerk 'has the seal and checkpoint keys, and no other' knows 'seal_key checkpoint_key '
	for room in spawner nursery keeper init command; do
		every $room 'has no private key in memory' knows ''
	done
else
	closed() { ! cat "/proc/$1/environ" >/dev/null 2>&1; }
	for room in spawner clerk nursery keeper listener door; do
		every $room "is out of its own user's reach" closed
	done
fi
exec 7>&-
finish
