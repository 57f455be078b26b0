/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena.h - memory that is freed all at once, for what is built once and then only read.
 */
#ifndef BAS_ARENA_H
#define BAS_ARENA_H

#include <stddef.h>

struct bas_arena;

/* NULL when out of memory. */
struct bas_arena *bas_arena_new(void);
void bas_arena_free(struct bas_arena *arena);
/* `count` zeroed items of `size` bytes, fit for any type; NULL when out of memory. */
void *bas_arena_get(struct bas_arena *arena, size_t count, size_t size);
/* A copy; NULL when out of memory. */
char *bas_arena_text(struct bas_arena *arena, const char *text);

#endif
