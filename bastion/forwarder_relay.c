/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forwarder_relay.c - connections side by side, each with a bounded buffer a direction, so that a
 * side that does not read stops the other and nothing else.
 */
#include "bastion/forwarder_relay.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#include "bastion/destination.h"

#define PAIRS_MAX 32
#define WAYS_MAX  BAS_DESTINATIONS_MAX
#define CHUNK	  ((size_t)32 << 10)

enum { INSIDE, OUTSIDE };

/* Bytes that come from one side. */
struct stream {
	uint8_t data[CHUNK];
	size_t start, end;
	bool over; /* nothing more comes */
	bool told; /* and the other side knows */
};

struct pair {
	bool used, connecting;
	int fds[2];
	const struct bas_way *way;
	size_t next; /* address to try */
	struct stream from[2];
};

static struct pair pairs[PAIRS_MAX];

static void
drop(struct pair *pair)
{
	for (int side = INSIDE; side <= OUTSIDE; side++)
		if (pair->fds[side] >= 0)
			close(pair->fds[side]);
	pair->used = false;
}

/* The next address, until one answers or there is none left. */
static void
try_next(struct pair *pair)
{
	if (pair->fds[OUTSIDE] >= 0)
		close(pair->fds[OUTSIDE]);
	pair->fds[OUTSIDE] = -1;
	while (pair->next < pair->way->count) {
		const struct sockaddr *to = (const struct sockaddr *)&pair->way->to[pair->next];
		socklen_t len = pair->way->len[pair->next++];
		int fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

		if (fd < 0)
			continue;
		if (connect(fd, to, len) == 0 || errno == EINPROGRESS) {
			pair->fds[OUTSIDE] = fd;
			pair->connecting = true;
			return;
		}
		close(fd);
	}
	drop(pair);
}

static void
accept_one(const struct bas_way *way)
{
	int fd = accept4(way->listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct pair *pair = pairs;

	if (fd < 0)
		return;
	while (pair < pairs + PAIRS_MAX && pair->used)
		pair++;
	if (pair == pairs + PAIRS_MAX) {
		close(fd);
		return;
	}
	pair->used = true;
	pair->way = way;
	pair->next = 0;
	pair->fds[INSIDE] = fd;
	pair->fds[OUTSIDE] = -1;
	for (int side = INSIDE; side <= OUTSIDE; side++) {
		pair->from[side].start = pair->from[side].end = 0;
		pair->from[side].over = pair->from[side].told = false;
	}
	try_next(pair);
}

static void
end_connecting(struct pair *pair)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(pair->fds[OUTSIDE], SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0)
		pair->connecting = false;
	else
		try_next(pair);
}

/* False: the connection is broken. */
static bool
take(struct pair *pair, int side)
{
	struct stream *stream = &pair->from[side];
	ssize_t got = recv(pair->fds[side], stream->data, CHUNK, 0);

	if (got < 0)
		return errno == EAGAIN || errno == EINTR;
	stream->start = 0;
	stream->end = (size_t)got;
	stream->over = got == 0;
	return true;
}

static bool
give(struct pair *pair, int side)
{
	struct stream *stream = &pair->from[!side];
	ssize_t put = send(pair->fds[side], stream->data + stream->start,
	    stream->end - stream->start, MSG_NOSIGNAL);

	if (put < 0)
		return errno == EAGAIN || errno == EINTR;
	stream->start += (size_t)put;
	return true;
}

static bool
is_empty(const struct stream *stream)
{
	return stream->start == stream->end;
}

static short
wanted(const struct pair *pair, int side)
{
	const struct stream *in = &pair->from[side], *out = &pair->from[!side];
	int events = 0;

	if (pair->connecting)
		return side == OUTSIDE ? POLLOUT : 0;
	if (is_empty(in) && !in->over)
		events |= POLLIN;
	if (!is_empty(out))
		events |= POLLOUT;
	return (short)events;
}

static void
serve(struct pair *pair, int side, short events)
{
	struct stream *in = &pair->from[side];
	bool ok = true;

	if (pair->connecting) {
		if (side == OUTSIDE)
			end_connecting(pair);
		else if ((events & POLLERR) != 0)
			drop(pair);
		return;
	}
	if ((events & POLLOUT) != 0)
		ok = give(pair, side);
	if (ok && (events & (POLLIN | POLLHUP | POLLERR)) != 0 && is_empty(in) && !in->over)
		ok = take(pair, side);
	for (int from = INSIDE; ok && from <= OUTSIDE; from++) {
		struct stream *stream = &pair->from[from];

		if (stream->over && is_empty(stream) && !stream->told) {
			stream->told = true;
			ok = shutdown(pair->fds[!from], SHUT_WR) == 0;
		}
	}
	if (!ok || (pair->from[INSIDE].told && pair->from[OUTSIDE].told))
		drop(pair);
}

void
bas_forwarder_relay(struct bas_way *ways, size_t count, int control)
{
	static struct pollfd wait[1 + WAYS_MAX + 2 * PAIRS_MAX];

	if (count > WAYS_MAX)
		return;
	for (;;) {
		struct pollfd *sides = wait + 1 + count;

		wait[0] = (struct pollfd){ .fd = control, .events = POLLIN };
		for (size_t i = 0; i < count; i++)
			wait[1 + i] = (struct pollfd){ .fd = ways[i].listening, .events = POLLIN };
		for (size_t i = 0; i < (size_t)2 * PAIRS_MAX; i++) {
			const struct pair *pair = &pairs[i / 2];
			short events = pair->used ? wanted(pair, (int)(i % 2)) : 0;

			/* Without a wish a hung-up side would wake us for ever. */
			sides[i] = (struct pollfd){ .fd = events ? pair->fds[i % 2] : -1,
				.events = events };
		}
		if (poll(wait, 1 + count + 2 * PAIRS_MAX, -1) < 0 && errno != EINTR)
			return;
		if (wait[0].revents != 0)
			return;
		for (size_t i = 0; i < (size_t)2 * PAIRS_MAX; i++)
			if (sides[i].revents != 0 && pairs[i / 2].used)
				serve(&pairs[i / 2], (int)(i % 2), sides[i].revents);
		for (size_t i = 0; i < count; i++)
			if (wait[1 + i].revents != 0)
				accept_one(&ways[i]);
	}
}
