#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The authority by hand: who may ask, who may approve, what is issued, and every refusal's sentence.
# shellcheck source=tests/e2e/lib.bash
. "$(dirname "$0")/lib.bash"

said=
status=0
# try COMMAND...: remembers what was said and how it ended.
try() {
	said=$("$@" 2>&1)
	status=$?
}
# refuses STATUS SENTENCE NAME COMMAND...
refuses() {
	local wanted=$1 sentence=$2 name=$3
	shift 3
	try "$@"
	is "$status" "$wanted" "$name: exit status"
	like "$said" "$sentence" "$name: sentence"
}
ask() { ca request acme-prod diagnostics --as alice@vendor.example --for 10m "$@"; }
approve() { ca approve "$1" --key "$scene/keys/$2"; }

scene || { ok 1 'a scene can be set'; finish; }
keys=$scene/keys

# ---- usage ----
try ca --help
is "$status" 0 '--help is no error'
for verb in init enroll request list show approve deny fetch cancel 'done' revoke krl; do
	like "$said" "(^|[^a-z])$verb " "--help names $verb"
	like "$(ca "$verb" --help)" "usage: postern-ca $verb" "$verb --help prints its usage"
done
refuses 2 "no verb 'grnat'" 'an unknown verb' ca grnat
refuses 2 "unknown option '--al'" 'an unknown option' ca list --al
refuses 2 'needs a duration' 'an option without its argument' ca request acme-prod diagnostics --as alice@vendor.example x --for
refuses 2 'not a grant number' 'a number that is none' ca show x1
refuses 3 'no grant 99' 'a number that was never given' ca show 99
refuses 1 'holds an authority already' 'a second init' ca init --no-passphrase
refuses 1 'holds no authority' 'a folder without an authority' "$build/postern-ca" -C "$scene/nowhere" list

# ---- keys and files ----
is "$(stat -c %a "$scene/ca/authority" "$scene/ca/identity" "$scene/ca/krl_key" "$scene/ca/postern.db" | sort -u)" 600 'keys and database are readable by their owner only'
is "$(cat "$scene"/ca/{authority,identity,krl_key,log_key}.pub | cut -d' ' -f2 | sort -u | wc -l)" 4 'four keys, none used twice'
is "$(sqlite3 "$scene/ca/postern.db" 'pragma journal_mode')" wal 'the database keeps a write-ahead log'
like "$(ssh-keygen -L -f "$keys/alice-id-cert.pub")" 'front/requester' 'an engineer gets an identity certificate'

# ---- enrolment ----
refuses 1 "belongs to engineer 'alice@vendor.example'" 'an engineer cannot become an approver with the same key' ca enroll alice2@vendor.example --role approver --key "$keys/alice.pub"
refuses 1 "belongs to approver 'bob@vendor.example'" 'nor an approver an engineer' ca enroll bob2@vendor.example --role engineer --key "$keys/bob.pub"
refuses 2 'not a name' 'a name with a blank' ca enroll 'a b' --role engineer --key "$keys/mallory.pub"
refuses 2 'are needed' 'a role that is none' ca enroll dave --role king --key "$keys/mallory.pub"
ssh-keygen -q -t rsa -b 1024 -N '' -f "$keys/short" 2>/dev/null
[ ! -e "$keys/short.pub" ] || refuses 1 '2048' 'an RSA key of 1024 bits' ca enroll short@vendor.example --role engineer --key "$keys/short.pub"
refuses 1 'ertificate' 'a certificate instead of a key' ca enroll dave@vendor.example --role engineer --key "$keys/alice-id-cert.pub"

# ---- requests ----
refuses 1 "'mallory@vendor.example' is not enrolled" 'an engineer nobody enrolled' ca request acme-prod diagnostics --as mallory@vendor.example --for 1h x
refuses 1 "'other-prod' has no enrolled gate" 'an environment without a gate' ca request other-prod diagnostics --as alice@vendor.example --for 1h x
refuses 1 'at most 8h' 'a window longer than the rules allow' ca request acme-prod diagnostics --as alice@vendor.example --for 9h x
refuses 1 'duration' 'a window of no length' ca request acme-prod diagnostics --as alice@vendor.example --for 0 x
refuses 2 'a reason are needed' 'a request without a reason' ca request acme-prod diagnostics --as alice@vendor.example --for 1h
refuses 1 'reason' 'a reason that moves the terminal' ask $'look\e[2Jhere'
refuses 1 'reason' 'a reason with a bidi override' ask $'look\u202ehere'
refuses 1 'reason' 'a reason of two lines' ask $'one\ntwo'
refuses 1 'source' 'a source with host bits' ask --source 10.0.0.1/8 x
refuses 1 'source' 'a source in another spelling' ask --source 127.1 x
refuses 1 'over already' 'a window in the past' ask --start 2020-01-01T00:00:00Z x
refuses 1 'sessions' 'more sessions than anyone needs' ask --sessions 101 x
refuses 1 'span|7 days|not-after' 'a statement over more than seven days' ask --within 8d x
refuses 1 '4,?096' 'a statement over 4,096 bytes' ask "$(printf 'x%.0s' {1..4096})"

