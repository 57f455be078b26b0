/* SPDX-License-Identifier: Apache-2.0 */
/* test_keeper_run.c - lines to commands, recorded before released, sealed and logged before the
 * status. */
#include "keeper_world.h"

#include <sys/ioctl.h>
#include <termios.h>

#define MEGABYTE ((size_t)1 << 20)

static void
fill(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

/* ---- the order of things */

static void
a_command_is_logged_recorded_started_sealed_logged_and_then_ended(void **state)
{
	struct world *world = *state;
	struct world_run run = { .channel = 7 };
	char *seal;

	world_login(world);
	world_channel(world, BAS_F_OPEN, 7);
	world_exec(world, 7, "query select 1");
	world_expect_silence(world->spawner);
	world_name_run(world, &run);
	world_expect(world, world->spawner, BAS_F_SPAWN);
	run.tag = ca_read_u32(&world->reader);
	memcpy(run.ends, world->frame.fds, sizeof(run.ends));
	world_says(world, "diagnostics");
	world_says(world, "query");
	assert_int_equal(ca_read_u32(&world->reader), 2);
	world_says(world, "/bin/true");
	world_says(world, "select 1");
	assert_int_equal(ca_read_u32(&world->reader), 3);
	world_says(world, "PATH=");
	world_says(world, "LANG=");
	world_says(world, "HOME=/");
	assert_int_equal(ca_read_u8(&world->reader), 0);
	assert_true(ca_reader_done(&world->reader));
	world_expect_recorded(world, run.name, "\"command\":\"query select 1\"", true);
	world_expect_silence(world->door);
	world_spawned(world, &run, "");
	world_take_started(world, &run);
	fill(run.ends[1], "to stdout\n");
	fill(run.ends[2], "to stderr\n");
	world_expect_text(run.socket, "to stdout\n");
	world_expect_text(run.errors, "to stderr\n");
	world_expect_recorded(world, run.name, "\"o\",\"to stdout\\n\"", true);
	world_expect_recorded(world, run.name, "\"e\",\"to stderr\\n\"", true);
	world_gone(world, &run, 3, "");
	world_expect(world, world->clerk, BAS_F_RUN_END);
	world_expect_recorded(world, run.name, "\"x\",\"3\"", true);
	seal = world_recording(world, run.name, ".seal");
	assert_non_null(seal);
	free(seal);
	world_says(world, run.name);
	assert_int_equal(ca_read_u64(&world->reader), 20);
	assert_int_equal(ca_read_u64(&world->reader), 20);
	world_says(world, "\"seal\":\"");
	world_expect_silence(world->door);
	world_logged(world);
	world_expect_exit(world, &run, 3, "");
	assert_int_equal(world_read(run.socket, (char[1]){ 0 }, 1), 0);
	world_release(&run);
}

static void
what_is_written_before_the_end_arrives_before_the_status(void **state)
{
	struct world *world = *state;
	struct world_run run;

	world_login(world);
	world_run(world, &run, 1, "query x");
	fill(run.ends[1], "last words");
	world_gone(world, &run, 0, "");
	world_expect_end(world, &run, "\"ended\":\"exit\"");
	world_expect_exit(world, &run, 0, "");
	world_expect_text(run.socket, "last words");
	world_release(&run);
}

static void
a_signal_that_ended_the_command_is_told_by_name(void **state)
{
	struct world *world = *state;
	struct world_run run;

	world_login(world);
	world_run(world, &run, 1, "query x");
	world_gone(world, &run, 0, "SEGV");
	world_expect_end(world, &run, "\"signal\":\"SEGV\"");
	world_expect_exit(world, &run, 0, "SEGV");
	world_expect_recorded(world, run.name, "\"x\",\"SEGV\"", true);
	world_release(&run);
}

static void
input_is_recorded_and_reaches_the_command_to_its_end(void **state)
{
	struct world *world = *state;
	struct world_run run;
	char got[32] = "";

	world_login(world);
	world_run(world, &run, 1, "query x");
	fill(run.socket, "typed");
	assert_int_equal(world_read(run.ends[0], got, 5), 5);
	assert_string_equal(got, "typed");
	world_expect_recorded(world, run.name, "\"i\",\"typed\"", true);
	assert_int_equal(shutdown(run.socket, SHUT_WR), 0);
	assert_int_equal(world_read(run.ends[0], got, 1), 0);
	world_release(&run);
}

/* At every moment the recording holds at least what the door has been given. */
static void
every_byte_is_recorded_before_it_is_released(void **state)
{
	struct world *world = *state;
	struct world_run run;
	char path[256], *block = malloc(MEGABYTE);
	size_t released = 0, written = 0;
	struct stat st;

	assert_non_null(block);
	memset(block, 'x', MEGABYTE);
	world_login(world);
	world_run(world, &run, 1, "query x");
	snprintf(path, sizeof(path), "%s/%s.cast", world->folder, run.name);
	assert_int_equal(fcntl(run.ends[1], F_SETFL, O_WRONLY | O_NONBLOCK), 0);
	while (released < 16 * MEGABYTE) {
		struct pollfd polls[2] = { { .fd = run.socket, .events = POLLIN },
			{ .fd = written < 16 * MEGABYTE ? run.ends[1] : -1, .events = POLLOUT } };
		ssize_t moved;

		assert_true(poll(polls, 2, WORLD_PATIENCE) > 0);
		if (polls[1].revents != 0 && (moved = write(run.ends[1], block, 100000)) > 0)
			written += (size_t)moved;
		if (polls[0].revents == 0)
			continue;
		moved = read(run.socket, block, 65536);
		assert_true(moved > 0);
		released += (size_t)moved;
		memset(block, 'x', MEGABYTE);
		assert_int_equal(stat(path, &st), 0);
		assert_true((size_t)st.st_size >= released);
	}
	world_release(&run);
	free(block);
}

static size_t
push_until_stuck(int fd)
{
	static char block[65536];
	struct pollfd ready = { .fd = fd, .events = POLLOUT };
	size_t total = 0;

	assert_int_equal(fcntl(fd, F_SETFL, O_WRONLY | O_NONBLOCK), 0);
	memset(block, 'y', sizeof(block));
	while (poll(&ready, 1, 500) == 1) {
		ssize_t written = write(fd, block, sizeof(block));

		assert_true(written > 0);
		total += (size_t)written;
	}
	return total;
}

static void
a_client_that_does_not_read_costs_bounded_memory_and_holds_nobody_up(void **state)
{
	struct world *world = *state;
	struct world_run stuck, other;

	world_login(world);
	world_run(world, &stuck, 1, "query x");
	assert_true(push_until_stuck(stuck.ends[1]) < 4 * MEGABYTE);
	assert_true(push_until_stuck(stuck.ends[2]) < 4 * MEGABYTE);
	assert_true(push_until_stuck(stuck.socket) < 4 * MEGABYTE);
	world_run(world, &other, 2, "query x");
	fill(other.ends[1], "still here");
	world_expect_text(other.socket, "still here");
	world_release(&stuck);
	world_release(&other);
}

/* ---- what may run */

static void
expect_denied(struct world *world, uint32_t channel, uint32_t status, const char *sentence)
{
	struct world_run run = { .channel = channel };

	world_expect(world, world->clerk, BAS_F_LOG);
	world_says(world, "run.denied");
	world_says(world, sentence);
	world_expect_silence(world->door);
	world_logged(world);
	world_take_started(world, &run);
	world_expect_text(run.errors, sentence);
	world_expect_exit(world, &run, status, "");
	world_expect_silence(world->spawner);
	world_release(&run);
}

static void
a_command_that_is_not_listed_is_refused_with_127(void **state)
{
	struct world *world = *state;

	world_login(world);
	world_channel(world, BAS_F_OPEN, 1);
	world_exec(world, 1, "reboot");
	expect_denied(world, 1, 127, "reboot");
}

static void
a_wrong_parameter_is_refused_with_126(void **state)
{
	struct world *world = *state;

	world_login(world);
	world_channel(world, BAS_F_OPEN, 1);
	world_exec(world, 1, "small surplus");
	expect_denied(world, 1, 126, "surplus");
}

static void
hostile_bytes_of_a_refused_line_never_reach_the_terminal(void **state)
{
	struct world *world = *state;
	struct world_run run = { .channel = 1 };
	char got[4096] = "";

	world_login(world);
	world_channel(world, BAS_F_OPEN, 1);
	world_exec(world, 1, "\033]52;c;aGk=\a\xe2\x80\xae");
	world_expect(world, world->clerk, BAS_F_LOG);
	world_logged(world);
	world_take_started(world, &run);
	world_expect(world, world->door, BAS_F_EXIT);
	world_read(run.errors, got, sizeof(got) - 1);
	assert_non_null(strstr(got, "postern: "));
	assert_null(strchr(got, '\033'));
	assert_null(strchr(got, '\a'));
	assert_null(strstr(got, "\xe2\x80\xae"));
	world_release(&run);
}

static void
a_role_that_needs_more_confinement_than_there_is_runs_nothing(void **state)
{
	struct world *world = *state;

	world->roles[0].least = BAS_LEVEL_FULL;
	world_login(world);
	world_channel(world, BAS_F_OPEN, 1);
	world_exec(world, 1, "query x");
	expect_denied(world, 1, 126, "needs confinement 'full'");
}

static void
a_forced_command_runs_for_an_empty_line_and_for_its_own(void **state)
{
	struct world *world = *state;
	struct world_run run;

	world_draft(world, "query select 1", true);
	world_login(world);
	world_run(world, &run, 1, "");
	world_expect_recorded(world, run.name, "\"command\":\"query select 1\"", true);
	world_release(&run);
	world_run(world, &run, 2, "query select 1");
	world_release(&run);
}

static void
anything_beside_a_forced_command_is_refused(void **state)
{
	static const char *const lines[] = { "query select 2", "query select 1 ", "small", "help" };
	struct world *world = *state;

	world_draft(world, "query select 1", true);
	world_login(world);
	for (uint32_t i = 0; i < 4; i++) {
		world_channel(world, BAS_F_OPEN, i);
		world_exec(world, i, lines[i]);
		expect_denied(world, i, 126, "this grant is for one command only: query select 1");
	}
}

static void
a_spawner_that_refuses_is_believed(void **state)
{
	struct world *world = *state;
	struct world_run run = { .channel = 1 };

	world_login(world);
	world_channel(world, BAS_F_OPEN, 1);
	world_exec(world, 1, "query x");
	world_name_run(world, &run);
	world_take_spawn(world, &run);
	world_spawned(world, &run, "program '/bin/true' is not a regular file");
	world_expect(world, world->clerk, BAS_F_RUN_END);
	world_logged(world);
	world_take_started(world, &run);
	world_expect_exit(world, &run, 126, "");
	world_expect_text(run.errors, "postern: program '/bin/true' is not a regular file");
	world_expect_recorded(world, run.name, "is not a regular file", true);
	world_release(&run);
}

static void
expect_builtin(struct world *world, uint32_t channel, const char *line, const char *text)
{
	struct world_run run = { .channel = channel };

	world_channel(world, BAS_F_OPEN, channel);
	world_exec(world, channel, line);
	world_name_run(world, &run);
	world_take_started(world, &run);
	world_expect_text(run.socket, text);
	world_expect(world, world->clerk, BAS_F_RUN_END);
	world_logged(world);
	world_expect_exit(world, &run, 0, "");
	world_expect_recorded(world, run.name, text, true);
	world_release(&run);
}

static void
help_and_whoami_are_answered_and_recorded(void **state)
{
	struct world *world = *state;

	world_login(world);
	expect_builtin(world, 1, "help", "one query");
	expect_builtin(world, 2, "whoami", "alice@vendor.example");
	world_expect_silence(world->spawner);
}

static void
a_shell_is_the_help_text(void **state)
{
	struct world *world = *state;

	world_login(world);
	expect_builtin(world, 1, "", "There is no shell here");
}

static void
a_second_line_on_a_channel_loses_the_connection(void **state)
{
	struct world *world = *state;
	struct world_run run;

	world_login(world);
	world_run(world, &run, 1, "query x");
	world_exec(world, 1, "query x");
	world_expect_stop(world, &run, 0);
	world_gone(world, &run, 0, "KILL");
	world_expect(world, world->clerk, BAS_F_RUN_END);
	world_logged(world);
	assert_int_equal(world_wait(world), 0);
	world_release(&run);
}

static void
channels_up_to_the_limit_open_and_one_more_loses_the_connection(void **state)
{
	struct world *world = *state;

	world->config.limits.channels = 3;
	world_login(world);
	for (uint32_t i = 0; i < 3; i++)
		world_channel(world, BAS_F_OPEN, i);
	world_expect_silence(world->door);
	world_channel(world, BAS_F_CLOSE, 0);
	world_channel(world, BAS_F_OPEN, 3);
	world_expect_silence(world->door);
	world_channel(world, BAS_F_OPEN, 4);
	assert_int_equal(world_wait(world), 0);
}

/* ---- terminals */

static void
a_terminal_command_without_a_terminal_says_how_to_get_one(void **state)
{
	struct world *world = *state;

	world_login(world);
	world_channel(world, BAS_F_OPEN, 1);
	world_exec(world, 1, "top");
	expect_denied(world, 1, 126, "command 'top' needs a terminal: use ssh -t");
}

static void
a_grant_without_terminal_gets_none(void **state)
{
	struct world *world = *state;

	world_draft(world, NULL, false);
	world_login(world);
	world_channel(world, BAS_F_OPEN, 1);
	world_pty(world, 1, false);
	world_exec(world, 1, "top");
	expect_denied(world, 1, 126, "command 'top' needs a terminal, and this grant has none");
}

static void
start_terminal(struct world *world, struct world_run *run)
{
	*run = (struct world_run){ .channel = 1 };
	world_login(world);
	world_channel(world, BAS_F_OPEN, 1);
	world_pty(world, 1, true);
	world_exec(world, 1, "top");
	world_name_run(world, run);
	world_take_spawn(world, run);
	world_spawned(world, run, "");
	world_take_started(world, run);
}

static void
a_terminal_has_the_clients_size_and_follows_it(void **state)
{
	struct world *world = *state;
	struct ca_buf payload = { 0 };
	struct world_run run;
	struct winsize size = { 0 };

	start_terminal(world, &run);
	assert_true(isatty(run.ends[0]) && isatty(run.ends[1]) && isatty(run.ends[2]));
	assert_int_equal(ioctl(run.ends[0], TIOCGWINSZ, &size), 0);
	assert_int_equal(size.ws_col, 100);
	assert_int_equal(size.ws_row, 30);
	world_expect_recorded(world, run.name, "\"width\":100,\"height\":30", true);
	ca_buf_put_u32(&payload, 1);
	ca_buf_put_u32(&payload, 120);
	ca_buf_put_u32(&payload, 40);
	world_send(world->door, BAS_F_RESIZE, &payload);
	for (int i = 0; i < WORLD_PATIENCE && size.ws_col != 120; i++) {
		poll(NULL, 0, 1);
		assert_int_equal(ioctl(run.ends[0], TIOCGWINSZ, &size), 0);
	}
	assert_int_equal(size.ws_col, 120);
	assert_int_equal(size.ws_row, 40);
	world_expect_recorded(world, run.name, "\"r\",\"120x40\"", true);
	world_release(&run);
}

static void
all_that_a_terminal_printed_arrives_before_the_status(void **state)
{
	struct world *world = *state;
	struct world_run run;
	char got[64] = "";

	start_terminal(world, &run);
	fill(run.ends[1], "goodbye\n");
	world_gone(world, &run, 0, "");
	world_expect_end(world, &run, "\"ended\":\"exit\"");
	world_expect_exit(world, &run, 0, "");
	assert_int_equal(world_read(run.socket, got, sizeof(got)), 9);
	assert_string_equal(got, "goodbye\r\n");
	world_release(&run);
}

static void
a_password_is_recorded_as_its_length(void **state)
{
	struct world *world = *state;
	struct world_run run;
	struct termios modes;
	char got[32] = "";

	start_terminal(world, &run);
	fill(run.socket, "shown\r");
	assert_int_equal(world_read(run.ends[0], got, 6), 6);
	assert_int_equal(tcgetattr(run.ends[0], &modes), 0);
	modes.c_lflag &= ~(tcflag_t)ECHO;
	assert_int_equal(tcsetattr(run.ends[0], TCSANOW, &modes), 0);
	fill(run.socket, "s3cret\r");
	assert_int_equal(world_read(run.ends[0], got, 7), 7);
	assert_memory_equal(got, "s3cret\n", 7);
	world_expect_recorded(world, run.name, "\"i\",\"shown", true);
	world_expect_recorded(world, run.name, "\"h\",\"7\"", true);
	world_expect_recorded(world, run.name, "s3cret", false);
	world_release(&run);
}

static void
a_signal_from_the_client_goes_to_the_command(void **state)
{
	struct world *world = *state;
	struct ca_buf payload = { 0 };
	struct world_run run;

	world_login(world);
	world_run(world, &run, 1, "query x");
	ca_buf_put_u32(&payload, 1);
	ca_buf_put_cstring(&payload, "INT");
	world_send(world->door, BAS_F_SIGNAL, &payload);
	world_expect_stop(world, &run, SIGINT);
	ca_buf_put_u32(&payload, 1);
	ca_buf_put_cstring(&payload, "NONSENSE");
	world_send(world->door, BAS_F_SIGNAL, &payload);
	world_expect_silence(world->spawner);
	world_release(&run);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_command_is_logged_recorded_started_sealed_logged_and_then_ended),
		TEST(what_is_written_before_the_end_arrives_before_the_status),
		TEST(a_signal_that_ended_the_command_is_told_by_name),
		TEST(input_is_recorded_and_reaches_the_command_to_its_end),
		TEST(every_byte_is_recorded_before_it_is_released),
		TEST(a_client_that_does_not_read_costs_bounded_memory_and_holds_nobody_up),
		TEST(a_command_that_is_not_listed_is_refused_with_127),
		TEST(a_wrong_parameter_is_refused_with_126),
		TEST(hostile_bytes_of_a_refused_line_never_reach_the_terminal),
		TEST(a_role_that_needs_more_confinement_than_there_is_runs_nothing),
		TEST(a_forced_command_runs_for_an_empty_line_and_for_its_own),
		TEST(anything_beside_a_forced_command_is_refused),
		TEST(a_spawner_that_refuses_is_believed),
		TEST(help_and_whoami_are_answered_and_recorded),
		TEST(a_shell_is_the_help_text),
		TEST(a_second_line_on_a_channel_loses_the_connection),
		TEST(channels_up_to_the_limit_open_and_one_more_loses_the_connection),
		TEST(a_terminal_command_without_a_terminal_says_how_to_get_one),
		TEST(a_grant_without_terminal_gets_none),
		TEST(a_terminal_has_the_clients_size_and_follows_it),
		TEST(all_that_a_terminal_printed_arrives_before_the_status),
		TEST(a_password_is_recorded_as_its_length),
		TEST(a_signal_from_the_client_goes_to_the_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
