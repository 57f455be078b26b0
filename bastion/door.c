/* SPDX-License-Identifier: Apache-2.0 */
/*
 * door.c - a connection from its first byte to its last.
 *
 * One loop over the client's socket, the keeper's socket and what the channels carry. Frames that
 * the keeper has no room for wait here, and the client is not read meanwhile, so the two can never
 * wait for each other. Whatever breaks the rules on either side ends the connection.
 */
#include "bastion/door.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* What a door may allocate: its own buffers, and for each channel what libssh's window lets in and
 * as much taken out of it. */
#define MEMORY	       ((size_t)24 << 20)
#define CHANNEL_MEMORY ((size_t)5 << 20)

#define KEEPER_FRAMES 16     /* taken before the client gets its turn */
#define LOOK_MS	      60000  /* how often the peer is looked at */
#define DEAD_MS	      180000 /* without any acknowledgement while one is due */
#define END_MS	      300    /* for the last words after BAS_F_END; behind the keeper's patience */
/* A suspended client may keep its window shut for hours; a dead one answers no probe. */
#define PROBE_IDLE  60 /* seconds */
#define PROBE_EVERY 15
#define PROBE_COUNT 4

struct bas_door_frame {
	struct bas_door_frame *next;
	enum bas_frame_type type;
	struct ca_buf payload;
};

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- to the keeper --- */

static void
flush_backlog(struct bas_door *door)
{
	while (door->backlog != NULL) {
		struct bas_door_frame *frame = door->backlog;

		if (!bas_frame_send(door->keeper, frame->type, &frame->payload, NULL, 0)) {
			if (errno != EAGAIN && !door->ending)
				door->over = true;
			return;
		}
		door->backlog = frame->next;
		ca_buf_clear(&frame->payload);
		free(frame);
	}
	door->backlog_end = &door->backlog;
}

static void
drop_backlog(struct bas_door *door)
{
	while (door->backlog != NULL) {
		struct bas_door_frame *frame = door->backlog;

		door->backlog = frame->next;
		ca_buf_clear(&frame->payload);
		free(frame);
	}
	door->backlog_end = &door->backlog;
}

void
bas_door_send(struct bas_door *door, enum bas_frame_type type, const struct ca_buf *payload)
{
	struct bas_door_frame *frame;

	if (door->keeper < 0)
		return;
	if (door->backlog == NULL) {
		if (bas_frame_send(door->keeper, type, payload, NULL, 0))
			return;
		if (errno != EAGAIN) {
			door->over = door->over || !door->ending;
			return;
		}
	}
	frame = calloc(1, sizeof(*frame));
	if (frame == NULL) {
		door->over = true;
		return;
	}
	frame->type = type;
	ca_buf_put(&frame->payload, payload->data, payload->len);
	door->over = door->over || !ca_buf_ok(&frame->payload);
	*door->backlog_end = frame;
	door->backlog_end = &frame->next;
}

static void
ask_auth(void *owner, bool proven, const char *name, struct ca_bytes blob)
{
	struct bas_door *door = owner;
	struct ca_buf payload = { 0 };

	ca_buf_put_u8(&payload, proven ? 1 : 0);
	ca_buf_put_cstring(&payload, name);
	ca_buf_put_string(&payload, blob.data, blob.len);
	/* A certificate may be larger than a frame; such a one is not worth asking about. */
	if (payload.failed || payload.len > BAS_FRAME_MAX)
		bas_ssh_auth_answer(door->ssh, false, "");
	else
		bas_door_send(door, BAS_F_AUTH, &payload);
	ca_buf_clear(&payload);
}

static void
tell_refused(void *owner, const char *kind)
{
	struct bas_door *door = owner;
	struct ca_buf payload = { 0 };
	size_t i = 0;

	if (!bas_ssh_is_authenticated(door->ssh))
		return;
	while (i < sizeof(door->refused) / sizeof(door->refused[0]) && door->refused[i] != NULL)
		if (strcmp(door->refused[i++], kind) == 0)
			return;
	if (i == sizeof(door->refused) / sizeof(door->refused[0]))
		return;
	door->refused[i] = kind;
	ca_buf_put_cstring(&payload, kind);
	bas_door_send(door, BAS_F_REFUSED, &payload);
	ca_buf_clear(&payload);
}

static const struct bas_ssh_calls calls = {
	.auth = ask_auth,
	.open = bas_door_channel_open,
	.request = bas_door_channel_request,
	.data = bas_door_channel_data,
	.eof = bas_door_channel_eof,
	.signal = bas_door_channel_signal,
	.closed = bas_door_channel_closed,
	.freed = bas_door_channel_freed,
	.refused = tell_refused,
};

