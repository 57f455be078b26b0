#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A door that dies of a signal: others go on, the next one is laid out anew, the log says so, and who causes it waits.
# shellcheck source=tests/e2e/lib.bash
. "$(dirname "$0")/lib.bash"

scene && start_gate || { ok 1 'a gate can be started'; finish; }
role=diagnostics
seconds=$((50000 + $$ % 50000)) # not those of another run on this machine
grant --sessions 100 -- crashes || { ok 1 'a grant can be had'; finish; }

room() { # room NAME: pids of the gate's processes with this name, oldest first
	ps -eo pid=,ppid=,lstart=,args= --sort=start_time | awk -v top="$gate_pid" -v name="$1" '
		{ parent[$1] = $2; title[$1] = $8 " " $9; order[++n] = $1 }
		END { for (i = 1; i <= n; i++) { p = order[i]; if (title[p] != "postern-bastion: " name) continue
			for (q = p; q in parent && q != top && q > 1; ) q = parent[q]
			if (q == top) print p } }'
}
newest() { room "$1" | tail -1; }
layout() { # layout PID: where its program lies, and the canary that the kernel gave it
	python3 - "$1" <<-'PY'
		import re, struct, sys
		pid = sys.argv[1]
		print([line.split('-')[0] for line in open(f'/proc/{pid}/maps') if line.rstrip().endswith(('postern-bastion', '[stack]'))][0])
		auxv = open(f'/proc/{pid}/auxv', 'rb').read()
		pairs = dict(struct.iter_unpack('QQ', auxv))
		with open(f'/proc/{pid}/mem', 'rb') as mem:
		    mem.seek(pairs[25])  # AT_RANDOM
		    print(mem.read(8).hex())
	PY
}
begin_sleep() { # begin_sleep FILE: a session that stays; sets $sleeper
	gate_ssh sleep "$seconds" >/dev/null 2>"$1" </dev/null &
	sleeper=$!
	extra_pids+=("$sleeper")
}
sleepers() { pgrep -c -f "^/usr/bin/sleep $seconds\$"; }
logged() { jq -c 'select(.event == "door.crashed") | [.address, .signal]' "$scene/gate/log/log.jsonl"; }
# crash SIGNAL: a new connection whose door is then killed.
crash() {
	local before listener
	before=$(sleepers)
	begin_sleep "$scene/crashed"
	wait_for 10 eval "[ \$(sleepers) -gt $before ]" || return 1
	listener=$(newest listener)
	kill "-$1" "$(newest door)"
	wait "$sleeper"
	wait_for 5 eval "[ \$(sleepers) -eq $before ] && [ \"\$(newest listener)\" != $listener ]"
}

begin_sleep "$scene/first"
first=$sleeper
wait_for 10 eval '[ $(sleepers) -eq 1 ]' || { ok 1 'a session can be opened'; finish; }
first_door=$(newest door)
first_listener=$(newest listener)
if [ "$(id -u)" -eq 0 ]; then
	before=$(layout "$first_door")
	is "$(layout "$first_listener")" "$before" 'a door is laid out like its listener'
	isnt=0
	[ "$(layout "$(newest clerk)" | tail -1)" != "$(tail -1 <<<"$before")" ] || isnt=1
	ok $isnt 'and not like another room'
fi

crash SEGV
ok $? 'a door that is killed takes its own command with it, and the listener is replaced'
is "$(logged)" '["127.0.0.1","SEGV"]' 'the log says so'
kill -0 "$first" && kill -0 "$first_door"
ok $? 'another session goes on'
kill -0 "$first_listener"
ok $? 'and the listener that knows its door'
like "$(gate_ssh echo again </dev/null 2>&1)" '^again$' 'the gate lets in as before'
begin_sleep "$scene/second"
wait_for 10 eval '[ $(sleepers) -eq 2 ]'
second=$sleeper
if [ "$(id -u)" -eq 0 ]; then
	after=$(layout "$(newest door)")
	isnt=0
	[ "$(head -1 <<<"$after")" != "$(head -1 <<<"$before")" ] || isnt=1
	ok $isnt 'the next door lies elsewhere' "$before
$after"
	isnt=0
	[ "$(tail -1 <<<"$after")" != "$(tail -1 <<<"$before")" ] || isnt=1
	ok $isnt 'with another canary'
fi

# ---- strangers that share the layout ----
exec 7<>"/dev/tcp/127.0.0.1/$port"
wait_for 5 eval '[ $(room door | wc -l) -eq 3 ]'
crash BUS
read -r -t 5 -u 7 _ # the version
read -r -t 5 -u 7 _
is $? 1 'who has not logged in loses the connection with the layout'
exec 7>&-
kill -0 "$first" && kill -0 "$second"
ok $? 'who has, does not'

# ---- too many ----
crash ABRT
is "$(logged | wc -l)" 3 'each is logged'
is "$(gate_ssh echo three </dev/null 2>&1)" three 'three are forgiven'
kill -SEGV "$first_door"
wait "$first"
wait_for 5 eval '[ "$(logged | wc -l)" -eq 4 ]'
ok $? 'a door of the first listener is reported too' "$(logged)"
wait_for 5 eval '! kill -0 $first_listener'
ok $? 'and the first listener ends with its last door'
gate_ssh echo four </dev/null >"$scene/out" 2>&1
is $? 255 'the fourth closes the gate for its address'
like "$(cat "$scene/gate.log")" "'127.0.0.1' is refused for 600 seconds: too many crashes" 'with a line that says for how long'
like "$(cat "$scene/gate.log")" "'127.0.0.1' refused: too many of its connections ended by a crash" 'and one for each try'
kill -0 "$second"
ok $? 'sessions that are open go on'
kill -HUP "$gate_pid"
wait_for 5 grep -q 'is in force' "$scene/gate.log"
gate_ssh echo five </dev/null >"$scene/out" 2>&1
is $? 255 'a reload forgives nothing'
kill -0 "$gate_pid"
ok $? 'the post lives'
stop_gate
said=$(recorder verify --all 2>&1)
ok $? 'every recording and the log verify' "$said"
finish
