/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena.c - a list of allocations with one owner.
 */
#include "arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct piece {
	struct piece *next;
	alignas(max_align_t) unsigned char data[];
};

struct bas_arena {
	struct piece *pieces;
};

struct bas_arena *
bas_arena_new(void)
{
	return calloc(1, sizeof(struct bas_arena));
}

void
bas_arena_free(struct bas_arena *arena)
{
	if (arena == NULL)
		return;
	while (arena->pieces != NULL) {
		struct piece *next = arena->pieces->next;
		free(arena->pieces);
		arena->pieces = next;
	}
	free(arena);
}

void *
bas_arena_get(struct bas_arena *arena, size_t count, size_t size)
{
	if (size != 0 && count > (SIZE_MAX - sizeof(struct piece)) / size)
		return NULL;
	struct piece *piece = calloc(1, sizeof *piece + count * size);
	if (piece == NULL)
		return NULL;
	piece->next = arena->pieces;
	arena->pieces = piece;
	return piece->data;
}

char *
bas_arena_text(struct bas_arena *arena, const char *text)
{
	size_t len = strlen(text) + 1;
	char *copy = bas_arena_get(arena, len, 1);
	if (copy != NULL)
		memcpy(copy, text, len);
	return copy;
}
