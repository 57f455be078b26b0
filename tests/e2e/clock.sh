#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# No clock that is set makes a window longer: set back or ahead between and during sessions, across
# restarts, with a suspend; and the log's times never fall.
# shellcheck source=tests/e2e/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=tests/e2e/chaos.bash
. "$here/chaos.bash"

role=chaos
hour=3600
seconds=$((50000 + $$ % 50000)) # not those of another run on this machine

# clocks WALL BOOT: how many seconds the gate's clocks are away from ours. Written in place: mapped.
clocks() {
	python3 -c 'import struct, sys
with open(sys.argv[1], "r+b") as file: file.write(struct.pack("qq", int(sys.argv[2]), int(sys.argv[3])))' "$scene/clocks" "$@"
}
start() {
	start_gate "LD_PRELOAD=$scene/clock.so" "POSTERN_TEST_CLOCK=$scene/clocks"
}
restart() { # restart [SIGNAL]
	if [ "${1-}" = KILL ]; then
		kill -KILL "$gate_pid"
		{ wait "$gate_pid"; } 2>/dev/null
		gate_pid=
	fi
	stop_gate
	start
}
prepare() {
	scene
	write_chaos
	echo 'linger = 1;' >"$scene/top.conf"
	write_gate_conf "$scene/chaos.conf" "$scene/top.conf"
	log=$scene/gate/log/log.jsonl
	${CC:-cc} -shared -fPIC -O2 -o "$scene/clock.so" "$data/clock_preload.c" || return 1
	head -c 16 /dev/zero >"$scene/clocks"
	chmod 644 "$scene/clocks"
	start
}
prepare || { ok 1 'a gate can be started'; finish; }

run() {
	gate_ssh "$@" >"$scene/out" 2>"$scene/err" </dev/null
	status=$?
}
runs() {
	run echo admitted
	is "$status:$(cat "$scene/out")" 0:admitted "$1" "$(cat "$scene/err")"
}
refused() { # refused SENTENCE NAME
	run echo admitted
	is "$status:$(cat "$scene/out")" 255: "$2"
	like "$(cat "$scene/err")" "postern: [^
]*$1" "$2: sentence"
}
begin() {
	: >"$scene/asleep"
	gate_ssh sleep "$seconds" >/dev/null 2>"$scene/asleep" </dev/null &
	sleeper=$!
	wait_for 5 pgrep -f "^/usr/bin/sleep $seconds\$"
}
ends_within() { # ends_within SECONDS NAME: the session that began, from now on
	local began=$EPOCHREALTIME took
	wait "$sleeper"
	is $? 255 "$2"
	took=$(awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.2f", b - a }')
	awk -v took="$took" -v most="$1" 'BEGIN { exit !(took <= most) }'
	ok $? "$2: in time" "$took seconds"
	like "$(cat "$scene/asleep")" 'postern: session ended: the window is over' "$2: sentence"
	echo "# $2: $took s"
	wait_for 1 eval "! pgrep -f '^/usr/bin/sleep $seconds\$'"
	ok $? "$2: nothing of it is left"
}
stepped() { jq -c 'select(.event == "clock.stepped").seconds' "$log" | tail -1; }
now() { date -d "$(bastion status --json | jq -r .now)" +%s; }

# ---- the tool itself ----
clocks -$hour 0
stop_gate
rm -r "${scene:?}/gate/log" "$scene/gate/clock" 2>/dev/null
start
is "$(((EPOCHSECONDS - $(now) + 30) / 60))" 60 'a gate whose clock is an hour late believes it, knowing no better'
clocks 0 0
wait_for 3 eval '[ "$(($(now) - EPOCHSECONDS))" -ge -2 ]'
ok $? 'and goes ahead with it'

# ---- set back during a session ----
duration=5s grant -- set back meanwhile
begin
clocks -$hour 0
wait_for 3 eval '[ -n "$(stepped)" ] && [ "$(stepped)" -lt -3500 ]'
ok $? 'a clock that is set back is in the log' "$(stepped)"
ends_within 6 'set back an hour during a session'
refused 'expired|window is over' 'and nobody comes in behind it'
duration=10m grant -- issued by an authority with the right time
runs 'who has a window comes in although the clock is late'
is "$(($(now) - EPOCHSECONDS >= -2))" 1 'the gate goes by what it knows'

# ---- set back between sessions, and across restarts ----
duration=3s grant -- to be over
runs 'a window of three seconds'
short=$cert
duration=10m grant -- used once
runs 'a session'
used=$cert
sleep 4 # the window has to pass
cert=$short
refused 'expired|window is over' 'over'
for how in TERM KILL; do
	restart $how
	cert=$short
	refused 'expired|window is over' "over is over, after a restart by $how with the clock an hour back"
	cert=$used
	refused 'used up' "and used up is used up"
done
stop_gate
sleep 3
start
is "$(($(now) - EPOCHSECONDS >= -2))" 1 'the time that nobody served has passed too' "$(($(now) - EPOCHSECONDS)) seconds"
duration=4s grant -- behind a restart
begin
ends_within 5 'a window behind a restart with the clock back ends as any'
duration=6s grant --sessions 2 -- across restarts
began=$EPOCHSECONDS
runs 'a window, in which'
for i in 1 2 3; do
	restart KILL
	sleep 1
done
wait_for 8 eval '! gate_ssh true'
ok $((EPOCHSECONDS - began > 8)) 'three deaths with the clock back make it no longer' "$((EPOCHSECONDS - began)) seconds"

# ---- ahead ----
clocks 0 0
duration=10m grant --sessions 5 -- set ahead
begin
clocks $hour 0
ends_within 2.5 'set ahead past its end, a session is over'
clocks 0 0
refused 'window is over|expired' 'set back again, it stays over'
restart KILL
refused 'window is over|expired' 'after a restart too'
duration=10m grant -- right as it is
refused 'expired|window is over' 'until the real time is there, nothing is admitted: time never runs back'

# ---- a suspend ----
stop_gate
rm -r "${scene:?}/gate"
mkdir "$scene/gate"
[ "$(id -u)" -ne 0 ] || chown 64001:64001 "$scene/gate"
start
duration=10m grant -- suspended
begin
clocks -$hour $hour
ends_within 2.5 'a suspend of an hour, with the wall clock behind, ends a session'
refused 'window is over|expired' 'for good'

# ---- what was written ----
jq -r .time "$log" | sort -c
ok $? "the log's times never fall"
stop_gate
said=$(recorder verify --all 2>&1)
ok $? 'every recording and the log verify' "$(grep -v ^good <<<"$said")"
finish
