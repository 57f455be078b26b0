/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clerk.c - the loop: read what is ready, say what time demands, commit once, answer.
 */
#include "bastion/clerk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "bastion/fence.h"
#include "bastion/rooms.h"

#define NS	1000000000ULL
#define BATCH	64
#define MARK_NS (10 * NS)
#define STOP_NS (2 * NS) /* until keepers that do not end are left to the spawner */
#define STEP	2	 /* seconds by which a clock may be off before we say so */

bool
bas_clerk_watch(struct bas_clerk *clerk, struct bas_watch *watch)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = watch };
	int flags = fcntl(watch->fd, F_GETFL);

	return flags >= 0 && fcntl(watch->fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
	       epoll_ctl(clerk->epoll, EPOLL_CTL_ADD, watch->fd, &event) == 0;
}

void
bas_clerk_unwatch(struct bas_clerk *clerk, struct bas_watch *watch)
{
	if (watch->fd < 0)
		return;
	(void)epoll_ctl(clerk->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
	close(watch->fd);
	watch->fd = -1;
}

static bool
add_nursery(struct bas_clerk *clerk, int socket)
{
	struct bas_nursery *nursery = calloc(1, sizeof(*nursery));

	if (nursery == NULL) {
		close(socket);
		return false;
	}
	nursery->watch = (struct bas_watch){ .kind = BAS_WATCH_NURSERY, .fd = socket };
	nursery->next = clerk->nurseries;
	clerk->nurseries = nursery;
	return bas_clerk_watch(clerk, &nursery->watch);
}

static void
read_nursery(struct bas_clerk *clerk, struct bas_nursery *nursery)
{
	struct bas_frame frame;

	switch (bas_frame_receive(nursery->watch.fd, &frame, clerk->buf)) {
	case BAS_FRAME_AGAIN:
		return;
	case BAS_FRAME_OK:
		if (frame.type == BAS_F_KEEPER && frame.fd_count == 1) {
			bas_clerk_admit_peer(clerk, frame.fds[0]);
			return;
		}
		bas_frame_close_fds(&frame);
		break;
	case BAS_FRAME_END:
	case BAS_FRAME_BROKEN:
		break;
	}
	bas_clerk_unwatch(clerk, &nursery->watch);
}

/* Every session ends, logged; keepers without one are let go. */
static void
begin_stop(struct bas_clerk *clerk)
{
	struct bas_live *session;

	if (clerk->stopping)
		return;
	clerk->stopping = true;
	clerk->stop_due = bas_clock_boot() + STOP_NS;
	while ((session = bas_sessions_first(clerk->sessions)) != NULL)
		bas_clerk_end_session(clerk, session, "session.end", "stop", CA_ADMITTED,
		    "the bastion is stopping", NULL);
	for (struct bas_peer *peer = clerk->peers; peer != NULL; peer = peer->next)
		bas_clerk_kill_peer(clerk, peer, CA_ADMITTED, "the bastion is stopping");
}

static void
take_policy(struct bas_clerk *clerk, struct bas_frame *frame)
{
	struct ca_reader reader = ca_reader_of(frame->payload.data, frame->payload.len);
	char *krl = ca_read_cstring(&reader);
	uint32_t max_age = ca_read_u32(&reader), linger = ca_read_u32(&reader);
	char *text = ca_read_cstring(&reader);
	json_t *policy = text == NULL ? NULL : json_loads(text, 0, NULL);

	if (krl != NULL && policy != NULL && ca_reader_done(&reader) && frame->fd_count == 1 &&
	    bas_clerk_set_krl(clerk, krl[0] == '\0' ? NULL : krl, max_age) &&
	    add_nursery(clerk, frame->fds[0])) {
		frame->fds[0] = -1;
		clerk->linger = linger;
		json_decref(clerk->policy);
		clerk->policy = json_incref(policy);
		bas_clerk_log(clerk, "policy.loaded", json_deep_copy(policy));
	}
	json_decref(policy);
	free(krl);
	free(text);
}

static void
read_parent(struct bas_clerk *clerk)
{
	struct bas_frame frame;

	switch (bas_frame_receive(clerk->parent.fd, &frame, clerk->buf)) {
	case BAS_FRAME_AGAIN:
		return;
	case BAS_FRAME_OK:
		if (frame.type == BAS_F_POLICY)
			take_policy(clerk, &frame);
		else if (frame.type == BAS_F_CRASHED)
			bas_clerk_log_crash(clerk, frame.payload);
		bas_frame_close_fds(&frame);
		return;
	case BAS_FRAME_END:
	case BAS_FRAME_BROKEN:
		break;
	}
	bas_clerk_unwatch(clerk, &clerk->parent);
	begin_stop(clerk);
}

static void
on_event(struct bas_clerk *clerk, struct bas_watch *watch, uint32_t events)
{
	if (watch->fd < 0)
		return;
	switch (watch->kind) {
	case BAS_WATCH_PARENT:
		read_parent(clerk);
		break;
	case BAS_WATCH_NURSERY:
		read_nursery(clerk, (struct bas_nursery *)watch);
		break;
	case BAS_WATCH_PEER:
		bas_clerk_read_peer(clerk, (struct bas_peer *)watch);
		break;
	case BAS_WATCH_CONTROL:
		bas_clerk_admit_asker(clerk);
		break;
	case BAS_WATCH_ASKER:
		if ((events & EPOLLOUT) != 0)
			bas_clerk_write_asker(clerk, (struct bas_asker *)watch);
		else
			bas_clerk_read_asker(clerk, (struct bas_asker *)watch);
		break;
	}
}

/* What ended in this round; no event of it can name them any more. */
static void
free_ended(struct bas_clerk *clerk)
{
	for (struct bas_peer **at = &clerk->peers, *peer; (peer = *at) != NULL;) {
		if (peer->watch.fd >= 0) {
			at = &peer->next;
			continue;
		}
		*at = peer->next;
		free(peer);
	}
	for (struct bas_asker **at = &clerk->askers, *asker; (asker = *at) != NULL;) {
		if (asker->watch.fd >= 0) {
			at = &asker->next;
			continue;
		}
		*at = asker->next;
		free(asker);
	}
	for (struct bas_nursery **at = &clerk->nurseries, *nursery; (nursery = *at) != NULL;) {
		if (nursery->watch.fd >= 0) {
			at = &nursery->next;
			continue;
		}
		*at = nursery->next;
		free(nursery);
	}
}

/* A clock that went ahead takes our floor with it; one that was set back changes nothing but the
 * log. */
static void
watch_clock(struct bas_clerk *clerk)
{
	int64_t wall, deviation;
	uint64_t boot;

	bas_clock_read(&wall, &boot);
	deviation = bas_clock_advance(&clerk->clock, wall, boot);
	if (deviation - clerk->deviation > STEP || clerk->deviation - deviation > STEP)
		bas_clerk_log(
		    clerk, "clock.stepped", json_pack("{s:I}", "seconds", (json_int_t)deviation));
	/* After a move ahead the wall clock is where we are. */
	clerk->deviation = deviation > 0 ? 0 : deviation;
}

static void
save_mark(struct bas_clerk *clerk)
{
	char path[PATH_MAX], boot_id[BAS_BOOT_ID_SIZE];
	struct ca_why why;

	snprintf(path, sizeof(path), "%s/clock", clerk->config->state);
	bas_clock_boot_id(boot_id);
	if (!bas_clock_save(path, &clerk->clock, boot_id, bas_clock_boot(), &why))
		bas_clerk_fail(clerk, &why);
}

/* What is due beside sessions: the mark while any live, the checkpoint a second after entries. */
static void
keep_books(struct bas_clerk *clerk)
{
	uint64_t boot = bas_clock_boot();
	struct ca_why why;

	if (bas_sessions_first(clerk->sessions) == NULL) {
		clerk->mark_due = 0;
	} else if (boot >= clerk->mark_due) {
		clerk->mark_due = boot + MARK_NS;
		save_mark(clerk);
	}
	if (clerk->checkpoint_due != 0 && boot >= clerk->checkpoint_due) {
		clerk->checkpoint_due = 0;
		if (!rec_log_checkpoint(clerk->log, bas_clerk_now(clerk), &why))
			bas_clerk_fail(clerk, &why);
	}
}

static void
sooner(uint64_t *next, uint64_t due)
{
	if (due != 0 && due < *next)
		*next = due;
}

/* Milliseconds until something is due, -1: never. */
static int
next_timeout(const struct bas_clerk *clerk)
{
	uint64_t next = UINT64_MAX, boot = bas_clock_boot(), second;
	int64_t end = bas_sessions_next(clerk->sessions, clerk->linger), wall;

	if (end != INT64_MAX) {
		bas_clock_read(&wall, &second);
		sooner(&next, bas_clock_deadline(&clerk->clock, end, wall, second));
	}
	sooner(&next, clerk->mark_due);
	sooner(&next, clerk->checkpoint_due);
	sooner(&next, clerk->stop_due);
	if (clerk->revocations.path != NULL)
		sooner(&next, clerk->revocations.due);
	for (const struct bas_peer *peer = clerk->peers; peer != NULL; peer = peer->next)
		if (peer->killed != 0)
			sooner(&next, boot + NS / 4);
	if (next == UINT64_MAX)
		return -1;
	if (next <= boot)
		return 0;
	next = (next - boot) / 1000000 + 1;
	/* A wall clock that is set ahead wakes nobody. */
	return next > 1000 ? 1000 : (int)next;
}

static bool
run_round(struct bas_clerk *clerk)
{
	struct epoll_event events[BATCH];
	int count = epoll_wait(clerk->epoll, events, BATCH, next_timeout(clerk));
	int64_t now;

	if (count < 0 && errno != EINTR)
		return false;
	watch_clock(clerk);
	for (int i = 0; i < count; i++)
		on_event(clerk, events[i].data.ptr, events[i].events);
	now = bas_clerk_now(clerk);
	bas_clerk_expire(clerk, now);
	bas_clerk_check_krl(clerk, now);
	keep_books(clerk);
	if (!bas_clerk_commit(clerk) || !bas_clerk_recover(clerk))
		return false;
	free_ended(clerk);
	return true;
}

/* Logged, sealed, gone: 0. What did not end by then is the spawner's to kill. */
static int
finish(struct bas_clerk *clerk)
{
	struct ca_why why = { .text = "" };

	if (!clerk->failed) {
		save_mark(clerk);
		bas_clerk_log(clerk, "post.stop", json_object());
		if (bas_clerk_commit(clerk) &&
		    rec_log_checkpoint(clerk->log, bas_clerk_now(clerk), &why))
			return 0;
		if (!clerk->failed)
			bas_clerk_fail(clerk, &why);
	}
	/* Nothing can be recorded: nothing may run. The kills are the only answers that still go
	 * out. */
	for (struct bas_peer *peer = clerk->peers; peer != NULL; peer = peer->next)
		bas_clerk_kill_peer(clerk, peer, CA_NOT_RECORDABLE, "the log cannot be written");
	(void)!bas_clerk_commit(clerk);
	fprintf(stderr, "postern-bastion: the log cannot be written: %s\n", clerk->why.text);
	return 1;
}

static void
clear(struct bas_clerk *clerk)
{
	struct bas_answer *answer;

	for (struct bas_peer *peer = clerk->peers; peer != NULL; peer = peer->next)
		while (peer->runs != NULL) {
			struct bas_unsealed *run = peer->runs;

			peer->runs = run->next;
			free(run);
		}
	for (struct bas_peer *peer = clerk->peers; peer != NULL; peer = peer->next)
		bas_clerk_unwatch(clerk, &peer->watch);
	for (struct bas_asker *asker = clerk->askers; asker != NULL; asker = asker->next) {
		bas_clerk_unwatch(clerk, &asker->watch);
		ca_buf_clear(&asker->in);
		ca_buf_clear(&asker->out);
	}
	for (struct bas_nursery *nursery = clerk->nurseries; nursery != NULL;
	     nursery = nursery->next)
		bas_clerk_unwatch(clerk, &nursery->watch);
	free_ended(clerk);
	while ((answer = clerk->answers) != NULL) {
		clerk->answers = answer->next;
		ca_buf_clear(&answer->payload);
		free(answer);
	}
	bas_clerk_unwatch(clerk, &clerk->parent);
	bas_clerk_unwatch(clerk, &clerk->control);
	bas_clerk_clear_krl(clerk);
	bas_sessions_free(clerk->sessions);
	rec_log_close(clerk->log);
	ca_signer_free(clerk->seal);
	ca_signer_free(clerk->checkpoint);
	json_decref(clerk->policy);
	if (clerk->recordings >= 0)
		close(clerk->recordings);
	if (clerk->epoll >= 0)
		close(clerk->epoll);
	free(clerk);
}

static struct bas_clerk *
new_clerk(const struct bas_config *config, const struct bas_clerk_fds *fds)
{
	struct bas_clerk *clerk = calloc(1, sizeof(*clerk));

	if (clerk == NULL)
		return NULL;
	clerk->config = config;
	clerk->recordings = -1;
	clerk->control.fd = -1;
	clerk->revocations.memfd = -1;
	clerk->answers_end = &clerk->answers;
	clerk->linger = config->linger;
	clerk->parent = (struct bas_watch){ .kind = BAS_WATCH_PARENT, .fd = fds->parent };
	clerk->policy = fds->policy == NULL ? json_object() : json_loads(fds->policy, 0, NULL);
	clerk->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (clerk->policy == NULL || clerk->epoll < 0 ||
	    !bas_clerk_set_krl(clerk, config->krl, config->krl_max_age) ||
	    !bas_clerk_watch(clerk, &clerk->parent) || !add_nursery(clerk, fds->nursery)) {
		clear(clerk);
		return NULL;
	}
	return clerk;
}

int
bas_clerk_run(const struct bas_config *config, const struct bas_clerk_fds *fds)
{
	struct bas_clerk *clerk = new_clerk(config, fds);
	struct ca_why why = { .text = "" };
	int status = 1;

	/* A full disk, or a limit, is an error of write(2), for which there is a way out. */
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	if (clerk == NULL) {
		fprintf(stderr, "postern-bastion: the clerk cannot start: %s\n", strerror(errno));
		return 1;
	}
	if (!bas_clerk_start(clerk, &why) || !bas_fence_clerk(&why)) {
		fprintf(stderr, "postern-bastion: the clerk cannot start: %s\n", why.text);
		goto out;
	}
	if (!bas_frame_send(clerk->parent.fd, BAS_F_READY, NULL, NULL, 0))
		begin_stop(clerk);
	while (run_round(clerk))
		if (clerk->stopping &&
		    (clerk->peers == NULL || bas_clock_boot() >= clerk->stop_due))
			break;
	status = finish(clerk);
out:
	clear(clerk);
	return status;
}
