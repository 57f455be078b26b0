#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# postern-recorder over folders as a gate leaves them: list, cat, verify, recover, and stock tools beside.
# shellcheck source=tests/e2e/lib.bash
. "$(dirname "$0")/lib.bash"

scene=$(mktemp -d "${TMPDIR:-/tmp}/postern-test-XXXXXX")
state=$scene/gate
recordings=$state/recordings
mkdir "$state"
make_recording() { "$build/tests/e2e/make_recording" "$state" "$@" 3</dev/null; }

said=
status=0
try() {
	said=$("$@" 2>&1)
	status=$?
}

# verdict STATUS REGEX NAME: verify --all says it, and ends with it.
verdict() {
	try recorder verify --all
	is "$status" "$1" "$3: exit status"
	like "$said" "$2" "$3: sentence"
}

# spoil NAME COMMAND...: runs a command on a copy of the state, verifies, and puts the state back.
spoil() {
	local wanted=$1 name=$2
	shift 2
	rm -rf "$scene/kept"
	cp -a "$state" "$scene/kept"
	"$@"
	verdict 1 "$wanted" "$name"
	rm -rf "$state"
	mv "$scene/kept" "$state"
}

printf 'hello\nworld\n' | make_recording 20261121-s1.1 'query select 1'
hostile=$(printf 'query \e]52;c;eA==\a\e[31m\u202e<b>')
printf 'a\e[31mred\e[0m \e]52;c;eA==\a\e[6n\tback\\slash\r\nend' | make_recording 20261121-s1.2 "$hostile"
for i in $(seq 0 255); do
	# shellcheck disable=SC2059
	printf "\\x$(printf %02x "$i")x"
done >"$scene/bytes"
cat "$scene/bytes" "$scene/bytes" | make_recording 20261121-s2.1 bytes
head -c 300000 /dev/urandom >"$scene/random"
make_recording 20261121-s2.2 random <"$scene/random"
printf 'caf\303\251 \342\202\254 \360\237\230\200\n%.0s' $(seq 2000) >"$scene/utf8"
make_recording 20261121-s2.10 utf8 <"$scene/utf8"
printf out >"$scene/out"
printf 'err \377\n' >"$scene/err"
"$build/tests/e2e/make_recording" "$state" 20261121-s3.1 both <"$scene/out" 3<"$scene/err"

# ---- usage ----
try recorder --help
is "$status" 0 '--help is no error'
like "$said" 'verify.*ID.*--all' '--help names the verbs'
try recorder
is "$status" 2 'no verb is a usage error'
try recorder verify
is "$status" 2 'verify wants an ID or --all'
try recorder list --raw
is "$status" 2 'a verb takes its own options only'
try recorder play --speed 0 20261121-s1.1
is "$status" 2 'a speed of nothing is refused'
try recorder show 20261121-s9.1
is "$status" 3 'what is not there has its own exit status'
for id in ../gate/x.1 .. '' -; do
	try recorder show -- "$id"
	is "$status" 3 "'$id' is no recording"
done

# ---- list, show, cat ----
try recorder list
is "$status" 0 'list succeeds'
like "$said" '20261121-s1\.1 +20.*alice@vendor.example +acme-prod/diagnostics +0 +closed +query select 1' 'list shows who, where, how it ended and its command'
is "$(grep -c $'\e' <<<"$said")" 0 'no escape character of a command reaches the terminal'
like "$said" '\\x1b\]52;c;eA==.*\\u\{202e\}' 'it is shown escaped'
is "$(recorder list --json | jq -r '.[].recording' | tr '\n' ' ')" \
	'20261121-s1.1 20261121-s1.2 20261121-s2.1 20261121-s2.2 20261121-s2.10 20261121-s3.1 ' 'list is sorted as people count'