/* --- from the keeper --- */

static bool
hear_verdict(struct bas_door *door, struct ca_bytes payload)
{
	struct ca_reader reader = ca_reader_of(payload.data, payload.len);
	uint8_t ok = ca_read_u8(&reader);
	char *banner = ca_read_cstring(&reader);
	bool whole = banner != NULL && ca_reader_done(&reader) && ok <= 1;

	if (whole)
		bas_ssh_auth_answer(door->ssh, ok == 1, banner);
	free(banner);
	return whole;
}

static bool
hear_end(struct bas_door *door, struct ca_bytes payload)
{
	struct ca_reader reader = ca_reader_of(payload.data, payload.len);

	if (door->ending)
		return false;
	door->last_words = ca_read_cstring(&reader);
	door->ending = true;
	door->end_by = now_ms() + END_MS;
	return door->last_words != NULL && ca_reader_done(&reader);
}

static bool
hear_frame(struct bas_door *door, struct bas_frame *frame)
{
	switch (frame->type) {
	case BAS_F_VERDICT:
		return hear_verdict(door, frame->payload);
	case BAS_F_PTY_REPLY:
	case BAS_F_STARTED:
	case BAS_F_EXIT:
		return bas_door_channel_frame(door, frame);
	case BAS_F_END:
		return hear_end(door, frame->payload);
	default:
		return false;
	}
}

static void
hear_keeper(struct bas_door *door)
{
	for (unsigned i = 0; i < KEEPER_FRAMES; i++) {
		struct bas_frame frame;
		bool good;

		switch (bas_frame_receive(door->keeper, &frame, door->frame)) {
		case BAS_FRAME_AGAIN:
			return;
		case BAS_FRAME_OK:
			good = hear_frame(door, &frame);
			bas_frame_close_fds(&frame);
			if (good)
				continue;
			break;
		case BAS_FRAME_END:
		case BAS_FRAME_BROKEN:
			break;
		}
		/* After its last word a keeper may go; before, the connection goes with it. */
		close(door->keeper);
		door->keeper = -1;
		drop_backlog(door);
		door->over = door->over || !door->ending;
		return;
	}
}

/* --- the client's socket --- */

static void
set_option(int fd, int level, int option, int value)
{
	/* Not every socket is TCP: one that comes through a tunnel has none of these. */
	(void)setsockopt(fd, level, option, &value, sizeof(value));
}

static void
set_client_options(int fd)
{
	set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_option(fd, IPPROTO_TCP, TCP_QUICKACK, 1);
	set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, PROBE_IDLE);
	set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, PROBE_EVERY);
	set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, PROBE_COUNT);
}

/*
 * Keep-alive probes find a dead peer while nothing is under way. While bytes are, the kernel would
 * try for a quarter of an hour; TCP_USER_TIMEOUT would also end clients that were only suspended.
 */
static bool
is_dead(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 && info.tcpi_unacked > 0 &&
	       info.tcpi_last_ack_recv >= DEAD_MS;
}

static void
sooner(int *timeout, int64_t ms)
{
	if (ms < 0)
		ms = 0;
	if (*timeout < 0 || ms < *timeout)
		*timeout = (int)ms;
}

static int
wait_time(const struct bas_door *door, int64_t now)
{
	int timeout = bas_ssh_timeout(door->ssh);

	if (door->ending)
		sooner(&timeout, door->end_by - now);
	if (bas_ssh_is_authenticated(door->ssh))
		sooner(&timeout, door->looked + LOOK_MS - now);
	else
		sooner(&timeout, door->started + (int64_t)door->limits->grace * 1000 - now);
	return timeout;
}

static void
check_times(struct bas_door *door)
{
	int64_t now = now_ms();

	if (!bas_ssh_is_authenticated(door->ssh)) {
		if (now >= door->started + (int64_t)door->limits->grace * 1000)
			door->over = true;
		return;
	}
	if (now < door->looked + LOOK_MS)
		return;
	door->looked = now;
	if (is_dead(door->client))
		door->over = true;
}

/*
 * All that commands still had to say has been said, or there is no more time for it. A client that
 * reads our farewell together with a command's last words drops those (OpenSSH), so it first
 * answers the channel's end.
 */
static bool
has_ended(const struct bas_door *door)
{
	if (!door->ending)
		return false;
	if (now_ms() >= door->end_by)
		return true;
	for (const struct bas_door_channel *at = door->channels; at != NULL; at = at->next)
		if (!bas_door_channel_is_done(at) || (at->exited && !at->closed))
			return false;
	return !bas_ssh_is_full(door->ssh);
}

