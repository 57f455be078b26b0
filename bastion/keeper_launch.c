/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper_launch.c - from a channel's line to a running command.
 *
 * The order is the promise: judged, logged, recordable, then started. Whatever fails on the way is
 * a sentence on stderr and a status of ours, and nothing runs.
 */
#include "bastion/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bastion/confine.h"

void
bas_run_started(struct bas_keeper *keeper, struct bas_channel *channel)
{
	struct bas_run *run = channel->run;
	int fds[2] = { run->door_socket, run->door_errors };
	struct ca_buf payload = { 0 };

	ca_buf_put_u32(&payload, channel->id);
	if (!channel->closed)
		bas_keeper_tell(keeper, BAS_F_STARTED, &payload, fds, 2);
	ca_buf_clear(&payload);
	close(run->door_socket);
	close(run->door_errors);
	run->door_socket = run->door_errors = -1;
}

/* Nothing runs. The sentence is all there is. */
static void
give_up(
    struct bas_keeper *keeper, struct bas_channel *channel, unsigned status, const char *sentence)
{
	struct bas_run *run = channel->run;

	bas_run_stop(keeper, run, BAS_CAUSE_SPAWN, status, sentence);
	run->gone = true;
	bas_run_started(keeper, channel);
}

/* Logged first, then said. */
static void
refuse(struct bas_keeper *keeper, struct bas_channel *channel, const void *line, size_t len,
    unsigned status, const char *sentence)
{
	if (!bas_log_denied(keeper, line, len, status, sentence))
		return; /* and the session is ending */
	give_up(keeper, channel, status, sentence);
}

/* May this line run here? Fills `call` and gives the canonical line to the run. */
static bool
decide(const struct bas_keeper *keeper, const struct bas_channel *channel, struct ca_bytes line,
    struct bas_call *call, enum bas_refusal *refusal, struct ca_why *why)
{
	struct ca_buf canonical = { 0 };
	const struct bas_command *command;

	*refusal = BAS_DENIED;
	if (keeper->forced != NULL && !ca_bytes_is(line, keeper->forced))
		return ca_why_set(why, "this grant is for one command only: %s", keeper->forced);
	if (line.len == 0) { /* a shell was asked for: what may be done here is the answer */
		call->kind = BAS_CALL_HELP;
		channel->run->line = strdup("");
		return channel->run->line != NULL || ca_why_set(why, "out of memory");
	}
	if (!bas_call_parse(call, keeper->role, line.data, line.len, refusal, why))
		return false;
	*refusal = BAS_DENIED;
	bas_call_encode(&canonical, call);
	ca_buf_put_u8(&canonical, 0);
	if (ca_buf_ok(&canonical))
		channel->run->line = strdup((const char *)canonical.data);
	ca_buf_clear(&canonical);
	if (channel->run->line == NULL)
		return ca_why_set(why, "out of memory");
	if (call->kind != BAS_CALL_RUN)
		return true;
	channel->run->command = command = call->command;
	channel->run->terminal = channel->pty && keeper->may_terminal;
	channel->run->output_left = command->output;
	if (keeper->role->least > keeper->ready->level)
		return bas_confine_refuse(keeper->role, keeper->ready->level, why);
	if (command->terminal && !keeper->may_terminal)
		return ca_why_set(
		    why, "command '%s' needs a terminal, and this grant has none", command->name);
	if (command->terminal && !channel->pty)
		return ca_why_set(why, "command '%s' needs a terminal: use ssh -t", command->name);
	return true;
}

/* Asks the clerk for a name; with the first, for a certificate of the connection's own seal key. */
static bool
log_run(struct bas_keeper *keeper, struct bas_run *run, struct ca_why *why)
{
	char *fields = bas_fields_run(keeper, run, why);
	struct ca_buf payload = { 0 };
	struct bas_frame reply;
	struct ca_reader reader;
	struct ca_bytes key = { 0 }, cert;
	bool ok = false;

	if (fields == NULL ||
	    (keeper->seal_key == NULL && !ca_signer_generate(&keeper->seal_key, why)))
		goto out;
	ca_why_set(why, "the log cannot be written");
	if (keeper->seal_cert == NULL)
		key = ca_key_blob(ca_signer_key(keeper->seal_key));
	ca_buf_put_cstring(&payload, fields);
	ca_buf_put_string(&payload, key.data, key.len);
	if (!bas_keeper_ask(
		keeper, BAS_F_RUN, &payload, BAS_F_RUN_REPLY, BAS_F_RUN_REPLY, &reply)) {
		ca_why_set(why, "%s", keeper->killed ? keeper->kill_sentence : keeper->ending);
		goto out;
	}
	reader = ca_reader_of(reply.payload.data, reply.payload.len);
	run->name = ca_read_cstring(&reader);
	cert = ca_read_string(&reader);
	if (!ca_reader_done(&reader) || run->name == NULL || run->name[0] == '\0') {
		free(run->name);
		run->name = NULL;
		goto out;
	}
	ok = keeper->seal_cert != NULL ||
	     ca_cert_parse(&keeper->seal_cert, cert.data, cert.len, why);
out:
	ca_buf_clear(&payload);
	free(fields);
	return ok;
}

