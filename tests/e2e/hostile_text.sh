#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Escape sequences, C1 controls, bidi overrides, carriage returns and line separators in every place
# where somebody can put some: never raw in what we write ourselves.
# shellcheck source=tests/e2e/lib.bash
. "$(dirname "$0")/lib.bash"

mint=$build/tests/e2e/mint
evil=$'\e[31m\e]52;c;aGk=\a\u009b31m\u202eabc\r\u2066def\u2028\u200f\x7fend'
# The same for tools that take %XX.
evil_percent=$(od -An -v -tx1 <<<"$evil" | tr -d ' \n' | sed 's/0a$//; s/../%&/g')

# Anything but printable characters, tabs and line ends. A CR may only end a line.
raw() {
	sed 's/\r$//' | LC_ALL=C grep -aqP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\x8b-\x8f\xa8-\xae]|\xe2\x81[\xa0-\xaf]|\xd8\x9c|\xef\xbb\xbf'
}
# clean NAME COMMAND...: what it writes on both outputs is safe on a terminal, and is something.
clean() {
	local name=$1
	shift
	"$@" >"$scene/said" 2>&1 </dev/null
	clean_file "$name" "$scene/said"
}
clean_file() {
	local status=0
	# JSON may hold a DEL as it is (RFC 8259, section 7), and terminals do nothing about it.
	case $1 in
	*JSON*) tr -d '\177' <"$2" ;;
	*) cat "$2" ;;
	esac | raw && status=1
	[ -s "$2" ] || status=1
	ok "$status" "$1" "$(cat -v "$2" | head -5)"
}

scene && start_gate || { ok 1 'a gate can be started'; finish; }
keys=$scene/keys
raw <<<"$evil"
ok $? 'the check would see it'
! raw <<<$'plain\ttext, \u00e9\u4e2d\r'
ok $? 'and does not see what is harmless'

# ---- the authority ----
ask() { ca request acme-prod diagnostics --as alice@vendor.example --for 10m "$@"; }
clean 'a reason' ask "T-1: $evil"
clean 'a command' ask --command "echo $evil" T-1: x
clean 'a source' ask --source "$evil" T-1: x
clean 'a role' ca request acme-prod "$evil" --as alice@vendor.example --for 10m x
clean 'an environment' ca request "$evil" diagnostics --as alice@vendor.example --for 10m x
clean 'a requester' ca request acme-prod diagnostics --as "$evil" --for 10m x
clean 'a duration' ca request acme-prod diagnostics --as alice@vendor.example --for "$evil" x
clean 'a start' ask --start "$evil" x
clean 'a verb' ca "$evil"
clean 'an option' ca list "--$evil"
clean 'a number' ca show "$evil"
clean 'a folder' "$build/postern-ca" -C "$scene/$evil" list
clean 'a name to enroll' ca enroll "$evil" --role engineer --key "$keys/bob.pub"
clean 'a role to enroll for' ca enroll eve@acme.example --role "$evil" --key "$keys/bob.pub"
clean 'a key file that is not there' ca enroll eve@acme.example --role engineer --key "$scene/$evil"
echo "$(cut -d' ' -f1,2 "$keys/mallory.pub") $evil" >"$scene/commented.pub"
clean 'the comment of a key' ca enroll eve@vendor.example --role engineer --key "$scene/commented.pub"
echo "ssh-$evil AAAA" >"$scene/odd.pub"
clean 'the type of a key' ca enroll eve@vendor.example --role engineer --key "$scene/odd.pub"
denied=$(ask T-2: to be denied)
ca deny "$denied" --as bob@vendor.example "$evil"
clean 'shown' ca show "$denied"
clean 'shown as JSON' ca show "$denied" --json
is "$(ca show "$denied" --json | jq -r 'tostring' | grep -c 'abc')" 1 'where it is whole'
clean 'listed' ca list --all
clean 'listed as JSON' ca list --all --json
clean 'a signature file' ca approve "$denied" --signature "$scene/$evil"
printf -- '-----BEGIN SSH SIGNATURE-----\n%s\n-----END SSH SIGNATURE-----\n' "$evil" >"$scene/evil.sig"
waiting=$(ask T-3: waiting)
clean 'a signature' ca approve "$waiting" --signature "$scene/evil.sig"
# Whoever can write to the database can write anything.
sqlite3 "$scene/ca/postern.db" "update request set engineer = cast(x'$(od -An -v -tx1 <<<"$evil" | tr -d ' \n')' as text), ended_by = cast(x'$(od -An -v -tx1 <<<"$evil" | tr -d ' \n')' as text) where grant_number = $waiting"
clean 'an engineer in the database' ca show "$waiting"
clean 'the same in the list' ca list --all
clean_file "the authority's log" "$scene/ca/log/log.jsonl"

