/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock.c - the later of two clocks, and a mark that survives a restart.
 */
#include "bastion/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ca/buf.h"
#include "ca/file.h"
#include "ca/text.h"

#define NS	 1000000000ULL
#define MARK_MAX 32 /* bytes of the file */

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

int64_t
bas_clock_start(struct bas_clock *clock, int64_t mark, int64_t wall, uint64_t boot)
{
	clock->base = wall > mark ? wall : mark;
	clock->base_boot = boot;
	return clock->base - wall;
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

uint64_t
bas_clock_deadline(const struct bas_clock *clock, int64_t time, int64_t wall, uint64_t boot)
{
	int64_t now = bas_clock_at(clock, wall, boot);

	if (time <= now)
		return boot;
	if ((uint64_t)(time - now) > (UINT64_MAX - boot) / NS)
		return UINT64_MAX;
	return boot + (uint64_t)(time - now) * NS;
}

bool
bas_clock_load(int64_t *mark, const char *path, struct ca_why *why)
{
	struct ca_buf text = { 0 };
	uint64_t value;
	bool ok;

	*mark = INT64_MIN;
	if (access(path, F_OK) != 0 && errno == ENOENT)
		return true;
	if (!ca_file_read(path, MARK_MAX, &text, why))
		return false;
	ok = text.len > 1 && text.data[text.len - 1] == '\n';
	if (ok) {
		text.data[text.len - 1] = '\0';
		ok = strlen((char *)text.data) == text.len - 1 &&
		     ca_text_to_u64((char *)text.data, INT64_MAX, &value);
	}
	if (ok)
		*mark = (int64_t)value;
	else
		ca_why_set(why, "clock mark '%s' is not a number of seconds", path);
	ca_buf_clear(&text);
	return ok;
}

bool
bas_clock_save(const char *path, int64_t mark, struct ca_why *why)
{
	struct ca_buf text = { 0 };
	bool ok;

	ca_buf_printf(&text, "%" PRId64 "\n", mark);
	ok = ca_buf_ok(&text) && ca_file_write(path, text.data, text.len, 0600, why);
	ca_buf_clear(&text);
	return ok;
}
