#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a command may take, and what is left of it: forks, memory, disk, output without end, processes
# that stop, turn daemon or hear no signal. Limits hold, the tree ends as a whole, others go on.
# As root at level full, and then at level kernel as an ordinary user.
# shellcheck source=tests/e2e/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=tests/e2e/world.bash
. "$here/world.bash"
own_world "$0" "$@"

level=kernel
[ "$(id -u)" -ne 0 ] || level=full
why=$(why_not $level)
if [ -n "$why" ]; then
	skip "level $level" "$why"
	[ "$(id -u)" -ne 0 ] || as_ordinary_user
	finish
fi

greedy=$(mktemp -d "${TMPDIR:-/tmp}/postern-greedy-XXXXXX")
made+=("$greedy")
chmod 755 "$greedy"
cp "$data/greedy.py" "$greedy/"
mkdir "$greedy/work"
[ "$(id -u)" -ne 0 ] || chown 64003:64003 "$greedy/work"
sed -e "s|@LEVEL@|$level|" -e "s|@GREEDY@|$greedy|g" "$data/limits.conf" >"$greedy/roles.conf"
scene "$greedy/roles.conf" && start_gate || { ok 1 'a gate can be started'; finish; }
role=limits
grant to take what there is || { ok 1 'a grant can be had'; finish; }
gate_config limits
gate true || { ok 1 "the gate runs a command at level $level"; finish; }

mark=$((200000 + $$ % 100000 * 5)) # what this run leaves is not what another left
named() { # named MARK: pids of what has it as an argument
	pgrep -f "(sleep|yes|greedy.py [a-z:-]+) $1\$"
}
none_named() { ! named "$1" >/dev/null; }
millis() { date +%s%3N; }
milliseconds_of() { # COMMAND...: how long it takes
	local from
	from=$(millis)
	"$@" >/dev/null 2>&1
	echo $(($(millis) - from))
}

# A second engineer's connection, with a grant of its own: what the first does is not felt there.
first=$scene/ssh_config
mv "$first" "$scene/ssh_config_1"
grant a connection beside it
gate_config limits
sed -i 's|mux-limits|mux-beside|' "$first"
mv "$first" "$scene/ssh_config_2"
taker() { ssh -F "$scene/ssh_config_1" acme "$@"; }
beside() { ssh -F "$scene/ssh_config_2" acme "$@"; }
beside true
ok $? 'a second connection'
idle=$(milliseconds_of beside true)
beside_answers() { # beside_answers WHILE
	local took
	took=$(milliseconds_of beside true)
	beside true
	ok $? "$1: another connection answers"
	echo "# $1: another connection's 'true' takes $took ms; with nothing else $idle ms"
}

# ---- one command's limits ----
said=$(taker greedy processes </dev/null 2>&1)
like "$said" '^processes [0-9]+$' 'processes come to an end'
[ "${said#processes }" -le 40 ] 2>/dev/null
ok $? 'at the limit' "$said"
said=$(taker greedy memory </dev/null 2>&1)
like "$said" '^megabytes [0-9]+$' 'memory comes to an end'
[ "${said#megabytes }" -lt 256 ] 2>/dev/null
ok $? 'at the limit' "$said"
said=$(taker greedy "file:$greedy/work/big" </dev/null 2>&1)
like "$said" 'File too large.*bytes 1048576$' 'a file in a listed folder grows to file_size'
is "$(stat -c %s "$greedy/work/big")" 1048576 'and not by a byte more'
said=$(taker greedy fill:/tmp $mark </dev/null 2>&1)
like "$said" '^filled [1-9][0-9]*: No space left' 'the private /tmp is full at some time'
is "$(find /tmp -maxdepth 1 -name "fill-$mark-*" -print -delete | head -1)" '' 'and is not ours'
said=$(taker greedy fill:/tmp $mark </dev/null 2>&1)
like "$said" '^filled [1-9][0-9]*: No space left' 'the next command has an empty one again'
is "$(taker endless </dev/null 2>"$scene/err" | wc -c)" $((1 << 20)) 'endless output ends where it must'
like "$(cat "$scene/err")" 'postern: output limit of 1M reached' 'with a sentence'
taker brief spin 1 </dev/null >/dev/null 2>"$scene/err"
is $? 124 'what spins ends with its time'
like "$(cat "$scene/err")" 'postern: ' 'with a sentence'
taker brief stop-itself 1 </dev/null >/dev/null 2>&1
is $? 124 'what has stopped itself too'

