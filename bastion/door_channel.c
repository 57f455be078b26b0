/* SPDX-License-Identifier: Apache-2.0 */
/*
 * door_channel.c - a session channel: the client's bytes to the keeper's socket and back.
 *
 * Nothing is buffered that need not be: input stays in libssh's window, output in the kernel's
 * sockets, until the other side takes it. So a client or command that stops costs its own window
 * and holds up nobody else.
 */
#include "bastion/door.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bastion/call.h"

#define TERM_MAX 256  /* bytes of a terminal's name */
#define SIDE_MAX 4096 /* columns, rows */

#define KIND(k) (1u << (k))

/* What a client may ask for, by state. While a question is with the keeper nothing comes. */
static const unsigned accepted[] = {
	[BAS_DOOR_NEW] = KIND(BAS_SSH_PTY) | KIND(BAS_SSH_RESIZE) | KIND(BAS_SSH_ENV) |
			 KIND(BAS_SSH_EXEC) | KIND(BAS_SSH_SHELL),
	[BAS_DOOR_ASKED] = 0,
	[BAS_DOOR_RUNNING] = KIND(BAS_SSH_RESIZE),
	[BAS_DOOR_ENDED] = 0,
};

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void
tell(struct bas_door_channel *channel, enum bas_frame_type type)
{
	struct ca_buf payload = { 0 };

	ca_buf_put_u32(&payload, channel->id);
	bas_door_send(channel->door, type, &payload);
	ca_buf_clear(&payload);
}

void *
bas_door_channel_open(void *owner, struct bas_ssh_channel *ssh)
{
	struct bas_door *door = owner;
	struct bas_door_channel *channel;

	if (door->ending || door->channel_count >= door->limits->channels)
		return NULL;
	channel = calloc(1, sizeof(*channel));
	if (channel == NULL)
		return NULL;
	*channel = (struct bas_door_channel){
		.door = door, .ssh = ssh, .next = door->channels, .io = -1, .errors = -1
	};
	channel->id = door->next_id++;
	door->channels = channel;
	door->channel_count++;
	tell(channel, BAS_F_OPEN);
	return channel;
}

/* The client's last EOF goes on once all its bytes have. */
static void
end_input(struct bas_door_channel *channel)
{
	if (!channel->input_ended || channel->input_dead || channel->io < 0 ||
	    channel->input.len > 0 || bas_ssh_unread(channel->ssh) > 0)
		return;
	(void)shutdown(channel->io, SHUT_WR);
	channel->input_dead = true;
}

