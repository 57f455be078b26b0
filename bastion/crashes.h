/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crashes.h - addresses whose doors die by signals, and how long each is refused for it.
 *
 * More than BAS_CRASHES_FREE within BAS_CRASHES_WINDOW, and the address is refused for
 * BAS_CRASHES_FIRST, then for twice as long with each further one. Times are seconds of
 * CLOCK_BOOTTIME, so that a new listener can go on with what the old one counted.
 */
#ifndef BAS_CRASHES_H
#define BAS_CRASHES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ca/buf.h"

#define BAS_CRASHES_MAX	   256 /* addresses; the one that was quiet longest makes room */
#define BAS_CRASHES_FREE   3
#define BAS_CRASHES_WINDOW 600
#define BAS_CRASHES_FIRST  600
#define BAS_CRASHES_LONG   86400

struct bas_crash {
	uint8_t address[16];
	uint32_t count; /* 0: a free place */
	uint64_t last, until;
};

/* Zeros are an empty one. */
struct bas_crashes {
	struct bas_crash list[BAS_CRASHES_MAX];
};

/* A door of `address` died. Gives the seconds for which the address is now refused, or 0. */
uint64_t bas_crashes_note(
    struct bas_crashes *crashes, const uint8_t address[static 16], uint64_t now);
bool bas_crashes_refuses(
    const struct bas_crashes *crashes, const uint8_t address[static 16], uint64_t now);

/* For the listener that comes after. */
void bas_crashes_encode(const struct bas_crashes *crashes, struct ca_buf *out);
CA_MUST_USE bool bas_crashes_parse(struct bas_crashes *out, struct ca_bytes bytes);

#endif
