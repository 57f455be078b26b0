#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a session may carry out in all, to the byte: over one connection, over several in parallel, over several channels of one.
# shellcheck source=tests/e2e/lib.bash
. "$(dirname "$0")/lib.bash"

limit=3000000
# Roles are lines that lib.bash completes. `endless` never stops by itself; `some` prints as many bytes as it is told.
limited() { # limited NAME BYTES
	cat <<-END
		$1 = {
		  admits = "grant";
		  quorum = ( { of = [ "*@vendor.example" ]; need = 1; }, { of = [ "*@acme.example" ]; need = 1; } );
		  least = "basic";
		  output = $2;
		  @USER@
		  commands = (
		    { name = "endless"; argv = [ "/usr/bin/yes" ]; },
		    { name = "some"; argv = [ "/usr/bin/head", "--bytes={n}", "/dev/zero" ]; parameters = ( { name = "n"; type = "integer"; max = 100000000; } ); },
		    { name = "slow"; argv = [ "/usr/bin/python3", "-c", "import time; print('x' * 99, flush=True); time.sleep(600)" ]; } );
		};
	END
}
scene=
roles=$(mktemp)
limited limited $limit >"$roles"
limited tiny 10 >>"$roles"
scene "$roles" && start_gate || { ok 1 'a gate can be started'; finish; }
rm -f "$roles"

fresh() { # fresh ROLE: a grant for it, and so a session of its own
	role=$1
	n=$(ca request acme-prod "$role" --as alice@vendor.example --for 10m -- "$role")
	ca approve "$n" --key "$scene/keys/bob" >/dev/null && ca approve "$n" --key "$scene/keys/carol" >/dev/null &&
		ca fetch "$n" >"$scene/keys/limited-$n-cert.pub" && cert=$scene/keys/limited-$n-cert.pub
}
# together COUNT ARGS...: the same command so many times at once; $total bytes came, $statuses say how each ended.
together() {
	local count=$1 i pids=()
	shift
	for i in $(seq "$count"); do
		gate_ssh "$@" >"$scene/part.$i" 2>"$scene/said.$i" </dev/null &
		pids[i]=$!
	done
	statuses=
	for i in $(seq "$count"); do
		wait "${pids[i]}"
		statuses+="$? "
	done
	total=$(cat "$scene"/part.* | wc -c)
	rm -f "$scene"/part.*
}

fresh limited
together 1 some $limit
is "$statuses$total" "0 $limit" 'one connection: the last byte of the limit comes through'
together 1 some 1
is "$statuses$total" '255 0' 'and not one more'
like "$(cat "$scene/said.1")" 'postern: output limit of 3000000 reached, for the whole session' 'with its sentence'
together 1 some 0
is "$statuses$total" '0 0' 'a command that prints nothing still runs'

fresh limited
together 1 some $((limit + 1))
is "$statuses$total" "255 $limit" 'one command: the byte past the limit does not come'

for connections in 2 5; do
	fresh limited
	together $connections endless
	is "$total" $limit "$connections connections in parallel carry the limit and not a byte more"
	unlike "$statuses" '(^| )0 ' 'and each is told so'
	fresh limited
	together $connections some $((limit / connections))
	is "$total" $limit "$connections connections that print exactly the limit"
	unlike "$statuses" '255' 'all end well'
done

fresh limited
ssh_options=(-o ControlMaster=auto -o ControlPath="$scene/mux" -o ControlPersist=30)
gate_ssh some 0
together 4 endless
is "$total" $limit 'four channels of one connection carry the limit and not a byte more'
gate_ssh -O exit 2>/dev/null
ssh_options=()

# A connection that is idle holds bytes that another needs.
fresh limited
gate_ssh slow >"$scene/slow" 2>/dev/null </dev/null &
slow=$!
wait_for 10 test -s "$scene/slow"
together 1 some $((limit - 100))
is "$statuses$total" "0 $((limit - 100))" 'what an idle connection does not use another carries'
together 1 some 1
is "$statuses$total" '255 0' 'to the byte'
kill "$slow"
wait "$slow"

fresh tiny
together 3 endless
is "$total" 10 'ten bytes among three connections'
stop_gate
said=$(recorder verify --all)
ok $? 'every recording verifies' "$said"
is "$(recorder list --json | jq -r '.[] | select(.role == "tiny").recording' | while read -r name; do recorder cat --raw "$name" 2>/dev/null; done | wc -c)" 10 'what is on record is what came'
finish
