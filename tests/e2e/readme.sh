#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The README's first real set-up, line by line as it stands there: only folders, the gate's address and the users of another machine
# are replaced.
# shellcheck source=tests/e2e/lib.bash
. "$(dirname "$0")/lib.bash"

scene=$(mktemp -d "${TMPDIR:-/tmp}/postern-test-XXXXXX")
chmod 755 "$scene"
mkdir -p "$scene"/{bin,etc,var/lib,work,home/.ssh,machine/etc}
conf=$scene/etc/postern/bastion.conf
san=
[[ $build == *-san ]] && san=1
make -C "$root" --no-print-directory -s SAN=$san DESTDIR="$scene/there" PREFIX=/usr/local install >"$scene/install.out" 2>&1
ok $? 'it is installed' "$(cat "$scene/install.out")"
installed=$scene/there/usr/local

# The programs as they are found on a machine with these folders.
stand_in() { # stand_in NAME COMMAND...
	printf '#!/bin/sh\n%s "$@"\n' "exec ${*:2}" >"$scene/bin/$1"
	chmod 755 "$scene/bin/$1"
}
stand_in postern-ca "$installed/bin/postern-ca" -C "$scene/var/lib/postern-ca"
stand_in postern-recorder "$installed/bin/postern-recorder" -C "$scene/var/lib/postern"
stand_in postern-bastion "$installed/sbin/postern-bastion" -f "$conf"
stand_in ssh /usr/bin/ssh -F "$scene/ssh_config"
printf '#!/bin/sh\necho a passphrase\n' >"$scene/bin/askpass" && chmod 755 "$scene/bin/askpass"
if [ "$(id -u)" -eq 0 ]; then
	cp /etc/passwd /etc/group /etc/shadow /etc/login.defs "$scene/machine/etc"
	stand_in useradd /usr/sbin/useradd --prefix "$scene/machine"
else
	stand_in useradd true
fi

# People bring keys.
for name in alice bob carol dave; do
	ssh-keygen -q -t ed25519 -N '' -C "$name" -f "$scene/work/$name"
done
cp "$scene/work/alice" "$scene/home/.ssh/id_ed25519"

# Another machine's users and addresses, and programs that this one lacks.
edit() {
	local file program
	for file in "$conf" "${conf%/*}"/roles/*.conf; do
		sed -i -e 's|"postern"|"64001:64001"|' -e 's|"postern-door"|"64002:64002"|' -e 's|"postern-run"|"64003:64003"|' \
			-e 's|"postern-audit"|"64004:64001"|' -e "s|/var/lib/postern|$scene/var/lib/postern|g" \
			-e "s|/etc/postern|$scene/etc/postern|g" -e "s|/usr/local/bin|$installed/bin|" -e 's|"0.0.0.0:22"|"127.0.0.1:0"|' \
			-e 's|least = "full"|least = "basic"|' "$file" # what this machine reaches, whatever it is
		[ "$(id -u)" -eq 0 ] || sed -i -E '/^ *(owner|door|user) =/d' "$file"
		for program in $(grep -oE 'argv = \[ "[^"]*"' "$file" | cut -d'"' -f2); do
			[ -x "$program" ] || sed -i "s|\"$program\"|\"/usr/bin/true\"|" "$file"
		done
	done
}
serve() {
	(cd "$scene/work" && exec "$scene/bin/postern-bastion") >"$scene/gate.log" 2>&1 &
	gate_pid=$!
	wait_for 10 listens || sed 's/^/# gate: /' "$scene/gate.log" >&2
	cat >"$scene/ssh_config" <<-END
		Host gate.acme.example
		  HostName 127.0.0.1
		  HostKeyAlias gate.acme.example
		  Port $port
		  UserKnownHostsFile $scene/home/.ssh/known_hosts
		  StrictHostKeyChecking yes
		  IdentitiesOnly yes
		  BatchMode yes
	END
}
listens() {
	port=$("$scene/bin/postern-bastion" status --json | jq -r '.listening[0]' | sed 's/.*://')
	[ -n "$port" ]
}

line() { # line TEXT: one line of the README; $out is what it says
	local text=$1
	text=${text//\/etc\/postern/$scene/etc/postern}
	text=${text//\/var\/lib\/postern/$scene/var/lib/postern}
	text=${text//\/usr\/local\/share/$installed/share}
	text=${text//1-5f0c9a3e.1/${recording-}}
	out=$(cd "$scene/work" && HOME=$scene/home PATH=$scene/bin:$PATH SSH_ASKPASS=$scene/bin/askpass SSH_ASKPASS_REQUIRE=force \
		timeout 60 bash -ec "$text" 2>&1 </dev/null)
	local status=$?
	out=$(head -c 4000 <<<"$out")
	return $status
}

said() { like "$out" "$1" "and says what it should"; }
recording=
while IFS= read -r command; do
	[ -n "$command" ] || continue
	name=${command%%  *}
	if [[ -n $san && $name == *audit@* ]]; then
		skip "$name" 'a leak checker cannot look around where a command is held'
		continue
	fi
	if [[ $name == postern-bastion ]]; then
		serve
		kill -0 "$gate_pid" 2>/dev/null
	else
		line "$command"
	fi
	status=$?
	case $name in
	*' logs clickhouse-server 100') # which a machine may not have
		unlike "$status" '^(12[4-7]|255)$' "$name"
		;;
	*) ok $status "$name" "$out" ;;
	esac
	case $name in
	*' /etc/postern/host_key') cp "$scene/etc/postern/host_key.pub" "$scene/work" ;;
	'mv '*) edit ;;
	'postern-bastion -t') said 'environment acme-prod.*role diagnostics.*role linux.*role audit' ;;
	'postern-ca request '*) is "$out" 1 'it prints the number' ;;
	'postern-ca show '*) said '^postern-grant-v1.*engineer alice@vendor.example.*environment acme-prod' ;;
	*' help') said 'query.*logs.*tail.*top' ;;
	'postern-bastion status') said 'sessions +1.*alice@vendor.example' ;;
	'postern-recorder list')
		said 'acme-prod/diagnostics.* help.*acme-prod/diagnostics.* logs clickhouse-server 100'
		recording=$(grep -oE '^1-[0-9a-f]{8}\.1' <<<"$out")
		;;
	'postern-recorder play '*) said 'query.*logs.*tail.*top' ;;
	*verify*) said 'good +log.*good +1-[0-9a-f]{8}.1' ;;
	esac
done < <(sed -n '/^## The first real set-up/,/^## The three programs/p' "$root/README.md" | sed -n '/^```sh/,/^```$/p' | grep -v '^```')
if [ "$(id -u)" -eq 0 ]; then
	is "$(grep -oE '^postern[a-z-]*' "$scene/machine/etc/passwd" | sort | tr '\n' ' ')" 'postern postern-audit postern-door postern-run ' \
		'the users of the samples are made'
	is "$(grep -hoE '"postern[a-z-]*"' "$root"/conf/gate.conf "$root"/conf/roles/*.conf | tr -d '"' | sort -u | tr '\n' ' ')" \
		'postern postern-audit postern-door postern-run ' 'and no others are in the samples'
fi
finish
