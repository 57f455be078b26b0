#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Hostile certificates through a real login, side by side with a stock sshd that trusts the same
# keys and reads the same principals and revocation list. Postern never accepts what sshd refuses.
#
# The one exception is a FIDO key that nobody touched, which libssh cannot see. Nor does it show two
# things about a request whose proof holds: the name of the algorithm, and bytes after the
# signature. They say nothing of the certificate and let nobody in who has not the key.
# shellcheck source=tests/e2e/lib.bash
. "$(dirname "$0")/lib.bash"

sshd=$(PATH=$PATH:/usr/sbin command -v sshd)
mint=$build/tests/e2e/mint
sk_dummy=/usr/lib/openssh/regress/misc/sk-dummy/sk-dummy.so
login=$(id -un)

# ---- two servers that trust the same ----
# A role of the kind that sshd could serve too: an identity certificate is enough.
prepare() {
	cat >"$scene/roles" <<-'CONF'
		auditor = { admits = "identity"; least = "basic"; @USER@ commands = ( { name = "true"; argv = [ "/usr/bin/true" ]; } ); };
	CONF
	ssh-keygen -q -t rsa -b 3072 -N '' -f "$scene/keys/ca-rsa"
	for bits in 256 384 521; do
		ssh-keygen -q -t ecdsa -b "$bits" -N '' -f "$scene/keys/ca-$bits"
	done
	new_key ca-gone
	ssh-keygen -q -t rsa -b 1024 -N '' -f "$scene/keys/ca-1024"
	cp "$scene/ca/identity" "$scene/keys/ca"
	cp "$scene/ca/identity.pub" "$scene/keys/ca.pub"
	if [ -e "$sk_dummy" ]; then
		ssh-keygen -q -t ed25519-sk -w "$sk_dummy" -N '' -f "$scene/keys/ed25519-sk"
		ssh-keygen -q -t ecdsa-sk -w "$sk_dummy" -N '' -f "$scene/keys/ecdsa-sk"
		ssh-keygen -q -t ed25519-sk -w "$sk_dummy" -N '' -O no-touch-required -f "$scene/keys/untouched"
	fi
	write_gate_conf "$scene/roles"
	local listed='' name
	for name in ca ca-rsa ca-256 ca-384 ca-521 ca-gone; do
		listed+="${listed:+, }\"$scene/keys/$name.pub\""
	done
	sed -i "s|^identities = .*|identities = [ $listed ];|" "$scene/gate.conf"
	cat "$scene"/keys/{ca,ca-rsa,ca-256,ca-384,ca-521,ca-gone,ca-1024}.pub >"$scene/cas"
	echo no-touch-required acme-prod/auditor >"$scene/principals"
}

start_sshd() {
	[ "$(id -u)" -ne 0 ] || mkdir -p /run/sshd
	new_key sshd-host
	cat >"$scene/sshd_config" <<-CONF
		ListenAddress 127.0.0.1
		HostKey $scene/keys/sshd-host
		PidFile none
		StrictModes no
		PermitRootLogin yes
		KexAlgorithms curve25519-sha256,curve25519-sha256@libssh.org
		AuthenticationMethods publickey
		AuthorizedKeysFile none
		TrustedUserCAKeys $scene/cas
		AuthorizedPrincipalsFile $scene/principals
		RevokedKeys $scene/krl
		MaxStartups 100
		LogLevel VERBOSE
	CONF
	# Newer ones would punish the address for what it is about to send.
	echo 'PerSourcePenalties no' >>"$scene/sshd_config"
	"$sshd" -t -f "$scene/sshd_config" 2>/dev/null || sed -i '$d' "$scene/sshd_config"
	for _ in 1 2 3 4 5; do
		sshd_port=$((20000 + RANDOM % 10000))
		: >"$scene/sshd.log"
		"$sshd" -D -f "$scene/sshd_config" -p "$sshd_port" -E "$scene/sshd.log" &
		extra_pids+=($!)
		wait_for 10 grep -qE 'Server listening|Cannot bind' "$scene/sshd.log"
		! grep -q 'Cannot bind' "$scene/sshd.log" && return 0
	done
	return 1
}

