/* SPDX-License-Identifier: Apache-2.0 */
/* test_clerk_lease.c - what a session may carry out, to the byte, over connections that share it:
 * a real clerk, and keepers that the test plays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "scratch.h"

#include "clerk_rig.h"

#define LIMIT 1000 /* of the rig's claim */

/* A connection, as its keeper counts. */
struct keeper {
	int fd;
	uint64_t carried, allowed;
};

static struct keeper
open_keeper(struct rig *rig)
{
	struct answer opened;
	struct keeper keeper = { .fd = rig_open(rig, &opened) };

	keeper.allowed = opened.left;
	return keeper;
}

/* What it does not use it gives back. */
static void
say(struct keeper *keeper, uint64_t carried, uint64_t need)
{
	struct ca_buf payload = { 0 };

	keeper->allowed = keeper->carried = carried;
	ca_buf_put_u64(&payload, carried);
	ca_buf_put_u64(&payload, need);
	assert_true(bas_frame_send(keeper->fd, BAS_F_LEASE, &payload, NULL, 0));
	ca_buf_clear(&payload);
}

static void
ask(struct keeper *keeper, uint64_t need)
{
	say(keeper, keeper->carried, need);
}

static void
take_lease(struct rig *rig, struct keeper *keeper)
{
	keeper->allowed = rig_expect(rig, keeper->fd, BAS_F_LEASED).left;
	assert_true(keeper->allowed >= keeper->carried);
}

/* Carries out all it may, and asks for more until there is no more. */
static void
carry_to_the_end(struct rig *rig, struct keeper *keeper)
{
	do {
		keeper->carried = keeper->allowed;
		ask(keeper, 1);
		take_lease(rig, keeper);
	} while (keeper->allowed > keeper->carried);
}

static void
expect_silence(const struct keeper *keeper)
{
	struct pollfd wait = { .fd = keeper->fd, .events = POLLIN };

	assert_int_equal(poll(&wait, 1, 100), 0);
}

static void
one_connection_carries_the_limit_and_not_a_byte_more(void **state)
{
	struct rig *rig = *state;
	struct keeper one = open_keeper(rig);

	carry_to_the_end(rig, &one);
	assert_int_equal(one.carried, LIMIT);
	close(one.fd);
}

/* As keepers do: whoever is asked to gives back, also while another waits. */
static void
ask_among(struct rig *rig, struct keeper *keepers, size_t count, size_t asking)
{
	struct pollfd wait[8];
	struct answer answer;

	ask(&keepers[asking], 1);
	for (;;) {
		for (size_t i = 0; i < count; i++)
			wait[i] = (struct pollfd){ .fd = keepers[i].fd, .events = POLLIN };
		assert_true(poll(wait, count, PATIENCE) > 0);
		for (size_t i = 0; i < count; i++) {
			if (wait[i].revents == 0)
				continue;
			assert_true(rig_receive(rig, keepers[i].fd, &answer, PATIENCE));
			keepers[i].allowed =
			    answer.type == BAS_F_LEASED ? answer.left : keepers[i].carried;
			if (answer.type == BAS_F_LEASED) {
				assert_int_equal(i, asking);
				/* Who asks has something to carry. */
				keepers[i].carried += answer.left > keepers[i].carried;
				return;
			}
			assert_int_equal(answer.type, BAS_F_RECALL);
			if (i != asking) /* whose question was its answer */
				say(&keepers[i], keepers[i].carried, 0);
		}
	}
}

static void
connections_in_parallel_carry_the_limit_and_not_a_byte_more(void **state)
{
	struct rig *rig = *state;
	struct keeper keepers[5];
	uint64_t carried = 0, allowed = 0;

	for (int i = 0; i < 5; i++) {
		keepers[i] = open_keeper(rig);
		allowed += keepers[i].allowed;
	}
	assert_true(allowed <= LIMIT);
	/* A few bytes each in its turn, until nobody gets more. */
	for (bool any = true; any;) {
		any = false;
		for (size_t i = 0; i < 5; i++) {
			uint64_t before = keepers[i].carried;
			uint64_t left = keepers[i].allowed - before;

			keepers[i].carried += left < 7 ? left : 7;
			if (keepers[i].carried == keepers[i].allowed)
				ask_among(rig, keepers, 5, i);
			any = any || keepers[i].carried > before;
		}
	}
	for (int i = 0; i < 5; i++) {
		carried += keepers[i].carried;
		close(keepers[i].fd);
	}
	assert_int_equal(carried, LIMIT);
}