# ---- while one takes all it gets, others go on ----
# start NAME ARGS...: in the background, until it says that it is at work.
start() {
	: >"$scene/started"
	ssh -F "$scene/ssh_config_1" acme "$*" >"$scene/started" 2>&1 </dev/null &
	started=$!
	wait_for 10 test -s "$scene/started"
}
start greedy bomb $((mark + 1))
beside_answers 'a fork bomb'
kill $started
wait $started 2>/dev/null
wait_for 5 none_named $((mark + 1))
ok $? 'a fork bomb ends with its channel' "$(named $((mark + 1)) | wc -l) are left"
start endless-for-ever $((mark + 2))
beside_answers 'output without end'
kill $started
wait $started 2>/dev/null
wait_for 5 none_named $((mark + 2))
ok $? 'output without end ends with its channel'

# ---- what is left behind when a command ends ----
for how in daemon nohup stopped deaf; do
	is "$(taker leave $how $((mark + 3)) </dev/null 2>&1)" left "$how: started"
	wait_for 2 none_named $((mark + 3))
	ok $? "$how: gone with the command that started it" "$(named $((mark + 3)) | wc -l) are left"
done

# ---- what is left when the window ends ----
duration=10s grant a short window
gate_config limits
sed -i 's|mux-limits|mux-short|' "$first"
short() { ssh -F "$first" acme "$@"; }
short true
begun=()
for how in daemon:stay nohup:stay stopped:stop deaf:stay; do
	short leave $how $((mark + 4)) >"$scene/window-$how" 2>&1 </dev/null &
	begun+=($!)
done
short greedy bomb $((mark + 4)) >"$scene/window-bomb" 2>&1 </dev/null &
begun+=($!)
short endless-for-ever $((mark + 4)) >/dev/null 2>&1 </dev/null &
begun+=($!)
all_started() { [ -s "$scene/window-daemon:stay" ] && [ -s "$scene/window-nohup:stay" ] && [ -s "$scene/window-stopped:stop" ] &&
	[ -s "$scene/window-deaf:stay" ] && [ -s "$scene/window-bomb" ]; }
wait_for 8 all_started
ok $? 'six that do not want to end are at work' "$(head "$scene"/window-*)"
beside_answers 'all six'
ends=$(($(date -d "$(ssh-keygen -L -f "$cert" | sed -n 's/.*Valid: from .* to //p')" +%s) * 1000))
wait_for 20 eval "[ \$(millis) -ge $ends ]"
wait_for 5 none_named $((mark + 4))
ok $? "the window's end takes them all" "$(named $((mark + 4)) | wc -l) are left"
echo "# the last was gone $(($(millis) - ends)) ms after the window's end"
wait "${begun[@]}"
ok 0 'and every channel is closed'
beside true
ok $? 'the other window goes on'

# ---- a kill at the gate ----
start leave daemon:stay $((mark + 5))
live=$(bastion status --json | jq -r '.sessions[] | select(.grant == 1) | .session')
bastion kill "$live" >/dev/null
wait_for 2 none_named $((mark + 5))
ok $? 'a kill at the gate takes a daemon too'
wait $started
is $? 255 'and its channel'

stop_gate
for i in 1 2 3 4 5; do
	named $((mark + i))
done >"$scene/left"
is "$(cat "$scene/left")" '' 'nothing is left'
[ "$(id -u)" -ne 0 ] || as_ordinary_user
finish
