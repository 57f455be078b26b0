/* SPDX-License-Identifier: Apache-2.0 */
/* test_nursery.c - one keeper for each connection, and the end of a nursery. */
#include "keeper_world.h"

struct nursery {
	struct world *world;
	pid_t pid;
	int parent, listener, clerk, spawner; /* the test's ends */
};

static void
make_pair(int pair[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
}

static void
start(struct nursery *nursery, struct world *world)
{
	int parent[2], listener[2], clerk[2], spawner[2];
	char gate[CA_FINGERPRINT_SIZE];

	ca_key_fingerprint(ca_signer_key(world->mint.gate), gate);
	world->config.state = world->folder;
	world->config.authorities = world->mint.authorities;
	world->config.authority_count = 1;
	world->config.approvers = world->mint.approvers;
	make_pair(parent);
	make_pair(listener);
	make_pair(clerk);
	make_pair(spawner);
	nursery->world = world;
	nursery->pid = fork();
	if (nursery->pid == 0) {
		struct bas_nursery_fds fds = { parent[1], listener[1], clerk[1], spawner[1], gate };

		close(parent[0]);
		close(listener[0]);
		close(clerk[0]);
		close(spawner[0]);
		_exit(bas_nursery_run(&world->config, &fds));
	}
	assert_true(nursery->pid > 0);
	close(parent[1]);
	close(listener[1]);
	close(clerk[1]);
	close(spawner[1]);
	nursery->parent = parent[0];
	nursery->listener = listener[0];
	nursery->clerk = clerk[0];
	nursery->spawner = spawner[0];
}

/* Gives the door's socket; the keeper's others go into the world. */
static void
connect_door(struct nursery *nursery)
{
	struct world *world = nursery->world;
	struct ca_buf payload = { 0 };
	int door[2], status[2], fds[2];
	uint32_t id;

	make_pair(door);
	assert_int_equal(pipe2(status, O_CLOEXEC), 0);
	fds[0] = door[1];
	fds[1] = status[1];
	ca_buf_put_cstring(&payload, WORLD_ADDRESS);
	ca_buf_put_u32(&payload, 40000);
	assert_true(bas_frame_send(nursery->listener, BAS_F_CONNECTION, &payload, fds, 2));
	ca_buf_clear(&payload);
	close(door[1]);
	close(status[1]);
	world->door = door[0];
	world->status = status[0];
	world_expect(world, nursery->clerk, BAS_F_KEEPER);
	id = ca_read_u32(&world->reader);
	world->clerk = world->frame.fds[0];
	world_expect(world, nursery->spawner, BAS_F_KEEPER);
	assert_int_equal(ca_read_u32(&world->reader), id);
	world->spawner = world->frame.fds[0];
}

static void
end_door(struct world *world)
{
	world_close(&world->door);
	world_close(&world->clerk);
	world_close(&world->spawner);
	world_close(&world->status);
}

static void
expect_end(struct nursery *nursery, int code)
{
	int status;

	assert_int_equal(waitpid(nursery->pid, &status, 0), nursery->pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), code);
	world_close(&nursery->parent);
	world_close(&nursery->listener);
	world_close(&nursery->clerk);
	world_close(&nursery->spawner);
}

static void
each_connection_gets_a_keeper_that_judges_for_this_gate(void **state)
{
	struct world *world = *state;
	struct ca_buf hello = { 0 };
	struct nursery nursery;

	start(&nursery, world);
	mint_sign(&world->draft, &world->cert);
	for (int i = 0; i < 2; i++) {
		connect_door(&nursery);
		ca_buf_put_u64(&hello, (uint64_t)time(NULL));
		ca_buf_put_u64(&hello, world_boot());
		world_send(world->clerk, BAS_F_HELLO, &hello);
		world_knock(world, true, "diagnostics");
		world_expect(world, world->clerk, BAS_F_SESSION);
		world_opened(world);
		world_expect_verdict(world, true, "");
		end_door(world);
	}
	world_close(&nursery.listener);
	expect_end(&nursery, 0);
}

static void
a_keeper_keeps_no_other_connections_sockets(void **state)
{
	struct world *world = *state;
	struct nursery nursery;
	int door, clerk;

	start(&nursery, world);
	connect_door(&nursery);
	door = world->door;
	clerk = world->clerk;
	connect_door(&nursery);
	/* The first one's end is seen at once, though the second lives. */
	close(door);
	assert_false(world_receive(world, clerk));
	close(clerk);
	end_door(world);
	world_close(&nursery.parent);
	expect_end(&nursery, 0);
}

static void
a_nursery_whose_parent_ends_waits_for_its_last_keeper(void **state)
{
	struct world *world = *state;
	struct nursery nursery;
	struct pollfd gone;

	start(&nursery, world);
	connect_door(&nursery);
	world_close(&nursery.parent);
	/* it takes nothing new */
	gone = (struct pollfd){ .fd = nursery.listener };
	assert_int_equal(poll(&gone, 1, WORLD_PATIENCE), 1);
	assert_int_equal(waitpid(nursery.pid, NULL, WNOHANG), 0);
	end_door(world);
	expect_end(&nursery, 0);
}

static void
a_frame_that_is_no_listeners_ends_the_taking_of_connections(void **state)
{
	struct world *world = *state;
	struct ca_buf payload = { 0 };
	struct nursery nursery;

	start(&nursery, world);
	ca_buf_put_u32(&payload, 1);
	world_send(nursery.listener, BAS_F_KEEPER, &payload);
	expect_end(&nursery, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_connection_gets_a_keeper_that_judges_for_this_gate),
		TEST(a_keeper_keeps_no_other_connections_sockets),
		TEST(a_nursery_whose_parent_ends_waits_for_its_last_keeper),
		TEST(a_frame_that_is_no_listeners_ends_the_taking_of_connections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
