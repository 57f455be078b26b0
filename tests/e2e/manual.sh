#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The manual pages against the programs: verbs, options, exit statuses, files, and the commands they show, run as they stand there.
# shellcheck source=tests/e2e/lib.bash
. "$(dirname "$0")/lib.bash"

declare -A pages=([postern-ca]=$root/ca/postern-ca.1 [postern-recorder]=$root/recorder/postern-recorder.1
	[postern-bastion]=$root/bastion/postern-bastion.8)
lines() { sort -u | grep . | tr '\n' ' '; }
section() { # section PAGE NAME: its source
	awk -v name="$2" '/^\.Sh / { on = $0 == ".Sh " name } on' "$1"
}
# Options of a page: the words behind Fl. A flag that a parameter gives an engineer is none.
documented_options() {
	sed '/^\.It flag/,/^\.El/d' "$1" | awk '/^\./ {
		on = 0
		for (i = 1; i <= NF; i++) {
			if ($i == "Fl") on = 1
			else if ($i ~ /^[A-Z][a-z]$/) on = 0
			else if (on && $i ~ /^-?[A-Za-z]/) print "-" $i
		}
	}' | lines
}
helped_options() { # of --help, and of each verb's
	{
		"$build/$1" --help
		for verb in $2; do "$build/$1" "$verb" --help; done
	} | grep -oE '(^|[[ ,|])--?[A-Za-z][a-z-]*' | sed 's/^[^-]*//' | lines
}

# ---- verbs and options ----
for program in postern-ca postern-recorder postern-bastion; do
	source=${pages[$program]}
	helped=$("$build/$program" --help)
	ok $? "$program --help is no error"
	verbs=$(sed -nE 's/^  (-t|[a-z]+) .*/\1/p' <<<"$helped" | lines)
	written=$(awk '/^\.Sh OPTIONS|^The options are/ { skip = 1 } /^\.Sh VERBS|^The verbs are/ { skip = 0; on = 1 }
		/^\.Sh / && !/VERBS/ { on = 0 } on && !skip && /^\.It Cm/ { print $3 }' "$source")
	[ $program != postern-bastion ] || written+=$'\n-t'
	is "$verbs" "$(lines <<<"$written")" "$program: the verbs of --help are those of the page"
	is "$(helped_options $program "$verbs")" "$(documented_options "$source")" "$program: so are the options"
	for verb in $verbs; do
		said=$("$build/$program" "$verb" --help)
		ok $? "$program $verb --help is no error"
		like "$said" "^usage: $program .*$verb" "$program $verb --help shows its usage"
	done
	"$build/$program" no-such-verb >/dev/null 2>&1
	is $? 2 "$program: a verb that there is not is a usage error"
	"$build/$program" --no-such-option >/dev/null 2>&1
	is $? 2 "$program: so is an option"
	is "$("$build/$program" --version | cut -d' ' -f1)" "$program" "$program --version"
done

# ---- exit statuses of a gate's verbs ----
scene && start_gate || { ok 1 'a gate can be started'; finish; }
grant --no-terminal T-1: manual || { ok 1 'a grant can be had'; finish; }
gives() { # gives STATUS SENTENCE NAME ARGS...: postern-bastion with these
	local wanted=$1 regex=$2 name=$3 said
	shift 3
	said=$(bastion "$@" 2>&1)
	is $? "$wanted" "$name: exit status" "$said"
	like "$said" "$regex" "$name: sentence"
}
gate_ssh count 3 >/dev/null
gives 0 'environment  acme-prod' 'status' status
gives 3 '^postern-bastion: there is no such session$' 'kill of an unknown session' kill 1-00000000
gives 2 '^usage: .* kill SESSION$' 'kill of nothing' kill
gives 2 '^usage: .* kill SESSION$' 'kill of what cannot be one' kill 'a b'
gives 2 '^usage: .* refuse GRANT$' 'refuse of what is no number' refuse x
gives 2 'usage: .* status \[--json\]$' 'status of something' status x
gives 1 "no such role: 'nobody'" 'explain of no role' explain nobody true
gives 0 'session .* has ended' 'kill' kill "$(bastion status --json | jq -r '.sessions[0].session')"
gives 0 'grant 1 opens nothing here any more' 'refuse' refuse 1
grant T-2: manual
gate_ssh count 3 >/dev/null

# ---- files ----
files() { # files PAGE: what FILES names that is not an absolute path
	section "$1" FILES | sed '/^\.Ss/,$d' | sed -nE 's/^\.It Pa //p' | tr ' ' '\n' | grep -vE '^(/|,$)' | sed 's|/$||'
}
missing='' undocumented=''
for file in $(files "${pages[postern-bastion]}"); do
	[ -e "$scene/gate/$file" ] || missing+=" $file"
done
for path in "$scene"/gate/*; do
	files "${pages[postern-bastion]}" | grep -qx "${path##*/}" || undocumented+=" ${path##*/}"
done
is "$missing$undocumented" '' "postern-bastion: FILES are those of a gate's state, and the other way round"
for name in $(recorder list --json | jq -r '.[0].recording'); do break; done
wait_for 5 test -s "$scene/gate/log/checkpoint.sig"
missing=''
for file in $(files "${pages[postern-recorder]}"); do
	file=${file//NAME/$name}
	[ -e "$scene/gate/$file" ] || [[ $file == *.seals ]] || missing+=" $file"
done
is "$missing" '' 'postern-recorder: FILES are there'
mkdir "$scene/made"
"$build/tests/e2e/make_recording" "$scene/made" made.1 --open </dev/null 3</dev/null
cp -r "$scene/made" "$scene/open"
"$build/postern-recorder" -C "$scene/made" recover --all >/dev/null && [ -s "$scene/made/recordings/made.1.seals" ]
ok $? 'and .seals where there is more than one'
missing='' undocumented=''
for file in $(files "${pages[postern-ca]}"); do
	[ -e "$scene/ca/$file" ] || missing+=" $file"
done
for path in "$scene"/ca/*; do
	files "${pages[postern-ca]}" | grep -qx "$(basename "${path##*/}" .pub)" || undocumented+=" ${path##*/}"
done
is "$missing$undocumented" '' "postern-ca: FILES are those of an authority, and the other way round"
is "$(find "$scene"/ca/{authority,identity,krl_key,log_key}.pub | wc -l)" 4 'each key with its .pub'

# ---- the log ----
named() { sed -nE 's/^\.It Cm ([a-z].*)/\1/p' | tr -d , | tr ' ' '\n' | lines; }
entries=$(sed -n '/^\.Ss Log entries/,/^\.Sh/p' "${pages[postern-recorder]}" | named)
for event in $(jq -r .event "$scene/gate/log/log.jsonl" | sort -u); do
	like " $entries" " $event " "'$event' is in the page"
done
entries=$(section "${pages[postern-ca]}" FILES | tr -d ,)
for event in $(jq -r .event "$scene/ca/log/log.jsonl" | sort -u); do
	like " $entries" "[ 
]${event}[ 
]" "the authority's '$event' is in its page"
done