first=$(ask T-1: first)
second=$(ask --no-terminal --source 203.0.113.0/24,2001:db8::/32 --sessions 3 --command 'query select 1' T-2: second)
is "$second" $((first + 1)) 'numbers follow each other'
like "$(ca show "$second" --statement)" $'command query select 1\nsource 203.0.113.0/24,2001:db8::/32\nterminal no\nsessions 3\n' 'what was asked for stands in the statement'
is "$(ca list --json | jq length)" 2 'both are listed'
is "$(ca list --pending --json | jq -r '.[0].reason')" 'T-1: first' 'with their reasons'
is "$(ca list --live --json | jq length)" 0 'neither is live'
is "$(ca show "$first" --json | jq -r .engineer)" alice@vendor.example 'show --json tells who'

# ---- approvals: four eyes ----
refuses 3 'no approval yet' 'a fetch before any approval' ca fetch "$first"
refuses 1 'requester' "the requester's own key" approve "$first" alice
refuses 1 'listed' 'a key that nobody listed' approve "$first" mallory
try approve "$first" bob
is "$status" 0 'an approver approves'
refuses 1 'already' 'the same approver twice' approve "$first" bob
ca show "$first" --statement >"$scene/s"
ssh-keygen -q -Y sign -n grant@postern -f "$keys/carol" "$scene/s" 2>/dev/null
ca show "$second" --statement >"$scene/s2"
refuses 1 'verif|signature' 'a signature over another grant' ca approve "$second" --signature "$scene/s.sig"
ssh-keygen -q -Y sign -n file -f "$keys/carol" "$scene/s2" 2>/dev/null
refuses 1 "is for 'file'" 'a signature in another namespace' ca approve "$second" --signature "$scene/s2.sig"
try ca approve "$first" --signature "$scene/s.sig"
like "$said" 'approved by carol@acme.example' 'a signature by stock ssh-keygen counts'
refuses 1 'already' 'the same signature again' ca approve "$first" --signature "$scene/s.sig"
printf 'x' >"$scene/bad.sig"
refuses 1 'SSH SIGNATURE' 'a file that is no signature' ca approve "$first" --signature "$scene/bad.sig"

eval "$(ssh-agent -s)" >/dev/null
extra_pids+=("$SSH_AGENT_PID")
ssh-add -q "$keys/mallory"
refuses 1 'no key of an approver' 'an agent without an approver' ca approve "$second"
ssh-add -q "$keys/bob"
try ca approve "$second"
like "$said" 'approved by bob@vendor.example' 'the ssh-agent signs'
unset SSH_AUTH_SOCK

# On a terminal it shows the statement and asks.
on_terminal() { script -qec "$build/postern-ca -C $scene/ca approve $second --key $keys/carol" /dev/null; }
said=$(on_terminal <<<n | tr -d '\r')
like "$said" 'approve exactly this' 'on a terminal it asks'
like "$said" 'not approved' 'and takes no for an answer'
is "$(sed -n '/postern-grant-v1/,/approve exactly/p' <<<"$said" | sed -e '$d' -e 's/^  //')" "$(ca show "$second" --statement)" 'it has shown the statement, and nothing behind it'
like "$(on_terminal <<<y)" 'approved by carol@acme.example' 'and yes'

# ---- certificates ----
ca fetch "$first" >"$scene/one"
ca fetch "$first" >"$scene/two"
is "$(cat "$scene/two")" "$(cat "$scene/one")" 'a later fetch gives the same bytes'
like "$(ssh-keygen -L -f "$scene/one")" "Serial: $first" 'the serial is the grant number'
refuses 1 'is issued' 'an approval after the issue' approve "$first" carol
third=$(ask T-3: third)
approve "$third" bob >/dev/null
fetches=()
for i in 1 2 3 4 5 6 7 8; do
	ca fetch "$third" >"$scene/race.$i" 2>"$scene/race.$i.err" &
	fetches[i]=$!
done
wait "${fetches[@]}"
is "$(sort -u "$scene"/race.? | wc -l)" 1 'eight fetches at once give one certificate' "$(cat "$scene"/race.*.err)"
is "$(grep -c '"event":"issue"' "$scene/ca/log/log.jsonl")" 2 'and one issue entry each'

# Stock sshd knows nothing of grant@postern, and so refuses the certificate.
like "$(ssh-keygen -L -f "$scene/one")" 'grant@postern' 'the statement is a critical option'