static void
what_one_holds_and_does_not_use_another_gets(void **state)
{
	struct rig *rig = *state;
	struct keeper idle = open_keeper(rig), busy = open_keeper(rig);

	assert_true(idle.allowed > 100);
	idle.carried = 100;
	while (busy.carried + idle.allowed < LIMIT) {
		busy.carried = busy.allowed;
		ask(&busy, 1);
		if (busy.carried + idle.allowed < LIMIT)
			take_lease(rig, &busy);
	}
	/* Now it waits, and the other is asked, once. */
	rig_expect(rig, idle.fd, BAS_F_RECALL);
	expect_silence(&busy);
	expect_silence(&idle);
	say(&idle, idle.carried, 0);
	take_lease(rig, &busy);
	carry_to_the_end(rig, &busy);
	assert_int_equal(busy.carried + idle.carried, LIMIT);
	close(idle.fd);
	close(busy.fd);
}

static void
a_question_that_crosses_a_recall_is_its_answer(void **state)
{
	struct rig *rig = *state;
	struct keeper a = open_keeper(rig), b = open_keeper(rig);

	ask(&b, LIMIT - a.allowed);
	take_lease(rig, &b);
	b.carried = b.allowed;
	assert_int_equal(b.carried + a.allowed, LIMIT);
	ask(&b, LIMIT);
	rig_expect(rig, a.fd, BAS_F_RECALL);
	/* It asks for itself, having used nothing. */
	ask(&a, 1);
	take_lease(rig, &b);
	b.carried = b.allowed;
	assert_int_equal(b.carried, LIMIT);
	/* And now the other way round. */
	rig_expect(rig, b.fd, BAS_F_RECALL);
	ask(&b, 1);
	take_lease(rig, &b);
	take_lease(rig, &a);
	assert_int_equal(a.allowed, 0);
	assert_int_equal(b.allowed, LIMIT);
	close(a.fd);
	close(b.fd);
}

static void
two_that_wait_for_each_other_both_get_their_answer(void **state)
{
	struct rig *rig = *state;
	struct keeper a = open_keeper(rig), b = open_keeper(rig);

	a.carried = a.allowed;
	ask(&b, LIMIT);
	take_lease(rig, &b);
	ask(&a, 5);
	rig_expect(rig, b.fd, BAS_F_RECALL);
	say(&b, b.carried, 0);
	take_lease(rig, &a);
	carry_to_the_end(rig, &a);
	assert_int_equal(a.carried, LIMIT);
	carry_to_the_end(rig, &b);
	assert_int_equal(b.carried, 0);
	close(a.fd);
	close(b.fd);
}

static void
a_connection_that_ends_leaves_what_it_did_not_use(void **state)
{
	struct rig *rig = *state;
	struct keeper first = open_keeper(rig), second;
	struct answer run = rig_begin_run(rig, first.fd, NULL);

	rig_end_run(rig, first.fd, run.text, 300, 300);
	second = open_keeper(rig);
	close(first.fd);
	carry_to_the_end(rig, &second);
	assert_int_equal(second.carried, LIMIT - 300);
	close(second.fd);
}

static void
a_connection_that_waits_gets_what_one_that_ends_leaves(void **state)
{
	struct rig *rig = *state;
	struct keeper first = open_keeper(rig), second = open_keeper(rig);

	ask(&second, LIMIT - first.allowed);
	take_lease(rig, &second);
	second.carried = second.allowed;
	ask(&second, 1);
	rig_expect(rig, first.fd, BAS_F_RECALL);
	close(first.fd);
	take_lease(rig, &second);
	carry_to_the_end(rig, &second);
	assert_int_equal(second.carried, LIMIT);
	close(second.fd);
}

