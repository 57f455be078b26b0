/* SPDX-License-Identifier: Apache-2.0 */
/* test_keeper_limits.c - what ends a run or a session: bytes, time, a failed recording, a lost
 * room. */
#include "keeper_world.h"

static void
fill(int fd, size_t count)
{
	char block[4096];

	memset(block, 'z', sizeof(block));
	assert_true(count <= sizeof(block));
	assert_int_equal(write(fd, block, count), (ssize_t)count);
}

static size_t
read_all(int fd)
{
	static char got[1 << 16];

	return world_read(fd, got, sizeof(got));
}

/* ---- bytes */

static void
output_up_to_the_commands_limit_is_released(void **state)
{
	struct world *world = *state;
	struct world_run run;

	world_login(world);
	world_run(world, &run, 1, "small");
	fill(run.ends[1], 600);
	fill(run.ends[2], 400);
	world_gone(world, &run, 0, "");
	world_expect_end(world, &run, "\"ended\":\"exit\"");
	world_expect_exit(world, &run, 0, "");
	assert_int_equal(read_all(run.socket) + read_all(run.errors), 1000);
	world_release(&run);
}

static void
the_byte_past_the_commands_limit_is_not_released(void **state)
{
	struct world *world = *state;
	struct world_run run;

	world_login(world);
	world_run(world, &run, 1, "small");
	fill(run.ends[1], 1001);
	world_expect_stop(world, &run, 0);
	world_gone(world, &run, 0, "KILL");
	world_expect_end(world, &run, "\"ended\":\"output\"");
	world_expect_exit(world, &run, 255, "");
	assert_int_equal(read_all(run.socket), 1000);
	world_expect_text(run.errors, "postern: output limit of 1000 reached");
	world_expect_recorded(world, run.name, "output limit of 1000 reached", true);
	world_release(&run);
}

static void
expect_lease(struct world *world, uint64_t carried, uint64_t need)
{
	world_expect(world, world->clerk, BAS_F_LEASE);
	assert_int_equal(ca_read_u64(&world->reader), carried);
	assert_int_equal(ca_read_u64(&world->reader), need);
	assert_true(ca_reader_done(&world->reader));
}

static void
give_lease(struct world *world, uint64_t allowed)
{
	struct ca_buf payload = { 0 };

	ca_buf_put_u64(&payload, allowed);
	world_send(world->clerk, BAS_F_LEASED, &payload);
}

static void
expect_over_the_limit(struct world *world, struct world_run *run)
{
	world_expect_stop(world, run, 0);
	world_gone(world, run, 0, "KILL");
	world_expect_end(world, run, "\"ended\":\"output\"");
	world_expect_exit(world, run, 255, "");
	world_expect_text(run->errors, "output limit of 2K reached, for the whole session");
}

static void
commands_share_what_the_session_may_carry_out(void **state)
{
	struct world *world = *state;
	struct world_run run;

	world->roles[0].output = 2048;
	world->allowed = 1500;
	world_login(world);
	world_run(world, &run, 1, "small");
	fill(run.ends[1], 1000);
	world_gone(world, &run, 0, "");
	world_expect_end(world, &run, "\"ended\":\"exit\"");
	world_expect_exit(world, &run, 0, "");
	world_release(&run);
	world_run(world, &run, 2, "query x");
	fill(run.ends[1], 501);
	expect_lease(world, 1500, 1);
	give_lease(world, 1500);
	expect_over_the_limit(world, &run);
	assert_int_equal(read_all(run.socket), 500);
	world_release(&run);
}