is "$(recorder list --json | jq -r '.[1].command')" "$hostile" 'JSON keeps the raw value'
like "$(recorder show 20261121-s1.1)" 'state +closed' 'show says the state'
is "$(recorder cat 20261121-s1.1)" $'hello\nworld' 'cat prints the output'
is "$(recorder cat 20261121-s1.2)" $'a\\x1b[31mred\\x1b[0m \\x1b]52;c;eA==\\x07\\x1b[6n\tback\\slash\nend' 'cat makes escape sequences visible'
cat "$scene/bytes" "$scene/bytes" >"$scene/bytes2"
for pair in 20261121-s2.1:bytes2 20261121-s2.2:random 20261121-s2.10:utf8; do
	recorder cat --raw "${pair%:*}" 2>/dev/null | cmp -s - "$scene/${pair#*:}"
	ok $? "raw output of ${pair#*:} is byte for byte what was printed"
done
recorder cat --raw 20261121-s3.1 >"$scene/got.out" 2>"$scene/got.err"
cmp -s "$scene/out" "$scene/got.out" && cmp -s "$scene/err" "$scene/got.err"
ok $? 'raw output and stderr come apart'
script -qec "'$build/postern-recorder' -C '$state' cat --raw 20261121-s1.2" /dev/null >"$scene/tty" </dev/null
is $? 1 'raw bytes are refused on a terminal'
is "$(grep -c $'\e' "$scene/tty")" 0 'and none came'

# ---- stock tools ----
if command -v asciinema >/dev/null; then
	for cast in "$recordings"/*.cast; do
		HOME=$scene asciinema play -s 10000 - <"$cast" >/dev/null 2>"$scene/asciinema.err"
		is "$?" 0 "asciinema plays ${cast##*/}"
		HOME=$scene script -qec "asciinema cat '$cast'" /dev/null >"$scene/asciinema.out" </dev/null
		is "$?" 0 "asciinema prints ${cast##*/}"
	done
	like "$(HOME=$scene script -qec "asciinema cat '$recordings/20261121-s1.1.cast'" /dev/null </dev/null)" 'hello.*world' 'what asciinema prints is what was printed'
else
	skip 'asciinema plays every recording' 'there is no asciinema'
fi
for cast in "$recordings"/*.cast; do
	jq -e . "$cast" >/dev/null
	ok $? "every line of ${cast##*/} is JSON"
done
echo "seal@acme-prod cert-authority,namespaces=\"seal@postern\" $(cat "$state/seal_key.pub")" >"$scene/allowed"
for seal in "$recordings"/*.seal; do
	ssh-keygen -Y verify -f "$scene/allowed" -I seal@acme-prod -n seal@postern -s "$seal.sig" <"$seal" >/dev/null &&
		(cd "$recordings" && sha256sum -c --strict --status "$seal")
	ok $? "ssh-keygen and sha256sum accept ${seal##*/}"
done

