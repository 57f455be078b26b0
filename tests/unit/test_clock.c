/* SPDX-License-Identifier: Apache-2.0 */
/* test_clock.c - time that is set back, set ahead, or restarted. */
#include "bastion/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "scratch.h"

#define NS   1000000000ULL
#define WALL 1800000000 /* when the post started */
#define BOOT (5000 * NS)

static struct bas_clock
started(void)
{
	struct bas_clock clock = { .base = INT64_MIN, .base_boot = BOOT };

	assert_int_equal(bas_clock_start(&clock, WALL, BOOT), 0);
	return clock;
}

static void
time_runs_with_the_wall_clock(void **state)
{
	struct bas_clock clock = started();

	(void)state;
	assert_int_equal(bas_clock_at(&clock, WALL, BOOT), WALL);
	assert_int_equal(bas_clock_at(&clock, WALL + 10, BOOT + 10 * NS), WALL + 10);
}

static void
a_clock_set_back_does_not_turn_us_back(void **state)
{
	struct bas_clock clock = started();

	(void)state;
	assert_int_equal(bas_clock_at(&clock, WALL - 86400, BOOT + 10 * NS), WALL + 10);
	assert_int_equal(bas_clock_advance(&clock, WALL - 86400, BOOT + 10 * NS), -86410);
	assert_int_equal(bas_clock_at(&clock, WALL - 86390, BOOT + 20 * NS), WALL + 20);
}

static void
a_clock_set_ahead_takes_us_along_for_good(void **state)
{
	struct bas_clock clock = started();

	(void)state;
	assert_int_equal(bas_clock_at(&clock, WALL + 3600, BOOT + 10 * NS), WALL + 3600);
	assert_int_equal(bas_clock_advance(&clock, WALL + 3600, BOOT + 10 * NS), 3590);
	assert_int_equal(bas_clock_at(&clock, WALL + 20, BOOT + 20 * NS), WALL + 3610);
}

static void
a_second_of_rounding_moves_nothing(void **state)
{
	struct bas_clock clock = started();

	(void)state;
	for (uint64_t i = 1; i < 1000; i++)
		bas_clock_advance(&clock, WALL + (int64_t)i + 1, BOOT + i * NS);
	assert_int_equal(clock.base, WALL);
}

static void
a_suspend_counts(void **state)
{
	struct bas_clock clock = started();

	(void)state;
	/* The boot clock ran while nobody did; the wall clock came back from a dead battery. */
	assert_int_equal(bas_clock_at(&clock, 0, BOOT + 7200 * NS), WALL + 7200);
}

static void
a_restart_does_not_begin_before_the_floor(void **state)
{
	struct bas_clock clock = { .base = WALL + 500, .base_boot = 1 * NS };

	(void)state;
	assert_int_equal(bas_clock_start(&clock, WALL, 1 * NS), 500);
	assert_int_equal(bas_clock_at(&clock, WALL, 1 * NS), WALL + 500);
	assert_int_equal(bas_clock_at(&clock, WALL + 10, 11 * NS), WALL + 510);
	clock = (struct bas_clock){ .base = WALL - 500, .base_boot = 1 * NS };
	assert_int_equal(bas_clock_start(&clock, WALL, 1 * NS), 0);
	assert_int_equal(bas_clock_at(&clock, WALL, 1 * NS), WALL);
}

static void
a_time_in_the_log_raises_the_floor_and_an_older_one_does_not(void **state)
{
	struct bas_clock clock = { .base = WALL, .base_boot = 1 * NS };

	(void)state;
	bas_clock_raise(&clock, WALL + 9, 11 * NS);
	assert_int_equal(clock.base, WALL);
	bas_clock_raise(&clock, WALL + 20, 11 * NS);
	assert_int_equal(bas_clock_start(&clock, WALL - 100, 12 * NS), 121);
}

static void
a_deadline_is_where_the_boot_clock_will_be(void **state)
{
	struct bas_clock clock = started();

	(void)state;
	assert_int_equal(bas_clock_deadline(&clock, WALL + 60, WALL, BOOT), BOOT + 60 * NS);
	assert_int_equal(bas_clock_deadline(&clock, WALL + 60, WALL + 50, BOOT), BOOT + 10 * NS);
	assert_int_equal(bas_clock_deadline(&clock, WALL - 1, WALL, BOOT), BOOT);
	assert_int_equal(bas_clock_deadline(&clock, WALL, WALL, BOOT), BOOT);
	assert_true(bas_clock_deadline(&clock, INT64_MAX, WALL, BOOT) == UINT64_MAX);
	/* Set back, a deadline does not move away. */
	assert_int_equal(
	    bas_clock_deadline(&clock, WALL + 60, WALL - 3600, BOOT + 30 * NS), BOOT + 60 * NS);
}

