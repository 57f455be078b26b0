/* SPDX-License-Identifier: Apache-2.0 */
/*
 * post.c - the parent of all rooms. It stays the spawner: the only process with privilege, and the
 * one that reads neither the network nor a recording.
 *
 * A pair is a nursery and a listener, joined to each other and both made from one configuration. A
 * reload starts a new pair and retires the old one, which lives on until its last connection has
 * ended. When a door dies of a signal the listener alone is replaced, in the same way.
 */
#include "bastion/post.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bastion/config.h"
#include "bastion/confine.h"
#include "bastion/frame.h"
#include "bastion/host_key.h"
#include "bastion/listening.h"
#include "bastion/post_pair.h"
#include "bastion/post_room.h"
#include "bastion/spawner.h"
#include "bastion/spawner_child.h"
#include "bastion/title.h"

#define STOP_MS 3000 /* after SIGTERM, until what is left is killed */
#define FAIL_MS 1000 /* after a room failed: keepers close their recordings meanwhile */

struct post {
	const char *path;
	const struct bas_config *config; /* the newest; the spawner owns it */
	struct bas_spawner *spawner;
	struct bas_listening listening;
	struct bas_pair *pairs; /* newest first */
	pid_t clerk;		/* 0: reaped */
	int clerk_socket;
	int first_nursery; /* the first nursery's socket to the clerk, until it starts */
	int signals;
	int listeners; /* epoll: the pairs' listeners, whose doors crashed */
	bool stopping;
	uint64_t deadline; /* of stopping, CLOCK_MONOTONIC in milliseconds */
	int status;
	bool given; /* the first configuration is the spawner's to free */
	uint8_t buf[BAS_FRAME_MAX];
};

static uint64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- ends */

/* The clerk ends the sessions, keepers their recordings, connections their rooms. */
static void
begin_end(struct post *post, int status, uint64_t grace)
{
	if (status != 0)
		post->status = status;
	if (post->stopping)
		return;
	post->stopping = true;
	post->deadline = now_ms() + grace;
	bas_post_close(&post->clerk_socket);
	bas_post_close(&post->first_nursery);
	for (struct bas_pair *pair = post->pairs; pair != NULL; pair = pair->next)
		bas_pair_retire(pair, -1);
}

static void
fail(struct post *post, const char *room, int status)
{
	if (!post->stopping && WIFSIGNALED(status))
		bas_post_say(
		    "the %s was killed by signal %d: the post ends", room, WTERMSIG(status));
	else if (!post->stopping)
		bas_post_say(
		    "the %s ended with status %d: the post ends", room, WEXITSTATUS(status));
	begin_end(post, 1, FAIL_MS);
	/* Without all rooms no command may run: nobody would record it, or could end it. */
	bas_spawner_end(post->spawner);
}

/* Nothing is left behind, whoever it belonged to: all our descendants fall to us. */
static void
end_hard(struct post *post)
{
	bas_spawner_end(post->spawner);
	bas_children_kill(NULL, NULL);
}

static bool
is_ours(void *ctx, pid_t pid)
{
	const struct post *post = ctx;

	if (pid == post->clerk || bas_spawner_knows(post->spawner, pid))
		return true;
	for (const struct bas_pair *pair = post->pairs; pair != NULL; pair = pair->next)
		if (pid == pair->nursery || pid == pair->listener)
			return true;
	return false;
}

/* ---- pairs */

/* The newest; its listener's word is heard from here on. */
static bool
add_pair(struct post *post, struct bas_pair *pair, struct ca_why *why)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = pair };

	pair->next = post->pairs;
	post->pairs = pair;
	return epoll_ctl(post->listeners, EPOLL_CTL_ADD, pair->listener_socket, &event) == 0 ||
	       ca_why_set(why, "epoll: %s", strerror(errno));
}

/* A door died of a signal. The listener that serves is replaced, so that the next door is not laid
 * out like that one. */
static void
door_crashed(struct post *post, const struct bas_pair *from, const struct bas_frame *frame)
{
	struct ca_buf payload = { 0 };
	struct ca_why why = { .text = "" };
	struct bas_pair *pair = post->pairs;

	ca_buf_put(&payload, frame->payload.data, frame->payload.len);
	/* A clerk that does not listen has ended, and says so itself. */
	(void)!bas_frame_send(post->clerk_socket, BAS_F_CRASHED, &payload, NULL, 0);
	if (from != pair) {
		(void)!bas_frame_send(pair->listener_socket, BAS_F_CRASHED, &payload, NULL, 0);
	} else {
		pair = bas_pair_renew(pair, post->config, &post->listening, &why);
		if (pair == NULL || !add_pair(post, pair, &why)) {
			bas_post_say("a listener cannot be replaced: %s", why.text);
			begin_end(post, 1, FAIL_MS);
		}
	}
	ca_buf_clear(&payload);
}

