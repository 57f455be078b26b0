#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The policy before it is used: -t prints what each command comes to or the one mistake with its line,
# explain says what a line would run. Nothing is started.
# shellcheck source=tests/e2e/lib.bash
source "$(dirname "$0")/lib.bash"

scene=$(mktemp -d "${TMPDIR:-/tmp}/postern-test-XXXXXX")
chmod 755 "$scene"
mkdir "$scene/keys"
for name in authority bob carol host; do
	new_key "$name"
done
for name in bob@vendor.example carol@acme.example; do
	echo "$name namespaces=\"grant@postern\" $(cat "$scene/keys/${name%%@*}.pub")"
done >"$scene/approvers"

# conf LEAST [KRL]
conf() {
	cat >"$scene/gate.conf" <<-END
		environment = "acme-prod";
		listen = [ "127.0.0.1:0" ];
		host_key = "$scene/keys/host";
		state = "$scene/gate";
		authorities = [ "$scene/keys/authority.pub" ];
		approvers = "$scene/approvers";
		krl = "${2:-none}";
		$(owner_lines)
		roles = { diagnostics = {
		  admits = "grant";
		  quorum = ( { of = [ "*@vendor.example" ]; need = 1; }, { of = [ "*@acme.example" ]; need = 1; } );
		  $(role_user)
		  least = "$1";
		  commands = (
		    { name = "logs"; argv = [ "/usr/bin/tail", "--lines={lines}", "{file}", "{quiet}", "{identity}" ];
		      parameters = ( { name = "file"; type = "path"; below = "/var/log"; },
		                     { name = "lines"; type = "integer"; max = 100; default = 10; },
		                     { name = "quiet"; type = "flag"; } );
		      timeout = 60; confine = { read = [ "/var/log" ]; }; } );
		}; };
	END
}

conf basic
got=$(bastion -t 2>&1)
is "$?" 0 'a good configuration passes'
like "$got" 'role diagnostics: needs confinement basic; admits grants approved by 1 of \*@vendor.example and 1 of \*@acme.example' 'a role is shown with its quorum'
like "$got" 'argv +/usr/bin/tail' 'a command is shown with its program'
like "$got" '\{identity\}' 'a command is shown with its template'
here=$(sed -n 's/^this machine holds commands at level \([a-z]*\).*/\1/p' <<<"$got")
like "$here" '^(basic|kernel|full)$' 'the level that this machine reaches is shown'
if [ "$here" = basic ]; then
	like "$got" 'reads +/var/log +\(listed, not held at this level\)' 'a fence that does not stand is called so'
else
	like "$got" 'reads +/var/log'$'\n' 'a fence that stands is shown'
fi
unlike "$got" 'CANNOT RUN' 'a role that can run is not said to be refused'

got=$(bastion explain diagnostics logs --quiet syslog 2>&1)
is "$?" 0 'a line that would run is explained'
like "$got" 'line +logs --quiet /var/log/syslog' 'explain shows the canonical line'
like "$got" '--lines=10' 'explain fills in a default'
like "$got" '\{identity\}' 'explain leaves in braces what the certificate decides'

for level in kernel full; do
	[ "$here" = full ] || [ "$here" = "$level" ] && continue
	conf $level
	got=$(bastion -t 2>&1)
	is "$?" 0 "a role that needs level $level is a good configuration"
	like "$got" "CANNOT RUN HERE, every command is refused: .*'$level'" "-t says that level $level is not reached"
	got=$(bastion explain diagnostics logs syslog 2>&1)
	is "$?" 1 "explain refuses what needs level $level"
	like "$got" "needs confinement '$level'" "explain says that level $level is needed"
done

conf basic
refused() { # refused SENTENCE NAME ARGUMENT...
	local sentence=$1 name=$2 got status
	shift 2
	got=$(bastion "$@" 2>&1)
	status=$?
	is "$status" 1 "$name is refused"
	is "$got" "$sentence" "$name is refused with its sentence"
}
refused "postern: no such role: 'nobody'" 'an unknown role' explain nobody logs
refused "postern: no such command: 'id'; 'help' lists what there is" 'an unknown command' explain diagnostics id
refused "postern: 'logs' needs 'file'; 'help logs' shows how" 'a missing value' explain diagnostics logs
refused "postern: 'file' is not a path without '.', '..' and doubled or final slashes: '../shadow'" \
	'a path that climbs' explain diagnostics logs ../shadow
