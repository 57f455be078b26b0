/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call_split.h - a command line, word by word.
 *
 * Blanks are space and tab. '...' is literal; "..." knows \" and \\; outside quotes a backslash
 * takes the next byte literally. Control characters are refused in a word, quoted or not. Nothing
 * else is special.
 */
#ifndef BAS_CALL_SPLIT_H
#define BAS_CALL_SPLIT_H

#include <stdbool.h>
#include <stddef.h>

#include "ca/buf.h"
#include "ca/why.h"

/* What is left of a line. */
struct bas_line {
	const char *next;
	size_t left;
};

enum bas_word { BAS_WORD_OK, BAS_WORD_NONE, BAS_WORD_BROKEN };

/* The next word, unquoted, into `out` with a NUL that .len counts not. BROKEN has a sentence. */
CA_MUST_USE enum bas_word bas_line_word(
    struct bas_line *line, struct ca_buf *out, struct ca_why *why);
/* Whether the next word begins with an unquoted `--`. */
bool bas_line_has_option(const struct bas_line *line);
/* The bytes after one blank, as they are; none when there are only blanks. */
struct ca_bytes bas_line_rest(const struct bas_line *line);
/* Writes a word so that it is read back as it is, with the fewest quotes. */
void bas_word_put(struct ca_buf *out, const char *word);

#endif
