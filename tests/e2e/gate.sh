#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The gate with stock ssh: what runs, how it ends, what is refused and with which sentence, and
# that all of it is on record.
# shellcheck source=tests/e2e/lib.bash
. "$(dirname "$0")/lib.bash"

scene && start_gate || { ok 1 'a gate can be started'; finish; }
grant T-1: the usual || { ok 1 'a grant can be had'; finish; }

out=
err=
status=0
run() { # run SSH-ARGS...
	gate_ssh "$@" >"$scene/out" 2>"$scene/err" </dev/null
	status=$?
	out=$(cat "$scene/out")
	err=$(cat "$scene/err")
}
runs() { # runs STATUS OUT-REGEX NAME ARGS...
	local wanted=$1 regex=$2 name=$3
	shift 3
	run "$@"
	is "$status" "$wanted" "$name: exit status" "$err"
	like "$out" "$regex" "$name: output"
}
refused() { # refused STATUS SENTENCE NAME ARGS...
	local wanted=$1 regex=$2 name=$3
	shift 3
	run "$@"
	is "$status" "$wanted" "$name: exit status"
	like "$err" "postern: [^
]*$regex" "$name: sentence"
	is "$out" '' "$name: nothing on standard output"
}

# ---- what runs ----
runs 0 '^$' 'a command' true
runs 1 '^$' 'its exit status' false
runs 0 'query|word' 'help lists commands' help
runs 0 'alice@vendor.example' 'whoami names the identity' whoami
runs 3 '^out$' 'standard output apart' both
is "$err" 'err' 'standard error apart'
run signal
is "$status" 255 'a signal ends ssh with 255'
runs 0 '^<a b><\$\(id\)>$' 'quotes make words, and nothing is expanded' word '"a b"' "'\$(id)'"
runs 0 '^\$HOME \* `id` ; rm$' 'rest is verbatim' echo '$HOME * `id` ; rm'
is "$(head -c 3000000 /dev/urandom | tee "$scene/in" | gate_ssh cat | md5sum)" "$(md5sum <"$scene/in")" 'three megabytes there and back'
is "$(printf 'no newline' | gate_ssh cat)" 'no newline' 'the end of input is passed on'
[ "$(id -u)" -ne 0 ] || runs 0 'uid=64003.*gid=64003.*groups=64003$' 'a user of its own' id
runs 0 '^PATH=' 'a clean environment' env
unlike "$out" 'SSH|SECRET' 'nothing of the client in it'

# ---- a terminal ----
tmux_name=postern-$$
screen() { tmux -L "$tmux_name" capture-pane -p; }
declare -p port scene cert ssh_options >"$scene/terminal.sh"
declare -f gate_ssh >>"$scene/terminal.sh"
echo 'gate_ssh -t top; read -r _' >>"$scene/terminal.sh"
tmux -L "$tmux_name" new-session -d -x 101 -y 33 "bash $scene/terminal.sh"
wait_for 10 eval 'screen | grep -q "load average"'
ok $? 'top on a terminal' "$(screen)"
tmux -L "$tmux_name" send-keys q
wait_for 10 eval 'screen | grep -q "closed"'
ok $? 'ends with its key' "$(screen)"
tmux -L "$tmux_name" kill-server
runs 0 '^24 80' 'a terminal without a size has the usual one' -tt size
refused 126 'terminal' 'a command that wants a terminal, without one' top
cert_with=$cert
grant --no-terminal T-2: no terminal
run -tt size
like "$err$out" 'PTY allocation|terminal' 'no terminal where the grant has none'
cert=$cert_with

# ---- what is refused ----
refused 127 "no such command: 'sh'" 'a command that is not listed' sh
refused 127 'no such command' 'a path' /usr/bin/id
refused 127 'no such command' 'a separator' ';id'
refused 126 'missing|needs|n' 'a missing argument' count
refused 126 'integer|number' 'a number that is none' count 1x
refused 126 'takes nothing more' 'a surplus argument' true x
refused 126 "'-'|dash|option|parameter" 'a value that looks like an option' word -x
refused 126 'quote' 'an open quote' "word 'a"
refused 255 'too long for an entry' 'a line that the log cannot hold' echo "$(head -c 65000 /dev/zero | tr '\0' a)"
runs 0 '^still here' 'and it ends nothing but itself' echo still here
refused 124 'time' 'a timeout' brief
run little
is "$status" 255 'more output than allowed: exit status'
like "$err" 'postern: output limit of 4K reached' 'more output than allowed: sentence'
is "$(wc -c <"$scene/out")" 4096 'what the limit allows comes through, and not a byte more'
run -o ExitOnForwardFailure=yes -R 0:127.0.0.1:1 true
is "$status" 255 'a remote forward is refused'
run -W 127.0.0.1:22
is "$status" 255 'a local forward is refused'
like "$err" 'prohibited|forwarding failed' 'and says so'
run -s sftp
is "$status" 255 'a subsystem is refused' "$err"
run -o SetEnv=SECRET=1 -o SendEnv=LANG env
unlike "$out" 'SECRET' 'environment of the client is not taken'

