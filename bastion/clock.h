/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock.h - time that a wall clock set back cannot turn back.
 *
 * The clerk fixes the base from its durable high-water mark; from then on the kernel's
 * boot clock, which no one sets and which counts through a suspend, is the floor. The mark keeps
 * the boot clock too: until the next boot the floor goes on rising while nobody runs.
 *
 * Where a function takes both clocks, `boot` is where on the boot clock the wall clock's second
 * began, so that the two say the same instant.
 */
#ifndef BAS_CLOCK_H
#define BAS_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "ca/why.h"

#define BAS_BOOT_ID_SIZE 40 /* a UUID and a NUL */

struct bas_clock {
	int64_t base;	    /* seconds since the epoch at base_boot, at least the high-water mark */
	uint64_t base_boot; /* CLOCK_BOOTTIME in nanoseconds when base was taken */
};

/* The later of the wall clock and base plus what the boot clock has run since. */
int64_t bas_clock_now(const struct bas_clock *clock);
uint64_t bas_clock_boot(void); /* CLOCK_BOOTTIME, nanoseconds */
/* Both clocks. */
void bas_clock_read(int64_t *wall, uint64_t *boot);
/* Which boot this is, random(4); empty when the system does not say. */
void bas_clock_boot_id(char out[static BAS_BOOT_ID_SIZE]);

/* bas_clock_now with both clocks given. */
int64_t bas_clock_at(const struct bas_clock *clock, int64_t wall, uint64_t boot);
/* A time that was seen before, by the log: the floor is not below it. */
void bas_clock_raise(struct bas_clock *clock, int64_t time, uint64_t boot);
/* From the floor that bas_clock_load and bas_clock_raise made. Gives how many seconds the wall
 * clock is behind it, or 0. */
int64_t bas_clock_start(struct bas_clock *clock, int64_t wall, uint64_t boot);
/*
 * Moves the base up to a wall clock that went ahead, so that setting that back does not turn us
 * back either. Gives how far the wall clock is from where it was expected (ahead positive, behind
 * negative), in seconds: more than a second or two means that someone set it.
 */
int64_t bas_clock_advance(struct bas_clock *clock, int64_t wall, uint64_t boot);
/* When it will be `time`, on CLOCK_BOOTTIME in nanoseconds; `boot` when that is past. */
uint64_t bas_clock_deadline(
    const struct bas_clock *clock, int64_t time, int64_t wall, uint64_t boot);

/*
 * The high-water mark on disk: seconds, boot, and the boot clock then, in one line. A file that
 * does not exist is a floor of INT64_MIN; a mark of another boot is a floor that begins to rise
 * now. A broken one is an error.
 */
CA_MUST_USE bool bas_clock_load(struct bas_clock *floor, const char *path, const char *boot_id,
    uint64_t boot, struct ca_why *why);
CA_MUST_USE bool bas_clock_save(const char *path, const struct bas_clock *clock,
    const char *boot_id, uint64_t boot, struct ca_why *why);

#endif