# ---- the gate: who knocks ----
grant T-4: the usual
{
	"$mint" "$scene/ca/identity" "$keys/alice.pub" principal=acme-prod/diagnostics "key-id=$evil_percent" >"$scene/key-id"
	echo "key-id $keys/alice $scene/key-id sign"
	"$mint" "$scene/ca/identity" "$keys/alice.pub" "principal=$evil_percent" >"$scene/principal"
	echo "principal $keys/alice $scene/principal sign"
	"$mint" "$scene/ca/identity" "$keys/alice.pub" principal=acme-prod/diagnostics "critical=$evil_percent" >"$scene/option"
	echo "option $keys/alice $scene/option sign"
	"$mint" "$scene/ca/identity" "$keys/alice.pub" principal=acme-prod/diagnostics "critical=source-address=$evil_percent" >"$scene/source"
	echo "source $keys/alice $scene/source sign"
	"$mint" "$scene/ca/authority" "$keys/alice.pub" principal=acme-prod/diagnostics "critical=grant@postern=postern-grant-v1%0a$evil_percent%0a" >"$scene/statement"
	echo "statement $keys/alice $scene/statement sign"
} >"$scene/knocks"
# What the client receives, not what a careful client makes of it.
heard() { /usr/bin/python3 -B "$here/present.py" "$port" "$1" --raw <"$scene/knocks"; }
clean 'banners about certificates' heard diagnostics
like "$(cat "$scene/said")" 'key-id.*postern: .*\\x1b' 'which do name them'
clean 'banners about users' heard "$evil"

# ---- the gate: what is asked for ----
refused() { gate_ssh -T "$@" 2>&1; }
clean 'an unknown command' refused "$evil"
clean 'a word too many' refused "true $evil"
clean 'a value' refused "count $evil"
clean 'a parameter' refused "word --$evil=x y"
clean 'help about it' refused "help $evil"
like "$(cat "$scene/said")" 'postern: ' 'which says so'
gate_ssh "echo $evil" >"$scene/echoed" 2>/dev/null </dev/null
is "$(cat "$scene/echoed")" "$evil" 'a command writes what it likes'
gate_ssh -o SetEnv="LC_$evil=x" true 2>/dev/null </dev/null
TERM=xterm$evil gate_ssh -tt size >/dev/null 2>&1 </dev/null
ok $? 'a terminal of any name'
printf 'SSH-2.0-%s\r\n' "$evil" >"/dev/tcp/127.0.0.1/$port"
clean 'status' bastion status
clean 'status as JSON' bastion status --json
clean 'an option of it' bastion status "--$evil"
clean 'a verb of the gate' bastion "$evil"
clean 'a session to kill' bastion kill "$evil"
clean 'a grant to refuse' bastion refuse "$evil"
clean 'a command to explain' bastion explain diagnostics "$evil"
clean 'a role to explain' bastion explain "$evil" true
sed "s|^environment.*|environment = \"$evil\";|" "$scene/gate.conf" >"$scene/evil.conf"
clean 'a value in a configuration' "$build/postern-bastion" -f "$scene/evil.conf" -t
{ cat "$scene/gate.conf" && echo "$evil = 1;"; } >"$scene/evil.conf"
clean 'a word in a configuration' "$build/postern-bastion" -f "$scene/evil.conf" -t
clean 'a configuration' "$build/postern-bastion" -f "$scene/$evil" -t

# ---- the memory ----
stop_gate
clean_file "the gate's own words" "$scene/gate.log"
clean_file "the gate's log" "$scene/gate/log/log.jsonl"
clean 'recordings listed' recorder list
clean 'listed as JSON' recorder list --json
clean 'an option' recorder list "--$evil"
clean 'a verb' recorder "$evil"
clean 'a recording to play' recorder play "$evil"
clean 'a recording to show' recorder show "$evil"
clean 'a recording to verify' recorder verify "$evil"
clean 'a folder of recordings' "$build/postern-recorder" -C "$scene/$evil" list
for recording in "$scene"/gate/recordings/*.cast; do
	id=$(basename "$recording" .cast)
	clean "$id shown" recorder show "$id"
	clean "$id shown as JSON" recorder show "$id" --json
	recorder cat "$id" >"$scene/said" 2>&1
	raw <"$scene/said" && ok 1 "$id printed" "$(cat -v "$scene/said")"
	clean "$id verified" recorder verify "$id"
done
echoed=$(grep -l '"command": *"echo' "$scene"/gate/recordings/*.cast | head -1)
like "$(recorder cat "$(basename "$echoed" .cast)")" 'abc.*def.*end' 'the output is there, made visible'
finish
