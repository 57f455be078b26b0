/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ssh_channel.c - session channels: requests in their order, bytes, EOF and CLOSE (RFC 4254).
 *
 * Functions of libssh that flush also read packets and run the callbacks here, so those only set
 * flags or hand bytes on. A channel is freed only while libssh's list is empty, because messages
 * point to it.
 */
#include "bastion/ssh_parts.h"

#include <stdlib.h>
#include <unistd.h>

/* libssh's own window is at most 2 MiB, and it does not hold a client to it. */
#define UNREAD_MAX (2304u * 1024)

/* libssh 0.10 packs empty packets for ever for a client that takes packets of 10 bytes. Such a door
 * ends by SIGALRM. */
#define CAN_SPIN     (LIBSSH_VERSION_INT < SSH_VERSION_INT(0, 11, 0))
#define SPIN_SECONDS 2

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
/* Deprecated in favour of callbacks, in which nothing could be answered later; exported by all
 * versions. */
static struct bas_ssh_request
request_of(ssh_message message, enum bas_ssh_request_kind kind)
{
	struct bas_ssh_request request = { .kind = kind };

	if (kind == BAS_SSH_PTY || kind == BAS_SSH_RESIZE) {
		request.columns = (uint32_t)ssh_message_channel_request_pty_width(message);
		request.rows = (uint32_t)ssh_message_channel_request_pty_height(message);
	}
	if (kind == BAS_SSH_PTY)
		request.text = ssh_message_channel_request_pty_term(message);
	else if (kind == BAS_SSH_ENV)
		request.text = ssh_message_channel_request_env_name(message);
	else if (kind == BAS_SSH_EXEC)
		request.text = ssh_message_channel_request_command(message);
	if (request.text == NULL)
		request.text = "";
	return request;
}
#pragma GCC diagnostic pop

static struct bas_ssh_channel *
find_channel(const struct bas_ssh *ssh, ssh_channel channel)
{
	for (struct bas_ssh_channel *at = ssh->channels; at != NULL; at = at->next)
		if (at->channel == channel)
			return at;
	return NULL;
}

static int
hear_data(
    ssh_session session, ssh_channel channel, void *data, uint32_t len, int errors, void *user)
{
	struct bas_ssh_channel *at = user;
	size_t taken;

	(void)session;
	(void)channel;
	/* A client has no stderr to send (RFC 4254 5.2). */
	if (errors != 0 || at->remote_closed || at->local_closed)
		return (int)len;
	if (len > UNREAD_MAX) {
		at->ssh->broken = true;
		return (int)len;
	}
	taken = at->ssh->calls->data(at->owner, data, len);
	at->unread = len - taken;
	return (int)taken;
}

static void
hear_eof(ssh_session session, ssh_channel channel, void *user)
{
	struct bas_ssh_channel *at = user;

	(void)session;
	(void)channel;
	at->ssh->calls->eof(at->owner);
}

static void
hear_close(ssh_session session, ssh_channel channel, void *user)
{
	struct bas_ssh_channel *at = user;

	(void)session;
	(void)channel;
	at->remote_closed = true;
}

static void
hear_signal(ssh_session session, ssh_channel channel, const char *name, void *user)
{
	struct bas_ssh_channel *at = user;

	(void)session;
	(void)channel;
	if (!at->local_closed && !at->remote_closed)
		at->ssh->calls->signal(at->owner, name);
}

static bool
open_session(struct bas_ssh *ssh, ssh_message message)
{
	struct bas_ssh_channel *at = calloc(1, sizeof(*at));

	if (at == NULL)
		return false;
	at->ssh = ssh;
	at->owner = ssh->calls->open(ssh->owner, at);
	if (at->owner == NULL) {
		free(at);
		return false;
	}
	at->channel = ssh_message_channel_request_open_reply_accept(message);
	if (at->channel == NULL) {
		ssh->calls->freed(at->owner);
		free(at);
		ssh->broken = true;
		return true;
	}
	at->callbacks = (struct ssh_channel_callbacks_struct){
		.userdata = at,
		.channel_data_function = hear_data,
		.channel_eof_function = hear_eof,
		.channel_close_function = hear_close,
		.channel_signal_function = hear_signal,
	};
	ssh_callbacks_init(&at->callbacks);
	ssh_set_channel_callbacks(at->channel, &at->callbacks);
	at->next = ssh->channels;
	ssh->channels = at;
	return true;
}