static bool
open_recording(struct bas_keeper *keeper, struct bas_channel *channel, struct ca_why *why)
{
	struct bas_run *run = channel->run;
	const struct ca_grant *grant = keeper->grant;
	struct rec_header header = { .width =
					 channel->pty && channel->columns ? channel->columns : 80,
		.height = channel->pty && channel->rows ? channel->rows : 24,
		.command = run->line,
		.term = run->terminal ? channel->term : NULL,
		.recording = run->name,
		.identity = grant->identity,
		.key_id = grant->cert->key_id,
		.grant = grant->has_statement ? grant->statement.grant : 0,
		.environment = keeper->config->environment,
		.role = keeper->role->name,
		.reason = grant->has_statement ? grant->statement.reason : NULL,
		.source = keeper->address,
		.confinement = run->command ? bas_level_name(keeper->ready->level) : NULL,
		.terminal = run->terminal };
	struct ca_buf names = { 0 };
	bool ok;

	for (size_t i = 0; i < grant->approver_count; i++)
		ca_buf_printf(&names, "%s%s", i > 0 ? "," : "", grant->approvers[i]);
	ca_buf_put_u8(&names, 0);
	header.approvers = ca_buf_ok(&names) ? (const char *)names.data : NULL;
	header.timestamp = bas_window_now(keeper);
	run->began = bas_clock_boot();
	ok = rec_recording_open(&run->recording, keeper->ready->recordings, &header,
	    keeper->seal_key, keeper->seal_cert, why);
	run->next_tick = 0;
	ca_buf_clear(&names);
	return ok;
}

/* The command's ends; -1 where there is none. With a terminal one slave is all three. */
static void
close_ends(int ends[3])
{
	for (int i = 0; i < 3; i++)
		if (ends[i] >= 0 && (i == 0 || ends[i] != ends[0]))
			close(ends[i]);
}

/* Ours never block: a command that does not read or write must not hold the keeper. */
static bool
open_pipe(int *ours, int *theirs, bool we_write)
{
	int pair[2];

	if (pipe2(pair, O_CLOEXEC) != 0)
		return false;
	*ours = pair[we_write ? 1 : 0];
	*theirs = pair[we_write ? 0 : 1];
	return fcntl(*ours, F_SETFL, O_NONBLOCK | (we_write ? O_WRONLY : O_RDONLY)) == 0;
}

static bool
open_ends(struct bas_channel *channel, int ends[3], struct ca_why *why)
{
	struct bas_run *run = channel->run;

	if (run->terminal) {
		if (!bas_terminal_open(
			&run->master, &ends[0], channel->columns, channel->rows, why))
			return false;
		ends[1] = ends[2] = ends[0];
	} else if (!open_pipe(&run->command_in, &ends[0], true) ||
		   !open_pipe(&run->command_out, &ends[1], false) ||
		   !open_pipe(&run->command_err, &ends[2], false)) {
		return ca_why_set(why, "no pipe: %s", strerror(errno));
	}
	return bas_relay_connect(run) || ca_why_set(why, "out of memory");
}

static void
put_environment(struct ca_buf *payload, const struct bas_channel *channel)
{
	char term[64];

	ca_buf_put_u32(payload, channel->run->terminal ? 4 : 3);
	ca_buf_put_cstring(payload, "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");
	ca_buf_put_cstring(payload, "LANG=C.UTF-8");
	ca_buf_put_cstring(payload, "HOME=/");
	if (!channel->run->terminal)
		return;
	bas_terminal_name(term, channel->term);
	ca_buf_put_u32(payload, (uint32_t)(strlen(term) + strlen("TERM=")));
	ca_buf_put_text(payload, "TERM=");
	ca_buf_put_text(payload, term);
}