/* How many bytes the command took; all of them when it will never take any more. */
static size_t
give_input(struct bas_door_channel *channel, const void *data, size_t len)
{
	ssize_t sent;

	if (channel->input_dead)
		return len;
	do
		sent = send(channel->io, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return (size_t)sent;
	if (errno == EAGAIN)
		return 0;
	channel->input_dead = true;
	return len;
}

/*
 * Everything that is unread, or nothing: a read opens libssh's window whatever it leaves behind, so
 * that a client would be let to send without end. False when there is none.
 */
static bool
take_unread(struct bas_door_channel *channel)
{
	size_t unread = bas_ssh_unread(channel->ssh);
	uint8_t *room;
	ssize_t got;

	if (unread == 0)
		return false;
	room = ca_buf_grow(&channel->input, unread);
	if (room == NULL) {
		channel->door->over = true;
		return false;
	}
	got = bas_ssh_read(channel->ssh, room, unread);
	channel->input.len = got < 0 ? 0 : (size_t)got;
	channel->input_at = 0;
	return channel->input.len > 0;
}

static void
flush_input(struct bas_door_channel *channel)
{
	struct ca_buf *input = &channel->input;

	while (input->len > 0 || take_unread(channel)) {
		channel->input_at += give_input(
		    channel, input->data + channel->input_at, input->len - channel->input_at);
		if (channel->input_at < input->len)
			return;
		ca_buf_clear(input);
	}
	end_input(channel);
}

size_t
bas_door_channel_data(void *owner, const void *data, size_t len)
{
	struct bas_door_channel *channel = owner;

	if (channel->state == BAS_DOOR_ENDED)
		return len;
	if (channel->state != BAS_DOOR_RUNNING || channel->input.len > 0)
		return 0;
	return give_input(channel, data, len);
}

void
bas_door_channel_eof(void *owner)
{
	struct bas_door_channel *channel = owner;

	channel->input_ended = true;
}

static bool
ask_terminal(struct bas_door_channel *channel, const struct bas_ssh_request *request)
{
	struct ca_buf payload = { 0 };

	if (channel->terminal || strlen(request->text) > TERM_MAX)
		return false;
	ca_buf_put_u32(&payload, channel->id);
	ca_buf_put_cstring(&payload, request->text);
	ca_buf_put_u32(&payload, request->columns < SIDE_MAX ? request->columns : SIDE_MAX);
	ca_buf_put_u32(&payload, request->rows < SIDE_MAX ? request->rows : SIDE_MAX);
	bas_door_send(channel->door, BAS_F_PTY, &payload);
	ca_buf_clear(&payload);
	channel->state = BAS_DOOR_ASKED;
	channel->asked_terminal = true;
	return true;
}

static bool
ask_command(struct bas_door_channel *channel, const char *line)
{
	struct ca_buf payload = { 0 };

	if (strlen(line) > BAS_LINE_MAX)
		return false;
	ca_buf_put_u32(&payload, channel->id);
	ca_buf_put_cstring(&payload, line);
	bas_door_send(channel->door, BAS_F_EXEC, &payload);
	ca_buf_clear(&payload);
	channel->state = BAS_DOOR_ASKED;
	channel->asked_terminal = false;
	return true;
}

static bool
tell_size(struct bas_door_channel *channel, const struct bas_ssh_request *request)
{
	struct ca_buf payload = { 0 };

	if (!channel->terminal)
		return false;
	ca_buf_put_u32(&payload, channel->id);
	ca_buf_put_u32(&payload, request->columns < SIDE_MAX ? request->columns : SIDE_MAX);
	ca_buf_put_u32(&payload, request->rows < SIDE_MAX ? request->rows : SIDE_MAX);
	bas_door_send(channel->door, BAS_F_RESIZE, &payload);
	ca_buf_clear(&payload);
	return true;
}

enum bas_ssh_reply
bas_door_channel_request(void *owner, const struct bas_ssh_request *request)
{
	struct bas_door_channel *channel = owner;

	if (channel->door->ending || (accepted[channel->state] & KIND(request->kind)) == 0)
		return BAS_SSH_REFUSE;
	switch (request->kind) {
	case BAS_SSH_PTY:
		return ask_terminal(channel, request) ? BAS_SSH_LATER : BAS_SSH_REFUSE;
	case BAS_SSH_RESIZE:
		return tell_size(channel, request) ? BAS_SSH_ACCEPT : BAS_SSH_REFUSE;
	case BAS_SSH_ENV:
		/* Stock clients send these; they change nothing. */
		return strcmp(request->text, "LANG") == 0 || strncmp(request->text, "LC_", 3) == 0
			   ? BAS_SSH_ACCEPT
			   : BAS_SSH_REFUSE;
	case BAS_SSH_EXEC:
	case BAS_SSH_SHELL:
		return ask_command(channel, request->text) ? BAS_SSH_LATER : BAS_SSH_REFUSE;
	}
	return BAS_SSH_REFUSE;
}

void
bas_door_channel_signal(void *owner, const char *name)
{
	struct bas_door_channel *channel = owner;
	struct ca_buf payload = { 0 };

	if (channel->state != BAS_DOOR_RUNNING || strlen(name) >= sizeof(channel->signal))
		return;
	ca_buf_put_u32(&payload, channel->id);
	ca_buf_put_cstring(&payload, name);
	bas_door_send(channel->door, BAS_F_SIGNAL, &payload);
	ca_buf_clear(&payload);
}

void
bas_door_channel_closed(void *owner)
{
	struct bas_door_channel *channel = owner;

	if (!channel->exited)
		tell(channel, BAS_F_CLOSE);
	channel->state = BAS_DOOR_ENDED;
	channel->closed = true;
	channel->door->channel_count--;
	close_fd(&channel->io);
	close_fd(&channel->errors);
}

void
bas_door_channel_freed(void *owner)
{
	struct bas_door_channel *channel = owner;
	struct bas_door_channel **link = &channel->door->channels;

	while (*link != channel)
		link = &(*link)->next;
	*link = channel->next;
	if (!channel->closed)
		channel->door->channel_count--;
	close_fd(&channel->io);
	close_fd(&channel->errors);
	ca_buf_clear(&channel->input);
	ca_buf_clear(&channel->output);
	free(channel);
}

/* --- the keeper's side --- */

bool
bas_door_channel_is_done(const struct bas_door_channel *channel)
{
	return (channel->io < 0 || channel->io_ended) && channel->errors < 0 &&
	       channel->output.len == 0;
}

static void
finish(struct bas_door_channel *channel)
{
	if (!channel->exited || channel->state == BAS_DOOR_ENDED ||
	    !bas_door_channel_is_done(channel))
		return;
	channel->state = BAS_DOOR_ENDED;
	close_fd(&channel->io);
	bas_ssh_exit(channel->ssh, channel->status, channel->signal);
}

static bool
start(struct bas_door_channel *channel, struct bas_frame *frame)
{
	if (channel->state != BAS_DOOR_ASKED || channel->asked_terminal || frame->fd_count != 2)
		return false;
	for (size_t i = 0; i < 2; i++) {
		int flags = fcntl(frame->fds[i], F_GETFL);

		if (flags < 0 || fcntl(frame->fds[i], F_SETFL, flags | O_NONBLOCK) < 0)
			return false;
	}
	channel->io = frame->fds[0];
	channel->errors = frame->fds[1];
	frame->fds[0] = frame->fds[1] = -1;
	channel->state = BAS_DOOR_RUNNING;
	bas_ssh_answer(channel->ssh, true);
	flush_input(channel);
	return true;
}

static bool
end(struct bas_door_channel *channel, uint32_t status, struct ca_bytes signal)
{
	if (channel->exited || channel->state == BAS_DOOR_NEW ||
	    signal.len >= sizeof(channel->signal) || memchr(signal.data, '\0', signal.len) != NULL)
		return false;
	/* A command that was refused without ever starting. */
	if (channel->state == BAS_DOOR_ASKED) {
		if (channel->asked_terminal)
			return false;
		channel->state = BAS_DOOR_RUNNING;
		bas_ssh_answer(channel->ssh, true);
	}
	channel->exited = true;
	channel->status = status;
	memcpy(channel->signal, signal.data, signal.len);
	finish(channel);
	return true;
}

static bool
answer_terminal(struct bas_door_channel *channel, bool ok)
{
	if (channel->state != BAS_DOOR_ASKED || !channel->asked_terminal)
		return false;
	channel->state = BAS_DOOR_NEW;
	channel->terminal = ok;
	bas_ssh_answer(channel->ssh, ok);
	return true;
}

bool
bas_door_channel_frame(struct bas_door *door, struct bas_frame *frame)
{
	struct ca_reader reader = ca_reader_of(frame->payload.data, frame->payload.len);
	uint32_t id = ca_read_u32(&reader);
	struct bas_door_channel *channel = door->channels;
	struct ca_bytes signal;
	uint32_t status;
	bool ok;

	while (channel != NULL && channel->id != id)
		channel = channel->next;
	/* The client has closed it meanwhile. */
	if (id < door->next_id && (channel == NULL || channel->state == BAS_DOOR_ENDED))
		return !reader.failed;
	if (channel == NULL)
		return false;
	switch (frame->type) {
	case BAS_F_PTY_REPLY:
		ok = ca_read_u8(&reader) == 1;
		return ca_reader_done(&reader) && answer_terminal(channel, ok);
	case BAS_F_STARTED:
		return ca_reader_done(&reader) && start(channel, frame);
	case BAS_F_EXIT:
		status = ca_read_u32(&reader);
		signal = ca_read_string(&reader);
		return ca_reader_done(&reader) && end(channel, status, signal);
	default:
		return false;
	}
}

/* --- bytes --- */

void
bas_door_channel_poll(const struct bas_door_channel *channel, struct pollfd fds[static 2])
{
	bool room = channel->output.len == 0 && !bas_ssh_is_full(channel->door->ssh) &&
		    bas_ssh_room(channel->ssh) > 0;
	bool input = channel->input.len > 0 || bas_ssh_unread(channel->ssh) > 0;
	short io = 0;

	if (room && !channel->io_ended)
		io |= POLLIN;
	if (input && channel->state == BAS_DOOR_RUNNING)
		io |= POLLOUT;
	/* A descriptor that nothing is wanted of is left out: its hangup would be reported for
	 * ever. */
	fds[0] = (struct pollfd){ .fd = io != 0 ? channel->io : -1, .events = io };
	fds[1] = (struct pollfd){ .fd = room ? channel->errors : -1, .events = POLLIN };
}

/* What could not go while keys were renewed. */
static void
flush_output(struct bas_door_channel *channel)
{
	struct ca_buf *output = &channel->output;
	ssize_t wrote;

	if (output->len == 0)
		return;
	wrote = bas_ssh_write(channel->ssh, output->data + channel->output_at,
	    output->len - channel->output_at, channel->output_errors);
	if (wrote >= 0)
		channel->output_at += (size_t)wrote;
	if (wrote < 0 || channel->output_at == output->len) {
		ca_buf_clear(output);
		channel->output_at = 0;
	}
}

/* False at the end of the stream. */
static bool
move_output(struct bas_door_channel *channel, int fd, bool errors)
{
	struct bas_door *door = channel->door;
	size_t room = bas_ssh_room(channel->ssh);
	ssize_t got, wrote;

	if (room == 0 || channel->output.len > 0)
		return true;
	do
		got =
		    read(fd, door->chunk, room < sizeof(door->chunk) ? room : sizeof(door->chunk));
	while (got < 0 && errno == EINTR);
	if (got <= 0)
		return got < 0 && errno == EAGAIN;
	wrote = bas_ssh_write(channel->ssh, door->chunk, (size_t)got, errors);
	if (wrote >= 0 && wrote < got) {
		ca_buf_put(&channel->output, door->chunk + wrote, (size_t)(got - wrote));
		channel->output_at = 0;
		channel->output_errors = errors;
		if (!ca_buf_ok(&channel->output))
			door->over = true;
	}
	return true;
}

static bool
is_readable(const struct pollfd *polled)
{
	return (polled->events & POLLIN) != 0 &&
	       (polled->revents & (POLLIN | POLLHUP | POLLERR)) != 0;
}

void
bas_door_channel_work(struct bas_door_channel *channel)
{
	const struct pollfd *io = channel->polled, *errors;
	const struct bas_ssh *ssh = channel->door->ssh;

	if (channel->state != BAS_DOOR_RUNNING)
		return;
	end_input(channel);
	if (io == NULL)
		return;
	errors = io + 1;
	if ((io->events & POLLOUT) != 0 && io->revents != 0)
		flush_input(channel);
	if (!bas_ssh_is_full(ssh))
		flush_output(channel);
	if (channel->errors >= 0 && is_readable(errors) && !bas_ssh_is_full(ssh) &&
	    !move_output(channel, channel->errors, true))
		close_fd(&channel->errors);
	if (channel->io >= 0 && is_readable(io) && !bas_ssh_is_full(ssh) &&
	    !move_output(channel, channel->io, false))
		channel->io_ended = true;
	finish(channel);
}
