/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clerk_keeper.c - what keepers say, and what the clerk answers (frame.h).
 */
#include "bastion/clerk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/cert.h"
#include "recorder/seal.h"

#define FRAMES_A_ROUND 16 /* of one keeper, before the others have their turn */
#define RUNS_PER_PEER  64
#define EVENT_MAX      64

/* What a keeper may log by itself. All else is the clerk's own word. */
static const char *const keeper_events[] = { "grant.refused", "run.denied", "channel.refused" };

static bool
may_log(const char *event)
{
	for (size_t i = 0; i < sizeof(keeper_events) / sizeof(keeper_events[0]); i++)
		if (strcmp(event, keeper_events[i]) == 0)
			return true;
	return false;
}

static void
say_hello(struct bas_clerk *clerk, struct bas_peer *peer)
{
	struct ca_buf payload = { 0 };
	int fd = clerk->revocations.memfd;

	ca_buf_put_u64(&payload, (uint64_t)clerk->clock.base);
	ca_buf_put_u64(&payload, clerk->clock.base_boot);
	if (!bas_frame_send(
		peer->watch.fd, BAS_F_HELLO, &payload, fd < 0 ? NULL : &fd, fd < 0 ? 0 : 1))
		bas_clerk_end_peer(clerk, peer);
	ca_buf_clear(&payload);
}

void
bas_clerk_admit_peer(struct bas_clerk *clerk, int socket)
{
	struct bas_peer *peer = calloc(1, sizeof(*peer));

	if (peer == NULL || clerk->stopping) {
		free(peer);
		close(socket);
		return;
	}
	peer->watch = (struct bas_watch){ .kind = BAS_WATCH_PEER, .fd = socket };
	peer->next = clerk->peers;
	clerk->peers = peer;
	if (!bas_clerk_watch(clerk, &peer->watch)) {
		bas_clerk_end_peer(clerk, peer);
		return;
	}
	say_hello(clerk, peer);
}

/* Members that say whose entry it is. Takes `fields` and gives it back, or NULL. */
static json_t *
put_owner(json_t *fields, const struct bas_peer *peer)
{
	if (fields == NULL || !json_is_object(fields))
		goto fail;
	if (peer->session_id[0] != '\0' &&
	    json_object_set_new(fields, "session", json_string(peer->session_id)) != 0)
		goto fail;
	if (peer->serial != 0 &&
	    json_object_set_new(fields, "grant", json_integer((json_int_t)peer->serial)) != 0)
		goto fail;
	return fields;
fail:
	json_decref(fields);
	return NULL;
}

static json_t *
read_fields(struct ca_reader *reader)
{
	char *text = ca_read_cstring(reader);
	json_t *fields = text == NULL ? NULL : json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	free(text);
	/* An entry that is too long would end the clerk, and with it everyone's session. */
	if (fields != NULL &&
	    (!json_is_object(fields) || !rec_log_fits(fields, BAS_FIELDS_SPARE))) {
		json_decref(fields);
		fields = NULL;
	}
	return fields;
}

static bool
on_session(struct bas_clerk *clerk, struct bas_peer *peer, struct ca_bytes payload)
{
	struct bas_claim claim;
	bool ok =
	    bas_claim_parse(&claim, payload) && peer->session_id[0] == '\0' && peer->killed == 0;

	if (ok)
		bas_clerk_claim(clerk, peer, &claim);
	bas_claim_clear(&claim);
	return ok;
}

static bool
on_log(struct bas_clerk *clerk, struct bas_peer *peer, struct ca_reader *reader)
{
	char *event = ca_read_cstring(reader);
	json_t *fields = event == NULL ? NULL : read_fields(reader);
	struct ca_why why;
	bool ok = fields != NULL && ca_reader_done(reader) && strlen(event) <= EVENT_MAX &&
		  may_log(event);

	if (ok) {
		/* A certificate that a keeper found revoked stays so. */
		if (!bas_sessions_replay(clerk->sessions, event, fields, &why))
			bas_clerk_fail(clerk, &why);
		bas_clerk_log(clerk, event, put_owner(fields, peer));
		bas_clerk_answer_logged(clerk, peer);
	} else {
		json_decref(fields);
	}
	free(event);
	return ok;
}

