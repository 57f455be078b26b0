/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper.c - the loop: frames from three sockets, time, the streams of the runs, the way out.
 *
 * The table below is all that a door can ask for, and when. A door that asks for anything else, or
 * does not take its frames, loses the connection and with it its commands.
 */
#include "bastion/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE      (BAS_SECOND * 4 / 10)
#define FRAMES_A_TURN 32 /* a chatty door does not keep time from being looked at */

enum { LOGIN = 1 << BAS_KEEPER_LOGIN, OPEN = 1 << BAS_KEEPER_OPEN };

static const struct {
	enum bas_frame_type type;
	unsigned states;
	bool (*handle)(struct bas_keeper *keeper, struct ca_reader *reader);
} frames[] = {
	{ BAS_F_AUTH, LOGIN, bas_keeper_auth },
	{ BAS_F_OPEN, OPEN, bas_channel_open },
	{ BAS_F_PTY, OPEN, bas_channel_pty },
	{ BAS_F_RESIZE, OPEN, bas_channel_resize },
	{ BAS_F_EXEC, OPEN, bas_channel_exec },
	{ BAS_F_SIGNAL, OPEN, bas_channel_signal },
	{ BAS_F_CLOSE, OPEN, bas_channel_close },
	{ BAS_F_REFUSED, OPEN, bas_channel_refused },
};

bool
bas_keeper_dispatch(struct bas_keeper *keeper, struct bas_frame *frame)
{
	struct ca_reader reader = ca_reader_of(frame->payload.data, frame->payload.len);

	/* A door has no descriptors to give. */
	if (frame->fd_count > 0) {
		bas_frame_close_fds(frame);
		return false;
	}
	if (keeper->state >= BAS_KEEPER_ENDING)
		return true;
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++)
		if (frames[i].type == frame->type)
			return (frames[i].states & 1u << keeper->state) != 0 &&
			       frames[i].handle(keeper, &reader);
	return false;
}

void
bas_keeper_end(struct bas_keeper *keeper, uint64_t patience, const char *sentence)
{
	uint64_t at = bas_clock_boot() + patience;

	if (keeper->state >= BAS_KEEPER_ENDING)
		return;
	keeper->state = BAS_KEEPER_ENDING;
	/* However it ends, commands need a moment to be gone. */
	keeper->ending_at = patience > 0 ? at : at + PATIENCE;
	snprintf(keeper->ending, sizeof(keeper->ending), "%s", sentence);
	for (struct bas_channel *channel = keeper->channels; channel; channel = channel->next)
		if (channel->run != NULL)
			bas_run_stop(keeper, channel->run, BAS_CAUSE_SESSION, BAS_STATUS_ENDED,
			    sentence[0] != '\0' ? sentence : NULL);
}

/* There is nobody to tell. */
static void
lose_door(struct bas_keeper *keeper)
{
	keeper->door_lost = true;
	for (struct bas_channel *channel = keeper->channels; channel; channel = channel->next) {
		if (channel->run == NULL)
			continue;
		bas_relay_abandon(channel->run);
		bas_run_stop(keeper, channel->run, BAS_CAUSE_CLIENT, BAS_STATUS_ENDED, NULL);
	}
	bas_keeper_end(keeper, BAS_SECOND * 5, "");
}

void
bas_keeper_tell(struct bas_keeper *keeper, enum bas_frame_type type, const struct ca_buf *payload,
    const int *fds, size_t fd_count)
{
	if (keeper->door_lost)
		return;
	if (!bas_frame_send(keeper->fds.door, type, payload, fds, fd_count))
		keeper->door_lost = true; /* the loop sees it */
}

/* The trees end with the spawner, so there is nothing left to wait for. */
static void
lose_spawner(struct bas_keeper *keeper)
{
	keeper->spawner_lost = true;
	for (struct bas_channel *channel = keeper->channels; channel; channel = channel->next)
		if (channel->run != NULL) {
			channel->run->spawning = false;
			channel->run->gone = true;
		}
	bas_keeper_end(keeper, 0, "session ended: this post is stopping");
}

static void
read_door(struct bas_keeper *keeper, uint8_t *buf)
{
	for (int i = 0; i < FRAMES_A_TURN && !keeper->door_lost; i++) {
		struct bas_frame frame;

		switch (bas_frame_receive(keeper->fds.door, &frame, buf)) {
		case BAS_FRAME_AGAIN:
			return;
		case BAS_FRAME_OK:
			if (bas_keeper_dispatch(keeper, &frame))
				break;
			/* fall through */
		default:
			lose_door(keeper);
		}
	}
}

static void
read_spawner(struct bas_keeper *keeper, uint8_t *buf)
{
	struct bas_frame frame;
	bool ok = false;

	switch (bas_frame_receive(keeper->fds.spawner, &frame, buf)) {
	case BAS_FRAME_AGAIN:
		return;
	case BAS_FRAME_OK:
		ok = bas_run_frame(keeper, &frame);
		bas_frame_close_fds(&frame);
		break;
	default:
		break;
	}
	if (!ok)
		lose_spawner(keeper);
}

/* ---- the loop */

enum { DOOR, CLERK, SPAWNER, BOOT_TIMER, WALL_TIMER, FIXED };

