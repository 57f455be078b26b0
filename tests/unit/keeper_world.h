/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper_world.h - a keeper in a process of its own, and a test that plays door, clerk
 * and spawner around it, frame by frame.
 */
#ifndef TESTS_KEEPER_WORLD_H
#define TESTS_KEEPER_WORLD_H

#include "mint.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bastion/keeper.h"
#include "bastion/session.h"
#include "recorder/seal.h"

#define WORLD_PATIENCE 10000 /* milliseconds until a frame is said to be missing */
#define WORLD_ADDRESS  "203.0.113.9"

struct world {
	struct mint mint;
	struct mint_draft draft;
	struct ca_buf cert; /* the draft's */
	struct bas_command commands[4];
	struct bas_parameter parameters[1];
	struct bas_role roles[2];
	struct bas_config config;
	struct bas_ready ready;
	struct ca_signer *seal_key;
	const char *source; /* of the statement; NULL: where the client is */
	char folder[64];
	unsigned runs;
	rlim_t file_size; /* the keeper's limit, 0: none */
	int hello_fd;	  /* goes with HELLO; 0: none */
	pid_t keeper;
	int door, clerk, spawner, status; /* the test's ends */
	uint64_t deadline;		  /* what OPENED will say */
	uint64_t allowed;		  /* the same: bytes of output */
	uint8_t buf[BAS_FRAME_MAX];
	struct bas_frame frame; /* the last one received; inside buf */
	struct ca_reader reader;
};

/* What a started command and its channel are to the test. */
struct world_run {
	uint32_t channel, tag;
	char name[80];
	int ends[3]; /* the command's stdin, stdout, stderr */
	int socket, errors;
};

static inline uint64_t
world_boot(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * BAS_SECOND + (uint64_t)now.tv_nsec;
}

/* ---- frames */

static inline void
world_send(int socket, enum bas_frame_type type, struct ca_buf *payload)
{
	assert_true(bas_frame_send(socket, type, payload, NULL, 0));
	ca_buf_clear(payload);
}

/* The next frame, whatever it is; false at the end of the socket. */
static inline bool
world_receive(struct world *world, int socket)
{
	struct pollfd ready = { .fd = socket, .events = POLLIN };
	enum bas_frame_result result;

	assert_int_equal(poll(&ready, 1, WORLD_PATIENCE), 1);
	result = bas_frame_receive(socket, &world->frame, world->buf);
	if (result == BAS_FRAME_END)
		return false;
	assert_int_equal(result, BAS_FRAME_OK);
	world->reader = ca_reader_of(world->frame.payload.data, world->frame.payload.len);
	return true;
}

static inline void
world_expect(struct world *world, int socket, enum bas_frame_type type)
{
	assert_true(world_receive(world, socket));
	assert_int_equal(world->frame.type, type);
}

/* Nothing has come, and nothing comes while the keeper settles. */
static inline void
world_expect_silence(int socket)
{
	struct pollfd ready = { .fd = socket, .events = POLLIN };

	assert_int_equal(poll(&ready, 1, 100), 0);
}

/* The next string of the frame holds this text. */
static inline void
world_says(struct world *world, const char *text)
{
	char *said = ca_read_cstring(&world->reader);

	if (said == NULL || strstr(said, text) == NULL)
		fail_msg("'%s' does not say '%s'", said == NULL ? "" : said, text);
	free(said);
}

/* ---- the world */

static inline void
world_commands(struct world *world)
{
	static const char *const argv[] = { "/bin/true", "{sql}" };
	static const char *const plain[] = { "/bin/true" };

	world->parameters[0] = (struct bas_parameter){
		.name = "sql", .type = BAS_TEXT, .max_len = 8192, .rest = true
	};
	world->commands[0] = (struct bas_command){ .name = "query",
		.help = "one query",
		.argv = argv,
		.argc = 2,
		.parameters = world->parameters,
		.parameter_count = 1,
		.output = UINT64_MAX };
	world->commands[1] =
	    (struct bas_command){ .name = "small", .argv = plain, .argc = 1, .output = 1000 };
	world->commands[2] = (struct bas_command){
		.name = "quick", .argv = plain, .argc = 1, .timeout = 1, .output = UINT64_MAX
	};
	world->commands[3] = (struct bas_command){
		.name = "top", .argv = plain, .argc = 1, .terminal = true, .output = UINT64_MAX
	};
}

static inline void
world_spoil(struct ca_statement *statement)
{
	int64_t now = time(NULL);

	statement->command = NULL;
	statement->not_before = now - 600;
	statement->not_after = now + 7200;
}