# ---- the cases ----
declare -A wanted
cases=()
# list FILE NAME WANTED KEY CERTIFICATE HOW: in the order they are tried. WANTED: both let it in; none
# does; only-sshd does, and Postern must not; only-postern does, as the comment above says.
list() {
	wanted[$2]=$3
	cases+=("$2")
	echo "$2 $scene/keys/$4 $scene/certs/$5 $6" >>"$scene/$1"
	[ -s "$scene/certs/$5" ] || ok 1 "$5: can be made"
}
# stock NAME WANTED KEY [SSH-KEYGEN-OPTION...]: what the stock tool makes, shown by the stock client too.
stock() {
	local name=$1 verdict=$2 key=$3
	shift 3
	cp "$scene/keys/$key.pub" "$scene/keys/subject.pub"
	ssh-keygen -q -s "$scene/keys/${ca:-ca}" -I "${id:-dora@acme.example}" ${principal:+-n "$principal"} -V "${window:--1m:+1h}" \
		"$@" "$scene/keys/subject.pub"
	mv "$scene/keys/subject-cert.pub" "$scene/certs/$name"
	list by-hand "$name" "$verdict" "${holder:-$key}" "$name" "${how:-sign}"
	[ -n "${how-}${holder-}" ] || list by-ssh "$name/ssh" "$verdict" "$key" "$name" ssh
}
# odd NAME WANTED KEY [FIELD=VALUE...]: what it would not make.
odd() {
	local name=$1 verdict=$2 key=$3
	shift 3
	"$mint" "$scene/keys/${ca:-ca}" "$scene/keys/$key.pub" "$@" >"$scene/certs/$name"
	list by-hand "$name" "$verdict" "$key" "$name" "${how:-sign}"
}
# fido NAME WANTED KEY [SSH-KEYGEN-OPTION...]: a FIDO key, for which only the stock client signs.
fido() {
	local name=$1 verdict=$2 key=$3
	shift 3
	[ -e "$scene/keys/$key" ] || return 0
	how=ssh stock "$name" "$verdict" "$key" "$@"
	sed -i "/^$name /d" "$scene/by-hand"
	echo "$name $scene/keys/$key $scene/certs/$name ssh" >>"$scene/by-ssh"
}

