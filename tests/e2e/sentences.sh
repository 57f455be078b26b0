#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Who is told what: a stranger one generic sentence and the log nothing; whoever proved possession
# of a certified key the one sentence that says why, and the log its reason. And hostile text in
# every place where one can put some: never raw in what we write ourselves.
# shellcheck source=tests/e2e/lib.bash
. "$(dirname "$0")/lib.bash"

keys=
mint=$build/tests/e2e/mint
generic='access is by certificate only'
log() { cat "$scene/gate/log/log.jsonl"; }
refusals() { grep -c '"event":"grant.refused"' "$scene/gate/log/log.jsonl"; }

# knock: stock ssh; $said: the sentences with our name before them, $err: everything.
knock() {
	gate_ssh true >"$scene/out" 2>"$scene/err" </dev/null
	status=$?
	err=$(tr -d '\r' <"$scene/err")
	said=$(grep '^postern: ' <<<"$err")
}
# told REASON REGEX NAME: refused with one sentence, which the log has with its reason.
told() {
	local before entry
	before=$(refusals)
	knock
	is "$status" 255 "$3: refused"
	is "$(wc -l <<<"$said")" 1 "$3: one sentence" "$err"
	like "$said" "^postern: $2" "$3: the right one"
	is "$(refusals)" $((before + 1)) "$3: one entry in the log"
	entry=$(grep '"event":"grant.refused"' "$scene/gate/log/log.jsonl" | tail -1)
	is "$(jq -r .refusal <<<"$entry")" "$1" "$3: with its reason"
	is "postern: $(jq -r .sentence <<<"$entry")" "$said" "$3: and the same sentence"
}
# not_told NAME: refused like any stranger.
not_told() {
	local before
	before=$(log | wc -l)
	knock
	is "$status" 255 "$1: refused"
	is "$said" "postern: $generic" "$1: sees the generic sentence"
	is "$(log | wc -l)" "$before" "$1: is not in the log"
}

# at OFFSET ARGS...: the authority at another time.
at() { faketime -f "$1" "$build/postern-ca" -C "$scene/ca" "${@:2}"; }
# grant_at OFFSET: a whole grant, then.
grant_at() {
	grant=$(at "$1" request acme-prod diagnostics --as alice@vendor.example --for 10m "T: at $1") &&
		at "$1" approve "$grant" --key "$keys/bob" >/dev/null &&
		at "$1" approve "$grant" --key "$keys/carol" >/dev/null &&
		cert=$keys/at$1-cert.pub && at "$1" fetch "$grant" >"$cert"
}
percent() { od -An -v -tx1 | tr -d ' \n' | sed 's/../%&/g'; }
# forge NAME STATEMENT APPROVER...: what a thief of the authority's key can make. Sets $cert.
forge() {
	local name=$1 statement=$2 approver approvals='' number
	shift 2
	for approver; do
		ssh-keygen -q -Y sign -n grant@postern -f "$keys/$approver" <"${approved:-$statement}" 2>/dev/null | sed '/^-/d' | base64 -d >"$scene/approval"
		approvals+=$(printf %08x "$(wc -c <"$scene/approval")" | sed 's/../%&/g')$(percent <"$scene/approval")
	done
	number=$(sed -n 's/^grant //p' "$statement")
	cert=$keys/$name-cert.pub
	"$mint" "$scene/ca/authority" "$keys/alice.pub" serial="$number" "key-id=alice@vendor.example grant $number $(sed -n 's/^environment //p' "$statement")/diagnostics" \
		principal="${principal:-acme-prod/diagnostics}" after=0 before="${before:-300}" critical=grant@postern="$(percent <"$statement")" \
		${approvals:+"extension=approvals@postern=$approvals"} extension=log@postern="$(printf '%%00%.0s' {1..40})" extension=permit-pty >"$cert"
}
# statement NAME [SED-EXPRESSION]: of a request that nobody approved through the authority.
statement() {
	grant=$(ca request acme-prod diagnostics --as alice@vendor.example --for 10m "T: $1") &&
		ca show "$grant" --statement | sed "${2:-}" >"$scene/$1.statement"
}

cat >"${TMPDIR:-/tmp}/postern-roles-$$" <<'CONF'
auditor = { admits = "identity"; least = "basic"; @USER@ commands = ( { name = "true"; argv = [ "/usr/bin/true" ]; } ); };
CONF
scene "${TMPDIR:-/tmp}/postern-roles-$$" && keys=$scene/keys
rm -f "${TMPDIR:-/tmp}/postern-roles-$$"
sed -i 's/^environment = .*/&\nlinger = "1s";/' "$scene/gate.conf"
# Somebody put the engineer's own key into the approvers file, under another name.
echo "eve@acme.example namespaces=\"grant@postern\" $(cat "$keys/alice.pub")" >>"$scene/approvers"
start_gate || { ok 1 'a gate can be started'; finish; }