static struct pollfd *
collect(struct bas_keeper *keeper, size_t *count)
{
	static struct pollfd *polls;
	static size_t size;
	size_t need = FIXED;

	for (struct bas_channel *channel = keeper->channels; channel; channel = channel->next)
		need += BAS_RUN_POLLS;
	if (need > size) {
		free(polls);
		polls = calloc(need, sizeof(*polls));
		size = need;
		if (polls == NULL)
			abort();
	}
	/* poll passes over -1. */
	polls[DOOR] = (struct pollfd){ keeper->door_lost ? -1 : keeper->fds.door, POLLIN, 0 };
	polls[CLERK] = (struct pollfd){ keeper->clerk_lost ? -1 : keeper->fds.clerk, POLLIN, 0 };
	polls[SPAWNER] =
	    (struct pollfd){ keeper->spawner_lost ? -1 : keeper->fds.spawner, POLLIN, 0 };
	polls[BOOT_TIMER] = (struct pollfd){ keeper->boot_timer, POLLIN, 0 };
	polls[WALL_TIMER] = (struct pollfd){ keeper->wall_timer, POLLIN, 0 };
	*count = FIXED;
	for (struct bas_channel *channel = keeper->channels; channel; channel = channel->next)
		if (channel->run != NULL)
			*count += bas_relay_polls(channel->run, polls + *count);
	return polls;
}

static void
move_runs(struct bas_keeper *keeper)
{
	bool any = false;

	for (struct bas_channel *channel = keeper->channels; channel; channel = channel->next) {
		if (channel->run == NULL)
			continue;
		bas_relay_move(keeper, channel->run);
		bas_run_finish(keeper, channel, false);
		any = any || channel->run != NULL;
	}
	bas_channels_sweep(keeper);
	/* Nothing is left to wait for. */
	if (keeper->state == BAS_KEEPER_ENDING && !any)
		keeper->state = BAS_KEEPER_OVER;
}

static void
turn(struct bas_keeper *keeper)
{
	static uint8_t buf[BAS_FRAME_MAX];
	uint64_t expirations;
	struct pollfd *polls;
	size_t count;

	polls = collect(keeper, &count);
	if (poll(polls, count, bas_window_wait(keeper)) < 0 && errno != EINTR)
		abort();
	if (polls[BOOT_TIMER].revents != 0)
		(void)!read(keeper->boot_timer, &expirations, sizeof(expirations));
	if (polls[WALL_TIMER].revents != 0)
		(void)!read(keeper->wall_timer, &expirations, sizeof(expirations));
	bas_window_check(keeper);
	if (polls[CLERK].revents != 0)
		bas_keeper_clerk_frame(keeper);
	if (polls[SPAWNER].revents != 0)
		read_spawner(keeper, buf);
	if (polls[DOOR].revents != 0)
		read_door(keeper, buf);
	if (keeper->killed)
		bas_keeper_end(keeper, PATIENCE, keeper->kill_sentence);
	if (keeper->spawner_lost)
		lose_spawner(keeper);
	move_runs(keeper);
	if (keeper->door_lost)
		lose_door(keeper);
}

/* Runs whose tree is still not gone, or whose client does not read. */
static void
force_end(struct bas_keeper *keeper)
{
	struct ca_buf payload = { 0 };

	for (struct bas_channel *channel = keeper->channels; channel; channel = channel->next)
		if (channel->run != NULL)
			bas_run_finish(keeper, channel, true);
	ca_buf_put_cstring(&payload, keeper->ending);
	bas_keeper_tell(keeper, BAS_F_END, &payload, NULL, 0);
	ca_buf_clear(&payload);
}

bool
bas_keeper_init(struct bas_keeper *keeper, const struct bas_ready *ready,
    const struct bas_keeper_fds *fds, const char *address)
{
	int sockets[] = { fds->door, fds->clerk, fds->spawner };

	memset(keeper, 0, sizeof(*keeper));
	keeper->ready = ready;
	keeper->config = ready->config;
	keeper->fds = *fds;
	keeper->address = address;
	keeper->krl_fd = keeper->boot_timer = keeper->wall_timer = -1;
	keeper->warn_at[0] = keeper->warn_at[1] = keeper->trim_at = BAS_NEVER;
	keeper->grace_at = bas_clock_boot() + keeper->config->limits.grace * BAS_SECOND;
	for (size_t i = 0; i < 3; i++)
		if (fcntl(sockets[i], F_SETFL, O_RDWR | O_NONBLOCK) != 0)
			return false;
	return ca_address_parse(&keeper->source, address);
}

void
bas_keeper_clear(struct bas_keeper *keeper)
{
	int fds[] = { keeper->fds.door, keeper->fds.status, keeper->fds.clerk, keeper->fds.spawner,
		keeper->krl_fd, keeper->boot_timer, keeper->wall_timer };

	for (struct bas_channel *channel = keeper->channels; channel; channel = channel->next) {
		channel->asked = true;
		if (channel->run != NULL)
			bas_run_free(channel->run);
		channel->run = NULL;
	}
	bas_channels_sweep(keeper);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	ca_signer_free(keeper->seal_key);
	ca_cert_free(keeper->seal_cert);
	ca_cert_free(keeper->offered);
	ca_grant_free(keeper->grant);
	ca_krl_free(keeper->krl);
	free(keeper->forced);
	free(keeper->session);
	memset(keeper, 0, sizeof(*keeper));
}

int
bas_keeper_run(const struct bas_ready *ready, const struct bas_keeper_fds *fds, const char *address)
{
	static struct bas_keeper keeper;
	struct ca_why why;
	int result = 1;

	/* A command that reads no more, a file that is too long: errors, not ends. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	if (!bas_keeper_init(&keeper, ready, fds, address) ||
	    !bas_keeper_sandbox_enter(keeper.config->limits.channels, &why) ||
	    !bas_keeper_greet(&keeper))
		goto out;
	while (keeper.state != BAS_KEEPER_OVER)
		turn(&keeper);
	force_end(&keeper);
	result = 0;
out:
	bas_keeper_clear(&keeper);
	return result;
}
