# SPDX-License-Identifier: Apache-2.0
# chaos.bash - what the tests that break things share: the post's processes, commands that are hard
# to end, and what a recording says was printed. Sourced behind lib.bash.

# rooms: the descendants of the spawner, each a line: PID COMMAND...
rooms() {
	ps -eo pid,ppid,args | awk -v top="$gate_pid" '
		{ parent[$1] = $2; pid = $1; $1 = $2 = ""; line[pid] = $0 }
		END { for (p in line) { for (q = p; q in parent && q != top && q > 1; ) q = parent[q]; if (q == top && p != top) print p line[p] } }'
}
room() { # room NAME: its pid; of several, any
	[ "$1" != spawner ] || {
		echo "$gate_pid"
		return
	}
	rooms | awk -v name="$1" '$2 == "postern-bastion:" && $3 == name { print $1; exit }'
}

# note: every process of the post and of its commands, as it is now; rest: those that still run.
noted=
note() {
	noted="$gate_pid $(rooms | awk '{ print $1 }')"
}
rest() {
	local pid
	for pid in $noted $(commands); do
		[ -e "/proc/$pid" ] && ! grep -q '^State:.Z' "/proc/$pid/status" 2>/dev/null && echo "$pid"
	done
}
all_gone() { [ -z "$(rest)" ]; }

# commands: what was started from the scene's own scripts, wherever it hangs by now.
commands() { pgrep -f "^/usr/bin/python3 $scene/(stream|tree)\.py" 2>/dev/null; }
commands_gone() { [ -z "$(commands)" ]; }

# as_owner COMMAND...: as the one to whom the recordings belong.
as_owner() {
	if [ "$(id -u)" -eq 0 ]; then
		setpriv --reuid 64001 --regid 64001 --clear-groups "$@"
	else
		"$@"
	fi
}

cast_of() { # cast_of COMMAND-LINE: the files of its recordings
	local file
	for file in "$scene"/gate/recordings/*.cast; do
		[ "$(head -1 "$file" | jq -r .command 2>/dev/null)" != "$1" ] || echo "$file"
	done
}
# printed CODE FILE...: the exact bytes of a stream, read by the format's words and not by our reader.
printed() { /usr/bin/python3 "$here/decode_cast.py" "$@"; }

# holds FILE CODE CAST: whether what a client received is how the recording begins.
holds() {
	cmp -s -n "$(stat -c %s "$1")" "$1" <(printed "$2" "$3")
}

# A role with commands that go on for long, write fast, or leave processes of every kind behind.
write_chaos() {
	cat >"$scene/stream.py" <<'END'
import os, sys, time
n = 0
while True:
    text = b"".join(b"%d \xe2\x82\xac \xff\x00 %s\n" % (i, b"x" * (i % 90)) for i in range(n, n + 400))
    n += 400
    while text:
        text = text[os.write(1, text[:7919]):]
    os.write(2, b"err %d \xc3\xa4\xfe\n" % n)
    time.sleep(0.004)
END
	cat >"$scene/tree.py" <<'END'
import os, signal, sys, time
def child(*steps):
    try:
        if os.fork():
            return
    except OSError: # the limit is the user's, who may have other processes
        return
    for step in steps:
        step()
    while True:
        signal.pause()
def again():
    if os.fork():
        os._exit(0)
def deaf():
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
def closed():
    os.closerange(0, 64)
def stop():
    os.kill(os.getpid(), signal.SIGSTOP)
def breed():
    while True:
        try:
            if os.fork() == 0:
                os.setsid()
        except OSError:
            pass
        time.sleep(0.02)
how = sys.argv[1] if len(sys.argv) > 1 else "stay"
if how == "bomb":
    for i in range(4):
        child(os.setsid, deaf, breed)
else:
    child(again, os.setsid, again)
    child(os.setsid, deaf)
    child(deaf, closed)
    child(os.setsid, stop)
    child(lambda: os.setpgid(0, 0), again, deaf, stop)
time.sleep(0.1)
os.write(1, b"ready\n")
if how == "stop":
    stop()
while how != "leave":
    signal.pause()
END
	cat >"$scene/chaos.conf" <<'END'
chaos = {
  description = "What is hard to end";
  admits = "grant";
  quorum = ( { of = [ "*@vendor.example" ]; need = 1; }, { of = [ "*@acme.example" ]; need = 1; } );
  least = "basic";
  @USER@
  commands = (
    { name = "true"; argv = [ "/usr/bin/true" ]; },
    { name = "echo"; argv = [ "/usr/bin/echo", "{text}" ]; parameters = ( { name = "text"; type = "text"; rest = true; max = 65536; } ); },
    { name = "cat"; argv = [ "/usr/bin/cat" ]; },
    { name = "count"; argv = [ "/usr/bin/seq", "{n}" ]; parameters = ( { name = "n"; type = "integer"; min = 1; max = 100000000; } ); },
    { name = "sleep"; argv = [ "/usr/bin/sleep", "{seconds}" ]; parameters = ( { name = "seconds"; type = "integer"; min = 0; max = 100000; } ); },
    { name = "stream"; argv = [ "/usr/bin/python3", "@SCENE@/stream.py", "{tag}" ]; parameters = ( { name = "tag"; type = "text"; } );
      confine = { read = [ "@SCENE@/stream.py" ]; }; },
    { name = "tree"; argv = [ "/usr/bin/python3", "@SCENE@/tree.py", "{how}", "{tag}" ];
      parameters = ( { name = "how"; type = "choice"; of = [ "stay", "leave", "stop" ]; }, { name = "tag"; type = "text"; } );
      confine = { read = [ "@SCENE@/tree.py" ]; }; },
    { name = "bomb"; argv = [ "/usr/bin/python3", "@SCENE@/tree.py", "bomb" ]; confine = { read = [ "@SCENE@/tree.py" ]; processes = 60; }; },
    { name = "shell"; argv = [ "/usr/bin/dash" ]; terminal = true;
      confine = { execute = [ "/usr/bin/sleep", "/usr/bin/setsid", "/usr/bin/nohup" ]; }; }
  );
};
END
}
