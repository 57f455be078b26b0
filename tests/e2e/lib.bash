# SPDX-License-Identifier: Apache-2.0
# lib.bash - what the end-to-end tests share: an authority, people, a gate on loopback, TAP.
#
# A test sources this file, calls `scene` to get a folder of its own with an authority and a
# gate, checks with `ok`, `is`, `like`, and ends with `finish`. Everything started is ended by
# pid, everything made is under $scene and removed.

set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$root/${BUILD:-build}
data=$here/data
export LC_ALL=C.UTF-8
# For a build with sanitizers: faketime is preloaded before them, and libconfig forgets a buffer
# when it finds a syntax error.
export ASAN_OPTIONS=verify_asan_link_order=0 LSAN_OPTIONS=suppressions=$data/leaks:print_suppressions=0
unset SSH_AUTH_SOCK SSH_ASKPASS DISPLAY

count=0
failures=0
scene=
gate_pid=
extra_pids=()

# ok STATUS NAME: one TAP line.
ok() {
	count=$((count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $count - $2"
	else
		failures=$((failures + 1))
		echo "not ok $count - $2"
		[ -z "${3-}" ] || sed 's/^/#   /' <<<"$3"
	fi
}

is() { # is GOT WANTED NAME
	local status=0
	[ "$1" = "$2" ] || status=1
	ok "$status" "$3" "got:    $1
wanted: $2"
}

like() { # like GOT EXTENDED-REGEX NAME
	local status=0
	[[ $1 =~ $2 ]] || status=1
	ok "$status" "$3" "got:      $1
to match: $2"
}

unlike() {
	local status=0
	[[ $1 =~ $2 ]] && status=1
	ok "$status" "$3" "got:          $1
not to match: $2"
}

skip() { # skip NAME WHY
	count=$((count + 1))
	echo "ok $count - $1 # SKIP $2"
}

# wait_for SECONDS COMMAND...: until it succeeds; polls, so no test sleeps longer than it has to.
wait_for() {
	local deadline=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$deadline" ] || return 1
		sleep 0.05
	done
}

finish() {
	if [ -n "$scene" ] && grep -qE 'Sanitizer|runtime error:' "$scene"/*.log 2>/dev/null; then
		ok 1 'no sanitizer complains of a room' "$(grep -hE -A 20 'Sanitizer|runtime error:' "$scene"/*.log)"
	fi
	echo "1..$count"
	exit $((failures > 0))
}

# Ends what was started, by pid, and removes the folder.
clean_up() {
	local pid
	stop_gate
	for pid in "${extra_pids[@]}"; do
		kill "$pid" 2>/dev/null
	done
	[ -z "$scene" ] || [ -n "${KEEP-}" ] || rm -rf "$scene"
	[ -z "${KEEP-}" ] || echo "# kept $scene" >&2
}
trap clean_up EXIT
trap 'exit 130' INT TERM

ca() { "$build/postern-ca" -C "$scene/ca" "$@"; }
recorder() { "$build/postern-recorder" -C "$scene/gate" "$@"; }
bastion() { "$build/postern-bastion" -f "$scene/gate.conf" "$@"; }

new_key() { # new_key NAME [TYPE]
	ssh-keygen -q -t "${2:-ed25519}" -N '' -C "$1" -f "$scene/keys/$1"
}

# scene [EXTRA-ROLES-FILE]: folder, authority, alice (engineer), bob (vendor), carol (customer), gate.
scene() {
	scene=$(mktemp -d "${TMPDIR:-/tmp}/postern-test-XXXXXX")
	chmod 755 "$scene"
	mkdir "$scene/keys" "$scene/gate"
	for name in alice bob carol mallory gate; do
		new_key "$name"
	done
	ca init --no-passphrase >"$scene/init.out" || return 1
	ca enroll alice@vendor.example --role engineer --key "$scene/keys/alice.pub" >"$scene/keys/alice-id-cert.pub" &&
		ca enroll bob@vendor.example --role approver --key "$scene/keys/bob.pub" >/dev/null &&
		ca enroll carol@acme.example --role approver --key "$scene/keys/carol.pub" >/dev/null &&
		ca enroll acme-prod --role gate --key "$scene/keys/gate.pub" >/dev/null || return 1
	write_gate_conf "$@"
}

# Numeric users, so that a test as root needs no accounts.
owner_lines() {
	[ "$(id -u)" -eq 0 ] || return 0
	echo 'owner = "64001:64001"; door = "64002:64002";'
}
role_user() {
	[ "$(id -u)" -ne 0 ] || echo 'user = "64003:64003";'
}

write_gate_conf() { # [EXTRA-ROLES-FILE [EXTRA-TOP-FILE]]
	cp "$scene/keys/gate" "$scene/gate_host_key"
	cp "$scene/ca/approvers" "$scene/approvers"
	chmod 644 "$scene/approvers"
	[ -e "$scene/krl" ] || ca krl >"$scene/krl"
	if [ "$(id -u)" -eq 0 ]; then
		chown 64001:64001 "$scene/gate"
	fi
	{
		sed -e "s|@SCENE@|$scene|g" -e "s|@OWNERS@|$(owner_lines)|" "$data/gate.conf"
		[ -z "${2-}" ] || cat "$2"
		echo 'roles = {'
		sed -e "s|@USER@|$(role_user)|" -e "s|@SCENE@|$scene|g" "$data/roles.conf" ${1:+"$1"}
		echo '};'
	} >"$scene/gate.conf"
}

start_gate() { # [ENV=VALUE...]
	env "$@" "$build/postern-bastion" -f "$scene/gate.conf" >>"$scene/gate.log" 2>&1 &
	gate_pid=$!
	wait_for 10 gate_ready || {
		sed 's/^/# gate: /' "$scene/gate.log" >&2
		return 1
	}
	echo "[127.0.0.1]:$port $(cut -d' ' -f1,2 "$scene/keys/gate.pub")" >"$scene/known_hosts"
}
gate_ready() {
	port=$(bastion status --json | jq -r '.listening[0]' | sed 's/.*://')
	[ -n "$port" ]
}

stop_gate() {
	[ -n "$gate_pid" ] || return 0
	kill "$gate_pid" 2>/dev/null
	wait "$gate_pid" 2>/dev/null
	gate_pid=
}

# grant [OPTIONS... --] REASON...: asks, approves twice, fetches; sets $grant and $cert.
grant() {
	grant=$(ca request acme-prod "${role:-diagnostics}" --as alice@vendor.example --for "${duration:-10m}" "$@") || return 1
	ca approve "$grant" --key "$scene/keys/bob" >/dev/null &&
		ca approve "$grant" --key "$scene/keys/carol" >/dev/null || return 1
	cert=$scene/keys/alice-$grant-cert.pub
	ca fetch "$grant" >"$cert" && chmod 600 "$cert"
}

# gate_ssh ARGS...: stock ssh as alice with $cert to the role $role.
gate_ssh() {
	timeout --foreground "${patience:-30}" ssh -F none -p "$port" -i "$scene/keys/${key:-alice}" ${cert:+-o "CertificateFile=$cert"} -o IdentitiesOnly=yes \
		-o UserKnownHostsFile="$scene/known_hosts" -o StrictHostKeyChecking=yes -o BatchMode=yes -o LogLevel=INFO \
		"${ssh_options[@]}" "${role:-diagnostics}@127.0.0.1" "$@"
}
ssh_options=()
