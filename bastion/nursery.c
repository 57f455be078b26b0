/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nursery.c - the keepers' ready template: a process that has everything loaded and
 * forks one keeper for each connection.
 *
 * What is made here is shared by all keepers and costs them nothing: configuration, crypto's
 * tables, the system call filter. No secret is here: of the host key only the
 * fingerprint was handed down, and a seal key is made by each keeper for itself.
 */
#include "bastion/rooms.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bastion/confine.h"
#include "bastion/fence.h"
#include "bastion/frame.h"
#include "bastion/keeper.h"
#include "bastion/title.h"
#include "ca/crypto.h"

struct nursery {
	struct bas_nursery_fds fds; /* -1: ended */
	struct bas_ready ready;
	int signals;
	sigset_t unblocked;
	unsigned keepers;
	uint32_t last_id;
};

/* ---- making ready */

/* -1 when it is not there: then nothing can be recorded, and nothing runs. */
static int
open_recordings(const struct bas_config *config)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/recordings", config->state);
	if (mkdir(path, 0750) != 0 && errno != EEXIST)
		return -1;
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static bool
make_ready(struct nursery *nursery, const struct bas_config *config, struct ca_why *why)
{
	struct bas_ready *ready = &nursery->ready;

	*ready = (struct bas_ready){ .config = config,
		.post = { .environment = config->environment,
		    .gate = nursery->fds.gate,
		    .authorities = config->authorities,
		    .authority_count = config->authority_count,
		    .identities = config->identities,
		    .identity_count = config->identity_count,
		    .approvers = config->approvers },
		.recordings = open_recordings(config) };
	ca_crypto_warm();
	json_object_seed(0);
	/* Buffers come and go by themselves; what a finished command used goes back to the system.
	 */
	(void)mallopt(M_MMAP_THRESHOLD, 64 * 1024);
	(void)mallopt(M_TRIM_THRESHOLD, 64 * 1024);
	return bas_confine_reach(&ready->level, why) && bas_keeper_sandbox_prepare(why);
}

/* ---- one keeper */

static bool
send_socket(int room, uint32_t id, int *mine)
{
	struct ca_buf payload = { 0 };
	int pair[2];
	bool ok;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return false;
	ca_buf_put_u32(&payload, id);
	ok = bas_frame_send(room, BAS_F_KEEPER, &payload, &pair[1], 1);
	ca_buf_clear(&payload);
	close(pair[1]);
	*mine = pair[0];
	return ok;
}

/* The child keeps its four sockets and the recordings' folder, and forgets the rest. */
static _Noreturn void
live(struct nursery *nursery, const struct bas_keeper_fds *fds, const char *address)
{
	close(nursery->fds.parent);
	close(nursery->fds.listener);
	close(nursery->fds.clerk);
	close(nursery->fds.spawner);
	close(nursery->signals);
	sigprocmask(SIG_SETMASK, &nursery->unblocked, NULL);
	bas_title_set("keeper %s", address);
	_exit(bas_keeper_run(&nursery->ready, fds, address));
}

static void
fork_keeper(struct nursery *nursery, struct bas_frame *frame, const char *address)
{
	struct bas_keeper_fds fds = {
		.door = frame->fds[0], .status = frame->fds[1], .clerk = -1, .spawner = -1
	};
	uint32_t id = ++nursery->last_id;
	pid_t pid = -1;

	/* Whatever fails here, the door sees the end of its socket, and so does the client. */
	if (send_socket(nursery->fds.clerk, id, &fds.clerk) &&
	    send_socket(nursery->fds.spawner, id, &fds.spawner))
		pid = fork();
	if (pid == 0)
		live(nursery, &fds, address);
	if (pid > 0)
		nursery->keepers++;
	if (fds.clerk >= 0)
		close(fds.clerk);
	if (fds.spawner >= 0)
		close(fds.spawner);
}