prepare_cases() {
	local principal=acme-prod/auditor type
	mkdir "$scene/certs"
	for type in 256 384 521; do
		ssh-keygen -q -t ecdsa -b "$type" -N '' -f "$scene/keys/p$type"
	done
	ssh-keygen -q -t rsa -b 3072 -N '' -m PEM -f "$scene/keys/rsa"
	ssh-keygen -q -t rsa -b 1024 -N '' -m PEM -f "$scene/keys/rsa1024"
	ssh-keygen -q -t rsa -b 2048 -N '' -m PEM -f "$scene/keys/rsa2048"
	"$mint" --exponent 1 "$scene/keys/rsa2048.pub" >"$scene/keys/rsa-e1.pub"
	openssl genpkey -quiet -algorithm rsa -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_keygen_pubexp:3 -out "$scene/keys/rsa-e3" 2>/dev/null ||
		openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_keygen_pubexp:3 -out "$scene/keys/rsa-e3" 2>/dev/null
	chmod 600 "$scene/keys/rsa-e3"
	ssh-keygen -y -f "$scene/keys/rsa-e3" >"$scene/keys/rsa-e3.pub"
	openssl rsa -in "$scene/keys/rsa-e3" -traditional -out "$scene/keys/rsa-e3" 2>/dev/null
	"$mint" --identity-point >"$scene/keys/point.pub"

	# Good ones: if these failed, the refusals would prove nothing.
	stock good both alice
	stock good-p256 both p256
	stock good-p384 both p384
	stock good-p521 both p521
	stock good-rsa both rsa
	ca=ca-rsa stock good-by-rsa both alice
	ca=ca-rsa stock good-by-rsa-sha256 both alice -t rsa-sha2-256
	ca=ca-256 stock good-by-p256 both alice
	ca=ca-384 stock good-by-p384 both alice
	ca=ca-521 stock good-by-p521 both alice
	stock good-source both alice -O source-address=127.0.0.0/8,::1
	stock good-any-source both alice -O source-address=0.0.0.0/0
	stock good-unknown-extension both alice -O extension:ours@example.com=whatever
	stock good-no-extensions both alice -O clear
	window=always:forever stock good-for-ever both alice
	odd good-by-hand both alice
	odd good-empty-nonce both alice nonce=0
	odd good-huge-nonce both alice nonce=40000
	odd good-reserved both alice reserved=whatever%00%ff
	odd good-serial-0 both alice serial=0
	odd good-last-serial both alice serial=18446744073709551615

	# Whose it is, and of what kind.
	ca=mallory stock foreign-authority none alice
	ca=alice stock own-authority none alice
	stock host-certificate none alice -h
	odd type-0 none alice type=0
	odd type-3 none alice type=3
	how=plain stock claimed-as-plain-key only-postern alice
	cp "$scene/keys/alice.pub" "$scene/certs/plain-key"
	list by-hand plain-key none alice plain-key sign
	holder=mallory stock somebody-elses none bob

	# When.
	window=-2h:-1h stock expired none alice
	window=-2h:-1s stock just-expired none alice
	window=+1h:+2h stock not-yet-valid none alice
	odd window-reversed none alice after=600 before=-600
	odd window-empty none alice after=0 before=0

	# For whom.
	principal='' stock no-principal none alice
	principal='*' stock wildcard none alice
	principal='acme-prod/*' stock wildcard-role none alice
	principal=acme-prod/other stock other-role none alice
	principal=acme-prod/audito stock shorter-principal none alice
	principal=acme-prod/auditors stock longer-principal none alice
	principal=ACME-PROD/auditor stock principal-in-capitals none alice
	principal=auditor stock role-alone none alice
	principal=acme-prod/auditor,acme-prod/other stock two-principals only-sshd alice
	odd comma-in-principal none alice principal=acme-prod/auditor,acme-prod/other
	odd newline-in-principal none alice principal=acme-prod/auditor%0a
	odd blank-in-principal none alice 'principal= acme-prod/auditor'
	odd nul-in-principal none alice principal=acme-prod/auditor%00x
	odd nul-after-principal only-sshd alice principal=acme-prod/auditor%00
	odd empty-principal none alice principal=
	odd empty-principal-beside only-sshd alice principal= principal=acme-prod/auditor
	odd principal-twice only-sshd alice principal=acme-prod/auditor principal=acme-prod/auditor
	odd principals-256 only-sshd alice principals=255 principal=acme-prod/auditor
	odd principals-257 none alice principals=256 principal=acme-prod/auditor
	odd principals-cut none alice raw-principals=%00%00%00%ffacme

	# Under which conditions.
	stock unknown-critical none alice -O critical:ours@example.com=x
	stock unknown-critical-flag none alice -O critical:ours@example.com
	stock pty-as-critical none alice -O critical:permit-pty
	stock force-command only-sshd alice -O force-command=true
	stock verify-required only-sshd alice -O verify-required
	odd force-command-twice none alice critical=force-command=true critical=force-command=true
	odd force-command-as-extension only-sshd alice extension=force-command=true
	odd source-as-extension only-sshd alice extension=source-address=203.0.113.0/24
	odd grant-without-grant none alice critical=grant@postern=x
	odd approvals-in-an-identity only-sshd alice extension=approvals@postern=x
	stock other-source none alice -O source-address=203.0.113.0/24
	stock other-family none alice -O source-address=::1/128
	odd source-with-host-bits none alice critical=source-address=127.0.0.1/8
	odd source-with-blank none alice 'critical=source-address=127.0.0.1, 10.0.0.0/8'
	odd source-negated none alice 'critical=source-address=!127.0.0.1'
	odd source-negated-other none alice 'critical=source-address=!10.0.0.1,127.0.0.1'
	odd source-with-empty-entry none alice critical=source-address=127.0.0.0/8,,10.0.0.0/8
	odd source-empty none alice critical=source-address=
	odd source-name none alice critical=source-address=localhost
	odd source-star none alice 'critical=source-address=*'
	odd source-short only-sshd alice critical=source-address=127.1
	odd source-octal only-sshd alice critical=source-address=0177.0.0.1
	odd source-mask-33 none alice critical=source-address=127.0.0.1/33
	odd source-twice none alice critical=source-address=127.0.0.0/8 critical=source-address=127.0.0.0/8
	odd source-not-wrapped none alice bare-critical=source-address=127.0.0.0/8
	odd source-flag none alice critical=source-address
	odd source-with-tail none alice 'bare-critical=source-address=%00%00%00%09127.0.0.1x'
	odd source-with-nul only-sshd alice critical=source-address=127.0.0.1%00
	odd flag-with-data none alice extension=permit-pty=x
	odd extensions-unsorted only-sshd alice extension=permit-pty extension=permit-X11-forwarding
	odd extension-twice only-sshd alice extension=permit-pty extension=permit-pty
	odd critical-twice only-sshd alice critical=verify-required critical=verify-required
	odd nul-in-option-name none alice critical=source%00address=x
	odd nul-after-option-name only-sshd alice extension=permit-pty%00
	odd empty-option-name none alice critical=
	odd options-cut none alice raw-critical=%00%00%00%ffx
	odd extensions-cut none alice raw-extensions=%00%00%00%09permit-pt

	# What it calls itself.
	odd nul-in-key-id none alice key-id=dora%00@acme.example
	odd nul-after-key-id only-sshd alice key-id=dora@acme.example%00
	odd key-id-empty only-sshd alice key-id=
	odd key-id-escape only-sshd alice 'key-id=dora%1b]52;c;aGk=%07@acme.example'
	odd key-id-newline only-sshd alice 'key-id=dora@acme.example%0aadmitted mallory'
	odd key-id-bidi only-sshd alice key-id=dora%e2%80%ae@acme.example
	odd key-id-of-a-grant only-sshd alice 'key-id=alice@vendor.example grant 1 acme-prod/diagnostics'
	odd key-id-like-an-option only-sshd alice key-id=-dora
	odd key-id-long only-sshd alice "key-id=$(printf 'd%.0s' {1..9000})"

	# How it is written.
	odd trailing-byte none alice tail=%00
	odd cut-by-one none alice cut=1
	odd cut-by-84 none alice cut=84
	odd cut-by-200 none alice cut=200
	echo "ssh-ed25519-cert-v01@openssh.com AAAA" >"$scene/certs/no-type"
	list by-hand no-type none alice no-type sign
	odd body-of-31-bytes none alice "body=%00%00%00%1f$(printf '%%11%.0s' {1..31})"
	odd body-of-33-bytes none alice "body=%00%00%00%21$(printf '%%11%.0s' {1..33})"
	odd body-of-another-type none alice kind=ecdsa-sha2-nistp256-cert-v01@openssh.com
	odd another-curve none p256 kind=ecdsa-sha2-nistp384-cert-v01@openssh.com
	odd unknown-kind none alice kind=ssh-nothing-cert-v01@openssh.com

	# Who signed it.
	odd signature-spoilt none alice signature=spoilt
	odd signature-malleable only-sshd alice signature=malleable
	odd signature-with-tail none alice signature-tail=%00
	odd signature-of-another-kind none alice algorithm=ssh-rsa
	odd authority-is-a-certificate none alice "authority=$scene/certs/good"
	odd authority-is-another none alice "authority=$scene/keys/ca-256.pub"
	ca=mallory odd authority-is-claimed none alice "authority=$scene/keys/ca.pub"
	ca=ca-rsa stock authority-sha1 none alice -t ssh-rsa
	ca=ca-1024 stock authority-rsa-1024 only-sshd alice

	# With which key.
	how=flipped stock proof-flipped none alice
	how=trailing stock proof-with-tail only-postern alice
	how=empty stock proof-empty none alice
	how=malleable stock proof-malleable only-sshd alice
	how=sha1 stock proof-sha1 none rsa
	how=forge-rsa odd exponent-1 only-sshd rsa-e1
	odd exponent-3 only-sshd rsa-e3
	stock rsa-1024 only-sshd rsa1024
	how=forge-ed25519 odd identity-point only-sshd point

	# FIDO keys.
	fido fido-ed25519 both ed25519-sk
	fido fido-ecdsa both ecdsa-sk
	fido fido-expired none ed25519-sk -V -2h:-1h
	fido fido-untouched only-postern untouched
	fido fido-need-not-be-touched both untouched -O no-touch-required
	fido fido-must-be-verified none ed25519-sk -O verify-required

	# What was called back.
	stock revoked-serial none alice -z 700
	stock revoked-range none alice -z 805
	id=gone@acme.example stock revoked-key-id none alice
	stock revoked-key none carol
	ca=ca-gone stock revoked-authority none alice
	stock beside-the-range both alice -z 811
	{
		echo 'serial: 700'
		echo 'serial: 800-810'
		echo 'id: gone@acme.example'
	} >"$scene/krl-spec"
	{
		printf 'key: '
		cat "$scene/keys/carol.pub"
		printf 'key: '
		cat "$scene/keys/ca-gone.pub"
	} >"$scene/krl-keys"
	ssh-keygen -q -k -f "$scene/krl" -z 100 -s "$scene/keys/ca.pub" "$scene/krl-spec" "$scene/krl-keys"
	chmod 644 "$scene/krl"
}

