/* SPDX-License-Identifier: Apache-2.0 */
/*
 * post_listener.c - the listener is executed, not only forked: its doors stand closest to
 * strangers, so their layout and their stack's canary say nothing about any other room, and end
 * with the first door that is crashed.
 *
 * The fresh program finds its descriptors from BAS_ROOM_FIRST_FD on (parent, nursery, host key,
 * predecessor if there is one, listening sockets) and what it needs of the configuration in
 * BAS_F_BEGIN. That configuration may no longer be what the file says, so the file is not read.
 */
#include "bastion/post_listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "bastion/confine.h"
#include "bastion/frame.h"
#include "bastion/post_pair.h"
#include "bastion/post_room.h"

#define FIXED_FDS     4	   /* parent, nursery, host key, predecessor */
#define LISTENING_MAX 4096 /* sockets; more than any configuration has */

/* What BAS_F_BEGIN says. */
struct begin {
	struct bas_config config; /* limits only */
	struct bas_room room;
	char *root, *user;
	bool has_predecessor;
	uint32_t listening;
};

/* --- the spawner's half --- */

static void
put_begin(struct ca_buf *out, const struct bas_config *config, const char *root,
    const struct bas_listener_fds *given)
{
	const struct bas_limits *limits = &config->limits;

	ca_buf_put_u32(out, limits->unauthenticated);
	ca_buf_put_u32(out, limits->unauthenticated_per_address);
	ca_buf_put_u32(out, limits->auth_requests);
	ca_buf_put_u32(out, limits->grace);
	ca_buf_put_u32(out, limits->channels);
	ca_buf_put_u32(out, limits->connections);
	ca_buf_put_cstring(out, root);
	ca_buf_put_cstring(out, config->door == NULL ? "" : config->door);
	ca_buf_put_u32(out, config->door_uid);
	ca_buf_put_u32(out, config->door_gid);
	ca_buf_put_u8(out, given->predecessor > 2 ? 1 : 0);
	ca_buf_put_u32(out, (uint32_t)given->listening_count);
}

static bool
parse_begin(struct begin *out, struct ca_bytes payload)
{
	struct ca_reader reader = ca_reader_of(payload.data, payload.len);
	struct bas_limits *limits = &out->config.limits;

	limits->unauthenticated = ca_read_u32(&reader);
	limits->unauthenticated_per_address = ca_read_u32(&reader);
	limits->auth_requests = ca_read_u32(&reader);
	limits->grace = ca_read_u32(&reader);
	limits->channels = ca_read_u32(&reader);
	limits->connections = ca_read_u32(&reader);
	out->root = ca_read_cstring(&reader);
	out->user = ca_read_cstring(&reader);
	out->room.uid = ca_read_u32(&reader);
	out->room.gid = ca_read_u32(&reader);
	out->has_predecessor = ca_read_u8(&reader) == 1;
	out->listening = ca_read_u32(&reader);
	out->room.title = "listener";
	out->room.root = out->root;
	out->room.user = out->user == NULL || out->user[0] == '\0' ? NULL : out->user;
	return ca_reader_done(&reader) && out->root != NULL && out->user != NULL &&
	       out->listening <= LISTENING_MAX;
}

static _Noreturn void
execute(int *fds, size_t count, pid_t spawner)
{
	char parent[16];
	char *argv[] = { "postern-bastion", BAS_ROOM_VERB, "listener", parent, NULL };
	struct ca_why why = { .text = "" };

	snprintf(parent, sizeof(parent), "%ld", (long)spawner);
	bas_confine_signals();
	if (!bas_confine_keep(fds, count, BAS_ROOM_FIRST_FD, &why)) {
		bas_post_say("listener: %s", why.text);
		_exit(1);
	}
	for (size_t i = 0; i < count; i++)
		(void)fcntl(fds[i], F_SETFD, 0);
	/* The program that is running, even when its file was replaced. */
	execv("/proc/self/exe", argv);
	bas_post_say("listener: '/proc/self/exe': %s", strerror(errno));
	_exit(1);
}

pid_t
bas_post_start_listener(const struct bas_config *config, const struct bas_listener_fds *given,
    int mine, struct ca_why *why)
{
	size_t count = 0;
	int *fds = calloc(given->listening_count + FIXED_FDS, sizeof(*fds));
	struct ca_buf begin = { 0 };
	pid_t spawner = getpid(), pid = -1;
	char *root = NULL;

	if (fds == NULL || asprintf(&root, "%s/empty", config->state) < 0) {
		root = NULL;
		ca_why_set(why, "out of memory");
		goto out;
	}
	fds[count++] = given->parent;
	fds[count++] = given->nursery;
	fds[count++] = given->host_key;
	if (given->predecessor > 2)
		fds[count++] = given->predecessor;
	for (size_t i = 0; i < given->listening_count; i++)
		fds[count++] = given->listening[i];
	put_begin(&begin, config, root, given);
	if (!bas_frame_send(mine, BAS_F_BEGIN, &begin, NULL, 0)) {
		ca_why_set(why, "listener: %s", strerror(errno));
		goto out;
	}
	pid = fork();
	if (pid == 0)
		execute(fds, count, spawner);
	if (pid < 0)
		ca_why_set(why, "fork: %s", strerror(errno));
out:
	ca_buf_clear(&begin);
	free(root);
	free(fds);
	return pid;
}

/* --- the listener's half --- */

static bool
enter(
    struct begin *begin, pid_t spawner, struct bas_listener_fds *own, int *fds, struct ca_why *why)
{
	size_t count = 0, all = begin->listening + FIXED_FDS - (begin->has_predecessor ? 0 : 1);

	for (size_t i = 0; i < all; i++)
		fds[i] = BAS_ROOM_FIRST_FD + (int)i;
	if (!bas_room_enter(&begin->room, spawner, fds, all, why))
		return false;
	own->parent = fds[count++];
	own->nursery = fds[count++];
	own->host_key = fds[count++];
	own->predecessor = begin->has_predecessor ? fds[count++] : -1;
	own->listening = fds + count;
	own->listening_count = begin->listening;
	return true;
}

int
bas_post_be_listener(const char *spawner)
{
	static uint8_t buf[BAS_FRAME_MAX];
	struct begin begin = { .root = NULL };
	struct bas_listener_fds own;
	struct bas_frame frame;
	struct ca_why why = { .text = "this is for the spawner to call" };
	long parent = strtol(spawner, NULL, 10);
	int *fds = NULL, status = 1;

	/* The host key is read behind this. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || parent < 1 ||
	    bas_frame_receive(BAS_ROOM_FIRST_FD, &frame, buf) != BAS_FRAME_OK)
		goto out;
	bas_frame_close_fds(&frame);
	if (frame.type != BAS_F_BEGIN || !parse_begin(&begin, frame.payload))
		goto out;
	fds = calloc(begin.listening + FIXED_FDS, sizeof(*fds));
	if (fds == NULL)
		ca_why_set(&why, "out of memory");
	else if (enter(&begin, (pid_t)parent, &own, fds, &why))
		status = bas_listener_run(&begin.config, &own);
out:
	if (status != 0 && why.text[0] != '\0')
		bas_post_say("listener: %s", why.text);
	free(begin.root);
	free(begin.user);
	free(fds);
	return status;
}
