/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock.h - time that a wall clock set back cannot turn back.
 *
 * The clerk fixes the base from its durable high-water mark; from then on the kernel's
 * boot clock, which no one sets and which counts through a suspend, is the floor.
 */
#ifndef BAS_CLOCK_H
#define BAS_CLOCK_H

#include <stdint.h>

struct bas_clock {
	int64_t base;       /* seconds since the epoch at base_boot, at least the high-water mark */
	uint64_t base_boot; /* CLOCK_BOOTTIME in nanoseconds when base was taken */
};

/* The later of the wall clock and base plus what the boot clock has run since. */
int64_t bas_clock_now(const struct bas_clock *clock);
uint64_t bas_clock_boot(void); /* CLOCK_BOOTTIME, nanoseconds */

#endif