/* --- the loop --- */

static nfds_t
gather(struct bas_door *door)
{
	nfds_t count = 2;

	door->fds[0] = (struct pollfd){ .fd = door->backlog == NULL ? door->client : -1,
		.events = bas_ssh_events(door->ssh) };
	door->fds[1] = (struct pollfd){ .fd = door->keeper,
		.events = door->backlog == NULL ? POLLIN : POLLIN | POLLOUT };
	for (struct bas_door_channel *at = door->channels; at != NULL; at = at->next) {
		at->polled = NULL;
		if (at->state == BAS_DOOR_ENDED)
			continue;
		at->polled = &door->fds[count];
		bas_door_channel_poll(at, at->polled);
		count += 2;
	}
	return count;
}

/* Another one is served first next time: a full socket stops all that come after. */
static void
rotate(struct bas_door *door)
{
	struct bas_door_channel *first = door->channels, **end;

	if (first == NULL || first->next == NULL)
		return;
	door->channels = first->next;
	first->next = NULL;
	for (end = &door->channels; *end != NULL; end = &(*end)->next)
		continue;
	*end = first;
}

static void
turn(struct bas_door *door)
{
	nfds_t count = gather(door);
	int timeout = wait_time(door, now_ms());
	bool due;

	if (poll(door->fds, count, timeout) < 0) {
		door->over = door->over || errno != EINTR;
		return;
	}
	if (door->fds[1].revents != 0)
		hear_keeper(door);
	if ((door->fds[1].revents & POLLOUT) != 0 && door->keeper >= 0)
		flush_backlog(door);
	due = bas_ssh_timeout(door->ssh) == 0 && door->backlog == NULL;
	if (!door->over && (door->fds[0].revents != 0 || due) && !bas_ssh_pump(door->ssh)) {
		door->client_gone = true;
		door->over = true;
	}
	for (struct bas_door_channel *at = door->channels; at != NULL && !door->over; at = at->next)
		bas_door_channel_work(at);
	rotate(door);
	/* The kernel forgets it. Without it a client without TCP_NODELAY waits 40 ms in the key
	 * exchange. */
	if (!door->over && !bas_ssh_is_authenticated(door->ssh))
		set_option(door->client, IPPROTO_TCP, TCP_QUICKACK, 1);
	check_times(door);
}

static bool
begin(struct bas_door *door, const struct bas_door_spec *spec, struct ca_why *why)
{
	unsigned fds = 16 + 4 * spec->limits->channels;
	int flags = fcntl(spec->keeper, F_GETFL);

	door->limits = spec->limits;
	door->client = spec->client;
	door->keeper = spec->keeper;
	door->backlog_end = &door->backlog;
	door->started = door->looked = now_ms();
	door->fds = calloc(2 + 2 * (size_t)spec->limits->channels, sizeof(*door->fds));
	if (door->fds == NULL)
		return ca_why_set(why, "out of memory");
	if (flags < 0 || fcntl(spec->keeper, F_SETFL, flags | O_NONBLOCK) < 0)
		return ca_why_set(why, "fcntl: %s", strerror(errno));
	set_client_options(spec->client);
	bas_sandbox_close_others(spec->client, spec->keeper);
	if (!bas_ssh_new(&door->ssh, spec->host, spec->client, spec->limits->auth_requests, &calls,
		door, why))
		return false;
	return spec->sandbox == NULL || bas_sandbox_enter(spec->sandbox, fds,
					    MEMORY + CHANNEL_MEMORY * spec->limits->channels, why);
}

static void
clear(struct bas_door *door)
{
	bas_ssh_free(door->ssh);
	drop_backlog(door);
	if (door->keeper >= 0)
		close(door->keeper);
	free(door->last_words);
	free(door->fds);
	free(door);
}

int
bas_door_run(const struct bas_door_spec *spec)
{
	struct bas_door *door = calloc(1, sizeof(*door));
	struct ca_why why;

	if (door == NULL || !begin(door, spec, &why)) {
		/* The one who forked it sees the status; there is nobody to tell a sentence. */
		if (door != NULL)
			clear(door);
		return 1;
	}
	/* Our version goes out before anything comes in. */
	door->over = door->client_gone = !bas_ssh_pump(door->ssh);
	while (!door->over && !has_ended(door))
		turn(door);
	if (door->ending)
		bas_ssh_disconnect(door->ssh, door->last_words);
	else if (!door->client_gone && door->keeper < 0)
		bas_ssh_disconnect(door->ssh, "this connection has ended");
	clear(door);
	return 0;
}