# ---- strangers ----
cert=
not_told 'a plain key'
ssh-keygen -q -s "$keys/mallory" -I 'alice@vendor.example grant 1 acme-prod/diagnostics' -n acme-prod/diagnostics -z 1 "$keys/alice.pub"
cert=$keys/alice-cert.pub not_told "a stranger's certificate"
ssh-keygen -q -s "$scene/ca/authority" -h -I alice -n acme-prod/diagnostics "$keys/alice.pub"
cert=$keys/alice-cert.pub not_told 'a host certificate'
rm "$keys/alice-cert.pub"
grant T-1: the usual
unproven() { # HOW
	echo "x $keys/alice $cert $1" | /usr/bin/python3 -B "$here/present.py" "$port" diagnostics
}
before=$(log | wc -l)
for how in flipped empty; do
	is "$(unproven "$how")" "x	refused	postern: $generic\\r\\n" "possession not proven ($how): sees the generic sentence"
done
is "$(log | wc -l)" "$before" 'and is not in the log'

# ---- those whom the authority certified ----
knock
is "$status:$err" '0:' 'a good certificate: no sentence at all'
good=$cert
role=nothing told unknown-role "there is no role 'nothing' at 'acme-prod'" 'a role that there is not'
role=auditor told wrong-principal "certificate is for 'acme-prod/diagnostics', not for 'acme-prod/auditor'" 'another role'
grant_at -2h
told expired 'certificate expired at 20[-0-9T:]+Z \(now [-0-9T:]+Z\)$' 'an expired certificate'
grant_at +2h
told not-yet-valid 'certificate is not valid before 20[-0-9T:]+Z' 'one that is not valid yet'
grant --source 203.0.113.0/24 T-2: from elsewhere
told wrong-source "certificate is good from '203.0.113.0/24' only, not from 127.0.0.1" 'another address'
cert=$keys/alice-id-cert.pub
told wrong-principal 'certificate' 'an identity certificate'

statement vendor-only
forge vendor-only "$scene/vendor-only.statement" bob
told quorum-missing '.*approv' 'the approval of one side'
forge nobody "$scene/vendor-only.statement"
told quorum-missing '.*approv' 'no approval at all'
forge stranger "$scene/vendor-only.statement" bob mallory
told bad-approval '.*approv' 'an approval of somebody unknown'
forge self "$scene/vendor-only.statement" bob alice
told self-approval '.*(own|self|requester|engineer)' "the engineer's own approval under another name"
statement edited
sed 's/^reason .*/reason T: something else/' "$scene/edited.statement" >"$scene/changed.statement"
approved=$scene/edited.statement forge changed "$scene/changed.statement" bob carol
told bad-approval '.*approv' 'a statement that was changed after it was approved'
statement other-gate "s|^gate .*|gate $(ssh-keygen -l -f "$keys/mallory.pub" | cut -d' ' -f2)|"
forge other-gate "$scene/other-gate.statement" bob carol
told statement-mismatch 'grant is for the gate with host key SHA256:.*, this one has SHA256:' 'a statement for another gate'
statement other-environment 's/^environment .*/environment acme-test/'
principal=acme-test/diagnostics forge other-environment "$scene/other-environment.statement" bob carol
told wrong-principal "certificate is for 'acme-test/diagnostics', not for 'acme-prod/diagnostics'" 'another environment'
forge moved "$scene/other-environment.statement" bob carol
told statement-mismatch '.*principal' 'a principal that the statement does not have'
statement relayed 's/^role .*/relay relay1.vendor.example\n&/'
forge relayed "$scene/relayed.statement" bob carol
told statement-mismatch "grant is for relay 'relay1.vendor.example', this connection came directly" 'a grant for a relay'
statement twice
forge twice-first "$scene/twice.statement" bob carol
knock
is "$status" 0 'a certificate opens a session'
before=301 forge twice-second "$scene/twice.statement" bob carol
told other-certificate "grant $grant was opened by another certificate" 'another window over the same statement'

# ---- those who were in already ----
nothing_open() { [ "$(bastion status --json | jq '.sessions | length')" -eq 0 ]; }
wait_for 10 nothing_open
grant=1 cert=$good
told used-up 'grant 1 is used up: it allows 1 session$' 'a grant that is used up'
grant T-3: refused by the customer
bastion refuse "$grant" >/dev/null
told refused-here "grant $grant was refused by this environment's owner" 'a grant that the customer refused'
grant T-4: to be revoked
ca revoke "$grant" --as carol@acme.example enough >/dev/null
ca krl --output "$scene/krl"
chmod 644 "$scene/krl"
krl_is_new() { [ "$(bastion status --json | jq .krl.number)" -gt 1 ]; }
wait_for 10 krl_is_new
told revoked "certificate $grant is revoked" 'a certificate that was revoked'
ssh-keygen -q -k -f "$scene/krl" -z 1000 </dev/null /dev/null
krl_is_new() { [ "$(bastion status --json | jq .krl.number)" -ge 1000 ]; }
wait_for 10 krl_is_new
told revoked 'the certificate was revoked' 'one that the next list forgot'
stop_gate
start_gate
told revoked 'the certificate was revoked' 'the same after a restart'
printf 'no list' >"$scene/krl"
krl_is_broken() { bastion status --json | jq -e .krl.broken; }
wait_for 10 krl_is_broken
grant T-5: without a list
told krl-unusable '.*revocation' 'a list of revocations that cannot be read'
finish