static bool
spawn(struct bas_keeper *keeper, struct bas_channel *channel, const struct bas_call *call,
    struct ca_why *why)
{
	struct bas_run *run = channel->run;
	const struct ca_grant *grant = keeper->grant;
	struct bas_caller caller = { .identity = grant->identity,
		.grant = grant->has_statement ? grant->statement.grant : 0,
		.engineer = grant->has_statement ? grant->statement.engineer : grant->identity,
		.recording = run->name };
	struct ca_buf payload = { 0 };
	int ends[3] = { -1, -1, -1 };
	char **argv = NULL;
	uint32_t argc = 0;
	bool ok = false;

	if (!bas_call_argv(&argv, call, &caller, why) || !open_ends(channel, ends, why))
		goto out;
	while (argv[argc] != NULL)
		argc++;
	run->tag = ++keeper->last_tag;
	ca_buf_put_u32(&payload, run->tag);
	ca_buf_put_cstring(&payload, keeper->role->name);
	ca_buf_put_cstring(&payload, call->command->name);
	ca_buf_put_u32(&payload, argc);
	for (uint32_t i = 0; i < argc; i++)
		ca_buf_put_cstring(&payload, argv[i]);
	put_environment(&payload, channel);
	ca_buf_put_u8(&payload, run->terminal);
	ok = bas_frame_send(keeper->fds.spawner, BAS_F_SPAWN, &payload, ends, 3) ||
	     ca_why_set(why, "it cannot be started: %s", strerror(errno));
	if (ok) {
		run->spawning = true;
		run->gone = false;
	}
out:
	close_ends(ends);
	ca_buf_clear(&payload);
	free(argv);
	return ok;
}

bool
bas_run_spawned(struct bas_keeper *keeper, struct bas_channel *channel, struct ca_reader *reader)
{
	struct bas_run *run = channel->run;
	bool started = ca_read_u8(reader) == 1;
	char *sentence;
	bool ok;

	(void)ca_read_u32(reader); /* its pid is for the spawner's own log */
	sentence = ca_read_cstring(reader);
	ok = ca_reader_done(reader) && sentence != NULL && run->spawning;
	run->spawning = false;
	if (!ok || !started) {
		give_up(keeper, channel, BAS_DENIED, ok ? sentence : "it cannot be started");
	} else {
		if (run->command->timeout > 0 && run->cause == BAS_CAUSE_NONE)
			run->stop_at = bas_clock_boot() + run->command->timeout * BAS_SECOND;
		bas_run_started(keeper, channel);
		bas_window_trim(keeper);
		/* It was stopped while it started: the tag is known only now. */
		if (run->stopped) {
			run->stopped = false;
			bas_run_stop(keeper, run, run->cause, run->status, NULL);
		}
	}
	free(sentence);
	return ok;
}

void
bas_run_start(struct bas_keeper *keeper, struct bas_channel *channel, const void *data, size_t len)
{
	struct ca_bytes line = { data, len };
	struct bas_call call = { 0 };
	enum bas_refusal refusal;
	struct ca_why why;
	char text[CA_WHY_SIZE];

	channel->run = bas_run_new(channel->pty);
	if (channel->run == NULL) {
		bas_keeper_end(keeper, 0, "session ended: out of descriptors");
		return;
	}
	/* The only line there is needs not be said. */
	if (len == 0 && keeper->forced != NULL)
		line = (struct ca_bytes){ (const uint8_t *)keeper->forced, strlen(keeper->forced) };
	if (!decide(keeper, channel, line, &call, &refusal, &why)) {
		refuse(keeper, channel, line.data, line.len, refusal, why.text);
	} else if (!log_run(keeper, channel->run, &why) || !open_recording(keeper, channel, &why)) {
		snprintf(text, sizeof(text), "this cannot be recorded, so it does not run: %.400s",
		    why.text);
		give_up(keeper, channel, BAS_STATUS_ENDED, text);
	} else if (call.kind != BAS_CALL_RUN) {
		bas_run_answer(keeper, channel, &call);
	} else if (!spawn(keeper, channel, &call, &why)) {
		give_up(keeper, channel, BAS_DENIED, why.text);
	}
	bas_call_clear(&call);
}
