/* SPDX-License-Identifier: Apache-2.0 */
/* cast_line.h - one event line of asciicast v2: [seconds, "code", "data"]. */
#ifndef REC_CAST_LINE_H
#define REC_CAST_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ca/buf.h"
#include "ca/why.h"

struct rec_cast_line {
	uint64_t time; /* microseconds */
	char code;     /* '?' when it is not one printable character */
	struct ca_buf data;
};

/* `text` without its LF. Strict: JSON, no lone surrogate, valid UTF-8, nothing behind. */
CA_MUST_USE bool rec_cast_line_parse(
    struct rec_cast_line *out, const char *text, size_t len, struct ca_why *why);

#endif
