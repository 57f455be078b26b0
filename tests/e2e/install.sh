#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make install puts everything where it belongs, and make uninstall takes all of it away.
# shellcheck source=tests/e2e/lib.bash
. "$(dirname "$0")/lib.bash"

scene=$(mktemp -d "${TMPDIR:-/tmp}/postern-test-XXXXXX")
san=
[[ $build == *-san ]] && san=1
install_to() { # install_to PREFIX GOAL
	make -C "$root" --no-print-directory -s SAN=$san DESTDIR="$scene/there" PREFIX="$1" "$2" 2>&1
}
files() { # what is there, but folders
	(cd "$scene/there" && find . ! -type d | sort)
}

for prefix in /usr /usr/local; do
	place=$scene/there$prefix
	said=$(install_to $prefix install)
	ok $? "installs under $prefix" "$said"
	for program in bin/postern-ca bin/postern-recorder sbin/postern-bastion; do
		is "$("$place/$program" --version)" "$(basename $program) $(sed -n 's/^VERSION := //p' "$root/Makefile")" "$prefix/$program runs"
	done
	for page in man1/postern-ca.1 man1/postern-recorder.1 man8/postern-bastion.8; do
		[ -s "$place/share/man/$page" ]
		ok $? "$prefix/share/man/$page"
	done
	doc=$place/share/doc/postern
	is "$(cd "$doc" && find . -type f | sort | tr '\n' ' ')" \
		"$(cd "$root/conf" && { find . -type f; echo ./README.md; echo ./LICENSE; } | sort | tr '\n' ' ')" "$prefix: every sample is there"
	like "$(cat "$doc/roles/audit.conf")" "\"$prefix/bin/postern-recorder\"" "$prefix: samples name the programs where they are"
	is "$(find "$scene/there" -perm /022)" '' "$prefix: nobody else may write any of it"
	is "$(files | grep -vE "^\.$prefix/(s?bin/postern|share/man/man[18]/postern|share/doc/postern/|lib/systemd/system/postern-bastion|lib/(sysusers|tmpfiles).d/postern.conf)")" '' "$prefix: nothing lies elsewhere"
	said=$(install_to $prefix install)
	ok $? "$prefix: once more is no error" "$said"
	said=$(install_to $prefix uninstall)
	ok $? "uninstalls from $prefix" "$said"
	is "$(files)" '' "$prefix: nothing is left"
	[ ! -e "$doc" ]
	ok $? "$prefix: nor the folder of the samples"
done
finish