static void
output_goes_on_with_what_the_clerk_lends(void **state)
{
	struct world *world = *state;
	struct world_run run;

	world->roles[0].output = 2048;
	world->allowed = 0;
	world_login(world);
	world_run(world, &run, 1, "query x");
	fill(run.ends[1], 1000);
	expect_lease(world, 0, 1000);
	world_expect_recorded(world, run.name, "zzz", false);
	/* Less than it needs: it asks for the rest, and no more than it was given went out. */
	give_lease(world, 600);
	expect_lease(world, 600, 400);
	give_lease(world, 1024);
	assert_int_equal(world_read(run.socket, (char[1000]){ 0 }, 1000), 1000);
	fill(run.ends[1], 24);
	assert_int_equal(world_read(run.socket, (char[24]){ 0 }, 24), 24);
	world_expect_silence(world->clerk);
	fill(run.ends[1], 1);
	expect_lease(world, 1024, 1);
	give_lease(world, 1024);
	expect_over_the_limit(world, &run);
	assert_int_equal(read_all(run.socket), 0);
	world_release(&run);
}

static void
what_is_called_back_is_given_back_and_asked_for_again(void **state)
{
	struct world *world = *state;
	struct world_run run;

	world->roles[0].output = 2048;
	world->allowed = 1000;
	world_login(world);
	world_run(world, &run, 1, "query x");
	fill(run.ends[1], 300);
	assert_int_equal(world_read(run.socket, (char[300]){ 0 }, 300), 300);
	world_send(world->clerk, BAS_F_RECALL, &(struct ca_buf){ 0 });
	expect_lease(world, 300, 0);
	fill(run.ends[1], 200);
	/* A recall that crosses the question gets no answer of its own. */
	expect_lease(world, 300, 200);
	world_send(world->clerk, BAS_F_RECALL, &(struct ca_buf){ 0 });
	world_expect_silence(world->clerk);
	give_lease(world, 500);
	assert_int_equal(world_read(run.socket, (char[200]){ 0 }, 200), 200);
	/* Also while it waits for another answer. */
	world_gone(world, &run, 0, "");
	world_expect(world, world->clerk, BAS_F_RUN_END);
	world_says(world, run.name);
	assert_int_equal(ca_read_u64(&world->reader), 500);
	assert_int_equal(ca_read_u64(&world->reader), 500);
	world_send(world->clerk, BAS_F_RECALL, &(struct ca_buf){ 0 });
	expect_lease(world, 500, 0);
	world_logged(world);
	world_expect_exit(world, &run, 0, "");
	world_release(&run);
}

static void
a_session_that_ends_while_output_waits_releases_none_of_it(void **state)
{
	struct world *world = *state;
	struct ca_buf payload = { 0 };
	struct world_run run;

	world->roles[0].output = 2048;
	world->allowed = 100;
	world_login(world);
	world_run(world, &run, 1, "query x");
	fill(run.ends[1], 200);
	expect_lease(world, 100, 100);
	ca_buf_put_u32(&payload, CA_REVOKED);
	ca_buf_put_cstring(&payload, "grant 42 is revoked");
	world_send(world->clerk, BAS_F_KILL, &payload);
	give_lease(world, 100);
	world_expect_stop(world, &run, 0);
	world_gone(world, &run, 0, "KILL");
	world_expect_end(world, &run, "\"ended\":\"session\"");
	world_expect_exit(world, &run, 255, "");
	assert_int_equal(read_all(run.socket), 0);
	world_expect_text(run.errors, "postern: session ended: grant 42 is revoked");
	world_release(&run);
}

/* ---- recording */

static void
what_cannot_be_recorded_does_not_run(void **state)
{
	struct world *world = *state;
	struct world_run run = { .channel = 1 };

	world_login(world);
	assert_int_equal(rmdir(world->folder), 0);
	world_channel(world, BAS_F_OPEN, 1);
	world_exec(world, 1, "query x");
	world_name_run(world, &run);
	world_take_started(world, &run);
	world_expect_text(run.errors, "postern: this cannot be recorded, so it does not run: ");
	world_expect_end(world, &run, "\"ended\":\"not-started\"");
	world_expect_exit(world, &run, 255, "");
	world_expect_silence(world->spawner);
	world_release(&run);
}