# ---- verify ----
verdict 0 'good  log' 'untouched'
is "$(grep -c '^good' <<<"$said")" 7 'every recording and the log are good'
is "$(recorder verify --all --json | jq -r '[.[].verdict] | unique | .[]')" good 'verify has JSON'
try recorder verify 20261121-s1.1
is "$status" 0 'one recording is verified alone'
unlike "$said" 's1\.2' 'and no other is spoken of'
try recorder verify 20261121-s9.9
is "$status" 3 'what is not there cannot be verified'
one=$recordings/20261121-s1.1
spoil 'BAD   20261121-s1.1 .*differs from seal 1' 'an edited byte' sed -i s/hello/jello/ "$one.cast"
spoil 'BAD   20261121-s1.1 .*seal 1 is of' 'a cut recording' truncate -s -1 "$one.cast"
spoil 'BAD   20261121-s1.1 .*bytes stand behind its last seal' 'an addition' sh -c "echo '[9.0,\"o\",\"x\"]' >>'$one.cast'"
spoil 'BAD   20261121-s1.1 +missing +log entry 0 began it' 'a removed recording' sh -c "rm '$one'.*"
spoil 'BAD   20261121-s1.1 .*log entry 1 names its closing seal' 'removed seals' sh -c "rm '$one'.seal*"
spoil 'BAD   20261121-s1.1 .*has no signature beside it' 'a removed signature' rm "$one.seal.sig"
spoil 'BAD   20261121-s1.1 ' 'an edited seal' sed -i s/closed/open/ "$one.seal"
mkdir "$scene/elsewhere"
cp "$state"/seal_key* "$scene/elsewhere"
"$build/tests/e2e/make_recording" "$scene/elsewhere" 20261121-s4.1 </dev/null 3</dev/null
spoil 'BAD   20261121-s4.1 .*the log does not know of it' 'a recording from nowhere' sh -c "cp '$scene/elsewhere/recordings'/* '$recordings'"
spoil 'BAD   log .*entry 1 was changed' 'an edited log' sed -i '2s/run.end/run.new/' "$state/log/log.jsonl"
spoil 'BAD   log .*was rolled back' 'a rolled back log' sh -c "sed -i '5,\$d' '$state/log/log.jsonl'; rm '$state/log/leaves'"
sign_with_seal_key() {
	rm "$state/log/checkpoint.sig"
	ssh-keygen -q -Y sign -n checkpoint@postern -f "$state/seal_key" "$state/log/checkpoint" 2>/dev/null
}
spoil 'BAD   log .*checkpoint was signed by another key' 'a checkpoint that the seal key signed' sign_with_seal_key
try recorder verify --all --log-key "$state/seal_key.pub"
is "$status" 1 'the seal key is not the key of the log'
spoil 'checkpoint_key.pub' 'the log without its public key' rm "$state/checkpoint_key.pub"
spoil 'BAD   log .*cannot be opened' 'a removed log' rm -r "$state/log"
ssh-keygen -q -t ed25519 -N '' -f "$scene/other"
try recorder verify --all --key "$scene/other.pub"
is "$status" 1 'another seal key vouches for nothing'
like "$said" 'BAD   20261121-s1.1 .*did not certify' 'and the sentence says so'
mv "$state/log" "$scene/log"
try recorder verify --all --no-log
is "$status" 0 'recordings alone can be verified'
mv "$scene/log" "$state/log"
spoil 'BAD   20261121-s1.1 +missing' 'a removed folder of recordings' rm -r "$recordings"

# ---- recover ----
printf 'first\n' | make_recording 20261121-s5.1 --open
verdict 3 'open  20261121-s5.1 .*not sealed: recover it' 'an open recording'
"$build/tests/e2e/make_recording" "$state" 20261121-s5.2 --live >"$scene/live" &
extra_pids+=($!)
live_pid=$!
wait_for 10 grep -q live "$scene/live"
like "$(recorder list)" 's5\.2 .* live ' 'a recording that is being written is live'
try recorder verify 20261121-s5.2
is "$status" 0 'and good as far as it goes'
try recorder recover 20261121-s5.2
is "$status" 1 'recovery keeps its hands off it'
like "$said" 'is being written' 'and says why'
kill -9 "$live_pid"
{ wait "$live_pid"; } 2>/dev/null
printf '[99.0,"o","cut' >>"$recordings/20261121-s5.2.cast"
is "$(recorder cat 20261121-s5.2 2>/dev/null)" 'behind the seal' 'after kill -9 cat gives what was written'
like "$(recorder cat 20261121-s5.2 2>&1 >/dev/null)" 'last line is not whole' 'and says that the last line is cut'
try recorder recover --all
is "$status" 0 'recover --all succeeds'
like "$said" 's5\.1 recovered.*s5\.2 recovered' 'it names what it closed'
verdict 0 'good  20261121-s5.2 +recovered' 'recovered recordings'
is "$(grep -c recording.recovered "$state/log/log.jsonl")" 2 'the log has both recoveries'
try recorder recover --all
is "$said" 'nothing to recover' 'a second time there is nothing to do'
for name in 20261121-s5.1 20261121-s5.2; do
	seal=$recordings/$name.seal
	ssh-keygen -Y verify -f "$scene/allowed" -I seal@acme-prod -n seal@postern -s "$seal.sig" <"$seal" >/dev/null &&
		(cd "$recordings" && sha256sum -c --strict --status "$seal")
	ok $? "ssh-keygen and sha256sum accept the recovered $name"
done
finish