# ---- the four ends ----
refuses 1 "asked for by 'alice@vendor.example'" 'somebody else ends it' ca 'done' "$first" --as bob@vendor.example
refuses 1 'not an approver' 'the engineer revokes' ca revoke "$first" --as alice@vendor.example why
refuses 1 'is issued' 'a cancel after the issue' ca cancel "$first" --as alice@vendor.example
refuses 2 'a reason' 'a revocation without a reason' ca revoke "$first" --as carol@acme.example
ca krl >"$scene/krl1"
is "$(ssh-keygen -Q -f "$scene/krl1" "$scene/one" >/dev/null; echo $?)" 0 'not on the revocation list yet'
try ca revoke "$first" --as carol@acme.example enough
is "$status" 0 'an approver revokes'
ca krl --output "$scene/krl2"
is "$(ssh-keygen -Q -f "$scene/krl2" "$scene/one" >/dev/null; echo $?)" 1 'stock ssh-keygen finds it revoked'
echo "krl namespaces=\"krl@postern\" $(cat "$scene/ca/krl_key.pub")" >"$scene/krl-signers"
ssh-keygen -Y verify -f "$scene/krl-signers" -I krl -n krl@postern -s "$scene/krl2.sig" <"$scene/krl2" >/dev/null 2>&1
ok $? 'the list is signed by its own key'
like "$(ssh-keygen -Q -l -f "$scene/krl2" | head -1)" 'KRL version [3-9]' 'each list has a higher number'
try ca 'done' "$third" --as alice@vendor.example
is "$status" 0 'the engineer is done early'
is "$(ca show "$third" --json | jq -r .state)" 'done' 'and the state says so'
fourth=$(ask T-4: fourth)
refuses 1 'not an approver' 'the engineer denies' ca deny "$fourth" --as alice@vendor.example no
try ca deny "$fourth" --as bob@vendor.example $'not\e[31mnow'
is "$status" 0 'an approver denies'
refuses 1 'is denied' 'an approval after the denial' approve "$fourth" carol
refuses 1 'is denied' 'a fetch after the denial' ca fetch "$fourth"
unlike "$(ca show "$fourth")" $'\e' 'what people wrote is escaped'
fifth=$(ask T-5: fifth)
ca cancel "$fifth" --as alice@vendor.example
refuses 1 'is cancelled' 'an approval after the cancellation' approve "$fifth" carol

# ---- time ----
sixth=$(ask T-6: sixth)
refuses 1 'is expired' 'an approval an hour later' faketime -f +61m "$build/postern-ca" -C "$scene/ca" approve "$sixth" --key "$keys/bob"
is "$(faketime -f +61m "$build/postern-ca" -C "$scene/ca" list --pending --json | jq length)" 0 'a request nobody approves ends by itself'
seventh=$(ask --start "$(date -u -d '+2 hours' +%Y-%m-%dT%H:%M:%SZ)" T-7: later)
approve "$seventh" bob >/dev/null
refuses 3 'cannot be used before' 'a fetch before not-before' ca fetch "$seventh"
try faketime -f +121m "$build/postern-ca" -C "$scene/ca" fetch "$seventh"
is "$status" 0 'and at its time it is issued'

# ---- the database decides nothing ----
eighth=$(ask T-8: eighth)
sqlite3 "$scene/ca/postern.db" "insert into approval values ($eighth, 'carol@acme.example', x'00', 0)"
try ca fetch "$eighth"
is "$status" 1 'a forged approval row gets nothing signed'
ninth=$(ask T-9: ninth)
approve "$ninth" bob >/dev/null
sqlite3 "$scene/ca/postern.db" "update request set statement = (select statement from request where grant_number = $first) where grant_number = $ninth"
refuses 1 "is that of grant $first" 'a swapped statement' ca fetch "$ninth"
new_key alice3
tenth=$(ask T-10: tenth)
approve "$tenth" bob >/dev/null
fingerprint=$(ssh-keygen -l -f "$keys/alice3.pub" | cut -d' ' -f2)
sqlite3 "$scene/ca/postern.db" "update request set statement = cast(replace(cast(statement as text), substr(cast(statement as text), instr(cast(statement as text), 'key SHA') + 4, 50), '$fingerprint') as blob) where grant_number = $tenth"
try ca fetch "$tenth"
is "$status" 1 'an edited key gets nothing signed'

# ---- the log ----
try "$build/postern-recorder" -C "$scene/ca" verify --all
is "$status" 0 "the authority's log verifies" "$said"
like "$said" '^good  log' 'and there are no recordings to speak of'
rm -rf "$scene/copy"
cp -a "$scene/ca" "$scene/copy"
rm "$scene/copy/log/checkpoint.sig"
ssh-keygen -q -Y sign -n checkpoint@postern -f "$scene/copy/krl_key" "$scene/copy/log/checkpoint" 2>/dev/null
try "$build/postern-recorder" -C "$scene/copy" verify --all
is "$status" 1 'a checkpoint that the KRL key signed is refused'
like "$said" 'BAD   log .*signed by another key' 'with its sentence'

for i in $(seq 1 10); do ask "T-more: $i" >/dev/null 2>&1; done
refuses 1 'requests waiting already' 'an eleventh request' ask T-11: too many
finish
