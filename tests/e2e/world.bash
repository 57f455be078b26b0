# SPDX-License-Identifier: Apache-2.0
# world.bash - what the tests of confinement share, above lib.bash: a network and users of their own when
# root, the same test again as an ordinary user, real servers on loopback, how far this machine reaches.

# Folders outside of the scene, removed when their users have ended.
made=()
clean_up_all() {
	local status=$?
	clean_up
	[ ${#extra_pids[@]} -eq 0 ] || wait "${extra_pids[@]}" 2>/dev/null
	[ -n "${KEEP-}" ] || rm -rf "${made[@]}"
	exit $status
}
trap clean_up_all EXIT

# A test as root has a network of its own, where nothing but what it starts listens and the address of
# a cloud's metadata service is there to be reached; and users with names, which ssh, psql and man ask for.
own_world() { # own_world "$0" "$@"
	if [ -n "${POSTERN_OWN_WORLD-}" ]; then
		[ "$(id -u)" -ne 0 ] || made+=("$POSTERN_OWN_WORLD")
		return
	fi
	[ "$(id -u)" -eq 0 ] || return 0
	POSTERN_OWN_WORLD=$(mktemp -d "${TMPDIR:-/tmp}/postern-world-XXXXXX")
	chmod 755 "$POSTERN_OWN_WORLD"
	export POSTERN_OWN_WORLD
	if unshare -m -n true 2>/dev/null; then
		exec unshare -m -n -- "$BASH" -c '
			passwd=$POSTERN_OWN_WORLD/passwd
			cat /etc/passwd >"$passwd" &&
				printf "%s:x:%s:%s::/:/bin/sh\n" postern-run 64003 64003 postern-user 64010 64010 \
					postern-server 64020 64020 >>"$passwd" &&
				mount --bind "$passwd" /etc/passwd &&
				ip link set lo up && ip address add 169.254.169.254/32 dev lo || exit 1
			exec "$@"' _ "$@"
	fi
	made+=("$POSTERN_OWN_WORLD")
	echo '# no network namespace: the metadata address is tried nowhere' >&2
}

# Everything the tests need in a place that any user can read.
stage() {
	staged=$scene/staged
	mkdir -p "$staged/tests" "$staged/build/tests"
	cp "$build"/postern-* "$staged/build/"
	cp -r "$here" "$staged/tests/e2e"
	cp -r "$build/tests/e2e" "$staged/build/tests/"
	chmod -R a+rX "$staged"
}

# as_ordinary_user ARGS...: this very script again, as nobody in particular; its lines of TAP become ours.
as_ordinary_user() {
	local line whole=
	stage
	while IFS= read -r line; do
		case $line in
		'ok '* | 'not ok '*)
			count=$((count + 1))
			[[ $line == ok* ]] || failures=$((failures + 1))
			sed -E "s/^((not )?ok) [0-9]+/\\1 $count/" <<<"$line"
			;;
		1..*) whole=1 ;;
		'#'*) echo "$line" ;;
		esac
	done < <(cd / && unset RUN_AS GATE WORLD && BUILD=build POSTERN_OWN_WORLD=1 setpriv --reuid=64010 --regid=64010 --clear-groups --inh-caps=-all \
		"$staged/tests/e2e/$(basename "$0")" "$@" </dev/null)
	[ -n "$whole" ] || ok 1 'as an ordinary user the script comes to its end'
}

# tell: lines `STATUS<tab>NAME<tab>WHAT` become TAP.
tell() { # tell PREFIX
	local status name what
	while IFS=$'\t' read -r status name what; do
		case $status in
		ok) ok 0 "$1 $name: $what" ;;
		skipped) skip "$1 $name" "$what" ;;
		*) ok 1 "$1 $name" "$what" ;;
		esac
	done
}

# Why this machine cannot reach a level, whatever the gate says of itself; nothing when it can.
why_not() { # why_not LEVEL
	if [ "$(id -u)" -eq 0 ]; then
		unshare -m -n -p -f true 2>/dev/null || echo 'root may not make namespaces here'
	elif [ "$1" = full ]; then
		echo 'level full is for a gate that was started as root'
	else
		unshare -U -r -m -n -p -f true 2>/dev/null || echo 'an ordinary user may not make user namespaces here'
	fi
}

# ---- a gate whose role is held at a level ----