# ---- what the pages show, run as it stands there ----
literal() { # literal PAGE SECTION: the block behind .Bd, as a terminal shows it
	sed -n "/^\.S[hs] $2/,/^\.Ed/p" "$1" | sed -n '/^\.Bd/,/^\.Ed/p' | sed -e '/^\.[BE]d/d' -e 's/\\e/\\/g'
}
displayed() { # displayed PAGE PATTERN: a line behind .Dl
	sed -n 's/^\.Dl //p' "$1" | grep -e "$2" | sed -e 's/\\(dq/"/g'
}
cd "$scene/gate/recordings" || exit 1
displayed "${pages[postern-recorder]}" cert-authority | sed "s|ssh-ed25519 AAAA\.\.\.|$(cut -d' ' -f1,2 "$scene/gate/seal_key.pub")|" >allowed
like "$(cat allowed)" '^seal@acme-prod cert-authority,namespaces="seal@postern" ssh-ed25519 AAAAC' 'the line of allowed is there'
stock=$(literal "${pages[postern-recorder]}" 'Checking with stock tools')
like "$stock" 'ssh-keygen -Y verify.*sha256sum -c' 'so are the two commands'
said=$(set -e; eval "${stock//NAME/$name}" 2>&1)
ok $? 'they accept a recording' "$said"
like "$said" "Good \"seal@postern\" signature.*$name.cast: OK" 'and say so'
cp -r . "$scene/spoilt"
(cd "$scene/spoilt" && sed -i 's/"o"/"i"/' "$name.cast" && set -e && eval "${stock//NAME/$name}") >/dev/null 2>&1
[ $? -ne 0 ]
ok $? 'and not one that was changed'
rm allowed
cd "$scene/open/recordings" || exit 1
sum=$(displayed "${pages[postern-recorder]}" 'head -c')
sum=${sum//NAME/made.1}
is "$(eval "${sum//-c N/-c $(sed -n 's/^# bytes //p' made.1.seal)}" | cut -d' ' -f1)" \
	"$(grep -oE '^[0-9a-f]{64}  ' made.1.seal | tr -d ' ')" 'an open seal is of the first bytes'

cd "$scene" || exit 1
mkdir "$scene/bin"
printf '#!/bin/sh\nexec "%s" -C "%s" "$@"\n' "$build/postern-ca" "$scene/ca" >"$scene/bin/postern-ca"
chmod +x "$scene/bin/postern-ca"
number=$(ca request acme-prod diagnostics --as alice@vendor.example --for 10m T-3: by hand)
stock=$(literal "${pages[postern-ca]}" 'APPROVING WITH STOCK TOOLS')
like "$stock" 'show 42 --statement.*ssh-keygen -Y sign -n grant@postern.*approve 42 --signature' 'approving with stock tools is there'
stock=${stock//42/$number}
said=$(PATH=$scene/bin:$PATH; set -e; eval "${stock//\~\/.ssh\/id_ed25519/$scene/keys/bob}" 2>&1)
ok $? 'and approves' "$said"
like "$(ca show "$number" --json | jq -c .approvals)" 'bob@vendor.example' 'as who signed'

# A machine may lack a program, and a role's user is numeric here.
literal "${pages[postern-bastion]}" EXAMPLES | sed -e 's|"/usr/bin/clickhouse-client"|"/usr/bin/echo"|' \
	-e '/^roles = {/d' -e '/^};/d' -e "s|user = \"postern-run\";|$(role_user)|" >"$scene/roles"
[ -x /usr/bin/journalctl ] || sed -i 's|"/usr/bin/journalctl"|"/usr/bin/true"|' "$scene/roles"
sed -n '1,/^roles = {/p' "$scene/gate.conf" >"$scene/example.conf"
{
	cat "$scene/roles"
	echo '};'
} >>"$scene/example.conf"
said=$("$build/postern-bastion" -f "$scene/example.conf" -t 2>&1)
ok $? 'the role of EXAMPLES is good' "$said"
example=$(displayed "${pages[postern-bastion]}" '^# postern-bastion explain')
like "$example" 'explain diagnostics logs clickhouse-server' 'explain is shown'
like "$(eval "${example/\# postern-bastion/$build/postern-bastion -f $scene/example.conf}")" '--unit=clickhouse-server.*--lines=200' 'and says what the page means'
finish