/* What mint drafts, moved to now; `command` may be NULL. */
static inline void
world_draft(struct world *world, const char *command, bool terminal)
{
	struct mint_draft *draft = &world->draft;

	mint_draft_clear(draft);
	*draft = (struct mint_draft){ .statement = mint_statement(&world->mint) };
	world_spoil(&draft->statement);
	draft->statement.command = command;
	if (world->source != NULL)
		draft->statement.source = world->source;
	draft->statement.terminal = terminal;
	mint_encode(&draft->text, &draft->statement);
	mint_add_approval(draft, world->mint.people[BOB]);
	mint_add_approval(draft, world->mint.people[CAROL]);
	mint_fill(&world->mint, draft);
	draft->valid_after = (uint64_t)time(NULL) - 60;
	draft->valid_before = draft->valid_after + MINT_DURATION;
	ca_buf_clear(&world->cert);
}

static inline int
world_setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct ca_why why;

	mint_init(&world->mint);
	world_commands(world);
	world->roles[0] = (struct bas_role){ .name = "diagnostics",
		.admission = world->mint.grants,
		.least = BAS_LEVEL_BASIC,
		.output = UINT64_MAX,
		.commands = world->commands,
		.command_count = 4 };
	world->roles[1] = world->roles[0];
	world->roles[1].name = "auditor";
	world->roles[1].admission = world->mint.identity_certificates;
	world->config = (struct bas_config){ .environment = "acme-prod",
		.limits = { .auth_requests = 20, .grace = 60, .channels = 10 },
		.roles = world->roles,
		.role_count = 2 };
	strcpy(world->folder, "/tmp/test_keeper.XXXXXX");
	assert_non_null(mkdtemp(world->folder));
	world->ready = (struct bas_ready){ .config = &world->config,
		.post = world->mint.post,
		.recordings = open(world->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		.level = BAS_LEVEL_BASIC };
	assert_true(ca_signer_generate(&world->seal_key, &why));
	assert_true(bas_keeper_sandbox_prepare(&why));
	world->deadline = world_boot() + 3600 * BAS_SECOND;
	world->allowed = UINT64_MAX;
	world->door = world->clerk = world->spawner = world->status = -1;
	world_draft(world, NULL, true);
	*state = world;
	return 0;
}

/* Before this the test may change configuration and limits. */
static inline void
world_start(struct world *world)
{
	struct ca_buf hello = { 0 };
	int door[2], clerk[2], spawner[2], status[2];

	/* Once, when the draft is as the test wants it. */
	if (world->cert.len == 0)
		mint_sign(&world->draft, &world->cert);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, door), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, clerk), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, spawner), 0);
	assert_int_equal(pipe2(status, O_CLOEXEC), 0);
	world->keeper = fork();
	assert_true(world->keeper >= 0);
	if (world->keeper == 0) {
		struct bas_keeper_fds fds = { door[1], status[1], clerk[1], spawner[1] };
		struct rlimit limit = { world->file_size, world->file_size };

		close(door[0]);
		close(clerk[0]);
		close(spawner[0]);
		close(status[0]);
		if (world->file_size > 0 && setrlimit(RLIMIT_FSIZE, &limit) != 0)
			_exit(99);
		_exit(bas_keeper_run(&world->ready, &fds, WORLD_ADDRESS));
	}
	close(door[1]);
	close(clerk[1]);
	close(spawner[1]);
	close(status[1]);
	world->door = door[0];
	world->clerk = clerk[0];
	world->spawner = spawner[0];
	world->status = status[0];
	ca_buf_put_u64(&hello, (uint64_t)time(NULL));
	ca_buf_put_u64(&hello, world_boot());
	assert_true(bas_frame_send(
	    world->clerk, BAS_F_HELLO, &hello, &world->hello_fd, world->hello_fd > 0 ? 1 : 0));
	ca_buf_clear(&hello);
}