# ---- who gets in ----
refused_login() { # SENTENCE NAME
	run true
	is "$status" 255 "$2: exit status"
	like "$err" "$1" "$2: sentence"
	unlike "$err" 'role|approv|revoked' "$2: and nothing else" || true
}
good=$cert
cert=
run true
is "$status" 255 'a plain key opens nothing'
like "$err" 'postern: access is by certificate only' 'and sees one generic sentence'
cert=$scene/keys/alice-id-cert.pub
run true
is "$status" 255 'an identity certificate opens no role for grants'
like "$err" 'postern: ' 'with its sentence' "$err"
key=mallory cert=$good
run true
is "$status" 255 "somebody else's certificate without its key"
unlike "$err" $'postern: [^\n]*(acme-prod|alice)' 'tells nothing about it'
key=alice
ssh-keygen -q -s "$scene/keys/mallory" -I 'alice@vendor.example grant 1 acme-prod/diagnostics' -n acme-prod/diagnostics -z 1 "$scene/keys/alice.pub"
cert=$scene/keys/alice-cert.pub
run true
is "$status" 255 'a certificate of a foreign authority'
like "$err" 'postern: access is by certificate only' 'sees the generic sentence'
cert=$good
role=nothing run true
is "$status" 255 'a role that does not exist'
like "$err" "postern: .*(role|principal)" 'sees why'
grant --source 203.0.113.0/24 T-3: from elsewhere
run true
like "$err" 'postern: .*is good from' 'another source is refused, with its sentence'
n=$(ca request acme-prod diagnostics --as alice@vendor.example --for 10m T-4: vendor only)
ca approve "$n" --key "$scene/keys/bob" >/dev/null
ca fetch "$n" >"$scene/keys/vendor-only-cert.pub"
cert=$scene/keys/vendor-only-cert.pub
run true
is "$status" 255 "the vendor's approval alone opens nothing"
like "$err" 'postern: .*approv' 'and says what is missing' "$err"
cert=$good

# ---- one exact command ----
grant --command 'word a b' T-5: exactly one
runs 0 '^<a><b>$' 'the one command' word a b
runs 0 '^<a><b>$' 'also when none is named'
refused 126 'one.*command|only' 'and no other' true
cert=$good

# ---- several channels on one connection ----
ssh_options=(-o ControlMaster=auto -o ControlPath="$scene/mux" -o ControlPersist=30)
run true
for i in 1 2 3 4 5 6 7 8; do
	gate_ssh count 100000 >"$scene/many.$i" 2>/dev/null </dev/null &
	pids[i]=$!
done
wait "${pids[@]}"
is "$(cat "$scene"/many.? | md5sum)" "$(for i in 1 2 3 4 5 6 7 8; do seq 100000; done | md5sum)" 'eight channels at once on one connection'
gate_ssh -O exit 2>/dev/null
ssh_options=()
is "$(gate_ssh -o RekeyLimit=256K count 1000000 </dev/null | md5sum)" "$(seq 1000000 | md5sum)" 'rekeying under load'

# ---- the session ----
status_json() { bastion status --json; }
like "$(status_json)" 'acme-prod' 'status names the environment'
seconds=$((50000 + $$ % 50000)) # not those of another run on this machine
gate_ssh sleep $seconds >/dev/null 2>"$scene/killed" </dev/null &
sleeper=$!
wait_for 10 pgrep -f "^/usr/bin/sleep $seconds\$"
live=$(bastion status --json | jq -r '.sessions[] | select(.grant == 1) | .session')
bastion kill "$live" >/dev/null
wait "$sleeper"
is $? 255 'a kill at the gate ends the session'
like "$(cat "$scene/killed")" 'postern: ' 'with a sentence'
wait_for 2 eval '! pgrep -f "^/usr/bin/sleep $seconds\$"'
ok $? 'and nothing of it is left'
run true
is "$status" 255 'a killed session does not come back'

# ---- on record ----
stop_gate
is "$(find "$scene/gate/recordings" -name '*.cast' | wc -l)" "$(find "$scene/gate/recordings" -name '*.seal' | wc -l)" 'every recording is sealed'
said=$(recorder verify --all 2>&1)
ok $? 'and all of them verify' "$said"
for recording in "$scene"/gate/recordings/*.cast; do
	name=$(basename "$recording" .cast)
	echo "seal@acme-prod cert-authority,namespaces=\"seal@postern\" $(cat "$scene/gate/seal_key.pub")" >"$scene/seals"
	(cd "$scene/gate/recordings" && ssh-keygen -Y verify -f "$scene/seals" -I seal@acme-prod -n seal@postern -s "$name.seal.sig" <"$name.seal" && sha256sum -c --strict "$name.seal") >/dev/null 2>&1 || break
done
ok $? 'with stock tools too'
recorder list --json | jq -r '.[].recording' | sed 's/\.[0-9]*$//' | sort -u >"$scene/recorded"
jq -r 'select(.event == "session.open").session' "$scene/gate/log/log.jsonl" | sort -u >"$scene/opened"
is "$(comm -23 "$scene/recorded" "$scene/opened")" '' 'no session was recorded without a log entry'
is "$(jq -r 'select(.event == "session.run").recording' "$scene/gate/log/log.jsonl" | sort)" "$(recorder list --json | jq -r '.[].recording' | sort)" 'every recording has its entry, and every entry its recording'
unlike "$(cat "$scene/gate/log/log.jsonl")" $'\e' 'the log has no control character'
finish
