/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper_terminal.c - the pseudo-terminal of a run.
 *
 * The keeper holds the master; the slave goes to the spawner as a descriptor and is never
 * named by a path, so no other process's terminal can be taken for it (ioctl_tty(2), TIOCGPTPEER).
 */
#include "bastion/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define CELLS_MAX 4096 /* columns or rows; more is nonsense that programs allocate by */

static unsigned short
cells(uint32_t value, unsigned short fallback)
{
	if (value == 0)
		return fallback;
	return value > CELLS_MAX ? CELLS_MAX : (unsigned short)value;
}

void
bas_terminal_resize(int master, uint32_t columns, uint32_t rows)
{
	struct winsize size = { .ws_col = cells(columns, 80), .ws_row = cells(rows, 24) };

	/* A terminal that has just been hung up has no size to set. */
	(void)ioctl(master, TIOCSWINSZ, &size);
}

/* The client's terminal is UTF-8 or near enough; without IUTF8 erasing a character would leave
 * bytes. */
static void
set_modes(int slave)
{
	struct termios modes;

	if (tcgetattr(slave, &modes) != 0)
		return;
	modes.c_iflag |= IUTF8;
	(void)tcsetattr(slave, TCSANOW, &modes);
}

bool
bas_terminal_open(int *master, int *slave, uint32_t columns, uint32_t rows, struct ca_why *why)
{
	int unlock = 0;

	*slave = -1;
	*master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (*master < 0)
		return ca_why_set(why, "no terminal: %s", strerror(errno));
	if (ioctl(*master, TIOCSPTLCK, &unlock) == 0)
		*slave = ioctl(*master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (*slave < 0) {
		ca_why_set(why, "no terminal: %s", strerror(errno));
		close(*master);
		*master = -1;
		return false;
	}
	set_modes(*slave);
	bas_terminal_resize(*master, columns, rows);
	return true;
}

bool
bas_terminal_hides(int master)
{
	struct termios modes;

	return tcgetattr(master, &modes) == 0 && (modes.c_lflag & ECHO) == 0 &&
	       (modes.c_lflag & ICANON) != 0;
}

void
bas_terminal_name(char out[static 64], const char *term)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789+-._";
	size_t len = strlen(term);
	bool odd = len == 0 || len > 63 || term[0] == '.' || term[0] == '-' ||
		   strspn(term, allowed) != len;

	/* TERM is looked up as a file name by terminfo. */
	snprintf(out, 64, "%s", odd ? "vt100" : term);
}
