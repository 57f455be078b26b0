/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock.c - the later of two clocks, and a mark that survives a restart.
 */
#include "bastion/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ca/buf.h"
#include "ca/file.h"
#include "ca/text.h"

#define NS	 1000000000ULL
#define MARK_MAX 128 /* bytes of the file */
#define NO_BOOT	 "-" /* a boot without an id is never the same */

int64_t
bas_clock_at(const struct bas_clock *clock, int64_t wall, uint64_t boot)
{
	int64_t floor = clock->base;

	if (boot > clock->base_boot)
		floor += (int64_t)((boot - clock->base_boot) / NS);
	return wall > floor ? wall : floor;
}

int64_t
bas_clock_now(const struct bas_clock *clock)
{
	return bas_clock_at(clock, (int64_t)time(NULL), bas_clock_boot());
}

uint64_t
bas_clock_boot(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * NS + (uint64_t)now.tv_nsec;
}

void
bas_clock_read(int64_t *wall, uint64_t *boot)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	*wall = now.tv_sec;
	*boot = bas_clock_boot() - (uint64_t)now.tv_nsec;
}

void
bas_clock_boot_id(char out[static BAS_BOOT_ID_SIZE])
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

	out[0] = '\0';
	if (file == NULL)
		return;
	if (fgets(out, BAS_BOOT_ID_SIZE, file) == NULL)
		out[0] = '\0';
	out[strcspn(out, " \n")] = '\0';
	fclose(file);
}

void
bas_clock_raise(struct bas_clock *clock, int64_t time, uint64_t boot)
{
	if (time <= bas_clock_at(clock, INT64_MIN, boot))
		return;
	clock->base = time;
	clock->base_boot = boot;
}

int64_t
bas_clock_start(struct bas_clock *clock, int64_t wall, uint64_t boot)
{
	bas_clock_raise(clock, wall, boot);
	return bas_clock_at(clock, wall, boot) - wall;
}

int64_t
bas_clock_advance(struct bas_clock *clock, int64_t wall, uint64_t boot)
{
	int64_t expected = bas_clock_at(clock, INT64_MIN, boot);

	/* A second more is how two clocks round; moving then would gain a second each time. */
	if (wall > expected + 1) {
		clock->base = wall;
		clock->base_boot = boot;
	}
	return wall - expected;
}

/* Where a clock that shows `base` at `boot` shows `time`. */
static uint64_t
reaches(int64_t base, uint64_t boot, int64_t time)
{
	if (time <= base)
		return boot;
	if ((uint64_t)time - (uint64_t)base > (UINT64_MAX - boot) / NS)
		return UINT64_MAX;
	return boot + ((uint64_t)time - (uint64_t)base) * NS;
}

uint64_t
bas_clock_deadline(const struct bas_clock *clock, int64_t time, int64_t wall, uint64_t boot)
{
	uint64_t floor = reaches(clock->base, clock->base_boot, time);
	uint64_t deadline = reaches(wall, boot, time);

	if (floor < deadline)
		deadline = floor;
	return deadline > boot ? deadline : boot;
}

/* "SECONDS", which earlier versions wrote, or "SECONDS BOOT-ID NANOSECONDS". */
static bool
parse_mark(struct bas_clock *floor, char *text, const char *boot_id, uint64_t boot)
{
	char *id = strchr(text, ' ');
	char *then = id == NULL ? NULL : strchr(id + 1, ' ');
	uint64_t seconds, at = 0;

	if (id != NULL && then == NULL)
		return false;
	if (id != NULL)
		*id++ = *then++ = '\0';
	if (!ca_text_to_u64(text, INT64_MAX / 2, &seconds) ||
	    (then != NULL && !ca_text_to_u64(then, UINT64_MAX, &at)))
		return false;
	floor->base = (int64_t)seconds;
	if (id != NULL && boot_id[0] != '\0' && strcmp(id, boot_id) == 0 && at < boot)
		floor->base_boot = at;
	return true;
}

bool
bas_clock_load(struct bas_clock *floor, const char *path, const char *boot_id, uint64_t boot,
    struct ca_why *why)
{
	struct ca_buf text = { 0 };
	bool ok;

	*floor = (struct bas_clock){ .base = INT64_MIN, .base_boot = boot };
	if (access(path, F_OK) != 0 && errno == ENOENT)
		return true;
	if (!ca_file_read(path, MARK_MAX, &text, why))
		return false;
	ok = text.len > 1 && text.data[text.len - 1] == '\n';
	if (ok) {
		text.data[text.len - 1] = '\0';
		ok = strlen((char *)text.data) == text.len - 1 &&
		     parse_mark(floor, (char *)text.data, boot_id, boot);
	}
	if (!ok)
		ca_why_set(why, "clock mark '%s' is not a number of seconds", path);
	ca_buf_clear(&text);
	return ok;
}

/* Whole seconds later on the same line: nothing is lost by being rounded, however often. */
bool
bas_clock_save(const char *path, const struct bas_clock *clock, const char *boot_id, uint64_t boot,
    struct ca_why *why)
{
	uint64_t since = boot > clock->base_boot ? (boot - clock->base_boot) / NS : 0;
	struct ca_buf text = { 0 };
	bool ok;

	ca_buf_printf(&text, "%" PRId64 " %s %" PRIu64 "\n", clock->base + (int64_t)since,
	    boot_id[0] == '\0' ? NO_BOOT : boot_id, (uint64_t)(clock->base_boot + since * NS));
	ok = ca_buf_ok(&text) && ca_file_write(path, text.data, text.len, 0600, why);
	ca_buf_clear(&text);
	return ok;
}
