/* SPDX-License-Identifier: Apache-2.0 */
/* test_crashes.c - whose doors died how often, and who waits for it. */
#include "bastion/crashes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct bas_crashes crashes;

static int
begin(void **state)
{
	(void)state;
	memset(&crashes, 0, sizeof(crashes));
	return 0;
}

static const uint8_t *
address(unsigned n)
{
	static uint8_t bytes[16];

	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes, &n, sizeof(n));
	return bytes;
}

static void
three_in_a_window_are_free_and_the_fourth_is_refused(void **state)
{
	(void)state;
	for (unsigned i = 0; i < BAS_CRASHES_FREE; i++)
		assert_int_equal(bas_crashes_note(&crashes, address(1), 1000 + i), 0);
	assert_false(bas_crashes_refuses(&crashes, address(1), 1003));
	assert_int_equal(bas_crashes_note(&crashes, address(1), 1003), BAS_CRASHES_FIRST);
	assert_true(bas_crashes_refuses(&crashes, address(1), 1003));
	assert_true(bas_crashes_refuses(&crashes, address(1), 1003 + BAS_CRASHES_FIRST - 1));
	assert_false(bas_crashes_refuses(&crashes, address(1), 1003 + BAS_CRASHES_FIRST));
}

static void
another_address_is_not_refused(void **state)
{
	(void)state;
	for (unsigned i = 0; i <= BAS_CRASHES_FREE; i++)
		(void)bas_crashes_note(&crashes, address(1), 1000);
	assert_true(bas_crashes_refuses(&crashes, address(1), 1000));
	assert_false(bas_crashes_refuses(&crashes, address(2), 1000));
}

static void
each_further_one_doubles_the_time_up_to_a_day(void **state)
{
	uint64_t now = 1000, seconds = 0, wanted = BAS_CRASHES_FIRST;

	(void)state;
	for (unsigned i = 0; i < BAS_CRASHES_FREE; i++)
		(void)bas_crashes_note(&crashes, address(1), now);
	for (unsigned i = 0; i < 12; i++) {
		seconds = bas_crashes_note(&crashes, address(1), now);
		assert_int_equal(seconds, wanted < BAS_CRASHES_LONG ? wanted : BAS_CRASHES_LONG);
		wanted *= 2;
		now += seconds; /* as soon as it is let in again */
	}
	assert_int_equal(seconds, BAS_CRASHES_LONG);
}

static void
a_quiet_window_forgives(void **state)
{
	(void)state;
	for (unsigned i = 0; i < BAS_CRASHES_FREE; i++)
		(void)bas_crashes_note(&crashes, address(1), 1000);
	assert_int_equal(bas_crashes_note(&crashes, address(1), 1000 + BAS_CRASHES_WINDOW + 1), 0);
	for (unsigned i = 0; i < BAS_CRASHES_FREE; i++)
		(void)bas_crashes_note(&crashes, address(2), 1000);
	assert_int_equal(
	    bas_crashes_note(&crashes, address(2), 1000 + BAS_CRASHES_WINDOW), BAS_CRASHES_FIRST);
}

static void
who_is_refused_is_not_forgotten_for_a_newcomer(void **state)
{
	(void)state;
	for (unsigned i = 0; i <= BAS_CRASHES_FREE; i++)
		(void)bas_crashes_note(&crashes, address(0), 1000);
	for (unsigned i = 1; i < 3 * BAS_CRASHES_MAX; i++)
		assert_int_equal(bas_crashes_note(&crashes, address(i), 1000 + i), 0);
	assert_true(bas_crashes_refuses(&crashes, address(0), 1100));
}

static void
the_next_listener_counts_on(void **state)
{
	struct bas_crashes next;
	struct ca_buf bytes = { 0 };

	(void)state;
	for (unsigned i = 0; i <= BAS_CRASHES_FREE; i++)
		(void)bas_crashes_note(&crashes, address(1), 1000);
	for (unsigned i = 0; i < BAS_CRASHES_FREE; i++)
		(void)bas_crashes_note(&crashes, address(2), 1000);
	bas_crashes_encode(&crashes, &bytes);
	assert_true(bas_crashes_parse(&next, (struct ca_bytes){ bytes.data, bytes.len }));
	assert_true(bas_crashes_refuses(&next, address(1), 1001));
	assert_false(bas_crashes_refuses(&next, address(2), 1001));
	assert_int_equal(bas_crashes_note(&next, address(2), 1001), BAS_CRASHES_FIRST);
	assert_false(bas_crashes_parse(&next, (struct ca_bytes){ bytes.data, bytes.len - 1 }));
	ca_buf_clear(&bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(three_in_a_window_are_free_and_the_fourth_is_refused, begin),
		cmocka_unit_test_setup(another_address_is_not_refused, begin),
		cmocka_unit_test_setup(each_further_one_doubles_the_time_up_to_a_day, begin),
		cmocka_unit_test_setup(a_quiet_window_forgives, begin),
		cmocka_unit_test_setup(who_is_refused_is_not_forgotten_for_a_newcomer, begin),
		cmocka_unit_test_setup(the_next_listener_counts_on, begin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