/* The session key of this connection, certified by the seal key. */
static bool
certify(struct bas_clerk *clerk, struct bas_peer *peer, struct ca_bytes blob, json_t *fields,
    struct ca_buf *out)
{
	char fingerprint[CA_FINGERPRINT_SIZE];
	struct ca_key *key = NULL;
	struct ca_cert *cert = NULL;
	struct ca_why why;
	bool ok = false;

	if (peer->certified || !ca_key_parse(&key, blob.data, blob.len, &why))
		goto out;
	if (!rec_seal_certify(&cert, key, clerk->config->environment, peer->session_id,
		rec_log_size(clerk->log) + 1, bas_clerk_now(clerk), clerk->seal, &why)) {
		bas_clerk_fail(clerk, &why);
		goto out;
	}
	ca_key_fingerprint(key, fingerprint);
	if (json_object_set_new(fields, "seal_key", json_string(fingerprint)) != 0)
		goto out;
	ca_buf_put_string(out, cert->blob.data, cert->blob.len);
	peer->certified = true;
	ok = true;
out:
	ca_cert_free(cert);
	ca_key_free(key);
	return ok;
}

static struct bas_unsealed *
add_run(struct bas_peer *peer)
{
	struct bas_unsealed *run = calloc(1, sizeof(*run));

	if (run == NULL)
		return NULL;
	snprintf(run->name, sizeof(run->name), "%s.%" PRIu32, peer->session_id,
	    ++peer->session->recordings);
	run->next = peer->runs;
	peer->runs = run;
	return run;
}

static size_t
count_runs(const struct bas_peer *peer)
{
	size_t count = 0;

	for (const struct bas_unsealed *run = peer->runs; run != NULL; run = run->next)
		count++;
	return count;
}

static bool
on_run(struct bas_clerk *clerk, struct bas_peer *peer, struct ca_reader *reader)
{
	json_t *fields = read_fields(reader);
	struct ca_bytes blob = ca_read_string(reader);
	struct ca_buf answer = { 0 }, cert = { 0 };
	struct bas_unsealed *run;
	bool ok = false;

	if (fields == NULL || !ca_reader_done(reader) || peer->session_id[0] == '\0' ||
	    count_runs(peer) >= RUNS_PER_PEER)
		goto out;
	ok = true;
	if (peer->session == NULL)
		goto out; /* the session has just ended: BAS_F_KILL is the answer */
	if (blob.len == 0)
		ca_buf_put_string(&cert, NULL, 0);
	else if (!certify(clerk, peer, blob, fields, &cert)) {
		ok = false;
		goto out;
	}
	run = add_run(peer);
	if (run == NULL || json_object_set_new(fields, "recording", json_string(run->name)) != 0) {
		ok = false;
		goto out;
	}
	bas_clerk_log(clerk, "session.run", put_owner(fields, peer));
	fields = NULL;
	ca_buf_put_cstring(&answer, run->name);
	ca_buf_put(&answer, cert.data, cert.len);
	bas_clerk_answer(clerk, peer, BAS_F_RUN_REPLY, &answer);
out:
	json_decref(fields);
	ca_buf_clear(&cert);
	return ok;
}

static struct bas_unsealed *
take_run(struct bas_peer *peer, const char *name)
{
	for (struct bas_unsealed **at = &peer->runs; *at != NULL; at = &(*at)->next)
		if (strcmp((*at)->name, name) == 0) {
			struct bas_unsealed *run = *at;

			*at = run->next;
			return run;
		}
	return NULL;
}

