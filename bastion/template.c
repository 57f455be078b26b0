/* SPDX-License-Identifier: Apache-2.0 */
/*
 * template.c - takes a template's word apart, for the check at load and for the call.
 */
#include "template.h"

#include <string.h>

/* What the certificate decides. */
static const char *const reserved[] = { "identity", "grant", "engineer", "recording" };

struct bas_piece
bas_template_next(const char **at)
{
	const char *start = *at;
	if (*start == 0)
		return (struct bas_piece){ BAS_PIECE_END, start, 0 };
	if (*start != '{' && *start != '}') {
		size_t len = strcspn(start, "{}");
		*at = start + len;
		return (struct bas_piece){ BAS_PIECE_TEXT, start, len };
	}
	if (start[1] == start[0]) {
		*at = start + 2;
		return (struct bas_piece){ BAS_PIECE_TEXT, start, 1 };
	}
	size_t len = strcspn(start + 1, "{}");
	if (*start == '}' || len == 0 || start[1 + len] != '}')
		return (struct bas_piece){ BAS_PIECE_BROKEN, start, 1 };
	*at = start + len + 2;
	return (struct bas_piece){ BAS_PIECE_NAME, start + 1, len };
}

bool
bas_piece_is(const struct bas_piece *piece, const char *name)
{
	return piece->kind == BAS_PIECE_NAME && strlen(name) == piece->len &&
	       memcmp(piece->text, name, piece->len) == 0;
}

bool
bas_template_is_reserved_piece(const struct bas_piece *piece)
{
	for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
		if (bas_piece_is(piece, reserved[i]))
			return true;
	return false;
}

bool
bas_template_is_reserved(const char *name)
{
	struct bas_piece piece = { BAS_PIECE_NAME, name, strlen(name) };
	return bas_template_is_reserved_piece(&piece);
}

bool
bas_template_is_just(const char *word, const char *name)
{
	struct bas_piece piece = bas_template_next(&word);
	return bas_piece_is(&piece, name) && *word == 0;
}
