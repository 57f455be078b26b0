#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 of every room, at moments that a seed chooses, under output, a terminal, input and daemons:
# what was released is on record, nothing runs on, nothing ran without an entry, and what the crash
# left is found sound, plays, and is closed by a seal that says so.
#
#   SEED=N tests/e2e/deaths.sh [ROOM...]
# shellcheck source=tests/e2e/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=tests/e2e/chaos.bash
. "$here/chaos.bash"

RANDOM=${SEED:-20261121}
recordings=
number=0
seconds=$((50000 + $$ % 50000)) # not those of another run on this machine

# prepare: a scene with the role `chaos`, and a grant for many sessions.
prepare() {
	scene
	write_chaos
	write_gate_conf "$scene/chaos.conf"
	recordings=$scene/gate/recordings
	start_gate
	role=chaos
	grant --sessions 100 -- what may crash
}
prepare || { ok 1 'a gate can be started'; finish; }

pause() { # pause MOST: so many milliseconds at most
	sleep "$(printf '0.%03d' $((RANDOM % $1)))"
}
# begin NAME COMMAND...: a client in the background; its output in $scene/NAME.{out,err}.
begin() {
	local name=$1
	shift
	: >"$scene/$name.out"
	gate_ssh "$@" >"$scene/$name.out" 2>"$scene/$name.err" </dev/null &
	clients+=($!)
}
begin_terminal() { # types into a shell, which leaves children of its own
	mkfifo "$scene/keys-$number"
	gate_ssh -tt shell >"$scene/shell.out" 2>"$scene/shell.err" <"$scene/keys-$number" &
	clients+=($!)
	exec {keys}>"$scene/keys-$number"
	printf '%s\n' "setsid sleep $seconds &" "nohup sleep $seconds >/dev/null &" "(sleep $seconds &)" \
		"while sleep 0.01; do echo tick-\$((n=n+1)); done" >&$keys
}
begin_input() { # what was typed comes back
	gate_ssh cat >"$scene/cat.out" 2>"$scene/cat.err" < <(
		n=0
		while [ $n -lt 200000 ] && echo "$((n = n + 1)) typed"; do :; done
	) &
	clients+=($!)
}
sleepers() { pgrep -f "^sleep $seconds\$"; }
is_busy() {
	[ -s "$scene/stream.out" ] && grep -q ready "$scene/tree.out" && [ -s "$scene/cat.out" ] &&
		grep -q tick-9 "$scene/shell.out" && [ "$(sleepers | wc -l)" -ge 3 ]
}
begin_all() {
	number=$((number + 1))
	clients=()
	begin stream stream "$number"
	begin tree tree stay "$number"
	begin_terminal
	begin_input
	wait_for 10 is_busy || ok 1 "round $number: everything runs" "$(head -3 "$scene"/*.err)"
}
leftovers() { # for the one who reads a failure
	ps -o pid,stat,args -p "$( (rest; sleepers) | paste -sd,)" 2>&1
}
none_left() { all_gone && [ -z "$(sleepers)" ]; }

# ended ROOM: every client comes back by itself, none of them with success.
ended() {
	local pid bad=0 status
	for pid in "${clients[@]}"; do
		wait "$pid"
		status=$?
		[ $status -eq 255 ] || bad=$status
	done
	exec {keys}>&-
	is "$bad" 0 "$1: every client is told by the end of its connection" "$(tail -n 3 "$scene"/*.err | tr -d "\\0")"
}

# recorded ROOM: what each client received is how its recording begins.
recorded() {
	local name command cast missing=
	for name in stream tree shell cat; do
		case $name in
		stream) command="stream $number" ;;
		tree) command="tree stay $number" ;;
		*) command=$name ;;
		esac
		cast=$(cast_of "$command" | xargs -r ls -t | head -1)
		[ -n "$cast" ] && holds "$scene/$name.out" o "$cast" || missing+=" $name"
	done
	is "$missing" '' "$1: what was released is on record, byte for byte"
	LC_ALL=C grep -a $'^err [0-9]* \xc3\xa4\xfe$' "$scene/stream.err" >"$scene/stream.errors"
	cast=$(cast_of "stream $number")
	[ -s "$scene/stream.errors" ] && holds "$scene/stream.errors" e "$cast"
	ok $? "$1: and so are its errors"
}

