#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What no stock client sends: messages out of order, to nobody, too big, too many, too slow.
# shellcheck source=tests/e2e/lib.bash
. "$(dirname "$0")/lib.bash"

scene && grant --sessions 9 T-1: raw || { ok 1 'a gate can be started'; finish; }
mkdir "$scene/raw"
cp "$scene/keys/alice" "$scene/raw/key"
cp "$scene/keys/alice.pub" "$scene/raw/key.pub"
cp "$cert" "$scene/raw/key-cert.pub"
cp "$scene/keys/mallory.pub" "$scene/raw/plain.pub"
cp "$scene/keys/mallory.pub" "$scene/raw/machine.pub"
ssh-keygen -q -s "$scene/ca/authority" -h -I machine -n acme-prod/diagnostics "$scene/raw/machine.pub"

# again SCRIPT ARGS...: its lines, with our numbers.
again() {
	local line last=
	"$here/$1" "$port" "$scene/raw/key" diagnostics "${@:2}" >"$scene/tap" 2>"$scene/tap.err"
	while read -r line; do
		case $line in
		'ok '*) ok 0 "${line#* - }" ;;
		'not ok '*) ok 1 "${line#* - }" "$(grep -A 1 -F "$line" "$scene/tap" | tail -1)" ;;
		1..*) last=${line#1..} ;;
		esac
	done <"$scene/tap"
	is "$(grep -cE '^(not )?ok' "$scene/tap")" "$last" "$1 came to its end" "$(tail -5 "$scene/tap.err")"
}

start_gate || { ok 1 'a gate can be started'; finish; }
again raw_messages.py
refused() { jq -r 'select(.event == "channel.refused").kind' "$scene/gate/log/log.jsonl" | sort -u | paste -s -d ' '; }
is "$(refused)" 'channel local-forward streamlocal tunnel x11' 'each kind of what was refused is in the log'
# Of 14 one does: its alarm ends a loop in libssh.
unlike "$(cat "$scene/gate.log")" 'died of signal ([^1]|1[^4])' 'no door died of it'
is "$(gate_ssh echo well 2>&1)" well 'and the gate is well'
stop_gate

# Little time, so that the test needs little.
sed -i 's/^environment = .*/&\nlimits = { grace = 3; };/' "$scene/gate.conf"
start_gate || { ok 1 'a gate can be started'; finish; }
again raw_limits.py "$gate_pid" 3
unlike "$(cat "$scene/gate.log")" 'died of signal ([^1]|1[^4])' 'no door died of it'
is "$(gate_ssh echo well 2>&1)" well 'and the gate is well'
finish
