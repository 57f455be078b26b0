/* SPDX-License-Identifier: Apache-2.0 */
/*
 * template.h - one word of an argv template: literal text and {placeholders}.
 *
 * `{{` and `}}` are literal braces. A placeholder is a parameter's name, or one of the four words
 * that the certificate decides.
 */
#ifndef BAS_TEMPLATE_H
#define BAS_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

enum bas_piece_kind { BAS_PIECE_END, BAS_PIECE_TEXT, BAS_PIECE_NAME, BAS_PIECE_BROKEN };

struct bas_piece {
	enum bas_piece_kind kind;
	const char *text; /* inside the word, not terminated */
	size_t len;
};

/* The next piece at *at, which moves behind it. BROKEN: a brace without its partner. */
struct bas_piece bas_template_next(const char **at);
/* Whether the piece is the placeholder `name`. */
bool bas_piece_is(const struct bas_piece *piece, const char *name);
/* Whether the piece, or the name, is one of identity, grant, engineer, recording. */
bool bas_template_is_reserved_piece(const struct bas_piece *piece);
bool bas_template_is_reserved(const char *name);
/* Whether the whole word is the one placeholder `name`. */
bool bas_template_is_just(const char *word, const char *name);

#endif
