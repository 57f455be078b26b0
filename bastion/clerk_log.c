/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clerk_log.c - logged, then done: entries, the one commit of a round, the answers behind it.
 */
#include "bastion/clerk.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ca/text.h"
#include "recorder/recording.h"

#define CHECKPOINT_NS 1000000000ULL

void
bas_clerk_fail(struct bas_clerk *clerk, const struct ca_why *why)
{
	if (clerk->failed)
		return;
	clerk->failed = true;
	clerk->why = *why;
}

static void
fail_memory(struct bas_clerk *clerk)
{
	static const struct ca_why why = { "out of memory" };

	bas_clerk_fail(clerk, &why);
}

json_t *
bas_clerk_text(const char *text)
{
	char *utf8 = ca_text_lossy(text, strlen(text));
	json_t *value = utf8 == NULL ? NULL : json_string(utf8);

	free(utf8);
	return value;
}

/* The log writes these itself. */
static void
drop_reserved(json_t *fields)
{
	json_object_del(fields, "index");
	json_object_del(fields, "time");
	json_object_del(fields, "event");
	json_object_del(fields, "nonce");
}

void
bas_clerk_log(struct bas_clerk *clerk, const char *event, json_t *fields)
{
	struct ca_why why = { .text = "" };

	if (fields == NULL) {
		fail_memory(clerk);
		return;
	}
	drop_reserved(fields);
	if (!clerk->failed &&
	    !rec_log_append(clerk->log, bas_clerk_now(clerk), event, fields, NULL, NULL, &why))
		bas_clerk_fail(clerk, &why);
	clerk->dirty = true;
	json_decref(fields);
}

static void
enqueue(struct bas_clerk *clerk, struct bas_peer *peer, struct bas_asker *asker,
    enum bas_frame_type type, struct ca_buf *payload)
{
	struct bas_answer *answer = calloc(1, sizeof(*answer));

	if (answer == NULL || (payload != NULL && !ca_buf_ok(payload))) {
		fail_memory(clerk);
		free(answer);
		if (payload != NULL)
			ca_buf_clear(payload);
		return;
	}
	answer->peer = peer;
	answer->asker = asker;
	answer->type = type;
	if (payload != NULL) {
		answer->payload = *payload;
		*payload = (struct ca_buf){ 0 };
	}
	*clerk->answers_end = answer;
	clerk->answers_end = &answer->next;
}

void
bas_clerk_answer(struct bas_clerk *clerk, struct bas_peer *peer, enum bas_frame_type type,
    struct ca_buf *payload)
{
	enqueue(clerk, peer, NULL, type, payload);
}

void
bas_clerk_answer_logged(struct bas_clerk *clerk, struct bas_peer *peer)
{
	struct ca_buf payload = { 0 };

	ca_buf_put_u8(&payload, 1);
	enqueue(clerk, peer, NULL, BAS_F_LOGGED, &payload);
}

void
bas_clerk_answer_asker(struct bas_clerk *clerk, struct bas_asker *asker, json_t *object)
{
	char *text = object == NULL ? NULL : json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
	struct ca_buf line = { 0 };

	json_decref(object);
	if (text == NULL) {
		fail_memory(clerk);
		return;
	}
	ca_buf_put_text(&line, text);
	ca_buf_put_text(&line, "\n");
	free(text);
	enqueue(clerk, NULL, asker, BAS_F_LOGGED, &line);
}

/* A keeper that does not take its answer has stopped reading: it is gone for us. */
static void
deliver(struct bas_clerk *clerk, struct bas_answer *answer)
{
	if (answer->peer != NULL) {
		if (answer->peer->watch.fd >= 0 && !bas_frame_send(answer->peer->watch.fd,
						       answer->type, &answer->payload, NULL, 0))
			bas_clerk_end_peer(clerk, answer->peer);
	} else if (answer->asker->watch.fd >= 0) {
		ca_buf_put(&answer->asker->out, answer->payload.data, answer->payload.len);
		answer->asker->answered = true;
		bas_clerk_write_asker(clerk, answer->asker);
	}
}

static void
send_answers(struct bas_clerk *clerk)
{
	struct bas_answer *answer;

	while ((answer = clerk->answers) != NULL) {
		clerk->answers = answer->next;
		if (clerk->answers == NULL)
			clerk->answers_end = &clerk->answers;
		/* After a failure only the kills go out. */
		if (!clerk->failed || answer->type == BAS_F_KILL)
			deliver(clerk, answer);
		ca_buf_clear(&answer->payload);
		free(answer);
	}
}

bool
bas_clerk_commit(struct bas_clerk *clerk)
{
	struct ca_why why = { .text = "" };

	/* Delivering may find a keeper gone, which is logged too. */
	while (!clerk->failed && (clerk->dirty || clerk->answers != NULL)) {
		if (clerk->dirty) {
			clerk->dirty = false;
			if (!rec_log_commit(clerk->log, &why)) {
				bas_clerk_fail(clerk, &why);
				break;
			}
			if (clerk->checkpoint_due == 0)
				clerk->checkpoint_due = bas_clock_boot() + CHECKPOINT_NS;
		}
		send_answers(clerk);
	}
	if (clerk->failed)
		send_answers(clerk);
	return !clerk->failed;
}

static void
recover_one(struct bas_clerk *clerk, const char *name)
{
	struct ca_buf hex = { 0 };
	struct ca_why why = { .text = "" };
	uint8_t hash[32];
	bool recovered = false;
	json_t *fields = NULL;

	if (rec_recording_recover(clerk->recordings, name, clerk->seal, bas_clerk_now(clerk),
		&recovered, hash, &why)) {
		ca_hex_encode(&hex, hash, sizeof(hash));
		if (recovered)
			fields = json_pack("{s:s, s:s#}", "recording", name, "seal",
			    (const char *)hex.data, (int)hex.len);
	} else {
		/* Not ours to hide: the log says that it is not sealed. */
		fields =
		    json_pack("{s:s, s:o}", "recording", name, "error", bas_clerk_text(why.text));
		recovered = true;
	}
	if (recovered)
		bas_clerk_log(clerk, "recording.recovered", fields);
	ca_buf_clear(&hex);
}

bool
bas_clerk_recover(struct bas_clerk *clerk)
{
	struct bas_unsealed *run;

	while ((run = clerk->orphans) != NULL) {
		clerk->orphans = run->next;
		if (!clerk->failed)
			recover_one(clerk, run->name);
		free(run);
	}
	return bas_clerk_commit(clerk);
}