static bool
on_run_end(struct bas_clerk *clerk, struct bas_peer *peer, struct ca_reader *reader)
{
	char *name = ca_read_cstring(reader);
	uint64_t output = ca_read_u64(reader), carried = ca_read_u64(reader);
	json_t *fields = read_fields(reader);
	struct bas_unsealed *run = NULL;
	bool ok = false;

	if (name == NULL || fields == NULL || !ca_reader_done(reader) ||
	    (run = take_run(peer, name)) == NULL || !bas_clerk_lease_count(peer, carried))
		goto out;
	if (json_object_set_new(fields, "recording", json_string(name)) != 0 ||
	    json_object_set_new(fields, "output",
		json_integer(output > INT64_MAX ? INT64_MAX : (json_int_t)output)) != 0)
		goto out;
	bas_clerk_log(clerk, "run.end", put_owner(fields, peer));
	fields = NULL;
	bas_clerk_answer_logged(clerk, peer);
	ok = true;
out:
	free(run);
	json_decref(fields);
	free(name);
	return ok;
}

static bool
on_done(struct bas_clerk *clerk, struct bas_peer *peer, struct ca_reader *reader)
{
	if (!ca_reader_done(reader) || peer->session_id[0] == '\0')
		return false;
	if (peer->session != NULL)
		bas_clerk_end_session(clerk, peer->session, "session.end", "exit", CA_ADMITTED,
		    "the session was ended by its engineer", peer);
	bas_clerk_answer_logged(clerk, peer);
	return true;
}

/* Which frames a keeper may send. False: it broke the protocol. */
static bool
on_frame(struct bas_clerk *clerk, struct bas_peer *peer, const struct bas_frame *frame)
{
	struct ca_reader reader = ca_reader_of(frame->payload.data, frame->payload.len);

	if (frame->fd_count != 0)
		return false;
	switch (frame->type) {
	case BAS_F_SESSION:
		return on_session(clerk, peer, frame->payload);
	case BAS_F_LOG:
		return on_log(clerk, peer, &reader);
	case BAS_F_RUN:
		return on_run(clerk, peer, &reader);
	case BAS_F_RUN_END:
		return on_run_end(clerk, peer, &reader);
	case BAS_F_DONE:
		return on_done(clerk, peer, &reader);
	case BAS_F_LEASE:
		return bas_clerk_lease(clerk, peer, &reader);
	default:
		return false;
	}
}

void
bas_clerk_read_peer(struct bas_clerk *clerk, struct bas_peer *peer)
{
	struct bas_frame frame;
	bool ok;

	for (int i = 0; i < FRAMES_A_ROUND && peer->watch.fd >= 0; i++) {
		switch (bas_frame_receive(peer->watch.fd, &frame, clerk->buf)) {
		case BAS_FRAME_OK:
			ok = on_frame(clerk, peer, &frame);
			bas_frame_close_fds(&frame);
			if (!ok)
				bas_clerk_end_peer(clerk, peer);
			break;
		case BAS_FRAME_AGAIN:
			return;
		case BAS_FRAME_END:
		case BAS_FRAME_BROKEN:
			bas_clerk_end_peer(clerk, peer);
			break;
		}
	}
}

/* What it was recording has no end of its own: we say so, and seal it. */
void
bas_clerk_end_peer(struct bas_clerk *clerk, struct bas_peer *peer)
{
	struct bas_unsealed *run;

	if (peer->watch.fd < 0)
		return;
	bas_clerk_unwatch(clerk, &peer->watch);
	if (peer->session != NULL)
		bas_clerk_lease_return(clerk, peer);
	while ((run = peer->runs) != NULL) {
		peer->runs = run->next;
		bas_clerk_log(clerk, "run.end",
		    put_owner(
			json_pack("{s:s, s:s}", "recording", run->name, "state", "aborted"), peer));
		run->next = clerk->orphans;
		clerk->orphans = run;
	}
	if (peer->session != NULL)
		bas_sessions_leave(peer->session, bas_clerk_now(clerk));
	peer->session = NULL;
}
