#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every client an engineer may come with: OpenSSH with every type of key and every way to hold it,
# PuTTY, paramiko, libssh; and every way to come without a certificate.
# shellcheck source=tests/e2e/lib.bash
. "$(dirname "$0")/lib.bash"

sk_dummy=/usr/lib/openssh/regress/misc/sk-dummy/sk-dummy.so

out=
err=
status=0
# try COMMAND...: remembers what it said and how it ended; nobody waits longer than half a minute.
try() {
	"$@" >"$scene/out" 2>"$scene/err" </dev/null
	status=$?
	out=$(tr -d '\r' <"$scene/out")
	err=$(tr -d '\r' <"$scene/err")
}
# gets_in NAME COMMAND...: which runs `whoami`.
gets_in() {
	local name=$1
	shift
	try "$@"
	is "$status" 0 "$name gets in" "$err"
	like "$out" 'identity +alice@vendor.example' "$name: as alice"
}
# stays_out NAME REGEX COMMAND...
stays_out() {
	local name=$1 regex=$2
	shift 2
	try "$@"
	[ "$status" -ne 0 ] && [ "$status" -ne 124 ]
	ok $? "$name stays out" "$status $out"
	like "$err" "$regex" "$name: and sees that"
}

scene && start_gate || { ok 1 'a gate can be started'; finish; }
keys=$scene/keys
ssh_options=(-o SecurityKeyProvider="$sk_dummy")