scene && prepare && prepare_cases && start_gate && start_sshd || { ok 1 'a gate and an sshd can be started'; finish; }

present() { /usr/bin/python3 -B "$here/present.py" "$@" <"$scene/by-hand"; }
# with_ssh PORT USER: the same answers as present.py, by the stock client.
with_ssh() {
	local name key certificate
	while read -r name key certificate _; do
		ssh -F none -p "$1" -i "$key" -o CertificateFile="$certificate" -o IdentitiesOnly=yes -o BatchMode=yes -o LogLevel=VERBOSE \
			-o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no -o SecurityKeyProvider="$sk_dummy" \
			"$2@127.0.0.1" true >"$scene/ssh-$1" 2>&1 </dev/null
		grep -q '^Authenticated to' "$scene/ssh-$1" && echo -ne "$name\taccepted\t" || echo -ne "$name\trefused\t"
		grep -E 'postern|denied' "$scene/ssh-$1" | tr -d '\r' | paste -s -d '/'
	done <"$scene/by-ssh"
}
present "$sshd_port" "$login" "$scene/sshd.log" >"$scene/sshd.1" &
trials=($!)
present "$port" auditor >"$scene/postern.1" &
trials+=($!)
with_ssh "$port" auditor >"$scene/postern.2" &
trials+=($!)
with_ssh "$sshd_port" "$login" >"$scene/sshd.2"
wait "${trials[@]}"

