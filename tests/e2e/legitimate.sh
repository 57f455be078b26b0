#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What administrators do allow still works when it is held: database clients against real servers, what a
# machine says of itself, an interpreter with its modules; and what cannot work says so.
# As root at level full, and then at level kernel as an ordinary user.
# shellcheck source=tests/e2e/lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source=tests/e2e/world.bash
. "$here/world.bash"
own_world "$0" "$@"

level=kernel
[ "$(id -u)" -ne 0 ] || level=full
why=$(why_not $level)
if [ -n "$why" ]; then
	skip "level $level" "$why"
	[ "$(id -u)" -ne 0 ] || as_ordinary_user
	finish
fi

# A journal of its own for journalctl, in files that anyone may read. journald needs root.
make_journal() {
	local journald=/lib/systemd/systemd-journald
	[ "$(id -u)" -eq 0 ] && [ -x $journald ] && [ -s /etc/machine-id ] || return 0
	mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal || return 0
	$journald >/dev/null 2>&1 &
	extra_pids+=($!)
	wait_for 10 test -S /run/systemd/journal/stdout && systemd-cat -t postern-test echo 'a line for the journal'
	wait_for 10 eval "journalctl --directory=/run/log/journal 2>/dev/null | grep -q 'a line for'" || return 0
	export JOURNAL=$servers/journal
	cp -r /run/log/journal "$JOURNAL" && chmod -R a+rX "$JOURNAL"
}
if [ -z "${POSTERN_SERVERS-}" ]; then
	start_servers
	make_journal
fi

place=$(mktemp -d "${TMPDIR:-/tmp}/postern-place-XXXXXX")
made+=("$place")
chmod 755 "$place"
mkdir "$place/data" "$place/work"
echo 'a line to be read' >"$place/data/text"
/usr/bin/sqlite3 "$place/data/base" "create table t(a); insert into t values('forty-two')"
cp "$data/report.py" "$data/report_parts.py" "$place/data/"
git init -q "$place/data/repository"
git -C "$place/data/repository" -c user.name=a -c user.email=a@example.com commit -q --allow-empty -m 'the first change'
chmod -R a+rX "$place/data"
[ "$(id -u)" -ne 0 ] || chown -R 64003:64003 "$place/work" "$place/data/repository"

