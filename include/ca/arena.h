/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena.h - memory that is freed all at once, for what is built once and then only read.
 */
#ifndef CA_ARENA_H
#define CA_ARENA_H

#include <stddef.h>

struct ca_arena;

/* NULL when out of memory. */
struct ca_arena *ca_arena_new(void);
void ca_arena_free(struct ca_arena *arena);
/* `count` zeroed items of `size` bytes, fit for any type; NULL when out of memory. */
void *ca_arena_get(struct ca_arena *arena, size_t count, size_t size);
/* A copy; NULL when out of memory. */
char *ca_arena_text(struct ca_arena *arena, const char *text);

#endif
