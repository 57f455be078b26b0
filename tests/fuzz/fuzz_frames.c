/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_frames.c - what a door that was taken over could send to its keeper.
 *
 * Input: a byte (0: before login, else after), then frames: u8 type, u16 length, payload. A
 * process of its own plays the clerk, for the keeper waits for its answers. Nothing can be recorded
 * here, so nothing may ever be asked of the spawner.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bastion/keeper.h"
#include "recorder/seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define CHECK(condition)          \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static const char *const argv[] = { "/bin/echo", "{text}" };
static const struct bas_parameter parameter = {
	.name = "text", .type = BAS_TEXT, .max_len = 100, .rest = true
};
static const struct bas_command command = { .name = "echo",
	.argv = argv,
	.argc = 2,
	.parameters = &parameter,
	.parameter_count = 1,
	.output = UINT64_MAX };
static const struct bas_role role = { .name = "diagnostics",
	.admission = { .admits = CA_ADMITS_IDENTITY },
	.least = BAS_LEVEL_BASIC,
	.output = UINT64_MAX,
	.commands = &command,
	.command_count = 1 };
static const struct bas_config config = { .environment = "acme-prod",
	.limits = { .auth_requests = 20, .grace = 60, .channels = 4 },
	.roles = &role,
	.role_count = 1 };
static const struct bas_ready ready = { .config = &config,
	.post = { .environment = "acme-prod" },
	.recordings = -1,
	.level = BAS_LEVEL_BASIC };

static struct ca_signer *seal_key;
static struct ca_cert *seal_cert;
static struct ca_grant grant;
static int clerk = -1;
static uint8_t frame_buf[BAS_FRAME_MAX];

/* Answers every question, until the fuzzer ends. */
static _Noreturn void
play_clerk(int socket)
{
	struct bas_frame frame;

	while (bas_frame_receive(socket, &frame, frame_buf) == BAS_FRAME_OK) {
		struct ca_buf payload = { 0 };
		enum bas_frame_type type = BAS_F_LOGGED;

		if (frame.type == BAS_F_RUN) {
			type = BAS_F_RUN_REPLY;
			ca_buf_put_cstring(&payload, "s1.1");
			ca_buf_put_string(&payload, NULL, 0);
		} else {
			ca_buf_put_u8(&payload, 1);
		}
		if (!bas_frame_send(socket, type, &payload, NULL, 0))
			break;
		ca_buf_clear(&payload);
	}
	_exit(0);
}

static void
prepare(void)
{
	int pair[2];

	if (clerk >= 0)
		return;
	signal(SIGPIPE, SIG_IGN);
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	switch (fork()) {
	case -1:
		abort();
	case 0:
		close(pair[0]);
		play_clerk(pair[1]);
	default:
		close(pair[1]);
		clerk = pair[0];
	}
	CHECK(ca_signer_generate(&seal_key, NULL));
	CHECK(rec_seal_certify(
	    &seal_cert, ca_signer_key(seal_key), "acme-prod", "s1", 1, 1795284000, seal_key, NULL));
	grant = (struct ca_grant){
		.cert = seal_cert, .admits = CA_ADMITS_IDENTITY, .identity = "alice@vendor.example"
	};
}

static void
log_in(struct bas_keeper *keeper)
{
	keeper->state = BAS_KEEPER_OPEN;
	keeper->grant = &grant;
	keeper->role = &role;
	keeper->may_terminal = true;
	keeper->session = strdup("s1");
	keeper->deadline = BAS_NEVER;
	keeper->allowed = UINT64_MAX;
	keeper->seal_key = seal_key;
	keeper->seal_cert = seal_cert;
}

/* What was said to the door, and that nothing was said to the spawner. */
static void
drain(int door, int spawner)
{
	static uint8_t buf[BAS_FRAME_MAX];
	struct bas_frame frame;

	while (bas_frame_receive(door, &frame, buf) == BAS_FRAME_OK) {
		CHECK(frame.type >= BAS_F_VERDICT && frame.type <= BAS_F_END);
		bas_frame_close_fds(&frame);
	}
	CHECK(bas_frame_receive(spawner, &frame, buf) == BAS_FRAME_AGAIN);
}

static void
feed(struct bas_keeper *keeper, const uint8_t *data, size_t len)
{
	struct ca_reader reader = ca_reader_of(data, len);

	while (reader.left >= 3) {
		struct bas_frame frame = { .type = ca_read_u8(&reader), .fds = { -1, -1, -1 } };
		size_t size = (size_t)ca_read_u8(&reader) << 8;

		size |= ca_read_u8(&reader);
		frame.payload = ca_read_bytes(&reader, size < reader.left ? size : reader.left);
		if (!bas_keeper_dispatch(keeper, &frame))
			return;
		for (struct bas_channel *channel = keeper->channels; channel;
		     channel = channel->next)
			if (channel->run != NULL) {
				bas_relay_move(keeper, channel->run);
				bas_run_finish(keeper, channel, false);
			}
		bas_channels_sweep(keeper);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct bas_keeper keeper;
	struct bas_keeper_fds fds = { .status = -1 };
	int door[2], spawner[2];

	if (len < 1)
		return 0;
	prepare();
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, door) == 0);
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, spawner) == 0);
	fds.door = door[1];
	fds.spawner = spawner[1];
	fds.clerk = fcntl(clerk, F_DUPFD_CLOEXEC, 0);
	CHECK(bas_keeper_init(&keeper, &ready, &fds, "203.0.113.9"));
	if (data[0] != 0)
		log_in(&keeper);
	feed(&keeper, data + 1, len - 1);
	drain(door[0], spawner[0]);
	keeper.grant = NULL; /* ours, like the seal's key */
	keeper.seal_key = NULL;
	keeper.seal_cert = NULL;
	bas_keeper_clear(&keeper);
	close(door[0]);
	close(spawner[0]);
	return 0;
}
