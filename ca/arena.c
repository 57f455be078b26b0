/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena.c - a list of allocations with one owner.
 */
#include "ca/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct piece {
	struct piece *next;
	alignas(max_align_t) unsigned char data[];
};

struct ca_arena {
	struct piece *pieces;
};

struct ca_arena *
ca_arena_new(void)
{
	return calloc(1, sizeof(struct ca_arena));
}

void
ca_arena_free(struct ca_arena *arena)
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
ca_arena_get(struct ca_arena *arena, size_t count, size_t size)
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
ca_arena_text(struct ca_arena *arena, const char *text)
{
	size_t len = strlen(text) + 1;
	char *copy = ca_arena_get(arena, len, 1);
	if (copy != NULL)
		memcpy(copy, text, len);
	return copy;
}