void
bas_ssh_channel_open(struct bas_ssh *ssh, ssh_message message)
{
	const char *kind = ssh->channel_kind == NULL ? "channel" : ssh->channel_kind;

	ssh->channel_kind = NULL;
	switch (ssh_message_subtype(message)) {
	case SSH_CHANNEL_SESSION:
		if (open_session(ssh, message))
			return;
		kind = NULL;
		break;
	case SSH_CHANNEL_DIRECT_TCPIP:
		kind = "local-forward";
		break;
	case SSH_CHANNEL_X11:
		kind = "x11";
		break;
	}
	if (kind != NULL)
		ssh->calls->refused(ssh->owner, kind);
	ssh_message_reply_default(message);
}

static enum bas_ssh_reply
ask_owner(struct bas_ssh_channel *at, ssh_message message)
{
	struct bas_ssh *ssh = at->ssh;
	struct bas_ssh_request request;
	enum bas_ssh_request_kind kind;

	switch (ssh_message_subtype(message)) {
	case SSH_CHANNEL_REQUEST_PTY:
		kind = BAS_SSH_PTY;
		break;
	case SSH_CHANNEL_REQUEST_WINDOW_CHANGE:
		kind = BAS_SSH_RESIZE;
		break;
	case SSH_CHANNEL_REQUEST_ENV:
		kind = BAS_SSH_ENV;
		break;
	case SSH_CHANNEL_REQUEST_EXEC:
		kind = BAS_SSH_EXEC;
		break;
	case SSH_CHANNEL_REQUEST_SHELL:
		kind = BAS_SSH_SHELL;
		break;
	case SSH_CHANNEL_REQUEST_SUBSYSTEM:
		ssh->calls->refused(ssh->owner, "subsystem");
		return BAS_SSH_REFUSE;
	case SSH_CHANNEL_REQUEST_X11:
		ssh->calls->refused(ssh->owner, "x11");
		return BAS_SSH_REFUSE;
	default:
		return BAS_SSH_REFUSE;
	}
	if (kind == BAS_SSH_EXEC || kind == BAS_SSH_SHELL)
		ssh_set_log_level(SSH_LOG_NOLOG);
	request = request_of(message, kind);
	return ssh->calls->request(at->owner, &request);
}

static void
run_requests(struct bas_ssh_channel *at)
{
	while (at->requests.count > 0 && !at->later && !at->ssh->broken) {
		ssh_message message = at->requests.messages[at->requests.first];
		enum bas_ssh_reply reply;

		if (at->remote_closed || at->local_closed) {
			ssh_message_free(bas_ssh_queue_take(&at->requests));
			continue;
		}
		reply = ask_owner(at, message);
		if (reply == BAS_SSH_LATER) {
			at->later = true;
			return;
		}
		bas_ssh_queue_take(&at->requests);
		if (reply == BAS_SSH_ACCEPT)
			ssh_message_channel_request_reply_success(message);
		else
			ssh_message_reply_default(message);
		ssh_message_free(message);
	}
}

void
bas_ssh_answer(struct bas_ssh_channel *channel, bool ok)
{
	ssh_message message;

	if (!channel->later)
		return;
	channel->later = false;
	message = bas_ssh_queue_take(&channel->requests);
	if (!channel->remote_closed && !channel->local_closed) {
		if (ok)
			ssh_message_channel_request_reply_success(message);
		else
			ssh_message_reply_default(message);
	}
	ssh_message_free(message);
	run_requests(channel);
}