# ---- OpenSSH: every type of key ----
declare -A certs
make_key() { # TYPE [BITS]
	case $1 in
	*-sk) ssh-keygen -q -t "$1" -w "$sk_dummy" -N '' -f "$keys/$1" ;;
	*) ssh-keygen -q -t "$1" ${2:+-b "$2"} -N '' -m PEM -C '' -f "$keys/$1${2-}" ;;
	esac
}
for type in ed25519 'ecdsa 256' 'ecdsa 384' 'ecdsa 521' 'rsa 3072' ed25519-sk ecdsa-sk; do
	name=${type// /}
	if [[ $type == *-sk && ! -e $sk_dummy ]]; then
		skip "ssh with $type" 'there is no sk-dummy.so (package openssh-tests)'
		continue
	fi
	# shellcheck disable=SC2086 # type and bits
	make_key $type
	ca enroll alice@vendor.example --role engineer --key "$keys/$name.pub" >/dev/null
	grant --sessions 20 --key "$keys/$name.pub" "T-1: with $name"
	certs[$name]=$cert
	key=$name gets_in "ssh with $type" gate_ssh whoami
done
key=rsa3072 cert=${certs[rsa3072]}
gets_in 'ssh with RSA and SHA-256' gate_ssh -o PubkeyAcceptedAlgorithms=rsa-sha2-256-cert-v01@openssh.com,rsa-sha2-256 whoami
stays_out 'ssh with RSA and SHA-1' 'Permission denied' \
	gate_ssh -o PubkeyAcceptedAlgorithms=ssh-rsa-cert-v01@openssh.com,ssh-rsa whoami

# ---- OpenSSH: every way to hold a key and its certificate ----
key=ed25519 cert=${certs[ed25519]}
ssh_options=()
cp "$cert" "$keys/ed25519-cert.pub"
cert='' gets_in 'a certificate beside its key' gate_ssh whoami
eval "$(ssh-agent -s)" >/dev/null
extra_pids+=("$SSH_AGENT_PID")
mv "$keys/ed25519" "$keys/held" && mv "$keys/ed25519-cert.pub" "$keys/held-cert"
ssh-add -q "$keys/held"
key=ed25519.pub gets_in 'a key in the agent with a CertificateFile' gate_ssh whoami
key=ed25519.pub gets_in 'the same without IdentitiesOnly' gate_ssh -o IdentitiesOnly=no whoami
ssh-add -q -D
for i in 1 2 3 4 5 6 7 8; do
	new_key "other$i"
	ssh-add -q "$keys/other$i"
done
cp "$keys/held-cert" "$keys/held-cert.pub"
ssh-add -q "$keys/held"
agent_ssh() {
	ssh -F none -p "$port" -o UserKnownHostsFile="$scene/known_hosts" -o StrictHostKeyChecking=yes -o BatchMode=yes \
		-o IdentityFile=none "$@" diagnostics@127.0.0.1 whoami
}
gets_in 'the tenth key of an agent' agent_ssh
for i in $(seq 9 20); do
	new_key "other$i"
	ssh-add -q "$keys/other$i"
done
ssh-add -q -d "$keys/held" 2>/dev/null
ssh-add -q "$keys/held"
stays_out 'the twenty-first key of an agent' 'too many authentication requests' agent_ssh
gets_in 'and with its certificate named' agent_ssh -o CertificateFile="$cert"
kill "$SSH_AGENT_PID"
unset SSH_AUTH_SOCK
mv "$keys/held" "$keys/ed25519"

# ---- PuTTY ----
if command -v plink >/dev/null; then
	export HOME=$scene PUTTYDIR=$scene/.putty
	fingerprint=$(ssh-keygen -l -f "$keys/gate.pub" | cut -d' ' -f2)
	putty() { timeout 30 plink -ssh -batch -P "$port" -hostkey "$fingerprint" "$@"; }
	for name in ed25519 ecdsa256 ecdsa384 ecdsa521 rsa3072; do
		puttygen "$keys/$name" --certificate "${certs[$name]}" -o "$keys/$name.ppk" 2>/dev/null
		gets_in "PuTTY with $name" putty -i "$keys/$name.ppk" diagnostics@127.0.0.1 whoami
	done
	puttygen "$keys/ed25519" -o "$keys/plain.ppk"
	stays_out 'PuTTY with a plain key' 'by certificate only' putty -v -i "$keys/plain.ppk" diagnostics@127.0.0.1 whoami
	stays_out 'PuTTY with a password' 'No supported authentication' putty -pw secret diagnostics@127.0.0.1 whoami
else
	skip 'PuTTY' 'there is no plink (package putty-tools)'
fi

# ---- paramiko ----
if /usr/bin/python3 -c 'import paramiko' 2>/dev/null; then
	paramiko() { timeout 30 /usr/bin/python3 -B "$here/paramiko_client.py" "$port" diagnostics "$@"; }
	for name in ed25519 ecdsa256 ecdsa384 ecdsa521 rsa3072; do
		gets_in "paramiko with $name" paramiko "$keys/$name" "${certs[$name]}" whoami
	done
	gets_in 'paramiko, after a key of a type that is not known here,' paramiko "$keys/ed25519" "${certs[ed25519]}" whoami unknown
	for how in password keyboard-interactive none plain; do
		stays_out "paramiko with $how" 'publickey|Authentication failed' paramiko "$how" "$keys/ed25519"
	done
	try paramiko unknown "$keys/ed25519"
	is "$status" 255 'paramiko with such a key alone is not kept waiting'
else
	skip 'paramiko' 'there is none (package python3-paramiko)'
fi

# ---- libssh ----
libssh() { timeout 30 "$build/tests/e2e/libssh_client" "$port" diagnostics "$@"; }
for name in ed25519 ecdsa256 ecdsa384 ecdsa521; do
	gets_in "libssh with $name" libssh "$keys/$name" "${certs[$name]}" whoami
done
# libssh 0.10 does not read which signatures the server takes before it signs with RSA.
try libssh "$keys/rsa3072" "${certs[rsa3072]}" whoami
if [[ $err == *'PUBLICKEY_ACCEPTED_TYPES'* ]]; then
	skip 'libssh with rsa3072' "this libssh's client cannot"
else
	like "$out" 'identity +alice@vendor.example' 'libssh with rsa3072 gets in' "$err"
fi
try libssh "$keys/ed25519" "${certs[ed25519]}" 'echo a  b'
is "$status:$out" '0:a  b' 'libssh runs a command'
try libssh "$keys/ed25519" "${certs[ed25519]}" both
is "$status:$out:$err" '3:out:err' 'and has its status and both streams'

# ---- without a certificate ----
key=ed25519 cert=
for method in password keyboard-interactive hostbased gssapi-with-mic; do
	stays_out "ssh with $method" 'Permission denied \(publickey\)' \
		gate_ssh -o BatchMode=no -o NumberOfPasswordPrompts=1 -o HostbasedAuthentication=yes -o PreferredAuthentications="$method" whoami
done
stays_out 'ssh without any key' 'Permission denied \(publickey\)' gate_ssh -i /dev/null -o PubkeyAuthentication=no whoami
stays_out 'ssh with a plain key' 'postern: access is by certificate only' gate_ssh whoami
ssh-keygen -q -h -s "$scene/ca/authority" -I host -n acme-prod/diagnostics "$keys/ed25519.pub"
cert=$keys/ed25519-cert.pub stays_out 'ssh with a host certificate' 'Permission denied' gate_ssh whoami
finish
