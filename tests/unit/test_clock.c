/* SPDX-License-Identifier: Apache-2.0 */
/* test_clock.c - time that is set back, set ahead, or restarted. */
#include "bastion/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

#include "scratch.h"

#define NS   1000000000ULL
#define WALL 1800000000 /* when the post started */
#define BOOT (5000 * NS)

static struct bas_clock
started(void)
{
	struct bas_clock clock;

	assert_int_equal(bas_clock_start(&clock, INT64_MIN, WALL, BOOT), 0);
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
a_restart_does_not_begin_before_the_mark(void **state)
{
	struct bas_clock clock;

	(void)state;
	assert_int_equal(bas_clock_start(&clock, WALL + 500, WALL, 1 * NS), 500);
	assert_int_equal(bas_clock_at(&clock, WALL, 1 * NS), WALL + 500);
	assert_int_equal(bas_clock_at(&clock, WALL + 10, 11 * NS), WALL + 510);
	assert_int_equal(bas_clock_start(&clock, WALL - 500, WALL, 1 * NS), 0);
	assert_int_equal(bas_clock_at(&clock, WALL, 1 * NS), WALL);
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
	struct bas_clock clock;

	(void)state;
	bas_clock_start(&clock, INT64_MIN, (int64_t)time(NULL), bas_clock_boot());
	assert_in_range(bas_clock_now(&clock), time(NULL) - 1, time(NULL) + 1);
}

static void
a_mark_survives_and_a_broken_one_is_refused(void **state)
{
	struct ca_why why;
	int64_t mark = 0;

	(void)state;
	assert_true(bas_clock_load(&mark, scratch_path("clock"), &why));
	assert_true(mark == INT64_MIN);
	assert_true(bas_clock_save(scratch_path("clock"), WALL, &why));
	assert_true(bas_clock_load(&mark, scratch_path("clock"), &why));
	assert_int_equal(mark, WALL);
	scratch_write("clock", "18000", 5);
	assert_false(bas_clock_load(&mark, scratch_path("clock"), &why));
	scratch_write("clock", "-18000\n", 7);
	assert_false(bas_clock_load(&mark, scratch_path("clock"), &why));
	scratch_write("clock", "", 0);
	assert_false(bas_clock_load(&mark, scratch_path("clock"), &why));
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
		cmocka_unit_test(a_restart_does_not_begin_before_the_mark),
		cmocka_unit_test(a_deadline_is_where_the_boot_clock_will_be),
		cmocka_unit_test(the_real_clocks_agree_with_it),
		cmocka_unit_test(a_mark_survives_and_a_broken_one_is_refused),
	};

	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
