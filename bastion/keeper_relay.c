/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper_relay.c - the streams of a run: read, record, release.
 *
 * Recorded before released is one comparison here: flush() writes chunk[start, recorded), and only
 * record_chunk() moves `recorded`, after rec_recording_event has returned. A stream with anything
 * left to write reads nothing, so a client that stalls costs one chunk and stops the command, not
 * us.
 */
#include "bastion/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIPE_DEFAULT ((size_t)64 * 1024)
#define PIPE_GROWN   (1024 * 1024)

void
bas_relay_init(struct bas_run *run)
{
	run->in = (struct bas_stream){ .from = -1, .to = -1, .code = 'i' };
	run->out = (struct bas_stream){ .from = -1, .to = run->socket, .code = 'o' };
	run->err = (struct bas_stream){ .from = -1, .to = run->errors, .code = 'e' };
}

bool
bas_relay_connect(struct bas_run *run)
{
	/* Mapped, not touched: a command that says nothing costs no page. */
	run->in.chunk = malloc(BAS_INPUT_SIZE);
	run->out.chunk = malloc(BAS_CHUNK_SIZE);
	run->err.chunk = malloc(BAS_CHUNK_SIZE);
	run->in.from = run->socket;
	run->in.to = run->terminal ? run->master : run->command_in;
	run->out.from = run->terminal ? run->master : run->command_out;
	run->err.from = run->terminal ? -1 : run->command_err;
	return run->in.chunk != NULL && run->out.chunk != NULL && run->err.chunk != NULL;
}

static bool
is_waiting(const struct bas_stream *stream)
{
	return stream->start < stream->recorded || stream->said_start < stream->said.len;
}

static void
drop_pending(struct bas_stream *stream)
{
	stream->start = stream->recorded = 0;
	stream->said_start = 0;
	ca_buf_reset(&stream->said);
}

void
bas_relay_abandon(struct bas_run *run)
{
	struct bas_stream *streams[] = { &run->in, &run->out, &run->err };

	for (size_t i = 0; i < 3; i++) {
		streams[i]->from = -1;
		streams[i]->to = -1;
		drop_pending(streams[i]);
	}
}

bool
bas_relay_is_done(const struct bas_run *run)
{
	return run->out.from < 0 && run->err.from < 0 && !is_waiting(&run->out) &&
	       !is_waiting(&run->err);
}

static size_t
add_poll(struct pollfd *polls, size_t count, int fd, short events)
{
	if (fd < 0 || events == 0)
		return count;
	polls[count] = (struct pollfd){ .fd = fd, .events = events };
	return count + 1;
}

/* Only descriptors that there is something to do with: a hang-up on any other would wake us for
 * ever. */
size_t
bas_relay_polls(const struct bas_run *run, struct pollfd *polls)
{
	size_t count = 0;

	count = add_poll(polls, count, run->out.to, is_waiting(&run->out) ? POLLOUT : 0);
	count = add_poll(polls, count, run->err.to, is_waiting(&run->err) ? POLLOUT : 0);
	if (is_waiting(&run->in))
		count = add_poll(polls, count, run->in.to, POLLOUT);
	else
		count = add_poll(polls, count, run->in.from, POLLIN);
	count = add_poll(polls, count, run->out.from, is_waiting(&run->out) ? 0 : POLLIN);
	return add_poll(polls, count, run->err.from, is_waiting(&run->err) ? 0 : POLLIN);
}

/* Writes [*start, end) as far as it goes. False: nobody is there any more. */
static bool
write_some(int fd, const uint8_t *data, size_t *start, size_t end)
{
	while (*start < end) {
		ssize_t written = write(fd, data + *start, end - *start);

		if (written > 0)
			*start += (size_t)written;
		else if (written < 0 && errno == EINTR)
			continue;
		else
			return written == 0 || errno == EAGAIN;
	}
	return true;
}

/* False: the taker is gone. */
static bool
flush(struct bas_stream *stream)
{
	if (stream->to < 0 || !is_waiting(stream))
		return true;
	if (!write_some(stream->to, stream->chunk, &stream->start, stream->recorded))
		return false;
	if (stream->start == stream->recorded &&
	    !write_some(stream->to, stream->said.data, &stream->said_start, stream->said.len))
		return false;
	if (!is_waiting(stream))
		drop_pending(stream);
	return true;
}

static bool
record_chunk(struct bas_keeper *keeper, struct bas_run *run, struct bas_stream *stream, size_t len)
{
	char count[24];
	bool recorded;

	if (stream == &run->in && run->terminal && bas_terminal_hides(run->master)) {
		snprintf(count, sizeof(count), "%zu", len);
		recorded = bas_run_record(keeper, run, 'h', count, strlen(count));
	} else {
		recorded = bas_run_record(keeper, run, stream->code, stream->chunk, len);
	}
	if (!recorded)
		return false;
	stream->start = 0;
	stream->recorded = len;
	return true;
}