/* By name, for a child that was just forked may still have the socket open. */
static void
stop_listening_to(struct post *post, struct bas_pair *pair)
{
	if (pair->listener_socket < 0)
		return;
	(void)epoll_ctl(post->listeners, EPOLL_CTL_DEL, pair->listener_socket, NULL);
	bas_post_close(&pair->listener_socket);
}

/* False when there is nothing more to hear. */
static bool
read_listener(struct post *post, struct bas_pair *pair)
{
	struct pollfd wait = { .fd = pair->listener_socket, .events = POLLIN };
	struct bas_frame frame;

	if (pair->listener_socket < 0 || poll(&wait, 1, 0) != 1)
		return false;
	if (bas_frame_receive(pair->listener_socket, &frame, post->buf) != BAS_FRAME_OK) {
		/* SIGCHLD says how it ended. */
		stop_listening_to(post, pair);
		return false;
	}
	bas_frame_close_fds(&frame);
	if (frame.type == BAS_F_CRASHED && !post->stopping)
		door_crashed(post, pair, &frame);
	return true;
}

static void
read_listeners(struct post *post)
{
	struct epoll_event event;

	while (epoll_wait(post->listeners, &event, 1, 0) == 1)
		(void)read_listener(post, event.data.ptr);
}

/* ---- what ended */

