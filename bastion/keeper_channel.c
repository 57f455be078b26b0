/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper_channel.c - what the door asks for on its channels.
 *
 * Frames cross: the door may still speak of a channel whose exit is on its way, so an unknown
 * number is no error where the client could have been late, and ends the connection where only a
 * broken door would send it.
 */
#include "bastion/keeper.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct bas_channel *
find(const struct bas_keeper *keeper, uint32_t id)
{
	struct bas_channel *channel = keeper->channels;

	while (channel != NULL && channel->id != id)
		channel = channel->next;
	return channel;
}

bool
bas_channel_open(struct bas_keeper *keeper, struct ca_reader *reader)
{
	uint32_t id = ca_read_u32(reader);
	struct bas_channel *channel;
	unsigned count = 0;

	for (channel = keeper->channels; channel != NULL; channel = channel->next)
		count += !channel->closed;
	/* The door refuses what is over the limit. */
	if (!ca_reader_done(reader) || find(keeper, id) != NULL ||
	    count >= keeper->config->limits.channels)
		return false;
	channel = calloc(1, sizeof(*channel));
	if (channel == NULL)
		return false;
	channel->id = id;
	channel->next = keeper->channels;
	keeper->channels = channel;
	return true;
}

bool
bas_channel_pty(struct bas_keeper *keeper, struct ca_reader *reader)
{
	uint32_t id = ca_read_u32(reader);
	char *term = ca_read_cstring(reader);
	uint32_t columns = ca_read_u32(reader);
	uint32_t rows = ca_read_u32(reader);
	struct bas_channel *channel = find(keeper, id);
	struct ca_buf payload = { 0 };
	bool ok = ca_reader_done(reader) && term != NULL && channel != NULL && !channel->asked &&
		  !channel->pty;

	if (ok) {
		channel->pty = keeper->may_terminal;
		bas_terminal_name(channel->term, term);
		channel->columns = columns;
		channel->rows = rows;
		ca_buf_put_u32(&payload, id);
		ca_buf_put_u8(&payload, channel->pty);
		bas_keeper_tell(keeper, BAS_F_PTY_REPLY, &payload, NULL, 0);
		ca_buf_clear(&payload);
	}
	free(term);
	return ok;
}

bool
bas_channel_resize(struct bas_keeper *keeper, struct ca_reader *reader)
{
	struct bas_channel *channel = find(keeper, ca_read_u32(reader));
	uint32_t columns = ca_read_u32(reader);
	uint32_t rows = ca_read_u32(reader);
	struct bas_run *run;
	char size[32];

	if (!ca_reader_done(reader))
		return false;
	if (channel == NULL || !channel->pty)
		return true;
	channel->columns = columns;
	channel->rows = rows;
	run = channel->run;
	if (run == NULL || run->master < 0 || run->recording == NULL || run->stopped)
		return true;
	snprintf(size, sizeof(size), "%ux%u", (unsigned)columns, (unsigned)rows);
	if (bas_run_record(keeper, run, 'r', size, strlen(size)))
		bas_terminal_resize(run->master, columns, rows);
	return true;
}

bool
bas_channel_exec(struct bas_keeper *keeper, struct ca_reader *reader)
{
	struct bas_channel *channel = find(keeper, ca_read_u32(reader));
	struct ca_bytes line = ca_read_string(reader);

	if (!ca_reader_done(reader) || channel == NULL || channel->asked)
		return false;
	channel->asked = true;
	bas_run_start(keeper, channel, line.data, line.len);
	return true;
}

/* RFC 4254 section 6.10. */
static int
signal_number(struct ca_bytes name)
{
	static const struct {
		const char *name;
		int number;
	} signals[] = { { "ABRT", SIGABRT }, { "ALRM", SIGALRM }, { "FPE", SIGFPE },
		{ "HUP", SIGHUP }, { "ILL", SIGILL }, { "INT", SIGINT }, { "KILL", SIGKILL },
		{ "PIPE", SIGPIPE }, { "QUIT", SIGQUIT }, { "SEGV", SIGSEGV }, { "TERM", SIGTERM },
		{ "USR1", SIGUSR1 }, { "USR2", SIGUSR2 } };

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (ca_bytes_is(name, signals[i].name))
			return signals[i].number;
	return 0;
}

bool
bas_channel_signal(struct bas_keeper *keeper, struct ca_reader *reader)
{
	struct bas_channel *channel = find(keeper, ca_read_u32(reader));
	struct ca_bytes name = ca_read_string(reader);
	int number;

	if (!ca_reader_done(reader))
		return false;
	number = signal_number(name);
	/* 0 would mean: kill the tree. */
	if (number != 0 && channel != NULL && channel->run != NULL)
		bas_run_signal(keeper, channel->run, number);
	return true;
}

bool
bas_channel_close(struct bas_keeper *keeper, struct ca_reader *reader)
{
	struct bas_channel *channel = find(keeper, ca_read_u32(reader));

	if (!ca_reader_done(reader))
		return false;
	if (channel == NULL)
		return true;
	channel->closed = true;
	if (channel->run != NULL) {
		bas_relay_abandon(channel->run);
		bas_run_stop(keeper, channel->run, BAS_CAUSE_CLIENT, BAS_STATUS_ENDED, NULL);
	}
	return true;
}

bool
bas_channel_refused(struct bas_keeper *keeper, struct ca_reader *reader)
{
	static const char *const kinds[] = { "local-forward", "remote-forward", "streamlocal",
		"agent", "x11", "subsystem", "tunnel", "global", "channel" };
	struct ca_bytes kind = ca_read_string(reader);
	unsigned i = 0;

	while (i < sizeof(kinds) / sizeof(kinds[0]) && !ca_bytes_is(kind, kinds[i]))
		i++;
	if (!ca_reader_done(reader) || i == sizeof(kinds) / sizeof(kinds[0]))
		return false;
	if ((keeper->refused_kinds & 1u << i) != 0)
		return true;
	keeper->refused_kinds |= 1u << i;
	if (!bas_log_kind(keeper, kinds[i]))
		bas_keeper_end(keeper, 0, "session ended: the log cannot be written");
	return true;
}

void
bas_channels_sweep(struct bas_keeper *keeper)
{
	struct bas_channel **at = &keeper->channels;

	while (*at != NULL) {
		struct bas_channel *channel = *at;

		if (channel->run != NULL || !(channel->asked || channel->closed)) {
			at = &channel->next;
			continue;
		}
		*at = channel->next;
		free(channel);
	}
}
