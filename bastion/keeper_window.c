/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper_window.c - what time demands of a keeper: grace, warnings, the window's end, a
 * command's timeout, a recording's syncs and seals.
 *
 * The window ends at the earlier of boot clock and wall clock. Both are kernel timers: the boot
 * clock's fires after a suspend, the wall clock's when the clock is set past it
 * (timerfd_create(2)); poll's own timeout would know of neither.
 */
#include "bastion/keeper.h"

#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define TRIM_AFTER BAS_SECOND /* a connection for one command is over by then, and need not pay */
#define END_PATIENCE \
	(BAS_SECOND * 4 / 10) /* with what the door takes after it, less than a second */

static const unsigned warnings[2] = { 300, 60 }; /* seconds before the end */

uint64_t
bas_window_monotonic(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

int64_t
bas_window_now(struct bas_keeper *keeper)
{
	const struct ca_cert *cert = keeper->seal_cert;
	int64_t wall, now;
	uint64_t boot;

	bas_clock_read(&wall, &boot);
	(void)bas_clock_advance(&keeper->clock, wall, boot);
	now = bas_clock_at(&keeper->clock, wall, bas_clock_boot());
	/* The clerk may have seen a time that we slept through. */
	return cert != NULL && now < (int64_t)cert->valid_after ? (int64_t)cert->valid_after : now;
}

static uint64_t
next_boot_event(const struct bas_keeper *keeper)
{
	uint64_t next = keeper->deadline;

	for (size_t i = 0; i < 2; i++)
		if (keeper->warn_at[i] < next)
			next = keeper->warn_at[i];
	return next;
}

static bool
arm_boot(const struct bas_keeper *keeper)
{
	uint64_t next = next_boot_event(keeper);
	struct itimerspec spec = { .it_value = { .tv_sec = (time_t)(next / BAS_SECOND),
				       .tv_nsec = (long)(next % BAS_SECOND) } };

	return timerfd_settime(keeper->boot_timer, TFD_TIMER_ABSTIME, &spec, NULL) == 0;
}

bool
bas_window_open(struct bas_keeper *keeper)
{
	uint64_t now = bas_clock_boot();
	struct itimerspec wall = { .it_value = { .tv_sec = (time_t)keeper->wall_end } };

	/* A timer of zero would be one that never fires. */
	if (keeper->deadline == 0 || keeper->wall_end <= 0)
		return false;
	/* An identity may be for ever; the kernel's clock counts to here. */
	if (keeper->deadline > INT64_MAX)
		keeper->deadline = INT64_MAX;
	for (size_t i = 0; i < 2; i++) {
		uint64_t before = warnings[i] * BAS_SECOND;

		keeper->warn_at[i] =
		    keeper->deadline > now + before ? keeper->deadline - before : BAS_NEVER;
	}
	keeper->boot_timer = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	keeper->wall_timer = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	return keeper->boot_timer >= 0 && keeper->wall_timer >= 0 && arm_boot(keeper) &&
	       timerfd_settime(keeper->wall_timer, TFD_TIMER_ABSTIME, &wall, NULL) == 0;
}

static void
warn_all(struct bas_keeper *keeper, unsigned seconds)
{
	char sentence[64];

	snprintf(sentence, sizeof(sentence), "%u minute%s left in this session", seconds / 60,
	    seconds == 60 ? "" : "s");
	for (struct bas_channel *channel = keeper->channels; channel; channel = channel->next)
		if (channel->run != NULL)
			bas_run_say(keeper, channel->run, sentence);
}

static void
check_window(struct bas_keeper *keeper, uint64_t now)
{
	struct timespec wall;
	bool warned = false;

	clock_gettime(CLOCK_REALTIME, &wall);
	if (now >= keeper->deadline || wall.tv_sec >= keeper->wall_end) {
		bas_keeper_end(keeper, END_PATIENCE, "session ended: the window is over");
		return;
	}
	for (size_t i = 0; i < 2; i++) {
		if (now < keeper->warn_at[i])
			continue;
		keeper->warn_at[i] = BAS_NEVER;
		warn_all(keeper, warnings[i]);
		warned = true;
	}
	if (warned && !arm_boot(keeper))
		bas_keeper_end(keeper, END_PATIENCE, "session ended: no timer");
}

void
bas_window_trim(struct bas_keeper *keeper)
{
	keeper->trim_at = bas_clock_boot() + TRIM_AFTER;
}

/* Sessions are idle most of their time, and there are many of them. */
static void
check_memory(struct bas_keeper *keeper, uint64_t now)
{
	if (now < keeper->trim_at)
		return;
	keeper->trim_at = BAS_NEVER;
	(void)malloc_trim(0);
}

static void
check_run(struct bas_keeper *keeper, struct bas_run *run, uint64_t now)
{
	struct ca_why why;
	char sentence[80];

	if (now >= run->stop_at) {
		snprintf(sentence, sizeof(sentence), "timed out after %u seconds",
		    run->command->timeout);
		run->stop_at = BAS_NEVER;
		bas_run_stop(keeper, run, BAS_CAUSE_TIMEOUT, BAS_STATUS_TIMED_OUT, sentence);
	}
	if (run->recording == NULL || bas_window_monotonic() < run->next_tick)
		return;
	if (!rec_recording_tick(run->recording, bas_window_monotonic(), bas_window_now(keeper),
		&run->next_tick, &why))
		bas_run_unrecorded(keeper, run, why.text);
}

void
bas_window_check(struct bas_keeper *keeper)
{
	uint64_t now = bas_clock_boot();

	if (keeper->state == BAS_KEEPER_LOGIN && now >= keeper->grace_at)
		bas_keeper_end(keeper, 0, "no login within the time allowed");
	if (keeper->state == BAS_KEEPER_OPEN)
		check_window(keeper, now);
	for (struct bas_channel *channel = keeper->channels; channel; channel = channel->next)
		if (channel->run != NULL)
			check_run(keeper, channel->run, now);
	if (keeper->state == BAS_KEEPER_ENDING && now >= keeper->ending_at)
		keeper->state = BAS_KEEPER_OVER;
	check_memory(keeper, now);
}

/* Rounded up: a millisecond early would be a turn for nothing. */
static int
milliseconds(uint64_t now, uint64_t then, uint64_t unit)
{
	uint64_t left;

	if (then == BAS_NEVER)
		return INT_MAX;
	if (then <= now)
		return 0;
	left = (then - now + unit - 1) / unit;
	return left > INT_MAX ? INT_MAX : (int)left;
}

int
bas_window_wait(const struct bas_keeper *keeper)
{
	uint64_t boot = bas_clock_boot();
	uint64_t monotonic = bas_window_monotonic();
	int wait = milliseconds(boot, keeper->trim_at, BAS_SECOND / 1000);

	if (keeper->state == BAS_KEEPER_LOGIN)
		wait = milliseconds(boot, keeper->grace_at, BAS_SECOND / 1000);
	else if (keeper->state == BAS_KEEPER_ENDING)
		wait = milliseconds(boot, keeper->ending_at, BAS_SECOND / 1000);
	for (struct bas_channel *channel = keeper->channels; channel; channel = channel->next) {
		const struct bas_run *run = channel->run;
		int sooner;

		if (run == NULL)
			continue;
		sooner = milliseconds(boot, run->stop_at, BAS_SECOND / 1000);
		wait = sooner < wait ? sooner : wait;
		if (run->recording == NULL)
			continue;
		sooner = milliseconds(monotonic, run->next_tick, 1000);
		wait = sooner < wait ? sooner : wait;
	}
	return wait == INT_MAX ? -1 : wait;
}
