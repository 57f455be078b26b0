/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper_run.c - one run: what is recorded and said, how it is stopped, how it ends.
 *
 * Recorded, then released; sealed, then logged, then the exit status. A run that fails has one
 * sentence on stderr and a status of ours.
 */
#include "bastion/keeper.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SOCKET_BUFFER (512 * 1024) /* a whole chunk in one write, where the system allows */

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void
bas_run_free(struct bas_run *run)
{
	struct bas_stream *streams[] = { &run->in, &run->out, &run->err };

	for (size_t i = 0; i < 3; i++) {
		free(streams[i]->chunk);
		ca_buf_clear(&streams[i]->said);
	}
	close_fd(&run->socket);
	close_fd(&run->errors);
	close_fd(&run->door_socket);
	close_fd(&run->door_errors);
	close_fd(&run->master);
	close_fd(&run->command_in);
	close_fd(&run->command_out);
	close_fd(&run->command_err);
	rec_recording_free(run->recording);
	free(run->name);
	free(run->line);
	free(run);
}

struct bas_run *
bas_run_new(bool newlines)
{
	struct bas_run *run = calloc(1, sizeof(*run));
	int pair[2], pipe_ends[2], size = SOCKET_BUFFER;

	if (run == NULL)
		return NULL;
	run->newlines = newlines;
	run->socket = run->errors = run->door_socket = run->door_errors = run->master = -1;
	run->command_in = run->command_out = run->command_err = -1;
	run->stop_at = run->next_tick = BAS_NEVER;
	run->output_left = UINT64_MAX;
	run->began = bas_clock_boot();
	run->gone = true; /* until there is a process */
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
		goto fail;
	run->socket = pair[0];
	run->door_socket = pair[1];
	if (pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK) != 0)
		goto fail;
	run->door_errors = pipe_ends[0];
	run->errors = pipe_ends[1];
	(void)setsockopt(run->socket, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	bas_relay_init(run);
	return run;
fail:
	bas_run_free(run);
	return NULL;
}

void
bas_run_unrecorded(struct bas_keeper *keeper, struct bas_run *run, const char *sentence)
{
	char text[CA_WHY_SIZE];

	rec_recording_free(run->recording);
	run->recording = NULL;
	snprintf(text, sizeof(text), "recording failed, so this ends: %.400s", sentence);
	bas_run_stop(keeper, run, BAS_CAUSE_RECORDING, BAS_STATUS_ENDED, text);
}

bool
bas_run_record(
    struct bas_keeper *keeper, struct bas_run *run, char code, const void *data, size_t len)
{
	struct rec_event event = { .time = (bas_clock_boot() - run->began) / 1000,
		.code = code,
		.data = data,
		.len = len };
	struct ca_why why;

	if (run->recording == NULL)
		return false;
	if (!rec_recording_event(run->recording, &event, &why)) {
		bas_run_unrecorded(keeper, run, why.text);
		return false;
	}
	/* There is something to sync now; the recording knows when. */
	if (run->next_tick == BAS_NEVER)
		run->next_tick = 0;
	return true;
}

/* Our own text. A terminal of the client's is raw, and wants CR LF. */
static void
put_said(struct bas_keeper *keeper, struct bas_run *run, struct bas_stream *stream,
    const char *text, size_t len)
{
	struct ca_buf lines = { 0 };

	for (size_t i = 0; i < len; i++) {
		if (run->newlines && text[i] == '\n')
			ca_buf_put_u8(&lines, '\r');
		ca_buf_put_u8(&lines, (uint8_t)text[i]);
	}
	/* A refusal has no recording, a dead one takes nothing more; the engineer is told all the
	 * same. */
	if (run->recording != NULL &&
	    !bas_run_record(keeper, run, stream->code, lines.data, lines.len))
		goto out;
	if (stream->to >= 0)
		ca_buf_put(&stream->said, lines.data, lines.len);
out:
	ca_buf_clear(&lines);
}

void
bas_run_print(struct bas_keeper *keeper, struct bas_run *run, const void *text, size_t len)
{
	put_said(keeper, run, &run->out, text, len);
}

void
bas_run_say(struct bas_keeper *keeper, struct bas_run *run, const char *sentence)
{
	struct ca_buf text = { 0 };

	ca_buf_printf(&text, "postern: %s\n", sentence);
	if (ca_buf_ok(&text))
		put_said(keeper, run, &run->err, (const char *)text.data, text.len);
	ca_buf_clear(&text);
}

static void
send_stop(struct bas_keeper *keeper, struct bas_run *run, uint32_t number)
{
	struct ca_buf payload = { 0 };

	ca_buf_put_u32(&payload, run->tag);
	ca_buf_put_u32(&payload, number);
	if (!keeper->spawner_lost &&
	    !bas_frame_send(keeper->fds.spawner, BAS_F_STOP, &payload, NULL, 0))
		keeper->spawner_lost = true;
	ca_buf_clear(&payload);
}

void
bas_run_signal(struct bas_keeper *keeper, struct bas_run *run, int number)
{
	if (!run->gone && !run->spawning && !run->stopped)
		send_stop(keeper, run, (uint32_t)number);
}