verdict() { cat "$scene/$1".? | awk -F '\t' -v name="$2" '$1 == name { print $2 }'; }
remark() { cat "$scene/$1".? | awk -F '\t' -v name="$2" '$1 == name { print $3 }'; }
for name in "${cases[@]}"; do
	theirs=$(verdict sshd "$name") ours=$(verdict postern "$name")
	case ${wanted[$name]} in
	both | only-postern) good=accepted ;;
	*) good=refused ;;
	esac
	[ "$ours" = "$good" ]
	ok $? "$name: sshd $theirs, Postern $ours" "Postern should have $good it
sshd:    $(remark sshd "$name")
Postern: $(remark postern "$name")"
	case $theirs:$ours:${wanted[$name]} in
	accepted:*:none) ok 1 "$name: sshd refuses it" ;;
	accepted:* | refused:*:only-postern) ;;
	*:accepted:*) ok 1 "$name: Postern never accepts what sshd refuses" ;;
	*:both) ok 1 "$name: sshd does let it in" "$(remark sshd "$name")" ;;
	*:only-sshd) echo "# $name: this sshd refuses it too: $(remark sshd "$name" | cut -c 1-160)" ;;
	esac
done
[ ${#cases[@]} -ge 60 ]
ok $? "${#cases[@]} cases"

[ -e "$sk_dummy" ] || skip 'FIDO keys' 'there is no sk-dummy.so (package openssh-tests)'

# What sshd takes from an authority that is too weak, a gate is not even configured for.
sed "s|^identities = .*|identities = [ \"$scene/keys/ca-1024.pub\" ];|" "$scene/gate.conf" >"$scene/weak.conf"
said=$("$build/postern-bastion" -f "$scene/weak.conf" -t 2>&1)
is $? 1 'an authority with 1024 bits is an error of configuration'
like "$said" 'ca-1024.*2048' 'that says why'

# An empty revocation list revokes nothing, says sshd; here it is a broken one.
: >"$scene/krl"
broken() { bastion status --json | jq -e .krl.broken; }
wait_for 10 broken
ok $? 'an empty revocation list is a broken one'
"$mint" "$scene/keys/ca" "$scene/keys/alice.pub" >"$scene/certs/last"
echo "last $scene/keys/alice $scene/certs/last sign" >"$scene/last"
like "$(/usr/bin/python3 -B "$here/present.py" "$sshd_port" "$login" <"$scene/last")" 'accepted' 'to sshd it is a list of nothing'
like "$(/usr/bin/python3 -B "$here/present.py" "$port" auditor <"$scene/last")" 'refused.*postern: .*revocation' 'and with it nobody gets in'
finish