enum got { GOT_BYTES, GOT_NOTHING, GOT_END };

/* A terminal gives 4 KiB a read: what is ready is taken as one piece, which costs everyone behind
 * us less. */
static enum got
read_some(struct bas_stream *stream, size_t size, bool terminal, size_t *len)
{
	ssize_t got = 0;

	*len = 0;
	do {
		do
			got = read(stream->from, stream->chunk + *len, size - *len);
		while (got < 0 && errno == EINTR);
		if (got > 0)
			*len += (size_t)got;
	} while (terminal && got > 0 && *len < size);
	if (*len > 0)
		return GOT_BYTES;
	return got < 0 && errno == EAGAIN ? GOT_NOTHING : GOT_END;
}

/* Only for a command that fills its pipe: pages of pipes are counted per user, and most commands
 * say little. */
static void
grow_pipe(struct bas_stream *stream, size_t len)
{
	if (stream->grown || len < PIPE_DEFAULT)
		return;
	stream->grown = true;
	(void)fcntl(stream->from, F_SETPIPE_SZ, PIPE_GROWN);
}

static void
format_size(char out[static 32], uint64_t size)
{
	static const char units[] = "GMK";

	for (int i = 0; i < 3; i++) {
		uint64_t unit = (uint64_t)1 << (30 - 10 * i);

		if (size >= unit && size % unit == 0) {
			snprintf(out, 32, "%llu%c", (unsigned long long)(size / unit), units[i]);
			return;
		}
	}
	snprintf(out, 32, "%llu", (unsigned long long)size);
}

/* Gives how many of `len` bytes may go out: the command's own limit, then the session's. */
static size_t
take_output(struct bas_keeper *keeper, struct bas_run *run, size_t len)
{
	size_t take = run->output_left < len ? (size_t)run->output_left : len;

	take = bas_keeper_take_output(keeper, take);
	if (run->output_left != UINT64_MAX)
		run->output_left -= take;
	return take;
}

static void
stop_over_limit(struct bas_keeper *keeper, struct bas_run *run)
{
	bool own = run->output_left == 0;
	char size[32], sentence[96];

	format_size(size, own ? run->command->output : keeper->role->output);
	snprintf(sentence, sizeof(sentence), "output limit of %s reached%s", size,
	    own ? "" : ", for the whole session");
	bas_run_stop(keeper, run, BAS_CAUSE_OUTPUT, BAS_STATUS_ENDED, sentence);
}

static void
fill_output(struct bas_keeper *keeper, struct bas_run *run, struct bas_stream *stream)
{
	size_t len, take;

	if (stream->from < 0 || is_waiting(stream))
		return;
	switch (read_some(stream, BAS_CHUNK_SIZE, run->terminal, &len)) {
	case GOT_NOTHING:
		/* Without a process there is nothing to wait for; a terminal still has its hang-up
		 * to give. */
		if (run->gone && !run->terminal)
			stream->from = -1;
		return;
	case GOT_END:
		stream->from = -1;
		return;
	case GOT_BYTES:
		break;
	}
	if (!run->terminal)
		grow_pipe(stream, len);
	take = take_output(keeper, run, len);
	/* While we waited for the clerk the session may have ended. */
	if (keeper->killed || stream->from < 0)
		return;
	if (take > 0) {
		if (!record_chunk(keeper, run, stream, take))
			return;
		run->carried += take;
	}
	if (take < len)
		stop_over_limit(keeper, run);
}

static void
close_input(struct bas_run *run)
{
	run->in.from = -1;
	run->in.to = -1;
	drop_pending(&run->in);
	if (run->command_in >= 0)
		close(run->command_in);
	run->command_in = -1;
}

static void
fill_input(struct bas_keeper *keeper, struct bas_run *run)
{
	struct bas_stream *stream = &run->in;
	size_t len;

	if (stream->from < 0 || stream->to < 0 || is_waiting(stream))
		return;
	switch (read_some(stream, BAS_INPUT_SIZE, false, &len)) {
	case GOT_NOTHING:
		return;
	case GOT_END:
		/* A terminal has no end of input but the character that means it. */
		stream->from = -1;
		if (!run->terminal)
			close_input(run);
		return;
	case GOT_BYTES:
		break;
	}
	if (record_chunk(keeper, run, stream, len))
		run->typed += len;
}

void
bas_relay_move(struct bas_keeper *keeper, struct bas_run *run)
{
	fill_input(keeper, run);
	if (!flush(&run->in) || (run->terminal && run->out.from < 0))
		close_input(run); /* the command reads no more; it may still write */
	if (flush(&run->out))
		fill_output(keeper, run, &run->out);
	if (flush(&run->err))
		fill_output(keeper, run, &run->err);
	if (!flush(&run->out) || !flush(&run->err)) {
		bas_relay_abandon(run);
		bas_run_stop(keeper, run, BAS_CAUSE_CLIENT, BAS_STATUS_ENDED, NULL);
	}
}
