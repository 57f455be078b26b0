/* SPDX-License-Identifier: Apache-2.0 */
/*
 * terminal.c - borrows a terminal (termios(3)) and gives it back clean.
 */
#include "terminal.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "ca/file.h"

#define QUIET_MS  60 /* nothing came for so long: everything has come */
#define DRAIN_MAX 40 /* pieces; a terminal that talks without end is not waited for */

enum { PLAIN, AFTER_ESCAPE, IN_CSI, IN_STRING, STRING_ESCAPE, ONE_MORE };

/*
 * Ends a sequence that was cut (CAN, ST), then: soft reset (attributes, cursor, margins, modes),
 * main screen with the cursor where it is, wrapping, reports of mouse, focus and paste off,
 * character set, keypad.
 */
static const char reset[] = "\x18\x1b\\\x1b[!p\x1b"
			    "7\x1b[?1049l\x1b[?7h\x1b[?25h\x1b[?5l\x1b[?2026l"
			    "\x1b[?9;1000;1001;1002;1003;1004;1005;1006;1015;2004l"
			    "\x1b(B\x0f\x1b>\x1b[0m";

bool
rec_terminal_borrow(struct rec_terminal *terminal, int fd, int out, struct ca_why *why)
{
	struct termios raw;

	*terminal = (struct rec_terminal){ .fd = fd, .out = out };
	if (tcgetattr(fd, &terminal->saved) != 0)
		return ca_why_set(why, "terminal cannot be read: %s", strerror(errno));
	raw = terminal->saved;
	/* output processing stays, for recordings made without a terminal end lines with LF */
	raw.c_iflag &= ~(tcflag_t)(IXON | ICRNL | INLCR | IGNCR | ISTRIP);
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG | IEXTEN);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	if (tcsetattr(fd, TCSAFLUSH, &raw) != 0)
		return ca_why_set(why, "terminal cannot be set: %s", strerror(errno));
	terminal->borrowed = true;
	return true;
}

/* Reads until nothing comes any more. */
static void
drain(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	char waste[512];

	for (int i = 0; i < DRAIN_MAX && poll(&poll_fd, 1, QUIET_MS) > 0; i++)
		if (read(fd, waste, sizeof(waste)) <= 0)
			break;
}

void
rec_terminal_return(struct rec_terminal *terminal)
{
	if (!terminal->borrowed)
		return;
	terminal->borrowed = false;
	/* a terminal that is gone needs nothing from us */
	if (ca_write_all(terminal->out, reset, sizeof(reset) - 1))
		(void)tcdrain(terminal->out);
	drain(terminal->fd);
	(void)tcsetattr(terminal->fd, TCSAFLUSH, &terminal->saved);
}

char
rec_terminal_key(struct rec_terminal *terminal, uint8_t byte)
{
	switch (terminal->keys) {
	case AFTER_ESCAPE:
		terminal->keys = byte == '['				      ? IN_CSI
				 : byte == 'O'				      ? ONE_MORE
				 : byte != 0 && strchr("]P_^X", byte) != NULL ? IN_STRING
				 : byte == 0x1b				      ? AFTER_ESCAPE
									      : PLAIN;
		return '\0';
	case IN_CSI:
		if (byte >= 0x40 && byte <= 0x7e)
			terminal->keys = PLAIN;
		return '\0';
	case ONE_MORE:
		terminal->keys = PLAIN;
		return '\0';
	case IN_STRING:
	case STRING_ESCAPE:
		if (byte == 0x07 || (terminal->keys == STRING_ESCAPE && byte == '\\'))
			terminal->keys = PLAIN;
		else
			terminal->keys = byte == 0x1b ? STRING_ESCAPE : IN_STRING;
		return '\0';
	default:
		if (byte != 0x1b)
			return (char)byte;
		terminal->keys = AFTER_ESCAPE;
		return '\0';
	}
}