static void
a_recording_that_fails_midway_ends_the_command_and_releases_nothing_more(void **state)
{
	struct world *world = *state;
	struct world_run run;

	world->file_size = 8192;
	world_login(world);
	world_run(world, &run, 1, "query x");
	fill(run.ends[1], 4000);
	assert_int_equal(world_read(run.socket, (char[4000]){ 0 }, 4000), 4000);
	fill(run.ends[1], 4096);
	world_expect_stop(world, &run, 0);
	world_gone(world, &run, 0, "KILL");
	world_expect_end(world, &run, "\"ended\":\"recording\"");
	world_expect_exit(world, &run, 255, "");
	assert_int_equal(read_all(run.socket), 0);
	world_expect_text(run.errors, "postern: recording failed, so this ends: ");
	assert_null(world_recording(world, run.name, ".seal"));
	world_release(&run);
}

static void
input_that_cannot_be_recorded_does_not_reach_the_command(void **state)
{
	struct world *world = *state;
	struct world_run run;

	world->file_size = 4096;
	world_login(world);
	world_run(world, &run, 1, "query x");
	fill(run.socket, 4096);
	world_expect_stop(world, &run, 0);
	assert_int_equal(fcntl(run.ends[0], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(read(run.ends[0], (char[1]){ 0 }, 1), -1);
	world_release(&run);
}

/* ---- time */

static void
a_command_that_takes_too_long_is_stopped_with_124(void **state)
{
	struct world *world = *state;
	struct world_run run;

	world_login(world);
	world_run(world, &run, 1, "quick");
	fill(run.ends[1], 10);
	world_expect_stop(world, &run, 0);
	world_gone(world, &run, 0, "KILL");
	world_expect_end(world, &run, "\"ended\":\"timeout\"");
	world_expect_exit(world, &run, 124, "");
	assert_int_equal(read_all(run.socket), 10);
	world_expect_text(run.errors, "postern: timed out after 1 second");
	world_release(&run);
}

static void
one_minute_before_the_end_there_is_a_warning(void **state)
{
	struct world *world = *state;
	struct world_run run;

	world->deadline = world_boot() + 61 * BAS_SECOND;
	world_login(world);
	world_run(world, &run, 1, "query x");
	world_expect_text(run.errors, "postern: 1 minute left in this session");
	world_expect_recorded(world, run.name, "\"e\",\"postern: 1 minute left", true);
	world_release(&run);
}

static void
five_minutes_before_the_end_there_is_a_warning(void **state)
{
	struct world *world = *state;
	struct world_run run;

	world->deadline = world_boot() + 301 * BAS_SECOND;
	world_login(world);
	world_run(world, &run, 1, "query x");
	world_expect_text(run.errors, "postern: 5 minutes left in this session");
	world_release(&run);
}

static void
a_window_without_an_end_is_one(void **state)
{
	struct world *world = *state;
	struct world_run run;

	world->deadline = UINT64_MAX;
	world_login(world);
	world_run(world, &run, 1, "query x");
	world_release(&run);
}

static void
the_windows_end_ends_everything(void **state)
{
	struct world *world = *state;
	struct world_run run;

	world->deadline = world_boot() + BAS_SECOND / 2;
	world_login(world);
	world_run(world, &run, 1, "query x");
	world_expect_stop(world, &run, 0);
	world_gone(world, &run, 0, "KILL");
	world_expect_end(world, &run, "\"ended\":\"session\"");
	world_expect_exit(world, &run, 255, "");
	world_expect(world, world->door, BAS_F_END);
	world_says(world, "session ended: the window is over");
	world_expect_text(run.errors, "postern: session ended: the window is over");
	assert_int_equal(world_wait(world), 0);
	assert_true(world_boot() < world->deadline + BAS_SECOND);
	world_release(&run);
}

static void
push_until_stuck(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLOUT };

	assert_int_equal(fcntl(fd, F_SETFL, O_WRONLY | O_NONBLOCK), 0);
	while (poll(&ready, 1, 200) == 1)
		fill(fd, 4096);
}

/* Nobody answers: not the door, not the spawner, not the clerk. */
static void
the_windows_end_waits_for_nobody(void **state)
{
	struct world *world = *state;
	struct world_run run;

	world->deadline = world_boot() + 2 * BAS_SECOND;
	world_login(world);
	world_run(world, &run, 1, "query x");
	push_until_stuck(run.ends[1]);
	push_until_stuck(run.ends[2]);
	assert_int_equal(world_wait(world), 0);
	assert_true(world_boot() < world->deadline + BAS_SECOND);
	world_expect_stop(world, &run, 0);
	world_release(&run);
}

static void
a_kill_ends_the_session_with_its_sentence(void **state)
{
	struct world *world = *state;
	struct ca_buf payload = { 0 };
	struct world_run run;

	world_login(world);
	world_run(world, &run, 1, "query x");
	ca_buf_put_u32(&payload, CA_REVOKED);
	ca_buf_put_cstring(&payload, "grant 42 is revoked");
	world_send(world->clerk, BAS_F_KILL, &payload);
	world_expect_stop(world, &run, 0);
	world_gone(world, &run, 0, "KILL");
	world_expect_end(world, &run, "\"ended\":\"session\"");
	world_expect_exit(world, &run, 255, "");
	world_expect(world, world->door, BAS_F_END);
	world_says(world, "session ended: grant 42 is revoked");
	world_expect_text(run.errors, "postern: session ended: grant 42 is revoked");
	assert_int_equal(world_wait(world), 0);
	world_release(&run);
}

static void
a_kill_that_comes_instead_of_a_recordings_name_ends_the_session(void **state)
{
	struct world *world = *state;
	struct ca_buf payload = { 0 };

	world_login(world);
	world_channel(world, BAS_F_OPEN, 1);
	world_exec(world, 1, "query x");
	world_expect(world, world->clerk, BAS_F_RUN);
	ca_buf_put_u32(&payload, CA_REFUSED_HERE);
	ca_buf_put_cstring(&payload, "refused by the customer");
	world_send(world->clerk, BAS_F_KILL, &payload);
	do
		assert_true(world_receive(world, world->door));
	while (world->frame.type != BAS_F_END);
	world_says(world, "session ended: refused by the customer");
	assert_int_equal(world_wait(world), 0);
	assert_false(world_receive(world, world->spawner));
}

/* ---- rooms that end */

static void
a_client_that_closes_its_channel_stops_the_command(void **state)
{
	struct world *world = *state;
	struct world_run run;

	world_login(world);
	world_run(world, &run, 1, "query x");
	world_channel(world, BAS_F_CLOSE, 1);
	world_expect_stop(world, &run, 0);
	world_gone(world, &run, 0, "KILL");
	world_expect_end(world, &run, "\"ended\":\"closed\"");
	world_expect_silence(world->door);
	world_release(&run);
}

static void
a_channel_that_is_closed_while_its_command_starts_is_stopped_then(void **state)
{
	struct world *world = *state;
	struct world_run run = { .channel = 1 };

	world_login(world);
	world_channel(world, BAS_F_OPEN, 1);
	world_exec(world, 1, "query x");
	world_name_run(world, &run);
	world_take_spawn(world, &run);
	world_channel(world, BAS_F_CLOSE, 1);
	world_expect_silence(world->spawner);
	world_spawned(world, &run, "");
	world_expect_stop(world, &run, 0);
	world_gone(world, &run, 0, "KILL");
	world_expect_end(world, &run, "\"ended\":\"closed\"");
	world_release(&run);
}

static void
a_door_that_ends_leaves_stopped_commands_and_sealed_recordings(void **state)
{
	struct world *world = *state;
	struct world_run run;
	char *seal;

	world_login(world);
	world_run(world, &run, 1, "query x");
	fill(run.ends[1], 100);
	world_expect_text(run.socket, "zzz");
	world_close(&world->door);
	world_expect_stop(world, &run, 0);
	world_gone(world, &run, 0, "KILL");
	world_expect(world, world->clerk, BAS_F_RUN_END);
	seal = world_recording(world, run.name, ".seal");
	assert_non_null(seal);
	free(seal);
	world_logged(world);
	assert_int_equal(world_wait(world), 0);
	world_release(&run);
}

static void
without_the_clerk_everything_ends(void **state)
{
	struct world *world = *state;
	struct world_run run;

	world_login(world);
	world_run(world, &run, 1, "query x");
	world_close(&world->clerk);
	world_expect_stop(world, &run, 0);
	world_gone(world, &run, 0, "KILL");
	world_expect_exit(world, &run, 255, "");
	world_expect(world, world->door, BAS_F_END);
	assert_int_equal(world_wait(world), 0);
	world_expect_recorded(world, run.name, "\"x\",\"255\"", true);
	world_release(&run);
}

static void
without_the_spawner_everything_ends(void **state)
{
	struct world *world = *state;
	struct world_run run;

	world_login(world);
	world_run(world, &run, 1, "query x");
	world_close(&world->spawner);
	world_expect(world, world->clerk, BAS_F_RUN_END);
	world_logged(world);
	world_expect_exit(world, &run, 255, "");
	world_expect(world, world->door, BAS_F_END);
	assert_int_equal(world_wait(world), 0);
	world_release(&run);
}

static void
a_run_that_cannot_be_logged_is_not_started(void **state)
{
	struct world *world = *state;
	struct ca_buf payload = { 0 };
	struct world_run run = { .channel = 1 };

	world_login(world);
	world_channel(world, BAS_F_OPEN, 1);
	world_exec(world, 1, "query x");
	world_expect(world, world->clerk, BAS_F_RUN);
	ca_buf_put_cstring(&payload, "");
	ca_buf_put_string(&payload, NULL, 0);
	world_send(world->clerk, BAS_F_RUN_REPLY, &payload);
	world_take_started(world, &run);
	world_expect_text(run.errors, "postern: this cannot be recorded, so it does not run: ");
	world_expect_exit(world, &run, 255, "");
	world_expect_silence(world->spawner);
	world_release(&run);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(output_up_to_the_commands_limit_is_released),
		TEST(the_byte_past_the_commands_limit_is_not_released),
		TEST(commands_share_what_the_session_may_carry_out),
		TEST(output_goes_on_with_what_the_clerk_lends),
		TEST(what_is_called_back_is_given_back_and_asked_for_again),
		TEST(a_session_that_ends_while_output_waits_releases_none_of_it),
		TEST(what_cannot_be_recorded_does_not_run),
		TEST(a_recording_that_fails_midway_ends_the_command_and_releases_nothing_more),
		TEST(input_that_cannot_be_recorded_does_not_reach_the_command),
		TEST(a_command_that_takes_too_long_is_stopped_with_124),
		TEST(one_minute_before_the_end_there_is_a_warning),
		TEST(five_minutes_before_the_end_there_is_a_warning),
		TEST(a_window_without_an_end_is_one),
		TEST(the_windows_end_ends_everything),
		TEST(the_windows_end_waits_for_nobody),
		TEST(a_kill_ends_the_session_with_its_sentence),
		TEST(a_kill_that_comes_instead_of_a_recordings_name_ends_the_session),
		TEST(a_client_that_closes_its_channel_stops_the_command),
		TEST(a_channel_that_is_closed_while_its_command_starts_is_stopped_then),
		TEST(a_door_that_ends_leaves_stopped_commands_and_sealed_recordings),
		TEST(without_the_clerk_everything_ends),
		TEST(without_the_spawner_everything_ends),
		TEST(a_run_that_cannot_be_logged_is_not_started),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
