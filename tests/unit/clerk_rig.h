/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clerk_rig.h - a clerk in a process of its own, with a real log folder, and keepers that the test
 * plays.
 *
 * Include behind cmocka.h and scratch.h. Each test has a state folder of its own.
 */
#ifndef TESTS_CLERK_RIG_H
#define TESTS_CLERK_RIG_H

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include "bastion/clock.h"
#include "bastion/frame.h"
#include "bastion/rooms.h"
#include "bastion/session.h"
#include "ca/krl.h"
#include "ca/signer.h"
#include "recorder/log.h"
#include "recorder/seal.h"

#define PATIENCE 10000 /* milliseconds until a test gives up */

struct rig {
	struct bas_config config;
	char state[PATH_MAX], seal_key[PATH_MAX], krl[PATH_MAX];
	struct ca_signer *authority, *engineer;
	struct bas_claim claim;
	pid_t clerk; /* 0: none runs */
	int parent, nursery;
	uint8_t *buf;
};

/* What came last over a keeper's socket. */
struct answer {
	enum bas_frame_type type;
	uint32_t reason;
	char text[BAS_SESSION_ID_MAX + 512]; /* session id, recording or sentence */
	uint64_t deadline, end;
	uint64_t left; /* RUN_REPLY: bytes of the certificate; OPENED, LEASED: allowed */
	uint8_t joined;
	int fd;
};

static inline void
rig_start(struct rig *rig)
{
	int parent[2], nursery[2];
	struct bas_frame frame;
	struct pollfd wait;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, parent), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, nursery), 0);
	rig->clerk = fork();
	assert_true(rig->clerk >= 0);
	if (rig->clerk == 0) {
		struct bas_clerk_fds fds = { .parent = parent[1],
			.nursery = nursery[1],
			.policy = "{\"listening\":[\"127.0.0.1:2222\"]}" };

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(parent[0]);
		close(nursery[0]);
		_exit(bas_clerk_run(&rig->config, &fds));
	}
	close(parent[1]);
	close(nursery[1]);
	rig->parent = parent[0];
	rig->nursery = nursery[0];
	wait = (struct pollfd){ .fd = rig->parent, .events = POLLIN };
	assert_int_equal(poll(&wait, 1, PATIENCE), 1);
	assert_int_equal(bas_frame_receive(rig->parent, &frame, rig->buf), BAS_FRAME_OK);
	assert_int_equal(frame.type, BAS_F_READY);
}

static inline int
rig_wait(struct rig *rig)
{
	int status;

	assert_int_equal(waitpid(rig->clerk, &status, 0), rig->clerk);
	rig->clerk = 0;
	close(rig->parent);
	close(rig->nursery);
	return status;
}

/* As the power fails. */
static inline void
rig_kill(struct rig *rig)
{
	kill(rig->clerk, SIGKILL);
	rig_wait(rig);
}