static void
what_a_connection_that_dies_in_a_run_was_lent_counts_as_carried(void **state)
{
	struct rig *rig = *state;
	struct keeper first = open_keeper(rig), second = open_keeper(rig);

	rig_begin_run(rig, first.fd, NULL);
	close(first.fd);
	rig_await_logged(rig, "run.end", "state", "aborted");
	carry_to_the_end(rig, &second);
	assert_int_equal(second.carried, LIMIT - first.allowed);
	close(second.fd);
}

static void
a_session_that_ends_answers_who_waits(void **state)
{
	struct rig *rig = *state;
	struct keeper first, second;

	rig->claim.valid_before = (uint64_t)time(NULL) + 2;
	first = open_keeper(rig);
	second = open_keeper(rig);
	ask(&second, LIMIT - first.allowed);
	take_lease(rig, &second);
	second.carried = second.allowed;
	ask(&second, 1);
	rig_expect(rig, first.fd, BAS_F_RECALL);
	take_lease(rig, &second);
	assert_int_equal(second.allowed, second.carried);
	rig_expect(rig, second.fd, BAS_F_KILL);
	/* And who asks then. */
	rig_expect(rig, first.fd, BAS_F_KILL);
	ask(&first, 1);
	take_lease(rig, &first);
	assert_int_equal(first.allowed, 0);
	close(first.fd);
	close(second.fd);
}

static void
without_a_limit_nobody_needs_to_ask(void **state)
{
	struct rig *rig = *state;
	struct keeper one, other;
	struct answer run;

	rig->claim.output = UINT64_MAX;
	one = open_keeper(rig);
	assert_int_equal(one.allowed, UINT64_MAX);
	run = rig_begin_run(rig, one.fd, NULL);
	rig_end_run(rig, one.fd, run.text, INT64_MAX, INT64_MAX);
	other = open_keeper(rig);
	assert_int_equal(other.allowed, UINT64_MAX);
	ask(&other, 1);
	rig_expect_dropped(rig, other.fd);
	close(one.fd);
}

static void
a_keeper_that_counts_wrongly_is_dropped(void **state)
{
	struct rig *rig = *state;
	struct keeper keeper = open_keeper(rig);
	struct ca_buf payload = { 0 };

	say(&keeper, keeper.allowed + 1, 1);
	rig_expect_dropped(rig, keeper.fd);
	keeper = open_keeper(rig);
	say(&keeper, 10, 0);
	say(&keeper, 9, 0);
	rig_expect_dropped(rig, keeper.fd);
	keeper = open_keeper(rig);
	ca_buf_put_u64(&payload, 0);
	assert_true(bas_frame_send(keeper.fd, BAS_F_LEASE, &payload, NULL, 0));
	ca_buf_clear(&payload);
	rig_expect_dropped(rig, keeper.fd);
	keeper.fd = rig_keeper(rig);
	say(&keeper, 0, 1);
	rig_expect_dropped(rig, keeper.fd);
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, rig_setup, rig_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_connection_carries_the_limit_and_not_a_byte_more),
		TEST(connections_in_parallel_carry_the_limit_and_not_a_byte_more),
		TEST(what_one_holds_and_does_not_use_another_gets),
		TEST(a_question_that_crosses_a_recall_is_its_answer),
		TEST(two_that_wait_for_each_other_both_get_their_answer),
		TEST(a_connection_that_ends_leaves_what_it_did_not_use),
		TEST(a_connection_that_waits_gets_what_one_that_ends_leaves),
		TEST(what_a_connection_that_dies_in_a_run_was_lent_counts_as_carried),
		TEST(a_session_that_ends_answers_who_waits),
		TEST(without_a_limit_nobody_needs_to_ask),
		TEST(a_keeper_that_counts_wrongly_is_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
