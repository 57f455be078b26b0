#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Replays on a real terminal (tmux): keys work, the terminal comes back as it was, and nothing that
# a recording asks the terminal is answered to the shell.
# shellcheck source=tests/e2e/lib.bash
. "$(dirname "$0")/lib.bash"

if ! command -v tmux >/dev/null; then
	skip 'replays on a terminal' 'there is no tmux'
	finish
fi
scene=$(mktemp -d "${TMPDIR:-/tmp}/postern-test-XXXXXX")
state=$scene/gate
mkdir "$state"
export TMUX_TMPDIR=$scene
tmux_() { tmux -L postern-test -f /dev/null "$@"; }
trap 'tmux_ kill-server 2>/dev/null; clean_up' EXIT # the server is this test's own: its socket is in $scene

# write_cast NAME LINE...: a recording made by hand, with the times a test needs.
write_cast() {
	{
		echo '{"version":2,"width":80,"height":24,"timestamp":1795284000}'
		printf '%s\n' "${@:2}"
	} >"$scene/$1.cast"
}

# What runs in the pane: the terminal's settings before and after, and what is left to read.
cat >"$scene/pane" <<'END'
#!/bin/bash
stty -g >"$1/before"
"${@:2}" 2>"$1/err"
echo $? >"$1/status"
stty -g >"$1/after"
IFS= read -r -s -d '' -t 0.5 -n 200 left
printf %s "$left" >"$1/left"
touch "$1/done"
while [ ! -e "$1/go" ]; do sleep 0.05; done
END
chmod +x "$scene/pane"

# begin COMMAND...: starts it in a pane; sees nothing of ours but that.
begin() {
	rm -f "$scene"/{before,after,left,done,go,status,err}
	tmux_ new-session -d -x 80 -y 24 "$scene/pane" "$scene" "$@"
	wait_for 10 test -e "$scene/before"
	pane_pid=$(tmux_ display-message -p '#{pane_pid}')
}
screen() { tmux_ capture-pane -p; }
shows() { screen | grep -q "$1"; }
press() { tmux_ send-keys "$@"; }
# end NAME: the command is over; the terminal is as it was, and nothing is left to read.
end() {
	wait_for 20 test -e "$scene/done"
	ok $? "$1: it ends"
	is "$(cat "$scene/after" 2>/dev/null)" "$(cat "$scene/before")" "$1: the terminal's settings are as they were"
	is "$(cat "$scene/left" 2>/dev/null)" '' "$1: nothing is left for the shell to read"
	modes=$(tmux_ display-message -p '#{alternate_on} #{mouse_any_flag} #{cursor_flag} #{keypad_flag} #{keypad_cursor_flag}')
	is "$modes" '0 0 1 0 0' "$1: main screen, no mouse, a cursor, plain keys"
	last_screen=$(screen)
	last_title=$(tmux_ display-message -p '#{pane_title}')
	touch "$scene/go"
	wait_for 10 sh -c "! tmux -L postern-test has-session"
}
play() { begin "$build/postern-recorder" play "$@"; }

write_cast plain '[0.1,"o","one\r\n"]' '[0.2,"e","two\r\n"]' '[0.3,"x","0"]'
write_cast slow '[0.1,"o","one\r\n"]' '[100.0,"o","two\r\n"]' '[200.0,"o","three\r\n"]' '[300.0,"x","0"]'
write_cast asks '[0.1,"o","\u001b[6n\u001b[5n\u001b[c\u001b[>c\u001b]11;?\u0007\u001bP$qm\u001b\\\u001b[21t\u0005asked\r\n"]' '[0.2,"x","0"]'
write_cast leaves '[0.1,"o","\u001b[?1049h\u001b[?1000h\u001b[?2004h\u001b[?25l\u001b[?1h\u001b=\u001b[7;31m\u001b]0;owned\u0007gone"]' '[100.0,"x","0"]'
write_cast unfinished '[0.1,"o","shown\r\n\u001b]0;never ends"]' '[0.2,"x","0"]'

# the pane would answer, were it asked: without that the rest would prove nothing
begin printf '\033[6n'
wait_for 20 test -e "$scene/done"
like "$(cat "$scene/left")" 'R' 'this terminal answers when it is asked'
touch "$scene/go"
wait_for 10 sh -c "! tmux -L postern-test has-session"

play "$scene/plain.cast"
end 'to the end'
like "$last_screen" 'one.*two' 'to the end: output and stderr are shown'
is "$(cat "$scene/status")" 0 'to the end: exit status'

play "$scene/asks.cast"
end 'a recording that asks'
like "$last_screen" 'asked' 'a recording that asks: its text is shown'

play "$scene/leaves.cast"
wait_for 10 shows gone
press q
end 'a recording that leaves a mess'
is "$(cat "$scene/status")" 0 'q is a good end'
unlike "$last_screen" 'gone' 'a recording that leaves a mess: its other screen is gone'
unlike "$last_title" 'owned' 'a recording that leaves a mess: no title was set'

play "$scene/unfinished.cast"
end 'a sequence that never ends'

play "$scene/slow.cast"
wait_for 10 shows one
press C-c
end 'ctrl-C'

for signal in INT TERM HUP QUIT; do
	play "$scene/slow.cast"
	wait_for 10 shows one
	kill -"$signal" "$(pgrep -P "$pane_pid" postern-record)"
	end "signal $signal"
	is "$(cat "$scene/status")" $((128 + $(kill -l "$signal"))) "signal $signal: its parent sees it"
done

play "$scene/slow.cast"
wait_for 10 shows one
press .
wait_for 10 shows two
ok $? 'a step shows the next event at once'
press .
wait_for 10 shows three
ok $? 'and the next'
press ' ' ']' '[' Up Escape x q
end 'stepping'

play --speed 64 --idle 0.5 "$scene/slow.cast"
end 'no pause longer than said'

play "$scene/slow.cast"
wait_for 10 shows one
press ']' ']' ']' ']' ']' ']'
wait_for 10 shows two
ok $? 'faster is faster'
press q
end 'faster'

# not a terminal at all
"$build/postern-recorder" play --idle 0 "$scene/asks.cast" >"$scene/out" </dev/null
is $? 0 'a replay into a file succeeds'
is "$(od -c "$scene/out" | head -1 | tr -s ' ')" "$(printf 'asked\r\n' | od -c | head -1 | tr -s ' ')" 'and holds what paints'
finish
