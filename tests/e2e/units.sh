#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What `make install` gives to systemd: units that it understands, as closed as they can be, and open enough for the gate.
# shellcheck source=tests/e2e/lib.bash
. "$(dirname "$0")/lib.bash"

scene=$(mktemp -d "${TMPDIR:-/tmp}/postern-test-XXXXXX")
san=
[[ $build == *-san ]] && san=1
make -s -C "$root" install SAN=$san DESTDIR="$scene/root" PREFIX=/usr >"$scene/said" 2>&1
ok $? 'make install puts everything into place' "$(cat "$scene/said")"
units=$scene/root/usr/lib/systemd/system
is "$(cd "$units" && echo *)" 'postern-bastion-user.service postern-bastion.service' 'the units are there'
is "$(grep -l '@' "$units"/*.service | xargs -r grep -h '^[^#]*@SBIN')" '' 'with their paths filled in'

# verify looks for the programs where the unit says: give it units that name ours.
mkdir "$scene/units"
for unit in "$units"/*.service; do
	name=${unit##*/}
	sed "s|/usr/sbin/postern-bastion|$scene/root/usr/sbin/postern-bastion|" "$unit" >"$scene/units/$name"
	said=$(systemd-analyze verify --man=no "$scene/units/$name" 2>&1 | grep -F "$name")
	is "$said" '' "$name: systemd finds nothing wrong"
done

# exposure UNIT TENTHS: at most.
exposure() {
	local said
	said=$(systemd-analyze security --offline=true --no-pager --threshold="$2" "$units/$1" 2>&1)
	ok $? "$1: exposed by at most $2 tenths" "$(tail -1 <<<"$said")"
	unlike "$said" 'ignoring' "$1: with nothing that systemd does not know"
}
exposure postern-bastion.service 40
exposure postern-bastion-user.service 30

# ---- what the units leave is enough ----
expand() { # the calls of a group, and of the groups in it
	systemd-analyze syscall-filter --no-pager "$1" | sed -n 's/^ *\([@a-z0-9_-]*\)$/\1/p' | grep -vFx -- "$1" | while read -r word; do
		case $word in @*) expand "$word" ;; *) echo "$word" ;; esac
	done
}
allowed=$(sed -n 's/^SystemCallFilter=//p' "$units/postern-bastion.service" | tr ' ' '\n' | while read -r word; do
	case $word in @*) expand "$word" ;; *) echo "$word" ;; esac
done | sort -u)
# What our own lists let through, and what is called by number.
needed=$(cd "$root/bastion" && {
	sed -n 's/.*ALLOW(\([a-z0-9_]*\)).*/\1/p; s/.*\.call = SCMP_SYS(\([a-z0-9_]*\)).*/\1/p' fence.c keeper_sandbox.c door_sandbox.c filter.c
	grep -oh 'SYS_[a-z0-9_]*' ./*.c | sed 's/^SYS_//'
} | grep -vx 'name' | sort -u)
is "$(comm -23 <(echo "$needed") <(echo "$allowed"))" '' 'every system call that a room may make, the unit lets through'
is "$(diff <(grep ^SystemCallFilter "$units/postern-bastion.service") <(grep ^SystemCallFilter "$units/postern-bastion-user.service"))" '' 'both units have the same list'

if [ "$(id -u)" -eq 0 ]; then
	mkdir -p "$scene/root/etc"
	systemd-sysusers --root="$scene/root" postern.conf >"$scene/said" 2>&1
	ok $? 'sysusers takes our users' "$(cat "$scene/said")"
	is "$(cut -d: -f1 "$scene/root/etc/passwd" | sort | tr '\n' ' ')" 'postern postern-audit postern-door postern-run ' 'all of them'
	is "$(awk -F: '$1 == "postern-audit" { print $4 }' "$scene/root/etc/passwd")" "$(awk -F: '$1 == "postern" { print $3 }' "$scene/root/etc/group")" \
		'auditors are in the group that may read recordings'
	systemd-tmpfiles --root="$scene/root" --create postern.conf >"$scene/said" 2>&1
	ok $? 'tmpfiles takes our folders' "$(cat "$scene/said")"
	uid=$(awk -F: '$1 == "postern" { print $3 }' "$scene/root/etc/passwd")
	is "$(stat -c '%a %u' "$scene/root/var/lib/postern")" "750 $uid" 'the state folder is its owner'"'"'s, and readable to the group of auditors'
fi

# ---- the gate with the unit's capabilities and nothing else ----
if [ "$(id -u)" -eq 0 ]; then
	rm -rf "$scene"
	scene && start_gate || { ok 1 'a gate can be started'; finish; }
	level() { jq -r 'select(.event == "session.run").confinement' "$scene/gate/log/log.jsonl" | tail -1; }
	role=diagnostics
	grant --sessions 10 -- units || { ok 1 'a grant can be had'; finish; }
	gate_ssh echo works </dev/null >/dev/null 2>&1
	before=$(level)
	like "$before" '^(full|kernel|basic)$' 'the log says how a command was held'
	stop_gate
	rm -rf "$scene/gate/empty"
	bounds=-all$(sed -n 's/^CapabilityBoundingSet=//p' "$root/packaging/postern-bastion.service" | tr ' ' '\n' | sed 's/^CAP_/,+/' | tr -d '\n' | tr '[:upper:]' '[:lower:]')
	setpriv --bounding-set="$bounds" --no-new-privs "$build/postern-bastion" -f "$scene/gate.conf" >>"$scene/gate.log" 2>&1 &
	gate_pid=$!
	wait_for 10 gate_ready
	ok $? 'a gate starts with the capabilities of its unit' "$(tail -3 "$scene/gate.log")"
	echo "[127.0.0.1]:$port $(cut -d' ' -f1,2 "$scene/keys/gate.pub")" >"$scene/known_hosts"
	is "$(gate_ssh echo works </dev/null 2>&1)" works 'and runs a command'
	is "$(level)" "$before" 'held as well as with all of them'
	like "$(gate_ssh id </dev/null 2>&1)" 'uid=64003' 'as a user of its own'
fi
finish
