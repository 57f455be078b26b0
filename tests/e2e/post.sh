#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The post as processes: what ps shows, what SIGHUP changes, and that nothing outlives SIGTERM or the death of any room.
# shellcheck source=tests/e2e/lib.bash
. "$(dirname "$0")/lib.bash"

scene && start_gate || { ok 1 'a gate can be started'; finish; }
role=diagnostics
seconds=$((50000 + $$ % 50000)) # not those of another run on this machine

rooms() { # the descendants of the spawner, each a line: PID COMMAND...
	ps -eo pid,ppid,args | awk -v top="$gate_pid" '
		{ parent[$1] = $2; line[$1] = $0 }
		END { for (p in line) { for (q = p; q in parent && q != top && q > 1; ) q = parent[q]; if (q == top && p != top) print line[p] } }'
}
room() { # room NAME: its pid
	rooms | awk -v name="$1" '$3 == "postern-bastion:" && $4 == name { print $1 }' | head -1
}
begin_sleep() {
	: >"$scene/asleep"
	gate_ssh sleep "$seconds" >/dev/null 2>"$scene/asleep" </dev/null &
	sleeper=$!
	wait_for 10 pgrep -f "^/usr/bin/sleep $seconds\$" >/dev/null
}
gone() { # whether nothing of ours is left
	! pgrep -f "^/usr/bin/sleep $seconds\$" >/dev/null && [ -z "$(rest)" ]
}
rest() { # what of the pids noted before still runs
	local pid
	for pid in $noted; do
		[ -e "/proc/$pid" ] && ! grep -q '^State:.Z' "/proc/$pid/status" 2>/dev/null && echo "$pid"
	done
}
note() {
	noted="$gate_pid $(rooms | awk '{ print $1 }')"
}

# ---- what ps shows ----
like "$(ps -o args= -p "$gate_pid")" '^postern-bastion: spawner$' 'the spawner has its title'
for name in clerk nursery listener; do
	like "$(rooms)" "postern-bastion: $name" "the $name has its title"
done
grant --sessions 100 -- titles || { ok 1 'a grant can be had'; finish; }
begin_sleep
like "$(rooms)" 'postern-bastion: keeper' 'a keeper for a connection'
like "$(rooms)" 'postern-bastion: door' 'a door too'
like "$(rooms)" 'postern-bastion: init of diagnostics/sleep' 'an init for a command'
if [ "$(id -u)" -eq 0 ]; then
	is "$(ps -o uid= -p "$(room clerk)" | tr -d ' ')" 64001 "the clerk is the owner's"
	is "$(ps -o uid= -p "$(room nursery)" | tr -d ' ')" 64001 "the nursery is the owner's"
	is "$(ps -o uid= -p "$(room listener)" | tr -d ' ')" 64002 "the listener is the door's"
	is "$(ps -o uid= -p "$(pgrep -f "^/usr/bin/sleep $seconds\$")" | tr -d ' ')" 64003 "the command is the role's"
	is "$(readlink "/proc/$(room listener)/root")" "$scene/gate/empty" 'the listener is shut into an empty folder'
	for name in clerk nursery listener; do
		like "$(cat "/proc/$(room $name)/status")" 'CapEff:.0000000000000000' "the $name has no capability"
	done
fi

is "$(stat -c %a "$scene/gate/recordings" "$scene/gate/log" "$scene/gate/log/log.jsonl" | tr '\n' ' ')" '750 750 640 ' "recordings and log may be read by the owner's group, and by nobody else"
is "$(stat -c %a "$scene/gate/seal_key" "$scene/gate/checkpoint_key" "$scene/gate/clock" "$scene/gate/control" | sort -u)" 600 'keys, clock and control socket by the owner alone'
if [ "$(id -u)" -eq 0 ]; then
	said=$(setpriv --reuid 64004 --regid 64001 --clear-groups "$build/postern-recorder" -C "$scene/gate" list --json 2>&1)
	like "$said" '"command": *"sleep' "someone in the owner's group lists recordings" "$said"
	said=$(setpriv --reuid 64004 --regid 64004 --clear-groups "$build/postern-recorder" -C "$scene/gate" list 2>&1)
	like "$said" 'Permission denied' 'and nobody else does'
fi