# played ROOM: stock asciinema reads every recording as it was left; so do we.
played() {
	local cast bad=
	for cast in "$recordings"/*.cast; do
		[ "$cast" -nt "$scene/round" ] || continue
		script -qec "asciinema cat $cast" "$scene/asciinema" >/dev/null </dev/null || bad+=" $(basename "$cast")"
		recorder cat "$(basename "$cast" .cast)" >/dev/null 2>&1 || bad+=" cat:$(basename "$cast")"
	done
	is "$bad" '' "$1: what was written plays with stock asciinema" "$(tail -3 "$scene/asciinema" | tr -d '\0')"
}

known() { # every recording has its entries, every session that ran has one
	local log=$scene/gate/log/log.jsonl
	is "$(comm -23 <(basename -s .cast "$recordings"/*.cast | sort) <(jq -r 'select(.event == "session.run").recording' "$log" | sort))" '' \
		"$1: no recording without a log entry"
	is "$(comm -23 <(basename -s .cast "$recordings"/*.cast | sed 's/\.[0-9]*$//' | sort -u) <(jq -r 'select(.event == "session.open").session' "$log" | sort))" '' \
		"$1: no session without a log entry"
}

# The room dies while everything runs; the post with it, or the connection alone.
strike() {
	local room=$1 pid
	touch "$scene/round"
	begin_all
	pause 400
	note
	pid=$(room "$room")
	[ "$room" != init ] || pid=$(rooms | awk '$3 == "init" && $5 ~ /stream/ { print $1; exit }')
	kill -KILL "$pid" || ok 1 "$room: it is there to be killed"
}

fatal() { # fatal ROOM
	local how
	strike "$1"
	ended "$1"
	wait_for 2 none_left
	ok $? "$1: nothing is left within two seconds" "$(leftovers)"
	{ wait "$gate_pid"; } 2>/dev/null
	gate_pid=
	recorded "$1"
	how=$(recorder verify --all 2>&1)
	like "$?" '^[03]$' "$1: what is left is sound, and at most open" "$(grep -v ^good <<<"$how")"
	played "$1"
	known "$1"
	if [ $((RANDOM % 2)) -eq 0 ]; then
		as_owner "$build/postern-recorder" -C "$scene/gate" recover --all >"$scene/recovered" 2>&1
		ok $? "$1: recover closes it" "$(cat "$scene/recovered")"
		start_gate || ok 1 "$1: the post starts again"
	else
		start_gate || ok 1 "$1: the post starts again"
	fi
	how=$(recorder verify --all 2>&1)
	ok $? "$1: then all of it is closed and good" "$(grep -v ^good <<<"$how")"
}

harmless() { # harmless ROOM: the connection ends, the post lives
	ssh_options=(-o "ControlPath=$scene/mux-$number")
	patience=60 gate_ssh -M -N >/dev/null 2>&1 </dev/null &
	local master=$! how
	wait_for 10 test -S "$scene/mux-$number"
	ok $? "$1: one connection for all of it"
	ssh_options=(-o "ControlPath=$scene/mux-$number" -o ControlMaster=no)
	strike "$1"
	if [ "$1" = init ]; then
		wait "${clients[0]}"
		is $? 255 'init: its client is told'
		like "$(tail -c 4000 "$scene/tree.out")" ready 'init: the other commands go on'
		gate_ssh -O exit 2>/dev/null
	fi
	ended "$1"
	wait "$master"
	ssh_options=()
	noted=$(rooms | awk '$2 != "postern-bastion:" || ($3 != "clerk" && $3 != "nursery" && $3 != "listener") { print $1 }')
	wait_for 2 none_left
	ok $? "$1: nothing of it is left within two seconds" "$(leftovers)"
	is "$(gate_ssh echo alive </dev/null 2>&1)" alive "$1: the post lives"
	recorded "$1"
	how=$(recorder verify --all 2>&1)
	ok $? "$1: all of it is closed and good" "$(grep -v ^good <<<"$how")"
	played "$1"
	known "$1"
}

# ---- while it begins ----
# A room dies while clients log in and commands start: whatever came of it, it is whole.
early() {
	local all=(door keeper clerk listener nursery spawner init) room how pid
	touch "$scene/round"
	for ((early = 0; early < $1; early++)); do
		number=$((number + 1))
		clients=()
		room=${all[RANDOM % 7]}
		begin stream stream "$number"
		begin tree tree stay "$number"
		begin true true
		pause 250
		note
		pid=$(room "$room")
		[ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null
		sleep 0.1
		note
		stop_gate
		for pid in "${clients[@]}"; do wait "$pid"; done
		wait_for 2 none_left || break
		how=$(recorder verify --all 2>&1)
		[[ $? =~ ^[03]$ ]] || break
		start_gate || break
		how=$(recorder verify --all 2>&1) || break
	done
	none_left
	ok $? "$1 deaths while it begins: nothing is left" "$room: $(leftovers)"
	is "$(recorder verify --all 2>&1 | grep -v ^good)" '' "$1 deaths while it begins: all of it is closed and good" "$room: $how"
	known "$1 deaths while it begins"
	played "$1 deaths while it begins"
}

# ---- commands that do not want to end ----
# over NAME SECONDS: nothing of it runs, after at most so long.
over() {
	local began=$EPOCHREALTIME
	wait_for "$2" commands_gone
	ok $? "$1: nothing of it is left" "$(leftovers)"
	awk -v a="$began" -v b="$EPOCHREALTIME" -v name="$1" 'BEGIN { printf "# %s: %.2f s\n", name, b - a }'
}
stubborn() {
	gate_ssh tree leave now >"$scene/leave.out" 2>&1 </dev/null
	is "$?:$(cat "$scene/leave.out")" 0:ready 'a command that leaves daemons behind ends with its own status'
	over 'and they end with it' 2
	duration=6s grant -- six seconds
	clients=()
	number=window begin_terminal
	begin stay tree stay window
	begin stop tree stop window
	wait_for 4 eval 'grep -q ready "$scene/stay.out" && grep -q ready "$scene/stop.out"'
	begin bomb bomb
	wait_for 4 grep -q ready "$scene/bomb.out"
	wait_for 4 eval '[ "$(sleepers | wc -l)" -ge 3 ]'
	ok $? 'a window of six seconds, with daemons, what is stopped, and what only forks' "$(cat "$scene"/{stay,stop,bomb,shell}.err)"
	echo "# $(commands | wc -l) processes"
	ended 'the end of the window'
	like "$(cat "$scene"/{stay,stop,bomb,shell}.err | grep -c 'the window is over')" '[4-9]' 'and why'
	over 'the end of the window' 1
	is "$(sleepers)" '' 'nor of what the terminal had started'
}

rooms_to_kill=("$@")
[ $# -gt 0 ] || rooms_to_kill=(door listener keeper clerk init nursery spawner keeper clerk spawner early stubborn)
for name in "${rooms_to_kill[@]}"; do
	case $name in
	door | keeper | init) harmless "$name" ;;
	early) early 8 ;;
	stubborn) stubborn ;;
	*) fatal "$name" ;;
	esac
done
finish