/* True when the pair is gone. */
static bool
pair_reaped(struct post *post, struct bas_pair *pair, pid_t pid, int status)
{
	const char *room = pid == pair->nursery ? "nursery" : "listener";

	if (pid == pair->nursery)
		pair->nursery = 0;
	else
		pair->listener = 0;
	/* Its last word may be that its last door died. */
	while (pair->listener == 0 && pair->retired && read_listener(post, pair))
		continue;
	if (!pair->retired || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail(post, room, status);
	return pair->nursery == 0 && pair->listener == 0;
}

/* False: not a room. */
static bool
room_reaped(struct post *post, pid_t pid, int status)
{
	if (pid == post->clerk) {
		post->clerk = 0;
		if (!post->stopping || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
			fail(post, "clerk", status);
		return true;
	}
	for (struct bas_pair **at = &post->pairs; *at != NULL; at = &(*at)->next) {
		struct bas_pair *pair = *at;

		if (pid != pair->nursery && pid != pair->listener)
			continue;
		if (pair_reaped(post, pair, pid, status)) {
			*at = pair->next;
			stop_listening_to(post, pair);
			bas_pair_free(pair);
		}
		return true;
	}
	return false;
}

/* Reaps all; false when no child is left. */
static bool
reap(struct post *post)
{
	bool orphans = false;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		/* An init that did not end by itself, or a stranger: its children fell to us. */
		if (room_reaped(post, pid, status))
			continue;
		if (!bas_spawner_reaped(post->spawner, pid) || WIFSIGNALED(status))
			orphans = true;
	}
	if (pid < 0 && errno == ECHILD)
		return false;
	/* While stopping, keepers may outlive their nursery: they end by themselves, or by
	 * end_hard. */
	if (orphans && !post->stopping)
		bas_children_kill(is_ours, post);
	return true;
}

/* ---- reload */

static bool
send_policy(struct post *post, const struct bas_config *config,
    const struct bas_listening *listening, int nursery, struct ca_why *why)
{
	char *text = bas_post_policy(post->path, listening, why);
	struct ca_buf payload = { 0 };
	bool ok = false;

	if (text == NULL)
		return false;
	ca_buf_put_cstring(&payload, config->krl == NULL ? "" : config->krl);
	ca_buf_put_u32(&payload, config->krl_max_age);
	ca_buf_put_u32(&payload, config->linger);
	ca_buf_put_cstring(&payload, text);
	ok = bas_frame_send(post->clerk_socket, BAS_F_POLICY, &payload, &nursery, 1) ||
	     ca_why_set(why, "the clerk does not listen: %s", strerror(errno));
	ca_buf_clear(&payload);
	free(text);
	return ok;
}

static bool
is_same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool
check_reload(const struct bas_config *old, const struct bas_config *new, struct ca_why *why)
{
	if (!is_same(old->environment, new->environment))
		return ca_why_set(why, "'environment' cannot change while the post runs");
	if (!is_same(old->state, new->state) || !is_same(old->seal_key, new->seal_key))
		return ca_why_set(why, "'state' and 'seal_key' cannot change while the post runs");
	if (!is_same(old->owner, new->owner))
		return ca_why_set(why, "'owner' cannot change while the post runs");
	return true;
}

/* The new pair stands before the old one is told to retire; on any failure the old one never hears
 * of it. */
static bool
try_reload(struct post *post, struct bas_config *config, struct ca_why *why)
{
	struct bas_listening listening = { 0 };
	int clerk[2] = { -1, -1 }, heir[2] = { -1, -1 }, spawner = -1;
	struct bas_pair *pair = NULL, *old = post->pairs;
	bool ok = false;

	if (!check_reload(post->config, config, why) || !bas_post_socketpair(clerk, why) ||
	    !bas_post_socketpair(heir, why) ||
	    !bas_listening_open(&listening, config, &post->listening, why))
		goto out;
	/* From here on these are the sockets that the post has; a failure keeps them. */
	post->listening = listening;
	pair = bas_pair_start(config, &post->listening, clerk[0], heir[1], &spawner, why);
	if (pair == NULL)
		goto out;
	if (!send_policy(post, config, &post->listening, clerk[1], why)) {
		bas_pair_undo(pair);
		goto out;
	}
	/* Older ones were retired by the reloads before. */
	bas_pair_retire(old, heir[0]);
	post->config = config;
	ok = add_pair(post, pair, why);
	ok = bas_spawner_add_nursery(post->spawner, spawner, config, why) && ok;
	if (!ok)
		begin_end(post, 1, FAIL_MS);
	bas_post_close_both(clerk);
	bas_post_close_both(heir);
	return ok;
out:
	bas_config_free(config);
	bas_post_close(&spawner);
	bas_post_close_both(clerk);
	bas_post_close_both(heir);
	return ok;
}

static void
reload(struct post *post)
{
	struct bas_config *config;
	struct ca_why why = { .text = "" };

	/* Before the first pair stands there is nothing to keep or to replace. */
	if (post->stopping || post->pairs == NULL) {
		bas_post_say("not reloaded: the post is not up");
		return;
	}
	if (bas_config_load(&config, post->path, &why) && try_reload(post, config, &why))
		bas_post_say("configuration '%s' is in force for new connections", post->path);
	else
		bas_post_say("the old configuration stays: %s", why.text);
}

/* ---- start and loop */

static void
say_ready(const struct post *post)
{
	char text[BAS_LISTENING_TEXT];

	for (size_t i = 0; i < post->listening.count; i++) {
		bas_listening_format(post->listening.fds[i], text);
		bas_post_say("'%s' listens on %s", post->config->environment, text);
	}
	if (post->listening.count == 0)
		bas_post_say("'%s' listens nowhere", post->config->environment);
}

/* The clerk is ready: doors may open. */
static bool
open_doors(struct post *post, struct ca_why *why)
{
	struct bas_config *config = (struct bas_config *)post->config;
	struct bas_pair *pair;
	int spawner = -1;

	pair = bas_pair_start(config, &post->listening, post->first_nursery, -1, &spawner, why);
	bas_post_close(&post->first_nursery);
	if (pair == NULL)
		return false;
	post->given = true;
	if (!bas_spawner_add_nursery(post->spawner, spawner, config, why) ||
	    !add_pair(post, pair, why))
		return false;
	say_ready(post);
	return true;
}

static void
read_clerk(struct post *post)
{
	struct bas_frame frame;
	struct ca_why why = { .text = "" };

	switch (bas_frame_receive(post->clerk_socket, &frame, post->buf)) {
	case BAS_FRAME_AGAIN:
		return;
	case BAS_FRAME_OK:
		bas_frame_close_fds(&frame);
		if (frame.type == BAS_F_READY && post->pairs == NULL && post->first_nursery >= 0) {
			if (open_doors(post, &why))
				return;
			bas_post_say("%s", why.text);
			begin_end(post, 1, FAIL_MS);
			return;
		}
		break;
	case BAS_FRAME_END:
	case BAS_FRAME_BROKEN:
		break;
	}
	/* SIGCHLD says how it ended. */
	begin_end(post, 1, FAIL_MS);
}

static void
read_signals(struct post *post)
{
	struct signalfd_siginfo info;

	while (read(post->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			reload(post);
		else if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
			begin_end(post, 0, STOP_MS);
	}
}

static int
timeout_of(const struct post *post)
{
	int next = bas_spawner_tick(post->spawner);
	uint64_t now = now_ms();

	if (!post->stopping)
		return next;
	if (now >= post->deadline)
		return 0;
	if (next < 0 || (uint64_t)next > post->deadline - now)
		next = (int)(post->deadline - now);
	return next;
}

static int
loop(struct post *post)
{
	while (reap(post)) {
		struct pollfd wait[4] = {
			{ .fd = post->signals, .events = POLLIN },
			{ .fd = bas_spawner_fd(post->spawner), .events = POLLIN },
			{ .fd = post->clerk_socket, .events = POLLIN },
			{ .fd = post->listeners, .events = POLLIN },
		};

		if (post->stopping && now_ms() >= post->deadline) {
			bas_post_say("what did not end in time is killed");
			end_hard(post);
			return 1;
		}
		if (poll(wait, 4, timeout_of(post)) < 0 && errno != EINTR) {
			end_hard(post);
			return 1;
		}
		if (wait[2].revents != 0 && post->clerk_socket >= 0)
			read_clerk(post);
		if (wait[3].revents != 0)
			read_listeners(post);
		if (wait[1].revents != 0)
			bas_spawner_dispatch(post->spawner);
		if (wait[0].revents != 0)
			read_signals(post);
	}
	return post->status;
}

static bool
block_signals(struct post *post, struct ca_why *why)
{
	static const int wanted[] = { SIGCHLD, SIGHUP, SIGTERM, SIGINT };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		sigaddset(&set, wanted[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR ||
	    (post->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) < 0 ||
	    (post->listeners = epoll_create1(EPOLL_CLOEXEC)) < 0)
		return ca_why_set(why, "signals: %s", strerror(errno));
	return true;
}

/* Pairs open it again; what is wrong with it is said before anything is made. */
static bool
check_host_key(const struct bas_config *config, struct ca_why *why)
{
	char fingerprint[CA_FINGERPRINT_SIZE];
	int fd = bas_host_key_open(config->host_key, fingerprint, why);
	bool ok = fd >= 0;

	bas_post_close(&fd);
	return ok;
}

static bool
start(struct post *post, const struct bas_config *config, struct ca_why *why)
{
	const struct bas_confinement *confinement = bas_confine_best(why);
	int clerk[2] = { -1, -1 }, nursery[2] = { -1, -1 };
	char *policy = NULL;
	bool ok = false;

	if (confinement == NULL || !bas_spawner_new(&post->spawner, confinement, why) ||
	    !bas_listening_open(&post->listening, config, NULL, why) ||
	    !bas_room_prepare_state(config, why) || !block_signals(post, why) ||
	    !bas_post_socketpair(clerk, why) || !bas_post_socketpair(nursery, why))
		goto out;
	policy = bas_post_policy(post->path, &post->listening, why);
	if (policy == NULL)
		goto out;
	post->clerk = bas_post_start_clerk(config, getpid(), clerk[1], nursery[1], policy);
	if (post->clerk < 0) {
		post->clerk = 0;
		ca_why_set(why, "fork: %s", strerror(errno));
		goto out;
	}
	post->clerk_socket = clerk[0];
	post->first_nursery = nursery[0];
	clerk[0] = nursery[0] = -1;
	ok = true;
out:
	free(policy);
	bas_post_close_both(clerk);
	bas_post_close_both(nursery);
	return ok;
}

int
bas_post_run(const char *path)
{
	struct post *post = calloc(1, sizeof(*post));
	struct bas_config *config = NULL;
	struct ca_why why = { .text = "" };
	int status = 1;

	if (post == NULL)
		return 1;
	post->path = path;
	post->clerk_socket = post->first_nursery = post->signals = post->listeners = -1;
	bas_title_set("spawner");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || !bas_config_load(&config, path, &why) ||
	    !check_host_key(config, &why) || !start(post, config, &why)) {
		bas_post_say("%s", why.text);
		goto out;
	}
	post->config = config;
	status = loop(post);
out:
	if (!post->given)
		bas_config_free(config);
	bas_spawner_free(post->spawner);
	bas_listening_close(&post->listening);
	bas_post_close(&post->clerk_socket);
	bas_post_close(&post->first_nursery);
	bas_post_close(&post->signals);
	bas_post_close(&post->listeners);
	free(post);
	return status;
}
