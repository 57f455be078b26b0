#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The window ends everything within a second, whoever reads or hangs; revocation, kill and refusal
# end it sooner and stick; a grant opens as many sessions as it says, whatever restarts meanwhile.
# shellcheck source=tests/e2e/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=tests/e2e/chaos.bash
. "$here/chaos.bash"

role=chaos
seconds=$((50000 + $$ % 50000)) # not those of another run on this machine
prepare() {
	scene
	write_chaos
	echo 'linger = 1;' >"$scene/top.conf"
	write_gate_conf "$scene/chaos.conf" "$scene/top.conf"
	log=$scene/gate/log/log.jsonl
	start_gate
}
prepare || { ok 1 'a gate can be started'; finish; }

# ---- what the sections share ----
out=
err=
status=0
run() { # run SSH-ARGS...
	gate_ssh "$@" >"$scene/out" 2>"$scene/err" </dev/null
	status=$?
	out=$(cat "$scene/out")
	err=$(cat "$scene/err")
}
runs() { # runs NAME: a session can be had, or joined
	run echo admitted
	is "$status:$out" 0:admitted "$1" "$err"
}
refused() { # refused SENTENCE NAME
	run echo admitted
	is "$status:$out" 255: "$2"
	like "$err" "postern: [^
]*$1" "$2: sentence"
}
# begin NAME SSH-ARGS...: a client in the background; $scene/NAME.end gets the time when it was over.
begin() {
	local name=$1
	shift
	rm -f "$scene/$name.end"
	(
		exec 3>&-
		gate_ssh "$@" <"${input:-/dev/null}" >"${output:-$scene/$name.out}" 2>"$scene/$name.err"
		echo "$? $EPOCHREALTIME" >"$scene/$name.end"
	) &
	clients+=($!)
}
clients=()
all_ended() { wait "${clients[@]}"; clients=(); }
sleepers() { pgrep -f "^/usr/bin/sleep $seconds\$"; }
events() { jq -c "select(.event == \"$1\")" "$log"; }
session_of() { jq -r "select(.event == \"session.open\" and .grant == $1).session" "$log" | tail -1; }
session_over() { events session.end | grep -q "\"grant\":$1[,}]"; }
is_live() { bastion status --json | jq -e ".sessions[] | select(.grant == $1)"; }
end_of() { date -d "$(jq -r "select(.event == \"session.open\" and .grant == $1).window_end" "$log" | tail -1)" +%s; }
# within LIMIT SINCE TILL NAME: and not before
within() {
	local late
	late=$(awk -v a="$2" -v b="$3" 'BEGIN { printf "%.2f", b - a }')
	awk -v late="$late" -v limit="$1" 'BEGIN { exit !(late >= -1 && late <= limit) }'
	ok $? "$4" "$late seconds"
	echo "# $4: $late s"
}
connections() { rooms | grep -E 'postern-bastion: (door|keeper|init)'; }
no_connections() { [ -z "$(connections)" ]; }

# ---- a window of 62 seconds, at a gate of its own while everything else goes on ----
minute() {
	local end
	duration=62s grant -- a minute
	begin long sleep "$seconds"
	begin terminal -tt shell
	wait_for 10 grep -q '1 minute left' "$scene/long.err"
	ok $? 'a minute before the end there is a warning' "$(cat "$scene/long.err")"
	printed e "$(cast_of "sleep $seconds")" | grep -q '^postern: 1 minute left in this session$'
	ok $? 'which was recorded'
	wait_for 2 grep -q '1 minute left' "$scene/terminal.err"
	ok $? 'on a terminal too' "$(cat "$scene/terminal.err")"
	end=$(end_of "$grant")
	patience=70 begin later sleep "$seconds"
	all_ended
	within 1 "$end" "$(cut -d' ' -f2 "$scene/long.end")" 'the long window ends in time'
	is "$(cut -d' ' -f1 "$scene/long.end"):$(grep -c 'postern: session ended: the window is over' "$scene/long.err")" 255:1 'with its sentence'
	is "$(grep -c 'left in this session' "$scene/long.err")" 1 'and one warning in all'
	is "$(grep -c 'left in this session' "$scene/later.err")" 0 'none for what began in the last minute'
}
five_minutes() {
	duration=302s grant -- five minutes
	begin five sleep "$seconds"
	wait_for 10 grep -q '5 minutes left in this session' "$scene/five.err"
	ok $? 'five minutes before the end there is a warning' "$(cat "$scene/five.err")"
	bastion kill "$(session_of "$grant")" >/dev/null
	all_ended
}
[ "${1-}" != minute ] || {
	patience=70
	minute
	finish
}
"$0" minute >"$scene/minute.tap" 2>"$scene/minute.err" &
minute_pid=$!
extra_pids+=("$minute_pid")

# ---- the window's end ----
windows_end() {
	local end gone
	duration=7s grant -- seven seconds
	mkfifo "$scene/typed" "$scene/unread" "$scene/full"
	exec 3<>"$scene/typed" 4<>"$scene/unread" 5<>"$scene/full"
	input=$scene/typed begin cat cat
	begin sleep sleep "$seconds"
	input=$scene/typed begin terminal -tt shell
	output=$scene/unread begin unread count 100000000
	output=$scene/full begin stopped stream stopped
	begin idle -N
	begin tree tree stop window
	ssh_options=(-o ControlMaster=auto -o "ControlPath=$scene/mux")
	begin mux.1 sleep "$seconds"
	wait_for 5 test -S "$scene/mux"
	for i in 2 3 4; do
		begin "mux.$i" sleep "$seconds"
	done
	ssh_options=()
	wait_for 5 eval '[ "$(sleepers | wc -l)" -eq 5 ] && grep -q ready "$scene/tree.out" && [ "$(connections | grep -c door)" -eq 8 ]'
	ok $? 'a window of seven seconds, full of everything' "$(head -qn 3 "$scene"/*.err; connections)"
	kill -STOP "$(pgrep -f "^ssh .*$scene/.*stream stopped")"
	end=$(end_of "$grant")
	wait_for 10 no_connections
	gone=$EPOCHREALTIME
	within 1 "$end" "$gone" "the window's end: no door, keeper or init is left"
	is "$(commands)" '' 'no command'
	is "$(sleepers)" '' 'nor a sleeping one'
	kill -CONT "$(pgrep -f "^ssh .*$scene/.*stream stopped")"
	exec 3>&- 4>&- 5>&-
	all_ended
	for name in cat sleep terminal idle mux.1 mux.4 tree; do
		within 1.2 "$end" "$(cut -d' ' -f2 "$scene/$name.end")" "the window's end: the client of '$name' knows"
		is "$(cut -d' ' -f1 "$scene/$name.end")" 255 "with 255"
	done
	for name in cat sleep terminal tree; do
		like "$(cat "$scene/$name.err")" 'postern: session ended: the window is over' "'$name' is told why"
	done
	refused 'expired|window is over' 'after the end nobody comes in'
}

# ---- what a hung room cannot do ----
hung_clerk() {
	local end clerk
	duration=4s grant -- while the clerk hangs
	begin hung sleep "$((seconds + 1))"
	wait_for 3 pgrep -f "^/usr/bin/sleep $((seconds + 1))\$"
	end=$(end_of "$grant")
	clerk=$(room clerk)
	kill -STOP "$clerk"
	all_ended
	wait_for 2 eval "! pgrep -f '^/usr/bin/sleep $((seconds + 1))\$'"
	within 1 "$end" "$EPOCHREALTIME" 'a clerk that hangs does not lengthen a window'
	kill -CONT "$clerk"
	wait_for 5 eval 'session_over "$grant"'
	ok $? 'and goes on with its work later'
}

# ---- revocation ----
new_krl() { # new_krl [FOLDER]: as it is shipped to a gate, in one step
	"$build/postern-ca" -C "${1:-$scene/ca}" krl >"$scene/krl.new" && chmod 644 "$scene/krl.new" && mv "$scene/krl.new" "$scene/krl"
}
krl_is() { bastion status --json | jq -e ".krl | $1"; }
revocation() {
	local began number other_cert other_grant
	grant --sessions 5 -- another
	other_cert=$cert other_grant=$grant
	runs 'another session'
	grant --sessions 5 -- to be revoked
	cp -r "$scene/ca" "$scene/forgetful" # an authority that will not know of it
	exec 6<>"$scene/typed"
	input=$scene/typed begin revoked cat
	begin revoked_flood count 100000000
	wait_for 5 test -s "$scene/revoked_flood.out"
	wait_for 5 pgrep -f "^ssh .*$scene/.* cat\$"
	ca revoke "$grant" --as carol@acme.example -- enough >/dev/null
	new_krl
	began=$EPOCHREALTIME
	all_ended
	within 2 "$began" "$(cut -d' ' -f2 "$scene/revoked.end")" 'a revocation ends a live session'
	within 2 "$began" "$(cut -d' ' -f2 "$scene/revoked_flood.end")" 'whatever it is doing'
	exec 6>&-
	like "$(cat "$scene/revoked.err")" 'postern: session ended: the certificate was revoked' 'with a sentence'
	is "$(events session.revoked | jq .grant)" "$grant" 'which is in the log'
	refused 'revoked' 'it does not come back'
	for i in 1 2 3 4 5; do new_krl "$scene/forgetful"; done
	number=$(ssh-keygen -Q -l -f "$scene/krl" | sed -n 's/.*version \([0-9]*\).*/\1/p')
	wait_for 3 krl_is ".number == $number"
	ok $? 'a newer list, which forgets it, is taken'
	refused 'revoked' 'but not believed'
	stop_gate
	start_gate
	refused 'revoked' 'nor after a restart'
	ssh-keygen -Q -f "$scene/krl" "$cert" >/dev/null
	is $? 0 'although the list says nothing against it'
	cert=$other_cert grant=$other_grant
	runs 'others are not concerned'
}

# closed NAME SENTENCE: nobody new comes in, who is in stays.
closed() {
	wait_for 3 krl_is '.broken'
	cert=$fresh
	refused "the revocation list cannot be read, so nobody new is let in" "$1: nobody new"
	cert=$living
	runs "$1: who is in stays in"
	wait_for 3 eval "[[ \$(bastion status --json | jq -r .krl.sentence) =~ $2 ]]"
	ok $? "$1: status says why" "$(bastion status --json | jq -r .krl.sentence)"
}
broken_krl() {
	local fresh living
	grant -- new
	fresh=$cert
	grant -- in already
	living=$cert
	exec 6<>"$scene/typed"
	input=$scene/typed begin living cat
	wait_for 5 is_live "$grant"
	cp "$scene/krl" "$scene/good.krl"
	head -c 300 /dev/urandom >"$scene/krl"
	closed 'a list that is none' 'krl'
	: >"$scene/krl"
	closed 'an empty list' 'krl'
	rm "$scene/krl"
	closed 'no list' 'No.such.file'
	cp "$scene/good.krl" "$scene/krl"
	chmod 666 "$scene/krl"
	closed 'a list that everyone can write' 'written|writable'
	rm "$scene/krl"
	"$build/postern-ca" -C "$scene/ca" krl >"$scene/krl" # its number is lower than the forgetful one's
	closed 'an older list' 'lower'
	rm "$scene/krl"
	mkdir "$scene/krl"
	closed 'a folder' 'krl'
	rmdir "$scene/krl"
	stop_gate
	start_gate
	all_ended
	exec 6>&-
	cert=$fresh
	refused 'cannot be read' 'no list at the start: nobody'
	chmod 644 "$scene/good.krl"
	mv "$scene/good.krl" "$scene/krl"
	wait_for 3 krl_is '.broken == false'
	runs 'a good list opens the gate again'
	sed '/^krl = /d' "$scene/gate.conf" >"$scene/no_krl.conf"
	said=$("$build/postern-bastion" -f "$scene/no_krl.conf" -t 2>&1)
	is $? 1 "'krl' has no default"
	like "$said" 'krl' 'and the sentence names it'
	"$build/postern-bastion" -f "$scene/no_krl.conf" >"$scene/out" 2>&1
	is $? 1 'nothing starts without it'
}

stale_krl() {
	local began
	sed -i 's/^krl = /krl_max_age = 4; krl = /' "$scene/gate.conf"
	kill -HUP "$gate_pid"
	wait_for 5 grep -q 'is in force' "$scene/gate.log"
	new_krl
	new_krl "$scene/forgetful"
	wait_for 3 krl_is '.age < 2'
	grant -- with a young list
	begin stale sleep 100
	wait_for 5 is_live "$grant"
	ok $? 'a young list lets in' "$(cat "$scene/stale.err")"
	all_ended
	began=$(date -d "$(events krl.loaded | tail -1 | jq -r .generated)" +%s)
	within 6.5 "$began" "$(cut -d' ' -f2 "$scene/stale.end")" 'a list that grows older than it may ends what is live'
	like "$(cat "$scene/stale.err")" 'postern: session ended: the revocation list is too old' 'with a sentence'
	grant -- with a stale list
	refused 'the revocation list is too old, so nobody new is let in' 'and nobody new comes in'
	new_krl "$scene/forgetful"
	wait_for 3 krl_is '.age < 3'
	runs 'a new one opens the gate again'
	sed -i 's/^krl_max_age = 4; //' "$scene/gate.conf"
	kill -HUP "$gate_pid"
}

# ---- counts ----
opened() { jq -r "select(.event == \"session.open\" and .grant == $grant).session" "$log" | wc -l; }
idle() { wait_for 5 eval 'session_over "$grant" && ! is_live "$grant"'; }
counts() {
	grant -- once
	runs 'a grant for one session opens one'
	runs 'who comes back while it lingers joins it'
	is "$(opened)" 1 'which is no second one'
	idle
	ok $? 'it ends when nobody came for a while'
	refused 'used up: it allows 1 session' 'then it is used up'
	stop_gate
	start_gate
	refused 'used up' 'after a restart too'
	is "$(events grant.refused | jq -r "select(.grant == $grant).refusal" | sort -u)" used-up 'each refusal is in the log'

	grant --sessions 2 -- twice
	clients=()
	for i in 1 2 3 4 5 6 7 8; do begin "at_once.$i" echo "admitted $i"; done
	all_ended
	is "$(cat "$scene"/at_once.?.out | sort)" "$(printf 'admitted %d\n' 1 2 3 4 5 6 7 8)" 'eight connections at once are all admitted'
	is "$(opened)" 1 'to one session'
	stop_gate
	start_gate
	runs 'a restart within the window, and the second session'
	is "$(opened)" 2 'is counted'
	kill -KILL "$gate_pid"
	{ wait "$gate_pid"; } 2>/dev/null
	start_gate
	refused 'used up: it allows 2 sessions' 'there is no third, after a kill -9 either'
}
other_certificate() { # whoever has the CA's key can issue twice
	cp -r "$scene/ca" "$scene/stolen"
	grant=$(ca request acme-prod chaos --as alice@vendor.example --for 10m --sessions 5 issued twice)
	ca approve "$grant" --key "$scene/keys/bob" >/dev/null
	ca approve "$grant" --key "$scene/keys/carol" >/dev/null
	rm -r "$scene/stolen"
	cp -r "$scene/ca" "$scene/stolen"
	cert=$scene/keys/first-cert.pub
	ca fetch "$grant" >"$cert"
	sleep 1.1
	"$build/postern-ca" -C "$scene/stolen" fetch "$grant" >"$scene/keys/second-cert.pub"
	runs 'the first certificate over a statement'
	cert=$scene/keys/second-cert.pub
	refused 'was opened by another certificate, which fixed its window' 'a second one over the same statement, with a later window'
	stop_gate
	start_gate
	refused 'was opened by another certificate' 'after a restart too'
	cert=$scene/keys/first-cert.pub
	runs 'while the first goes on'
}

# ---- the last word ----
last_word() {
	local began
	grant --sessions 3 -- killed
	begin killed sleep "$((seconds + 2))"
	wait_for 5 pgrep -f "^/usr/bin/sleep $((seconds + 2))\$"
	bastion kill "$(session_of "$grant")" >/dev/null
	began=$EPOCHREALTIME
	all_ended
	within 1 "$began" "$(cut -d' ' -f2 "$scene/killed.end")" 'a kill ends the session'
	like "$(cat "$scene/killed.err")" "postern: session ended: it was ended here, by this environment's owner" 'with a sentence'
	runs 'a kill is no refusal: the next session may be opened'
	is "$(opened)" 2 'and is the second'
	begin refused_here sleep "$((seconds + 2))"
	wait_for 5 pgrep -f "^/usr/bin/sleep $((seconds + 2))\$"
	bastion refuse "$grant" >/dev/null
	began=$EPOCHREALTIME
	all_ended
	within 1 "$began" "$(cut -d' ' -f2 "$scene/refused_here.end")" 'a refusal ends what is live'
	refused "was refused by this environment's owner" 'and what would come'
	stop_gate
	start_gate
	refused "was refused by this environment's owner" 'for good'
	grant -- refused beforehand
	bastion refuse "$grant" >/dev/null
	refused "was refused by this environment's owner" 'also before it was used'
	bastion kill nothing >"$scene/out" 2>&1
	is $? 3 'a session that is not there cannot be killed'
}

# ---- another policy ----
reloaded() { # reloaded COUNT: so many policies were put in force since the start
	wait_for 5 eval '[ "$(grep -c "is in force" "$scene/gate.log")" -ge '"$1"' ]'
}
policy() {
	grant -- before the reload
	exec 6<>"$scene/typed"
	input=$scene/typed begin policy cat
	wait_for 5 is_live "$grant"
	cp "$scene/gate.conf" "$scene/good.conf"
	: >"$scene/gate.log"
	cp "$scene/approvers" "$scene/carol"
	sed -i "/^carol@/s|ssh-ed25519 .*|$(cut -d' ' -f1,2 "$scene/keys/mallory.pub")|" "$scene/approvers"
	grant --sessions 9 -- approved with a key that is not listed any more
	runs 'a file that changes is not a policy that changed'
	sed -i 's/admits = "grant"/admits = "nobody"/' "$scene/gate.conf"
	kill -HUP "$gate_pid"
	wait_for 5 grep -q 'old configuration stays' "$scene/gate.log"
	ok $? 'a bad configuration is not taken'
	runs 'and changes nothing'
	cp "$scene/good.conf" "$scene/gate.conf"
	kill -HUP "$gate_pid"
	reloaded 1
	ok $? 'a good one is' "$(cat "$scene/gate.log")"
	grant --sessions 20 -- approved with a key that is not listed any more
	refused 'approv' 'it has other approvers'
	printf 'still here\n' >&6
	wait_for 3 grep -q 'still here' "$scene/policy.out"
	ok $? 'a session from before goes on'
	cp "$scene/carol" "$scene/approvers"
	for i in 1 2 3 4 5 6 7 8; do
		kill -HUP "$gate_pid"
		reloaded $((i + 1))
		runs "reload $i"
	done
	exec 6>&-
	all_ended
	wait_for 5 eval '[ "$(rooms | grep -c "postern-bastion: \(nursery\|listener\)")" -eq 2 ]'
	ok $? 'after eight reloads there is one pair of rooms, as before the first' "$(rooms)"
}

stop_under_load() {
	local began
	grant -- at the stop
	mkfifo "$scene/unread_at_stop"
	exec 7<>"$scene/unread_at_stop"
	output=$scene/unread_at_stop begin stop_flood count 100000000
	begin stop_tree tree stay stop
	wait_for 5 grep -q ready "$scene/stop_tree.out"
	note
	began=$EPOCHREALTIME
	kill -TERM "$gate_pid"
	wait "$gate_pid"
	is $? 0 'told to stop under load, the post ends with 0' "$(tail -3 "$scene/gate.log")"
	gate_pid=
	within 3 "$began" "$EPOCHREALTIME" 'soon'
	wait_for 1 all_gone
	ok $? 'and leaves nothing' "$(rest)"
	exec 7>&-
	all_ended
	like "$(cat "$scene/stop_tree.err")" 'postern: session ended: the bastion is stopping' 'its clients know why'
}

windows_end
five_minutes
hung_clerk
counts
other_certificate
last_word
policy
revocation
broken_krl
stale_krl
stop_under_load
said=$(recorder verify --all 2>&1)
ok $? 'every recording and the log verify' "$(grep -v ^good <<<"$said")"

wait "$minute_pid"
like "$(tail -1 "$scene/minute.tap")" '^1\.\.[1-9]' 'the minute was measured' "$(cat "$scene/minute.err")"
while read -r line; do
	case $line in
	ok*) ok 0 "${line#*- }" ;;
	not*) ok 1 "${line#*- }" "$(grep '^#' "$scene/minute.tap")" ;;
	esac
done <"$scene/minute.tap"
finish