# allow NAME CONFINE PROGRAM WORD...: one more command; {sql} and {text} are the engineer's rest of the line.
commands=
missing=
allow() {
	local name=$1 confine=$2 program=$3 word argv='' parameters=''
	shift 2
	if [ -z "$program" ] || [ ! -x "$program" ]; then
		missing+=" $name"
		return
	fi
	for word; do
		word=${word//\\/\\\\}
		argv+=", \"${word//\"/\\\"}\""
		[[ $word != *'{text}'* ]] || parameters='parameters = ( { name = "text"; type = "text"; rest = true; max = 4096; } );'
	done
	commands+="${commands:+, }{ name = \"$name\"; argv = [ ${argv#, } ]; $parameters timeout = 20; ${terminal:+terminal = true;} confine = { $confine }; }
"
}
# works STATUS REGEX NAME LINE [INPUT]
works() {
	local said status=0
	if [[ "$missing " == *" $3 "* ]]; then
		skip "level $level: $3" 'this machine does not have it'
		return
	fi
	said=$(gate "$3${4:+ $4}" <<<"${5-}" 2>&1) || status=$?
	if [ "$status" -eq "$1" ] && [[ $said =~ $2 ]]; then
		ok 0 "level $level: $3${4:+ $4}"
	else
		ok 1 "level $level: $3${4:+ $4}" "status $status, wanted $1; said: $(tail -c 600 <<<"$said"); to match: $2"
	fi
}

psql=$(printf '%s\n' /usr/lib/postgresql/*/bin/psql | tail -1)
text='read = [ "'$place'/data" ];'
allow clickhouse "read = [ \"/etc/clickhouse-client\" ]; connect = [ \"127.0.0.1:${CHPORT:-1}\" ]; memory = \"2G\";" \
	"${CHPORT:+/usr/bin/clickhouse-client}" --host=127.0.0.1 --port="${CHPORT-}" --readonly=1 '--query=/* {identity} */ {text}'
allow clickhouse-version '' "$(command -v clickhouse-client)" --version
allow mariadb "connect = [ \"localhost:${MYPORT:-1}\" ];" "${MYPORT:+/usr/bin/mariadb}" --no-defaults --skip-ssl \
	--protocol=tcp --host=localhost --port="${MYPORT-}" --user=support --execute='{text}'
allow psql "connect = [ \"127.0.0.1:${PGPORT:-1}\" ];" "${PGPORT:+$psql}" -X -w -h 127.0.0.1 -p "${PGPORT-}" -U postgres -c '{text}'
allow psql-socket "write = [ \"$servers/sockets/.s.PGSQL.${PGPORT-}\" ];" "${PGPORT:+$psql}" -X -w -h "$servers/sockets" -p "${PGPORT-}" -U postgres -c '{text}'
allow psql-by-name "execute = [ \"$psql\" ]; connect = [ \"127.0.0.1:${PGPORT:-1}\" ]; read = [ \"/etc/postgresql-common\", \"/usr/bin/psql\" ];" \
	"${PGPORT:+/usr/bin/perl}" /usr/bin/psql -X -w -h 127.0.0.1 -p "${PGPORT-}" -U postgres -c '{text}'
allow psql-as-script "" "${PGPORT:+/usr/bin/psql}" -X
allow sqlite "$text" /usr/bin/sqlite3 -readonly "$place/data/base" '{text}'
allow sqlite-write "write = [ \"$place/work\" ];" /usr/bin/sqlite3 "$place/work/base" '{text}'
allow web "connect = [ \"localhost:$LISTEDPORT\" ];" /usr/bin/curl -sS -o /dev/null -w '%{{http_code}}' "http://localhost:$LISTEDPORT/"
allow logs "read = [ \"${JOURNAL:-/nowhere}\" ];" "${JOURNAL:+/usr/bin/journalctl}" --no-pager --directory="${JOURNAL-}" --lines=10
allow top 'read = [ "/proc" ];' /usr/bin/top -b -n 1
allow ps '' /usr/bin/ps -e -o pid,comm
allow df "$text" /usr/bin/df --output=size "$place/data"
allow free 'read = [ "/proc" ];' /usr/bin/free
allow uptime 'read = [ "/proc" ];' /usr/bin/uptime
allow vmstat 'read = [ "/proc" ];' /usr/bin/vmstat
allow iostat 'read = [ "/proc", "/sys" ];' /usr/bin/iostat
allow mpstat 'read = [ "/proc", "/sys" ];' /usr/bin/mpstat
allow tcpdump '' "$(PATH=$PATH:/usr/sbin command -v tcpdump)" -c 1 -i any
allow report "$text write = [ \"$place/work\" ];" /usr/bin/python3 -B "$place/data/report.py" "$place/work/report"
allow text "$text" /usr/bin/grep -rn '{text}' "$place/data/text"
allow history "$text" /usr/bin/git -C "$place/data/repository" -c safe.directory='*' --no-pager log --oneline
allow perl '' /usr/bin/perl -MPOSIX -MList::Util=sum -e 'print sum(40, floor(2.5)), "\n"'
allow awk "$text" /usr/bin/awk '{{ print NF }}' "$place/data/text"
allow sort '' /usr/bin/sort -n -S 64K
allow pipeline "$text execute = [ \"/usr/bin/wc\", \"/usr/bin/sort\" ];" /usr/bin/find "$place/data" -name text -exec /usr/bin/wc -l '{{}}' ';'
allow follow "$text" /usr/bin/timeout 1 /usr/bin/tail -f "$place/data/text"
allow writes "write = [ \"$place/work\" ];" /usr/bin/tee "$place/work/taken"
allow date '' /usr/bin/date +%Z
allow name '' /usr/bin/id -un
allow libraries '' /usr/bin/openssl version -a
allow threads '' /usr/bin/python3 -c 'import threading, multiprocessing; t = [threading.Thread(target=print, args=(i,)) for i in range(4)]; [x.start() for x in t]; [x.join() for x in t]; p = multiprocessing.Process(target=print, args=("child",)); p.start(); p.join()'
terminal=1
allow less "$text" /usr/bin/less "$place/data/text"
allow top-on-a-terminal 'read = [ "/proc" ];' /usr/bin/top
allow mariadb-prompt "connect = [ \"127.0.0.1:${MYPORT:-1}\" ];" "${MYPORT:+/usr/bin/mariadb}" --no-defaults --skip-ssl \
	--host=127.0.0.1 --port="${MYPORT-}" --user=support
{
	echo 'work = { description = "Work"; admits = "grant"; least = "'$level'";'
	echo 'quorum = ( { of = [ "*@vendor.example" ]; need = 1; }, { of = [ "*@acme.example" ]; need = 1; } ); @USER@'
	printf 'commands = (\n%s);\n};\n' "$commands"
} >"$place/roles.conf"
scene "$place/roles.conf" && start_gate || { ok 1 'a gate can be started'; finish; }
role=work
grant to work || { ok 1 'a grant can be had'; finish; }
gate_config work

# ---- databases ----
works 0 '(^|[[:space:]])42$' clickhouse 'select 40 + 2'
works 0 '(^|[[:space:]])[1-9][0-9]*$' clickhouse 'select count() from system.tables'
works 0 'ClickHouse' clickhouse-version
works 0 'forty-two' mariadb "select concat('forty', '-two')"
works 0 'information_schema' mariadb 'show databases'
works 0 'forty-two' psql "select 'forty' || '-two'"
works 0 'pg_catalog' psql '\dn pg_catalog'
works 0 'forty-two' psql-socket "select 'forty' || '-two'"
works 0 'forty-two' psql-by-name "select 'forty' || '-two'"
works 126 "postern: .*'/usr/bin/psql' is a script" psql-as-script
works 0 '^forty-two$' sqlite 'select a from t'
works 8 'readonly' sqlite 'delete from t'
works 0 '^1$' sqlite-write 'create table if not exists u(a); insert into u values(1); select count(*) from u'
works 0 '^200$' web

# ---- what a machine says of itself ----
works 0 'a line for the journal' logs
works 0 'load average.*top' top
works 0 ' ps($|[[:space:]])' ps
works 0 "$(df --output=size "$place/data" | tail -1)" df
works 0 "Mem: +$(awk '/^MemTotal/ { print $2 }' /proc/meminfo)" free
works 0 'load average' uptime
works 0 'cpu' vmstat
works 0 'avg-cpu' iostat
works 0 'idle' mpstat
works 1 'tcpdump: .*(permission|permitted|not supported|No such device)' tcpdump

# ---- interpreters, modules, files ----
works 0 '^report: json sqlite3 ssl hashlib ctypes decimal zlib parts' report
like "$(cat "$place/work/report")" 'total 42' 'and it wrote what it may write'
works 0 'a line to be read' text line
works 0 'the first change' history
works 0 '^42$' perl
works 0 '^5$' awk
is "$(seq 100000 -1 1 | gate sort 2>&1 | md5sum)" "$(seq 100000 | md5sum)" "level $level: sort, with more than fits its buffer"
works 0 '1 .*/text' pipeline
works 0 '^taken$' writes '' taken
is "$(cat "$place/work/taken")" taken 'what a command wrote is there'
works 0 '^UTC|[A-Z]+$' date
works 0 '^[a-z]' name
works 0 'OPENSSLDIR' libraries
works 0 'child' threads

# ---- on a terminal ----
on_terminal() { # on_terminal REGEX NAME KEYS
	local said
	if [[ "$missing " == *" $2 "* ]]; then
		skip "level $level: $2 on a terminal" 'this machine does not have it'
		return
	fi
	said=$({
		wait_for 10 test -s "$scene/shown"
		sleep 0.2
		printf '%b' "$3"
		wait_for 10 test -e "$scene/ended"
	} | script -qec "stty rows 24 cols 80; ssh -tt -F $scene/ssh_config acme $2; touch $scene/ended" /dev/null | tee "$scene/shown")
	like "$said" "$1" "level $level: $2 on a terminal"
	rm -f "$scene/shown" "$scene/ended"
}
on_terminal 'a line to be read' less q
on_terminal 'load average' top-on-a-terminal q
on_terminal 'forty-two' mariadb-prompt "select concat('forty', '-two');\\rexit\\r"

# ---- on record ----
gate -O exit 2>/dev/null
stop_gate
said=$(recorder verify --all 2>&1)
ok $? 'all of it is on record and verifies' "$said"
if [ "$(id -u)" -eq 0 ]; then
	POSTERN_SERVERS=shared as_ordinary_user
fi
finish
