/* SPDX-License-Identifier: Apache-2.0 */
/*
 * terminal_filter.h - lets a recording paint on a terminal, and do nothing else to it.
 *
 * Passed: text, movement, colours, erasing, scrolling, the alternate screen. Dropped: whatever
 * makes a terminal answer (status, attributes, settings, mouse, focus, title), writes to the
 * clipboard, sets title, colours or links, prints, or changes what keys send; every string (OSC,
 * DCS, APC, PM, SOS); C1 characters; what is not UTF-8 becomes U+FFFD. After ECMA-48 and xterm's
 * control sequences.
 */
#ifndef REC_TERMINAL_FILTER_H
#define REC_TERMINAL_FILTER_H

#include <stddef.h>
#include <stdint.h>

#include "ca/buf.h"

enum rec_filter_state {
	REC_FILTER_TEXT,
	REC_FILTER_ESCAPE,
	REC_FILTER_CHARSET, /* one more byte: which character set */
	REC_FILTER_CSI,
	REC_FILTER_STRING,
	REC_FILTER_STRING_ESCAPE,
};

/* Zero-initialised is ready. A sequence may be cut by the end of a piece. */
struct rec_terminal_filter {
	enum rec_filter_state state;
	uint8_t sequence[64]; /* of a CSI, behind its introducer */
	size_t len;	      /* over the size: too long, dropped */
};

void rec_terminal_filter_put(
    struct rec_terminal_filter *filter, struct ca_buf *out, const uint8_t *data, size_t len);

#endif