static inline int
world_remove(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

static inline void
world_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* The keeper ends by itself; gives its wait status. */
static inline int
world_wait(struct world *world)
{
	int status = 0;

	assert_int_equal(waitpid(world->keeper, &status, 0), world->keeper);
	world->keeper = 0;
	return status;
}

static inline int
world_teardown(void **state)
{
	struct world *world = *state;

	world_close(&world->door);
	world_close(&world->clerk);
	world_close(&world->spawner);
	world_close(&world->status);
	if (world->keeper > 0)
		world_wait(world);
	close(world->ready.recordings);
	(void)nftw(world->folder, world_remove, 16, FTW_DEPTH | FTW_PHYS);
	ca_signer_free(world->seal_key);
	mint_draft_clear(&world->draft);
	ca_buf_clear(&world->cert);
	mint_clear(&world->mint);
	free(world);
	return 0;
}

/* ---- steps */

static inline void
world_knock(struct world *world, bool proven, const char *user)
{
	struct ca_buf payload = { 0 };

	ca_buf_put_u8(&payload, proven);
	ca_buf_put_cstring(&payload, user);
	ca_buf_put_string(&payload, world->cert.data, world->cert.len);
	world_send(world->door, BAS_F_AUTH, &payload);
}

static inline void
world_expect_verdict(struct world *world, bool ok, const char *banner)
{
	world_expect(world, world->door, BAS_F_VERDICT);
	assert_int_equal(ca_read_u8(&world->reader), ok);
	world_says(world, banner);
	assert_true(ca_reader_done(&world->reader));
}

static inline void
world_opened(struct world *world)
{
	struct ca_buf payload = { 0 };

	ca_buf_put_cstring(&payload, "s1");
	ca_buf_put_u64(&payload, world->deadline);
	ca_buf_put_u64(&payload, (uint64_t)time(NULL) + 3600);
	ca_buf_put_u8(&payload, 0);
	ca_buf_put_u64(&payload, world->allowed);
	world_send(world->clerk, BAS_F_OPENED, &payload);
}

/* Start, hello, a good certificate, a session. */
static inline void
world_login(struct world *world)
{
	world_start(world);
	world_knock(world, true, "diagnostics");
	world_expect(world, world->clerk, BAS_F_SESSION);
	world_opened(world);
	world_expect_verdict(world, true, "");
}

static inline void
world_logged(struct world *world)
{
	struct ca_buf payload = { 0 };

	ca_buf_put_u8(&payload, 1);
	world_send(world->clerk, BAS_F_LOGGED, &payload);
}

static inline void
world_channel(struct world *world, enum bas_frame_type type, uint32_t channel)
{
	struct ca_buf payload = { 0 };

	ca_buf_put_u32(&payload, channel);
	world_send(world->door, type, &payload);
}

static inline void
world_pty(struct world *world, uint32_t channel, bool ok)
{
	struct ca_buf payload = { 0 };

	ca_buf_put_u32(&payload, channel);
	ca_buf_put_cstring(&payload, "xterm-256color");
	ca_buf_put_u32(&payload, 100);
	ca_buf_put_u32(&payload, 30);
	world_send(world->door, BAS_F_PTY, &payload);
	world_expect(world, world->door, BAS_F_PTY_REPLY);
	assert_int_equal(ca_read_u32(&world->reader), channel);
	assert_int_equal(ca_read_u8(&world->reader), ok);
}

static inline void
world_exec(struct world *world, uint32_t channel, const char *line)
{
	struct ca_buf payload = { 0 };

	ca_buf_put_u32(&payload, channel);
	ca_buf_put_cstring(&payload, line);
	world_send(world->door, BAS_F_EXEC, &payload);
}

/* The clerk names the recording; the first key gets its certificate. */
static inline void
world_name_run(struct world *world, struct world_run *run)
{
	struct ca_buf payload = { 0 };
	struct ca_bytes blob;
	struct ca_key *key;
	struct ca_cert *cert;
	struct ca_why why;

	world_expect(world, world->clerk, BAS_F_RUN);
	ca_read_string(&world->reader);
	blob = ca_read_string(&world->reader);
	assert_true(ca_reader_done(&world->reader));
	snprintf(run->name, sizeof(run->name), "s1.%u", ++world->runs);
	ca_buf_put_cstring(&payload, run->name);
	if (blob.len == 0) {
		ca_buf_put_string(&payload, NULL, 0);
	} else {
		assert_true(ca_key_parse(&key, blob.data, blob.len, &why));
		assert_true(rec_seal_certify(
		    &cert, key, "acme-prod", "s1", 1, time(NULL), world->seal_key, &why));
		ca_buf_put_string(&payload, cert->blob.data, cert->blob.len);
		ca_key_free(key);
		ca_cert_free(cert);
	}
	world_send(world->clerk, BAS_F_RUN_REPLY, &payload);
}

static inline void
world_take_started(struct world *world, struct world_run *run)
{
	world_expect(world, world->door, BAS_F_STARTED);
	assert_int_equal(ca_read_u32(&world->reader), run->channel);
	assert_int_equal(world->frame.fd_count, 2);
	run->socket = world->frame.fds[0];
	run->errors = world->frame.fds[1];
}

static inline void
world_spawned(struct world *world, const struct world_run *run, const char *sentence)
{
	struct ca_buf payload = { 0 };

	ca_buf_put_u32(&payload, run->tag);
	ca_buf_put_u8(&payload, sentence[0] == '\0');
	ca_buf_put_u32(&payload, sentence[0] == '\0' ? 4711 : 0);
	ca_buf_put_cstring(&payload, sentence);
	world_send(world->spawner, BAS_F_SPAWNED, &payload);
}

static inline void
world_take_spawn(struct world *world, struct world_run *run)
{
	world_expect(world, world->spawner, BAS_F_SPAWN);
	run->tag = ca_read_u32(&world->reader);
	assert_int_equal(world->frame.fd_count, 3);
	memcpy(run->ends, world->frame.fds, sizeof(run->ends));
}

/* From a line to a command that the test plays. */
static inline void
world_run(struct world *world, struct world_run *run, uint32_t channel, const char *line)
{
	*run = (struct world_run){ .channel = channel };
	world_channel(world, BAS_F_OPEN, channel);
	world_exec(world, channel, line);
	world_name_run(world, run);
	world_take_spawn(world, run);
	world_spawned(world, run, "");
	world_take_started(world, run);
}

static inline void
world_gone(struct world *world, struct world_run *run, uint32_t status, const char *signal)
{
	struct ca_buf payload = { 0 };

	for (int i = 0; i < 3; i++)
		world_close(&run->ends[i]);
	ca_buf_put_u32(&payload, run->tag);
	ca_buf_put_u32(&payload, status);
	ca_buf_put_cstring(&payload, signal);
	ca_buf_put_u64(&payload, 1234);
	world_send(world->spawner, BAS_F_GONE, &payload);
}

static inline void
world_expect_stop(struct world *world, const struct world_run *run, uint32_t number)
{
	world_expect(world, world->spawner, BAS_F_STOP);
	assert_int_equal(ca_read_u32(&world->reader), run->tag);
	assert_int_equal(ca_read_u32(&world->reader), number);
}

/* RUN_END is logged, then the door hears the status. `fields` is a piece of its JSON. */
static inline void
world_expect_end(struct world *world, const struct world_run *run, const char *fields)
{
	world_expect(world, world->clerk, BAS_F_RUN_END);
	world_says(world, run->name);
	ca_read_u64(&world->reader);
	ca_read_u64(&world->reader);
	world_says(world, fields);
	world_expect_silence(world->door);
	world_logged(world);
}

static inline void
world_expect_exit(
    struct world *world, const struct world_run *run, uint32_t status, const char *signal)
{
	world_expect(world, world->door, BAS_F_EXIT);
	assert_int_equal(ca_read_u32(&world->reader), run->channel);
	assert_int_equal(ca_read_u32(&world->reader), status);
	world_says(world, signal);
	assert_true(ca_reader_done(&world->reader));
}

/* What comes until the end of a stream, or until `want` bytes are there. */
static inline size_t
world_read(int fd, char *out, size_t want)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	size_t len = 0;

	while (len < want) {
		ssize_t got;

		assert_int_equal(poll(&ready, 1, WORLD_PATIENCE), 1);
		got = read(fd, out + len, want - len);
		if (got < 0 && errno == EAGAIN)
			continue;
		if (got <= 0)
			break;
		len += (size_t)got;
	}
	return len;
}

