/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listener_table.c - counting connections, and handing the count to the next listener.
 *
 * A door is the child of the listener that forked it, so that one learns how it ended; the pipe
 * that says whether the connection lives goes from listener to listener.
 */
#include "bastion/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bastion/frame.h"

#define INHERIT_MS 2000 /* until the listener before is not waited for any longer */

bool
bas_connections_init(struct bas_connections *connections, const struct bas_limits *limits)
{
	size_t max = (size_t)limits->unauthenticated + limits->connections;

	*connections = (struct bas_connections){ .limits = limits, .max = max };
	connections->list = calloc(max + 1, sizeof(*connections->list));
	return connections->list != NULL;
}

void
bas_connections_clear(struct bas_connections *connections)
{
	for (size_t i = 0; i < connections->count; i++)
		if (connections->list[i].status >= 0)
			close(connections->list[i].status);
	free(connections->list);
	connections->list = NULL;
	connections->count = 0;
}

void
bas_connections_fold(uint8_t out[static 16], const struct ca_address *address)
{
	static const uint8_t ipv4[12] = { [10] = 0xff, [11] = 0xff };

	memcpy(out, address->bytes, 16);
	if (memcmp(out, ipv4, sizeof(ipv4)) != 0)
		memset(out + 8, 0, 8);
}

uint64_t
bas_connections_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec;
}

const char *
bas_connections_limit(const struct bas_connections *connections, const uint8_t address[static 16])
{
	const struct bas_limits *limits = connections->limits;
	size_t authenticated = 0, others = 0, same = 0;

	if (bas_crashes_refuses(&connections->crashes, address, bas_connections_now()))
		return "too many of its connections ended by a crash";
	for (size_t i = 0; i < connections->count; i++) {
		const struct bas_connection *each = &connections->list[i];

		if (each->status < 0)
			continue;
		if (each->authenticated) {
			authenticated++;
			continue;
		}
		others++;
		if (memcmp(each->address, address, 16) == 0)
			same++;
	}
	if (authenticated >= limits->connections)
		return "too many connections";
	if (others >= limits->unauthenticated || connections->count >= connections->max)
		return "too many connections that have not logged in";
	return same >= limits->unauthenticated_per_address
		   ? "too many connections from one address that have not logged in"
		   : NULL;
}

void
bas_connections_add(
    struct bas_connections *connections, pid_t door, int status, const uint8_t address[static 16])
{
	struct bas_connection *added = &connections->list[connections->count++];

	*added = (struct bas_connection){ .door = door, .status = status };
	memcpy(added->address, address, 16);
	(void)fcntl(status, F_SETFL, O_NONBLOCK);
}

/* A connection stays until it is over and its door was reaped, in either order. */
static void
drop_if_over(struct bas_connections *connections, size_t index)
{
	struct bas_connection *connection = &connections->list[index];

	if (connection->status < 0 && connection->door == 0)
		*connection = connections->list[--connections->count];
}

void
bas_connections_hear(struct bas_connections *connections, size_t index)
{
	struct bas_connection *connection = &connections->list[index];
	char byte;
	ssize_t got;

	if (connection->status < 0)
		return;
	got = read(connection->status, &byte, 1);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got == 1 && byte == 'A' && !connection->authenticated) {
		connection->authenticated = true;
		return;
	}
	close(connection->status);
	connection->status = -1;
	drop_if_over(connections, index);
}

bool
bas_connections_reaped(struct bas_connections *connections, pid_t door, struct bas_connection *was)
{
	for (size_t i = 0; i < connections->count; i++) {
		if (connections->list[i].door != door)
			continue;
		*was = connections->list[i];
		connections->list[i].door = 0;
		drop_if_over(connections, i);
		return true;
	}
	return false;
}

void
bas_connections_end_strangers(struct bas_connections *connections)
{
	for (size_t i = connections->count; i-- > 0;) {
		struct bas_connection *each = &connections->list[i];

		if (each->door == 0 || each->status < 0)
			continue;
		/* With a door left it is not dropped. */
		bas_connections_hear(connections, i);
		if (each->authenticated)
			continue;
		each->ended = true;
		kill(each->door, SIGKILL);
	}
}

/* --- from one listener to the next --- */

static bool
hand_on_one(struct bas_connection *connection, int socket)
{
	struct ca_buf payload = { 0 };
	bool sent;

	ca_buf_put_u8(&payload, connection->authenticated ? 1 : 0);
	ca_buf_put_string(&payload, connection->address, sizeof(connection->address));
	sent = bas_frame_send(socket, BAS_F_INHERIT, &payload, &connection->status, 1);
	ca_buf_clear(&payload);
	return sent;
}

void
bas_connections_hand_on(struct bas_connections *connections, int socket)
{
	struct ca_buf payload = { 0 };
	bool sent;

	bas_crashes_encode(&connections->crashes, &payload);
	sent = bas_frame_send(socket, BAS_F_CRASHES, &payload, NULL, 0);
	ca_buf_clear(&payload);
	for (size_t i = connections->count; i-- > 0;) {
		struct bas_connection *each = &connections->list[i];

		if (each->status < 0)
			continue;
		sent = sent && hand_on_one(each, socket);
		close(each->status);
		each->status = -1;
		drop_if_over(connections, i);
	}
	close(socket);
}

static bool
inherit_one(struct bas_connections *connections, struct bas_frame *frame)
{
	struct ca_reader reader = ca_reader_of(frame->payload.data, frame->payload.len);
	uint8_t authenticated = ca_read_u8(&reader);
	struct ca_bytes address = ca_read_string(&reader);

	if (!ca_reader_done(&reader) || authenticated > 1 || address.len != 16 ||
	    frame->fd_count != 1)
		return false;
	if (connections->count == connections->max)
		return true;
	bas_connections_add(connections, 0, frame->fds[0], address.data);
	connections->list[connections->count - 1].authenticated = authenticated == 1;
	frame->fds[0] = -1;
	return true;
}

void
bas_connections_inherit(struct bas_connections *connections, int socket)
{
	static uint8_t buf[BAS_FRAME_MAX];
	struct pollfd wait = { .fd = socket, .events = POLLIN };
	bool more = true;

	while (more && poll(&wait, 1, INHERIT_MS) == 1) {
		struct bas_frame frame;

		if (bas_frame_receive(socket, &frame, buf) != BAS_FRAME_OK)
			break;
		if (frame.type == BAS_F_CRASHES)
			more = bas_crashes_parse(&connections->crashes, frame.payload);
		else
			more = frame.type == BAS_F_INHERIT && inherit_one(connections, &frame);
		bas_frame_close_fds(&frame);
	}
	close(socket);
}
