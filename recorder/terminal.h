/* SPDX-License-Identifier: Apache-2.0 */
/*
 * terminal.h - a terminal borrowed for a replay and given back as it was.
 *
 * While it is borrowed keys come one by one, unechoed, and make no signals. Giving it back ends
 * whatever the replay left behind (attributes, alternate screen, modes) and throws away
 * what was typed, or answered by the terminal, until then.
 */
#ifndef REC_TERMINAL_H
#define REC_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <termios.h>

#include "ca/why.h"

struct rec_terminal {
	int fd;	 /* keys */
	int out; /* what is shown */
	bool borrowed;
	struct termios saved;
	unsigned keys; /* state of the reader of keys; see rec_terminal_key */
};

/* Both descriptors are the same terminal, and borrowed. */
CA_MUST_USE bool rec_terminal_borrow(
    struct rec_terminal *terminal, int fd, int out, struct ca_why *why);
/* Once is enough; more does no harm. */
void rec_terminal_return(struct rec_terminal *terminal);

/*
 * Feeds one byte that came from the terminal: gives it back when it is a key, and '\0' when it
 * belongs to a sequence: a cursor key, or a terminal's answer to something.
 */
char rec_terminal_key(struct rec_terminal *terminal, uint8_t byte);

#endif
