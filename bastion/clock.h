/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock.h - time that a wall clock set back cannot turn back.
 *
 * The clerk fixes the base from its durable high-water mark; from then on the kernel's
 * boot clock, which no one sets and which counts through a suspend, is the floor.
 */
#ifndef BAS_CLOCK_H
#define BAS_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "ca/why.h"

struct bas_clock {
	int64_t base;	    /* seconds since the epoch at base_boot, at least the high-water mark */
	uint64_t base_boot; /* CLOCK_BOOTTIME in nanoseconds when base was taken */
};

/* The later of the wall clock and base plus what the boot clock has run since. */
int64_t bas_clock_now(const struct bas_clock *clock);
uint64_t bas_clock_boot(void); /* CLOCK_BOOTTIME, nanoseconds */

/* The same with both clocks given. */
int64_t bas_clock_at(const struct bas_clock *clock, int64_t wall, uint64_t boot);
/* Starts at the later of the wall clock and the mark. Gives how many seconds the wall clock is
 * behind the mark, or 0. */
int64_t bas_clock_start(struct bas_clock *clock, int64_t mark, int64_t wall, uint64_t boot);
/*
 * Moves the base up to a wall clock that went ahead, so that setting that back does not turn us
 * back either. Gives how far the wall clock is from where it was expected (ahead positive, behind
 * negative), in seconds: more than a second or two means that someone set it.
 */
int64_t bas_clock_advance(struct bas_clock *clock, int64_t wall, uint64_t boot);
/* When it will be `time`, on CLOCK_BOOTTIME in nanoseconds; `boot` when that is past. */
uint64_t bas_clock_deadline(
    const struct bas_clock *clock, int64_t time, int64_t wall, uint64_t boot);

/* The high-water mark on disk: seconds in decimal and LF. A file that does not exist is INT64_MIN;
 * a broken one is an error. */
CA_MUST_USE bool bas_clock_load(int64_t *mark, const char *path, struct ca_why *why);
CA_MUST_USE bool bas_clock_save(const char *path, int64_t mark, struct ca_why *why);

#endif