size_t
bas_ssh_room(const struct bas_ssh_channel *channel)
{
	if (channel->remote_closed || channel->local_closed || channel->ssh->broken)
		return 0;
	return ssh_channel_window_size(channel->channel);
}

ssize_t
bas_ssh_write(struct bas_ssh_channel *channel, const void *data, size_t len, bool errors)
{
	size_t room = bas_ssh_room(channel);
	int wrote;

	if (channel->remote_closed || channel->local_closed || channel->ssh->broken)
		return -1;
	/* With a window of 0 libssh would look for packets instead of coming back. */
	if (len > room)
		len = room;
	if (len == 0)
		return 0;
	if (CAN_SPIN)
		alarm(SPIN_SECONDS);
	wrote = errors ? ssh_channel_write_stderr(channel->channel, data, (uint32_t)len)
		       : ssh_channel_write(channel->channel, data, (uint32_t)len);
	if (CAN_SPIN)
		alarm(0);
	if (wrote < 0)
		channel->ssh->broken = true;
	return wrote < 0 ? -1 : wrote;
}

size_t
bas_ssh_unread(const struct bas_ssh_channel *channel)
{
	return channel->unread;
}

ssize_t
bas_ssh_read(struct bas_ssh_channel *channel, void *data, size_t len)
{
	int got;

	if (len > channel->unread)
		len = channel->unread;
	if (len == 0 || channel->ssh->broken)
		return 0;
	got = ssh_channel_read_nonblocking(channel->channel, data, (uint32_t)len, 0);
	if (got < 0)
		return -1;
	channel->unread -= (size_t)got;
	return got;
}

/* EOF, then CLOSE; a socket that is full takes the second only when called again. */
static void
send_close(struct bas_ssh_channel *at)
{
	if (at->local_closed && !at->close_sent)
		at->close_sent = ssh_channel_close(at->channel) == SSH_OK;
}

void
bas_ssh_exit(struct bas_ssh_channel *channel, uint32_t status, const char *signal)
{
	if (channel->remote_closed || channel->local_closed || channel->ssh->broken)
		return;
	if (*signal != '\0')
		ssh_channel_request_send_exit_signal(channel->channel, signal, 0, "", "");
	else
		ssh_channel_request_send_exit_status(channel->channel, (int)status);
	bas_ssh_close(channel);
}

void
bas_ssh_close(struct bas_ssh_channel *channel)
{
	channel->local_closed = true;
	channel->unread = 0;
	if (!channel->ssh->broken)
		send_close(channel);
}

void
bas_ssh_channel_take(struct bas_ssh *ssh, ssh_message message)
{
	struct bas_ssh_channel *at =
	    find_channel(ssh, ssh_message_channel_request_channel(message));

	/* A channel that is gone is not looked into: its memory may be, too. */
	if (at == NULL || !bas_ssh_queue_put(&at->requests, message)) {
		ssh_message_free(message);
		ssh->broken = true;
		return;
	}
	run_requests(at);
}

bool
bas_ssh_channels_close(struct bas_ssh *ssh)
{
	bool did = false;

	for (struct bas_ssh_channel *at = ssh->channels; at != NULL; at = at->next) {
		bool sent = at->close_sent;

		if (at->remote_closed && !at->told) {
			at->told = true;
			at->local_closed = true;
			at->unread = 0;
			ssh->calls->closed(at->owner);
			did = true;
		}
		send_close(at);
		did = did || at->close_sent != sent;
	}
	return did;
}

void
bas_ssh_channels_reap(struct bas_ssh *ssh)
{
	struct bas_ssh_channel **link = &ssh->channels;

	while (*link != NULL) {
		struct bas_ssh_channel *at = *link;

		if (!at->told || !at->close_sent) {
			link = &at->next;
			continue;
		}
		*link = at->next;
		bas_ssh_queue_clear(&at->requests);
		/* Until 0.11 libssh would go on calling them. */
		ssh_remove_channel_callbacks(at->channel, &at->callbacks);
		ssh_channel_free(at->channel);
		ssh->calls->freed(at->owner);
		free(at);
	}
}