void
bas_run_stop(struct bas_keeper *keeper, struct bas_run *run, enum bas_cause cause, unsigned status,
    const char *sentence)
{
	if (run->cause == BAS_CAUSE_NONE) {
		run->cause = cause;
		run->status = status;
		if (sentence != NULL) {
			snprintf(run->failure, sizeof(run->failure), "%s", sentence);
			bas_run_say(keeper, run, sentence);
		}
	}
	/* What a command printed before its time was over is still its output; all else is not
	 * released. */
	if (cause != BAS_CAUSE_TIMEOUT)
		run->out.from = run->err.from = -1;
	run->in.from = -1;
	run->stop_at = BAS_NEVER;
	if (!run->gone && !run->spawning && !run->stopped)
		send_stop(keeper, run, 0);
	run->stopped = true;
}

/* What the recording's exit event and the door are told. */
static void
final_status(const struct bas_run *run, char text[static 32])
{
	if (run->signal[0] != '\0')
		snprintf(text, 32, "%s", run->signal);
	else
		snprintf(text, 32, "%u", (unsigned)run->status);
}

/* A closing seal that fails is told like any failure of the recording. */
static bool
seal(struct bas_keeper *keeper, struct bas_run *run, uint64_t *bytes, uint8_t hash[static 32])
{
	struct ca_why why;
	char text[32];

	if (run->recording == NULL)
		return false;
	final_status(run, text);
	if (!rec_recording_close(run->recording, (bas_clock_boot() - run->began) / 1000, text,
		bas_window_now(keeper), hash, &why)) {
		bas_run_unrecorded(keeper, run, why.text);
		return false;
	}
	*bytes = rec_recording_bytes(run->recording);
	rec_recording_free(run->recording);
	run->recording = NULL;
	return true;
}

static void
log_end(struct bas_keeper *keeper, struct bas_run *run)
{
	uint8_t hash[32];
	uint64_t bytes = 0;
	bool sealed = seal(keeper, run, &bytes, hash);
	char *fields = bas_fields_end(run, bytes, sealed ? hash : NULL);
	struct ca_buf payload = { 0 };

	if (fields != NULL) {
		ca_buf_put_cstring(&payload, run->name);
		ca_buf_put_u64(&payload, run->carried);
		ca_buf_put_u64(&payload, keeper->carried);
		ca_buf_put_cstring(&payload, fields);
		if (!bas_keeper_acknowledged(keeper, BAS_F_RUN_END, &payload))
			bas_keeper_end(keeper, 0, "session ended: the log cannot be written");
	}
	ca_buf_clear(&payload);
	free(fields);
	free(run->name);
	run->name = NULL;
}

void
bas_run_finish(struct bas_keeper *keeper, struct bas_channel *channel, bool force)
{
	struct bas_run *run = channel->run;
	struct ca_buf payload = { 0 };

	if (!force && (!run->gone || run->spawning || !bas_relay_is_done(run)))
		return;
	if (run->name != NULL) {
		log_end(keeper, run);
		/* Sealing may have failed, and then there is a sentence to bring. */
		if (!force && !bas_relay_is_done(run))
			return;
	}
	/* What is left goes as far as the door's buffers take it. */
	bas_relay_move(keeper, run);
	ca_buf_put_u32(&payload, channel->id);
	ca_buf_put_u32(&payload, run->signal[0] != '\0' ? 0 : run->status);
	ca_buf_put_cstring(&payload, run->signal);
	if (!channel->closed)
		bas_keeper_tell(keeper, BAS_F_EXIT, &payload, NULL, 0);
	ca_buf_clear(&payload);
	bas_run_free(run);
	channel->run = NULL;
	bas_window_trim(keeper);
}

/* The run whose tag it is, or NULL: frames cross. */
static struct bas_channel *
find_run(const struct bas_keeper *keeper, uint32_t tag)
{
	struct bas_channel *channel = keeper->channels;

	while (channel != NULL && (channel->run == NULL || channel->run->tag != tag))
		channel = channel->next;
	return channel;
}

static bool
take_gone(struct bas_run *run, struct ca_reader *reader)
{
	uint32_t status = ca_read_u32(reader);
	char *name = ca_read_cstring(reader);
	bool ok;

	run->cpu = ca_read_u64(reader);
	ok = ca_reader_done(reader) && name != NULL;
	/* A run that we ended has our status. */
	if (ok && run->cause == BAS_CAUSE_NONE) {
		run->status = status;
		snprintf(run->signal, sizeof(run->signal), "%s", name);
	}
	run->gone = true;
	free(name);
	return ok;
}

bool
bas_run_frame(struct bas_keeper *keeper, const struct bas_frame *frame)
{
	struct ca_reader reader = ca_reader_of(frame->payload.data, frame->payload.len);
	struct bas_channel *channel = find_run(keeper, ca_read_u32(&reader));

	if (frame->type != BAS_F_SPAWNED && frame->type != BAS_F_GONE)
		return false;
	if (channel == NULL)
		return true;
	return frame->type == BAS_F_GONE ? take_gone(channel->run, &reader)
					 : bas_run_spawned(keeper, channel, &reader);
}