static inline void
world_expect_text(int fd, const char *text)
{
	char got[4096] = "";
	size_t len = 0;

	/* byte by byte, for what follows belongs to someone else */
	while (strstr(got, text) == NULL) {
		if (len + 1 >= sizeof(got) || world_read(fd, got + len, 1) != 1)
			fail_msg("'%s' does not say '%s'", got, text);
		len++;
	}
}

static inline void
world_release(struct world_run *run)
{
	for (int i = 0; i < 3; i++)
		world_close(&run->ends[i]);
	world_close(&run->socket);
	world_close(&run->errors);
}

/* A recording's text; the caller frees. */
static inline char *
world_recording(const struct world *world, const char *name, const char *suffix)
{
	char path[256];
	struct stat st;
	char *text;
	int fd;

	snprintf(path, sizeof(path), "%s/%s%s", world->folder, name, suffix);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return NULL;
	assert_int_equal(fstat(fd, &st), 0);
	text = calloc(1, (size_t)st.st_size + 1);
	assert_non_null(text);
	assert_int_equal(read(fd, text, (size_t)st.st_size), st.st_size);
	close(fd);
	return text;
}

static inline void
world_expect_recorded(const struct world *world, const char *name, const char *piece, bool there)
{
	char *text = world_recording(world, name, ".cast");

	assert_non_null(text);
	if ((strstr(text, piece) != NULL) != there)
		fail_msg("'%s' %s '%s'", text, there ? "lacks" : "has", piece);
	free(text);
}

#endif