/* False: the listener is gone, or not itself. */
static bool
take_connection(struct nursery *nursery)
{
	static uint8_t buf[BAS_FRAME_MAX];
	struct bas_frame frame;
	struct ca_reader reader;
	char *address;
	bool ok;

	switch (bas_frame_receive(nursery->fds.listener, &frame, buf)) {
	case BAS_FRAME_AGAIN:
		return true;
	case BAS_FRAME_OK:
		break;
	default:
		return false;
	}
	reader = ca_reader_of(frame.payload.data, frame.payload.len);
	address = ca_read_cstring(&reader);
	(void)ca_read_u32(&reader); /* the port tells the log nothing that the address does not */
	ok = frame.type == BAS_F_CONNECTION && frame.fd_count == 2 && ca_reader_done(&reader) &&
	     address != NULL;
	if (ok)
		fork_keeper(nursery, &frame, address);
	bas_frame_close_fds(&frame);
	free(address);
	return ok;
}

/* ---- the loop */

static void
reap(struct nursery *nursery)
{
	struct signalfd_siginfo info;

	while (read(nursery->signals, &info, sizeof(info)) > 0)
		;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		nursery->keepers--;
}

static void
end_listener(struct nursery *nursery)
{
	close(nursery->fds.listener);
	nursery->fds.listener = -1;
}

static bool
is_readable(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	return poll(&wait, 1, 0) == 1;
}

/* The old listener announced its last connection before the spawner heard of a new one. */
static void
change_listener(struct nursery *nursery, int socket)
{
	while (nursery->fds.listener >= 0 && is_readable(nursery->fds.listener))
		if (!take_connection(nursery))
			end_listener(nursery);
	if (nursery->fds.listener >= 0)
		end_listener(nursery);
	nursery->fds.listener = socket;
}

static void
hear_parent(struct nursery *nursery)
{
	static uint8_t buf[BAS_FRAME_MAX];
	struct bas_frame frame;

	if (bas_frame_receive(nursery->fds.parent, &frame, buf) == BAS_FRAME_OK) {
		if (frame.type == BAS_F_LISTENER && frame.fd_count == 1) {
			change_listener(nursery, frame.fds[0]);
			frame.fds[0] = -1;
		}
		bas_frame_close_fds(&frame);
		return;
	}
	close(nursery->fds.parent);
	nursery->fds.parent = -1;
	if (nursery->fds.listener >= 0)
		end_listener(nursery);
}

static bool
watch_children(struct nursery *nursery)
{
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &child, &nursery->unblocked) != 0)
		return false;
	nursery->signals = signalfd(-1, &child, SFD_NONBLOCK | SFD_CLOEXEC);
	return nursery->signals >= 0;
}

/* Takes connections while there is a parent and a listener, then waits for the last keeper. */
static void
serve(struct nursery *nursery)
{
	while (nursery->fds.listener >= 0 || nursery->keepers > 0) {
		struct pollfd polls[3] = { { nursery->fds.parent, POLLIN, 0 },
			{ nursery->fds.listener, POLLIN, 0 }, { nursery->signals, POLLIN, 0 } };

		if (poll(polls, 3, -1) < 0)
			continue;
		if (polls[2].revents != 0)
			reap(nursery);
		/* Before the listener, whose end may be why there is a new one. */
		if (polls[0].revents != 0)
			hear_parent(nursery);
		if (polls[1].revents != 0 && polls[1].fd == nursery->fds.listener &&
		    is_readable(nursery->fds.listener) && !take_connection(nursery))
			end_listener(nursery);
	}
}

int
bas_nursery_run(const struct bas_config *config, const struct bas_nursery_fds *fds)
{
	static struct nursery nursery;
	struct ca_why why = { "no signals" };

	nursery.fds = *fds;
	if (!make_ready(&nursery, config, &why) || !watch_children(&nursery) ||
	    !bas_fence_nursery(nursery.ready.recordings, &why)) {
		fprintf(stderr, "postern-bastion: nursery: %s\n", why.text);
		return 1;
	}
	serve(&nursery);
	return 0;
}