# ---- SIGHUP ----
cp "$scene/gate.conf" "$scene/good.conf"
echo 'surplus = 1;' >>"$scene/gate.conf"
kill -HUP "$gate_pid"
wait_for 5 grep -q 'old configuration stays' "$scene/gate.log"
ok $? 'a bad configuration is refused, and the log says why' "$(tail -3 "$scene/gate.log")"
like "$(tail -1 "$scene/gate.log")" 'surplus' 'with the word that is wrong'
is "$(gate_ssh echo still here </dev/null 2>&1)" 'still here' 'the old one goes on'
sed 's/name = "echo"/name = "echo-again"/' "$scene/good.conf" >"$scene/gate.conf"
kill -HUP "$gate_pid"
wait_for 5 grep -q 'is in force' "$scene/gate.log"
ok $? 'a good one is taken' "$(tail -3 "$scene/gate.log")"
is "$(gate_ssh echo-again new </dev/null 2>&1)" 'new' 'new connections have it'
gate_ssh echo old </dev/null >/dev/null 2>&1
is $? 127 'and not what is no longer in it'
ok "$(kill -0 "$sleeper" 2>/dev/null; echo $?)" 'the connection from before lives'
sed 's/environment = "acme-prod"/environment = "acme-test"/' "$scene/good.conf" >"$scene/gate.conf"
kill -HUP "$gate_pid"
wait_for 5 grep -q "'environment' cannot change" "$scene/gate.log"
ok $? 'who we are cannot change while we run'
ssh-keygen -q -t ed25519 -N secret -f "$scene/locked"
sed "s|^host_key = .*|host_key = \"$scene/locked\";|" "$scene/good.conf" >"$scene/gate.conf"
kill -HUP "$gate_pid"
wait_for 5 grep -q "stays: 'host_key': .*has a passphrase" "$scene/gate.log"
ok $? 'nor can the host key become one that cannot be used' "$(tail -3 "$scene/gate.log")"
ssh-keygen -q -p -P secret -N '' -f "$scene/locked" >/dev/null
kill -HUP "$gate_pid"
wait_for 5 eval '[ "$(grep -c "is in force" "$scene/gate.log")" -eq 2 ]'
ok $? 'another host key is taken' "$(tail -3 "$scene/gate.log")"
like "$(gate_ssh echo x </dev/null 2>&1)" 'HOST IDENTIFICATION HAS CHANGED' 'and shown to whoever connects'
echo "other $(cut -d' ' -f1,2 "$scene/locked.pub")" >>"$scene/known_hosts"
ssh_options=(-o HostKeyAlias=other)
like "$(gate_ssh echo x </dev/null 2>&1)" 'postern: .*(gate|host key)' 'who is not let in with a grant for the old one'
ssh_options=()
cp "$scene/good.conf" "$scene/gate.conf"
kill -HUP "$gate_pid"
wait_for 5 eval '[ "$(grep -c "is in force" "$scene/gate.log")" -eq 3 ]'
is "$(gate_ssh echo back </dev/null 2>&1)" back 'and back again'
is "$(jq -r 'select(.event == "policy.loaded").event' "$scene/gate/log/log.jsonl" | wc -l)" 4 'each policy in force is in the log'

# ---- SIGTERM ----
note
kill -TERM "$gate_pid"
wait "$gate_pid"
is $? 0 'told to stop, it ends with 0'
wait "$sleeper"
is $? 255 'sessions end'
like "$(cat "$scene/asleep")" 'postern: .*stopping' 'with a sentence'
gone
ok $? 'nothing is left' "$(rest)"
is "$(jq -r .event "$scene/gate/log/log.jsonl" | tail -1)" post.stop 'the log says so last'

# ---- the death of any room ----
for name in clerk nursery listener; do
	start_gate || { ok 1 'it starts again'; break; }
	begin_sleep
	note
	kill -KILL "$(room $name)"
	wait_for 5 eval '! kill -0 "$gate_pid"' || kill -KILL "$gate_pid"
	wait "$gate_pid"
	is $? 1 "killed $name: the post ends with 1"
	wait "$sleeper"
	wait_for 2 gone
	ok $? "killed $name: nothing is left" "$(rest)"
done
start_gate && begin_sleep
note
kill -KILL "$gate_pid"
wait_for 2 gone
ok $? 'killed spawner: nothing is left' "$(rest)"
wait "$gate_pid" "$sleeper"
for name in keeper init; do
	start_gate && begin_sleep
	kill -KILL "$(room $name)"
	wait "$sleeper"
	wait_for 2 eval '! pgrep -f "^/usr/bin/sleep $seconds\$" >/dev/null'
	ok $? "killed $name: its command is gone"
	is "$(gate_ssh echo alive </dev/null 2>&1)" alive "killed $name: the post lives"
	note
	stop_gate
	wait_for 2 gone
	ok $? "killed $name: nothing is left after the stop" "$(rest)"
done
said=$(recorder verify --all 2>&1)
ok $? 'every recording and the log verify' "$said"
finish