gate_config() { # gate_config ROLE: what stock ssh needs, as `ssh -F $scene/ssh_config acme`
	cat >"$scene/ssh_config" <<-END
		Host acme
		HostName 127.0.0.1
		Port $port
		User $1
		IdentityFile $scene/keys/alice
		CertificateFile $cert
		IdentitiesOnly yes
		UserKnownHostsFile $scene/known_hosts
		StrictHostKeyChecking yes
		BatchMode yes
		LogLevel ERROR
		ControlMaster auto
		ControlPath $scene/mux-$1
		ControlPersist 120
	END
}
gate() { ssh -F "$scene/ssh_config" acme "$@"; }

# ---- real servers, for real clients ----

free_port() {
	/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
# In the background it becomes the server, so that $! is the server's pid.
as_server() {
	[ "$(id -u)" -ne 0 ] || set -- setpriv --reuid=64020 --regid=64020 --clear-groups "$@"
	[ "$BASHPID" -eq $$ ] || exec "$@"
	"$@"
}
server_folder() {
	mkdir -p "$servers/$1"
	[ "$(id -u)" -ne 0 ] || chown 64020:64020 "$servers/$1"
}

# start_servers: PostgreSQL, MariaDB and ClickHouse where Debian has them; exports PGPORT, MYPORT, CHPORT.
start_servers() {
	export servers
	servers=$(mktemp -d "${TMPDIR:-/tmp}/postern-servers-XXXXXX")
	made+=("$servers")
	chmod 755 "$servers"
	start_postgres
	start_mariadb
	start_clickhouse
	LISTEDPORT=$(free_port)
	/usr/bin/python3 -m http.server --bind 127.0.0.1 --directory "$servers" "$LISTEDPORT" >/dev/null 2>&1 &
	extra_pids+=($!)
	wait_for 10 eval ": </dev/tcp/127.0.0.1/$LISTEDPORT"
	export LISTEDPORT
}

start_postgres() {
	local bin
	bin=$(printf '%s\n' /usr/lib/postgresql/*/bin | tail -1)
	[ -x "$bin/initdb" ] || return 0
	server_folder pg
	server_folder sockets
	as_server env -C "$servers/pg" "$bin/initdb" -A trust -U postgres --no-sync -D "$servers/pg" >"$servers/initdb.log" 2>&1 || return 0
	PGPORT=$(free_port)
	as_server env -C "$servers/pg" "$bin/postgres" -D "$servers/pg" -p "$PGPORT" -c listen_addresses=127.0.0.1 \
		-c unix_socket_directories="$servers/sockets" -c unix_socket_permissions=0777 -c fsync=off >"$servers/pg.log" 2>&1 &
	extra_pids+=($!)
	wait_for 20 "$bin/psql" -X -w -h 127.0.0.1 -p "$PGPORT" -U postgres -c 'select 1' && export PGPORT
}

start_mariadb() {
	local mariadbd
	mariadbd=$(PATH=$PATH:/usr/sbin command -v mariadbd) && command -v mariadb mariadb-install-db >/dev/null || return 0
	server_folder my
	as_server mariadb-install-db --no-defaults --datadir="$servers/my" --auth-root-authentication-method=normal \
		--skip-name-resolve >"$servers/install-db.log" 2>&1 || return 0
	MYPORT=$(free_port)
	as_server "$mariadbd" --no-defaults --datadir="$servers/my" --socket="$servers/my/socket" --port="$MYPORT" \
		--bind-address=127.0.0.1 --skip-grant-tables --skip-name-resolve >"$servers/my.log" 2>&1 &
	extra_pids+=($!)
	wait_for 20 mariadb --no-defaults --skip-ssl -h 127.0.0.1 -P "$MYPORT" -u postern -e 'select 1' && export MYPORT
}

start_clickhouse() {
	local server
	server=$(PATH=$PATH:/usr/sbin command -v clickhouse-server) && command -v clickhouse-client >/dev/null || return 0
	server_folder ch
	CHPORT=$(free_port)
	sed -e "s|@PORT@|$CHPORT|" -e "s|@FOLDER@|$servers/ch|g" -e "s|@CONFIG@|$servers/clickhouse.xml|" \
		"$data/clickhouse.xml" >"$servers/clickhouse.xml"
	as_server env -C "$servers/ch" "$server" --config-file="$servers/clickhouse.xml" >"$servers/ch.log" 2>&1 &
	extra_pids+=($!)
	wait_for 20 clickhouse-client --host=127.0.0.1 --port="$CHPORT" --query='select 1' && export CHPORT
}