refused "postern: the line contains the control character 0x0a" 'a newline' explain diagnostics $'logs syslog\nid'

mistake() { # mistake SED-SCRIPT SENTENCE NAME
	conf basic
	sed -i "$1" "$scene/gate.conf"
	refused "$scene/$2" "$3" -t
}
mistake 's/timeout/timeuot/' "gate.conf:19: command 'logs' has no setting 'timeuot'" 'a misspelt word'
mistake 's/need = 1/need = 2/' "gate.conf:11: role 'diagnostics': the quorum cannot be reached: the group of '*@vendor.example' needs 2, the approvers file lists 1" 'a quorum that cannot be reached'
mistake '/krl/d' "gate.conf:1: the configuration needs 'krl'" 'a configuration that says nothing of revocation'
mistake 's/krl =/krl/' "gate.conf:7: syntax error" 'a syntax error'

conf basic "$scene/missing.krl"
refused "$scene/gate.conf: 'krl': '$scene/missing.krl': No such file or directory" 'a revocation list that is not there' -t
: >"$scene/empty.krl"
conf basic "$scene/empty.krl"
got=$(bastion -t 2>&1)
is "$?" 1 'an empty revocation list is refused'
like "$got" "'krl'" 'an empty revocation list is named'
conf basic
fingerprint=$(ssh-keygen -l -f "$scene/keys/host.pub" | cut -d' ' -f2)
rm "$scene/keys/host.pub"
is "$(bastion -t 2>&1 | grep -o 'host key SHA256:[^,]*')" "host key $fingerprint" 'a host key needs no .pub beside it'
chmod 644 "$scene/keys/host"
got=$(bastion -t 2>&1)
is "$?" 1 'a host key that others may read is refused'
like "$got" "'host_key': .*may be read by others" 'a host key that others may read is named'
got=$(timeout 10 "$build/postern-bastion" -f "$scene/gate.conf" 2>&1)
is "$?" 1 'and is refused at the start'
like "$got" "^postern-bastion: 'host_key': [^
]*may be read by others[^
]*$" 'with one sentence'
chmod 600 "$scene/keys/host"
ssh-keygen -q -p -N secret -f "$scene/keys/host" >/dev/null
got=$(bastion -t 2>&1)
is "$?" 1 'a host key with a passphrase is refused'
like "$got" "'host_key': .*has a passphrase" 'a host key with a passphrase is called so'
got=$(timeout 10 "$build/postern-bastion" -f "$scene/gate.conf" 2>&1)
is "$?" 1 'and is refused at the start too'
like "$got" "^postern-bastion: 'host_key': [^
]*has a passphrase[^
]*$" 'with one sentence too'
[ ! -e "$scene/gate" ]
ok $? 'before anything was made'
ssh-keygen -q -p -P secret -N '' -f "$scene/keys/host" >/dev/null
if [ "$(id -u)" -eq 0 ]; then
	for word in owner door user; do
		sed -i "s/$word = \"[0-9:]*\";//" "$scene/gate.conf"
		got=$(timeout 10 "$build/postern-bastion" -f "$scene/gate.conf" 2>&1)
		is "$?" 1 "started as root without '$word' it is refused"
		like "$got" "started as root.* needs '$word'" 'with its sentence'
		conf basic
	done
else
	skip "started as root without 'owner' it is refused" 'this is not root'
fi
chmod 666 "$scene/gate.conf"
got=$(bastion -t 2>&1)
is "$?" 1 'a configuration that others may write is refused'
like "$got" 'may be written by others' 'a configuration that others may write is called so'

conf basic
bastion -t extra >/dev/null 2>&1
is "$?" 2 '-t takes nothing more'
bastion explain diagnostics >/dev/null 2>&1
is "$?" 2 'explain without a command is wrong usage'
finish