static inline void
rig_stop(struct rig *rig)
{
	int status;

	shutdown(rig->parent, SHUT_RDWR);
	status = rig_wait(rig);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static inline int
rig_new(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	struct ca_why why;
	time_t now = time(NULL);

	assert_non_null(rig);
	rig->buf = malloc(BAS_FRAME_MAX);
	assert_int_equal(scratch_make(state), 0);
	snprintf(rig->state, sizeof(rig->state), "%s/state", scratch);
	snprintf(rig->seal_key, sizeof(rig->seal_key), "%s/state/seal_key", scratch);
	snprintf(rig->krl, sizeof(rig->krl), "%s/krl", scratch);
	assert_int_equal(mkdir(rig->state, 0700), 0);
	rig->config = (struct bas_config){ .environment = "acme-prod",
		.state = rig->state,
		.seal_key = rig->seal_key,
		.linger = 120 };
	assert_true(ca_signer_generate(&rig->authority, &why));
	assert_true(ca_signer_generate(&rig->engineer, &why));
	rig->claim = (struct bas_claim){ .admits = CA_ADMITS_GRANT,
		.serial = 42,
		.authority = ca_key_blob(ca_signer_key(rig->authority)),
		.key = ca_key_blob(ca_signer_key(rig->engineer)),
		.key_id = "alice@vendor.example grant 42 acme-prod/diagnostics",
		.valid_after = (uint64_t)now - 60,
		.valid_before = (uint64_t)now + 3600,
		.not_after = (uint64_t)now + 7200,
		.sessions = 1,
		.output = 1000,
		.fields = "{\"role\":\"diagnostics\",\"identity\":\"alice@vendor.example\"}" };
	memset(rig->claim.statement_hash, 1, 32);
	memset(rig->claim.cert_hash, 2, 32);
	*state = rig;
	return 0;
}

static inline int
rig_setup(void **state)
{
	rig_new(state);
	rig_start(*state);
	return 0;
}

static inline int
rig_teardown(void **state)
{
	struct rig *rig = *state;

	if (rig->clerk != 0)
		rig_kill(rig);
	ca_signer_free(rig->authority);
	ca_signer_free(rig->engineer);
	free(rig->buf);
	free(rig);
	return scratch_remove(state);
}

/* ---- keepers */

static inline bool
rig_receive(struct rig *rig, int keeper, struct answer *out, int patience)
{
	struct pollfd wait = { .fd = keeper, .events = POLLIN };
	struct bas_frame frame;
	struct ca_reader reader;
	struct ca_bytes text = { 0 };

	*out = (struct answer){ .fd = -1 };
	if (poll(&wait, 1, patience) != 1)
		fail_msg("the clerk says nothing");
	if (bas_frame_receive(keeper, &frame, rig->buf) != BAS_FRAME_OK)
		return false;
	out->type = frame.type;
	out->fd = frame.fds[0];
	reader = ca_reader_of(frame.payload.data, frame.payload.len);
	switch (frame.type) {
	case BAS_F_OPENED:
		text = ca_read_string(&reader);
		out->deadline = ca_read_u64(&reader);
		out->end = ca_read_u64(&reader);
		out->joined = ca_read_u8(&reader);
		out->left = ca_read_u64(&reader);
		break;
	case BAS_F_DENIED:
	case BAS_F_KILL:
		out->reason = ca_read_u32(&reader);
		text = ca_read_string(&reader);
		break;
	case BAS_F_RUN_REPLY:
		text = ca_read_string(&reader);
		out->left = ca_read_string(&reader).len;
		break;
	case BAS_F_LEASED:
		out->left = ca_read_u64(&reader);
		break;
	case BAS_F_RECALL:
		break;
	case BAS_F_HELLO:
		out->end = ca_read_u64(&reader);
		out->deadline = ca_read_u64(&reader);
		break;
	default:
		out->joined = ca_read_u8(&reader);
		break;
	}
	assert_true(ca_reader_done(&reader));
	assert_true(text.len < sizeof(out->text));
	if (text.len > 0)
		memcpy(out->text, text.data, text.len);
	return true;
}

static inline struct answer
rig_expect(struct rig *rig, int keeper, enum bas_frame_type type)
{
	struct answer answer;

	assert_true(rig_receive(rig, keeper, &answer, PATIENCE));
	if (answer.type != type)
		fail_msg("frame %d came instead of %d: %s", answer.type, type, answer.text);
	return answer;
}

static inline void
rig_expect_dropped(struct rig *rig, int keeper)
{
	struct answer answer;

	assert_false(rig_receive(rig, keeper, &answer, PATIENCE));
	close(keeper);
}

/* A keeper that has been greeted. */
static inline int
rig_keeper(struct rig *rig)
{
	struct ca_buf payload = { 0 };
	struct answer hello;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	ca_buf_put_u32(&payload, 1);
	assert_true(bas_frame_send(rig->nursery, BAS_F_KEEPER, &payload, &pair[1], 1));
	ca_buf_clear(&payload);
	close(pair[1]);
	hello = rig_expect(rig, pair[0], BAS_F_HELLO);
	if (hello.fd >= 0)
		close(hello.fd);
	return pair[0];
}

static inline void
rig_claim(struct rig *rig, int keeper)
{
	struct ca_buf payload = { 0 };

	bas_claim_encode(&payload, &rig->claim);
	assert_true(bas_frame_send(keeper, BAS_F_SESSION, &payload, NULL, 0));
	ca_buf_clear(&payload);
}

/* A keeper whose claim was admitted. */
static inline int
rig_open(struct rig *rig, struct answer *out)
{
	int keeper = rig_keeper(rig);
	struct answer answer;

	rig_claim(rig, keeper);
	answer = rig_expect(rig, keeper, BAS_F_OPENED);
	if (out != NULL)
		*out = answer;
	return keeper;
}

static inline void
rig_expect_denied(struct rig *rig, enum ca_reason reason)
{
	int keeper = rig_keeper(rig);
	struct answer answer;

	rig_claim(rig, keeper);
	answer = rig_expect(rig, keeper, BAS_F_DENIED);
	assert_int_equal(answer.reason, reason);
	assert_int_not_equal(answer.text[0], '\0');
	close(keeper);
}

static inline void
rig_send(int keeper, enum bas_frame_type type, const char *first, const char *second)
{
	struct ca_buf payload = { 0 };

	if (first != NULL)
		ca_buf_put_cstring(&payload, first);
	if (second != NULL)
		ca_buf_put_cstring(&payload, second);
	assert_true(bas_frame_send(keeper, type, &payload, NULL, 0));
	ca_buf_clear(&payload);
}

/* `key`: the session's, with the first run. */
static inline struct answer
rig_begin_run(struct rig *rig, int keeper, const struct ca_signer *key)
{
	struct ca_buf payload = { 0 };
	struct ca_bytes blob = { 0 };

	if (key != NULL)
		blob = ca_key_blob(ca_signer_key(key));
	ca_buf_put_cstring(&payload, "{\"command\":\"query select 1\"}");
	ca_buf_put_string(&payload, blob.data, blob.len);
	assert_true(bas_frame_send(keeper, BAS_F_RUN, &payload, NULL, 0));
	ca_buf_clear(&payload);
	return rig_expect(rig, keeper, BAS_F_RUN_REPLY);
}

/* `carried`: by the whole connection. */
static inline void
rig_end_run(struct rig *rig, int keeper, const char *recording, uint64_t output, uint64_t carried)
{
	struct ca_buf payload = { 0 };

	ca_buf_put_cstring(&payload, recording);
	ca_buf_put_u64(&payload, output);
	ca_buf_put_u64(&payload, carried);
	ca_buf_put_cstring(&payload, "{\"status\":0}");
	assert_true(bas_frame_send(keeper, BAS_F_RUN_END, &payload, NULL, 0));
	ca_buf_clear(&payload);
	rig_expect(rig, keeper, BAS_F_LOGGED);
}

/* ---- the log */

struct log_query {
	const char *event;
	const char *member, *value; /* NULL: any */
	int found;
};

static inline bool
rig_log_reader(void *ctx, uint64_t index, int64_t at, const char *event, const json_t *entry,
    struct ca_why *why)
{
	struct log_query *query = ctx;
	const char *value;

	(void)index, (void)at, (void)why;
	if (strcmp(event, query->event) != 0)
		return true;
	if (query->member != NULL) {
		value = json_string_value(json_object_get(entry, query->member));
		if (value == NULL || strcmp(value, query->value) != 0)
			return true;
	}
	query->found++;
	return true;
}

/* How many entries of this kind are on disk now. */
static inline int
rig_logged(struct rig *rig, const char *event, const char *member, const char *value)
{
	struct log_query query = { .event = event, .member = member, .value = value };
	char folder[PATH_MAX + 8];
	struct ca_why why;

	snprintf(folder, sizeof(folder), "%s/log", rig->state);
	if (!rec_log_read(folder, rig_log_reader, &query, &why))
		fail_msg("%s", why.text);
	return query.found;
}

/* Waits until it is. */
static inline void
rig_await_logged(struct rig *rig, const char *event, const char *member, const char *value)
{
	static const struct timespec pause = { .tv_nsec = 10000000 };

	for (int i = 0; i < PATIENCE / 10; i++) {
		if (rig_logged(rig, event, member, value) > 0)
			return;
		nanosleep(&pause, NULL);
	}
	fail_msg("'%s' is not logged", event);
}

static inline void
rig_verify_log(struct rig *rig)
{
	char folder[PATH_MAX + 8];
	struct ca_why why;

	snprintf(folder, sizeof(folder), "%s/log", rig->state);
	if (!rec_log_verify(folder, NULL, &why))
		fail_msg("%s", why.text);
}

/* A list that revokes `serial` (0: nobody). */
static inline void
rig_write_krl(struct rig *rig, uint64_t number, uint64_t serial, time_t generated)
{
	struct ca_krl_spec spec = { .number = number,
		.generated = (uint64_t)generated,
		.comment = "",
		.authority = ca_signer_key(rig->authority),
		.serials = &serial,
		.serial_count = serial != 0 };
	struct ca_buf bytes = { 0 };
	struct ca_why why;

	if (!ca_krl_encode(&bytes, &spec, &why))
		fail_msg("%s", why.text);
	scratch_write("krl", bytes.data, bytes.len);
	ca_buf_clear(&bytes);
}

#endif