static void
the_real_clocks_agree_with_it(void **state)
{
	struct bas_clock clock = { .base = INT64_MIN };
	int64_t wall;
	uint64_t boot;

	(void)state;
	bas_clock_read(&wall, &boot);
	assert_in_range(bas_clock_boot() - boot, 0, NS + NS / 2);
	bas_clock_start(&clock, wall, boot);
	assert_in_range(bas_clock_now(&clock), time(NULL) - 1, time(NULL) + 1);
	/* The floor alone is as late as the wall clock, not up to a second later. */
	assert_in_range(bas_clock_at(&clock, 0, bas_clock_boot()), wall, time(NULL) + 1);
}

static struct bas_clock
load(const char *boot_id, uint64_t boot)
{
	struct bas_clock floor;
	struct ca_why why;

	assert_true(bas_clock_load(&floor, scratch_path("clock"), boot_id, boot, &why));
	return floor;
}

static void
a_mark_rises_until_the_next_boot_while_nobody_runs(void **state)
{
	const struct bas_clock clock = started();
	struct bas_clock floor;
	struct ca_why why;

	(void)state;
	unlink(scratch_path("clock"));
	assert_true(load("one", BOOT).base == INT64_MIN);
	assert_true(bas_clock_save(scratch_path("clock"), &clock, "one", BOOT + 10 * NS, &why));
	floor = load("one", BOOT + 100 * NS);
	assert_int_equal(bas_clock_start(&floor, WALL - 3600, BOOT + 100 * NS), 3700);
	/* Another boot, or one that is not known: the mark is all there is. */
	floor = load("two", BOOT + 100 * NS);
	assert_int_equal(bas_clock_at(&floor, 0, BOOT + 100 * NS), WALL + 10);
	floor = load("", BOOT + 100 * NS);
	assert_int_equal(bas_clock_at(&floor, 0, BOOT + 100 * NS), WALL + 10);
	floor = load("one", BOOT); /* a boot clock that fell is none */
	assert_int_equal(bas_clock_at(&floor, 0, BOOT), WALL + 10);
	assert_true(bas_clock_save(scratch_path("clock"), &clock, "", BOOT + 10 * NS, &why));
	floor = load("", BOOT + 100 * NS);
	assert_int_equal(bas_clock_at(&floor, 0, BOOT + 100 * NS), WALL + 10);
}

static void
many_restarts_lose_no_time(void **state)
{
	struct bas_clock clock = started();
	struct ca_why why;

	(void)state;
	for (uint64_t i = 1; i <= 20; i++) {
		uint64_t boot = BOOT + i * (NS * 3 / 2);

		assert_true(bas_clock_save(scratch_path("clock"), &clock, "one", boot, &why));
		clock = load("one", boot + NS / 4);
		bas_clock_start(&clock, WALL - 3600, boot + NS / 4);
	}
	assert_int_equal(bas_clock_at(&clock, 0, BOOT + 30 * NS), WALL + 30);
	assert_int_equal(bas_clock_at(&clock, 0, BOOT + 31 * NS - 1), WALL + 30);
}

static void
a_broken_mark_is_refused(void **state)
{
	static const char *const broken[] = { "18000", "-18000\n", "", "\n", "18000 \n",
		"18000 one\n", "18000 one x\n", "18000 one 5 6\n", " 18000\n",
		"99999999999999999999\n" };
	struct bas_clock floor;
	struct ca_why why;

	(void)state;
	scratch_write("clock", "18000\n", 6); /* what earlier versions wrote */
	assert_int_equal(load("one", BOOT).base, 18000);
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		scratch_write("clock", broken[i], strlen(broken[i]));
		assert_false(bas_clock_load(&floor, scratch_path("clock"), "one", BOOT, &why));
	}
}

static void
this_boot_has_a_name(void **state)
{
	char first[BAS_BOOT_ID_SIZE], second[BAS_BOOT_ID_SIZE];

	(void)state;
	bas_clock_boot_id(first);
	bas_clock_boot_id(second);
	assert_string_equal(first, second);
	if (access("/proc/sys/kernel/random/boot_id", R_OK) == 0)
		assert_int_equal(strlen(first), 36);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(time_runs_with_the_wall_clock),
		cmocka_unit_test(a_clock_set_back_does_not_turn_us_back),
		cmocka_unit_test(a_clock_set_ahead_takes_us_along_for_good),
		cmocka_unit_test(a_second_of_rounding_moves_nothing),
		cmocka_unit_test(a_suspend_counts),
		cmocka_unit_test(a_restart_does_not_begin_before_the_floor),
		cmocka_unit_test(a_time_in_the_log_raises_the_floor_and_an_older_one_does_not),
		cmocka_unit_test(a_deadline_is_where_the_boot_clock_will_be),
		cmocka_unit_test(the_real_clocks_agree_with_it),
		cmocka_unit_test(a_mark_rises_until_the_next_boot_while_nobody_runs),
		cmocka_unit_test(many_restarts_lose_no_time),
		cmocka_unit_test(a_broken_mark_is_refused),
		cmocka_unit_test(this_boot_has_a_name),
	};

	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
