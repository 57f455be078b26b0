/* SPDX-License-Identifier: Apache-2.0 */
/*
 * player.c - one loop: wait for the next event's time, a key or a signal.
 */
#include "player.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "cast_reader.h"

#define CTRL_C 0x03

enum outcome { SHOW, WAIT, QUIT, FAIL };

/* What time has to pass, in the recording's own microseconds. */
struct wait {
	double left;
	bool paused; /* lasts from event to event */
};

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static enum outcome
obey(struct rec_player *player, struct wait *wait, char key)
{
	switch (key) {
	case ' ':
		wait->paused = !wait->paused;
		return WAIT;
	case '.':
		wait->paused = true;
		return SHOW;
	case ']':
	case '+':
		player->speed =
		    player->speed * 2 <= REC_SPEED_MAX ? player->speed * 2 : REC_SPEED_MAX;
		return WAIT;
	case '[':
	case '-':
		player->speed =
		    player->speed / 2 >= REC_SPEED_MIN ? player->speed / 2 : REC_SPEED_MIN;
		return WAIT;
	case 'q':
	case CTRL_C:
		return QUIT;
	default:
		return WAIT;
	}
}

static enum outcome
read_keys(struct rec_player *player, struct wait *wait, struct ca_why *why)
{
	enum outcome outcome = WAIT;
	uint8_t bytes[64];
	ssize_t n = read(player->terminal->fd, bytes, sizeof(bytes));

	if (n == 0)
		return QUIT; /* the terminal hung up */
	if (n < 0) {
		if (errno == EINTR || errno == EAGAIN)
			return WAIT;
		ca_why_set(why, "terminal cannot be read: %s", strerror(errno));
		return FAIL;
	}
	for (ssize_t i = 0; i < n && outcome != QUIT; i++) {
		char key = rec_terminal_key(player->terminal, bytes[i]);
		enum outcome next = key == '\0' ? WAIT : obey(player, wait, key);

		outcome = next == WAIT ? outcome : next;
	}
	return outcome;
}

static void
take_signal(struct rec_player *player)
{
	struct signalfd_siginfo info;

	if (read(player->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		player->signal = (int)info.ssi_signo;
}

/* One wait: until the time is over or something comes. */
static enum outcome
wait_once(struct rec_player *player, struct wait *wait, struct ca_why *why)
{
	struct pollfd fds[2] = {
		{ .fd = player->signal_fd, .events = POLLIN },
		{ .fd = player->terminal != NULL ? player->terminal->fd : -1, .events = POLLIN },
	};
	double real = wait->left > 0 ? wait->left / player->speed : 0, began = now();
	struct timespec limit = {
		.tv_sec = (time_t)(real / 1e6),
		.tv_nsec = (long)((real - (double)(time_t)(real / 1e6) * 1e6) * 1e3),
	};
	int n = ppoll(fds, 2, wait->paused ? NULL : &limit, NULL);

	if (n < 0 && errno != EINTR) {
		ca_why_set(why, "waiting failed: %s", strerror(errno));
		return FAIL;
	}
	if (!wait->paused)
		wait->left -= (now() - began) * player->speed;
	if (n > 0 && fds[0].revents != 0) {
		take_signal(player);
		return QUIT;
	}
	if (n > 0 && player->terminal != NULL && fds[1].revents != 0)
		return read_keys(player, wait, why);
	return n == 0 ? SHOW : WAIT;
}

static enum outcome
wait_for(struct rec_player *player, struct wait *wait, uint64_t pause, struct ca_why *why)
{
	enum outcome outcome;

	/* a late event takes nothing from the next pause, an early one neither */
	wait->left = (double)(pause < player->idle ? pause : player->idle);
	do
		outcome = wait_once(player, wait, why);
	while (outcome == WAIT);
	return outcome;
}

static bool
play(struct rec_player *player, struct rec_cast_reader *reader, struct ca_why *why)
{
	struct rec_header header;
	struct rec_event event;
	struct wait wait = { 0 };
	enum rec_read result = rec_cast_reader_header(reader, &header, why);
	enum outcome outcome;
	uint64_t last = 0;

	if (result == REC_READ_END || result == REC_READ_CUT)
		return ca_why_set(why, "recording is empty");
	if (result == REC_READ_BAD || !player->sink->ops->header(player->sink, &header, why))
		return false;
	while ((result = rec_cast_reader_next(reader, &event, why)) == REC_READ_MORE) {
		outcome = wait_for(player, &wait, event.time - last, why);
		if (outcome != SHOW)
			return outcome == QUIT;
		if (!player->sink->ops->event(player->sink, &event, why))
			return false;
		last = event.time;
	}
	player->cut = result == REC_READ_CUT;
	return result != REC_READ_BAD && player->sink->ops->end(player->sink, last, why);
}

bool
rec_player_run(struct rec_player *player, struct ca_why *why)
{
	struct rec_cast_reader *reader = rec_cast_reader_new(player->fd);
	bool ok;

	if (reader == NULL)
		return ca_why_set(why, "out of memory");
	ok = play(player, reader, why);
	rec_cast_reader_free(reader);
	return ok;
}
