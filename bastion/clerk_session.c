/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clerk_session.c - a claim becomes a session, a join or a refusal; sessions end.
 */
#include "bastion/clerk.h"

#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "ca/text.h"

#define NS	   1000000000ULL
#define KILL_GRACE NS /* until a keeper that was told to end is cut off */

int64_t
bas_clerk_now(const struct bas_clerk *clerk)
{
	return bas_clock_now(&clerk->clock);
}

/* The end on the boot clock. */
static uint64_t
deadline_of(const struct bas_clerk *clerk, int64_t end)
{
	int64_t wall;
	uint64_t boot;

	bas_clock_read(&wall, &boot);
	return bas_clock_deadline(&clerk->clock, end, wall, boot);
}

static void
answer_opened(struct bas_clerk *clerk, struct bas_peer *peer, bool joined)
{
	const struct bas_live *session = peer->session;
	struct ca_buf payload = { 0 };

	ca_buf_put_cstring(&payload, session->id);
	ca_buf_put_u64(&payload, deadline_of(clerk, session->end));
	ca_buf_put_u64(&payload, (uint64_t)session->end);
	ca_buf_put_u8(&payload, joined);
	ca_buf_put_u64(&payload, peer->allowed);
	bas_clerk_answer(clerk, peer, BAS_F_OPENED, &payload);
}

static void
put_reason(struct ca_buf *payload, enum ca_reason reason, const char *sentence)
{
	ca_buf_put_u32(payload, (uint32_t)reason);
	ca_buf_put_cstring(payload, sentence);
}

static int64_t
not_after_of(const struct bas_claim *claim)
{
	return claim->not_after > (uint64_t)BAS_TIME_MAX ? BAS_TIME_MAX : (int64_t)claim->not_after;
}

/* A revocation sticks by statement, so that a later list that forgets it changes nothing. */
static void
refuse_claim(struct bas_clerk *clerk, struct bas_peer *peer, const struct bas_claim *claim,
    enum ca_reason reason, const struct ca_why *why, json_t *fields)
{
	struct ca_buf payload = { 0 };
	struct ca_buf hex = { 0 };
	char after[CA_TIME_SIZE];

	ca_time_format(not_after_of(claim), after);
	ca_hex_encode(&hex, claim->statement_hash, sizeof(claim->statement_hash));
	if (json_object_set_new(fields, "refusal", json_string(ca_reason_name(reason))) != 0 ||
	    json_object_set_new(fields, "sentence", bas_clerk_text(why->text)) != 0 ||
	    json_object_set_new(fields, "not_after", json_string(after)) != 0 ||
	    json_object_set_new(
		fields, "statement_hash", json_stringn((const char *)hex.data, hex.len)) != 0) {
		json_decref(fields);
		fields = NULL;
	}
	ca_buf_clear(&hex);
	bas_clerk_log(clerk, "grant.refused", fields);
	put_reason(&payload, reason, why->text);
	bas_clerk_answer(clerk, peer, BAS_F_DENIED, &payload);
}

static void
attach(struct bas_clerk *clerk, struct bas_peer *peer, struct bas_live *session)
{
	peer->session = session;
	peer->serial = session->admits == CA_ADMITS_GRANT ? session->serial : 0;
	memcpy(peer->session_id, session->id, sizeof(peer->session_id));
	bas_clerk_lease_first(clerk, peer);
}

static enum ca_reason
decide(struct bas_clerk *clerk, const struct bas_claim *claim, const char *role, int64_t now,
    struct bas_live **join, struct ca_why *why)
{
	enum ca_reason reason = bas_sessions_decide(clerk->sessions, claim, role, now, join, why);

	if (reason == CA_ADMITTED)
		reason = bas_clerk_ask_krl(clerk, claim, *join == NULL, now, why);
	if (reason == CA_REVOKED &&
	    !bas_sessions_revoke(clerk->sessions, claim->statement_hash, not_after_of(claim)))
		ca_why_set(why, "out of memory");
	return reason;
}

void
bas_clerk_claim(struct bas_clerk *clerk, struct bas_peer *peer, const struct bas_claim *claim)
{
	json_t *fields = json_loads(claim->fields, JSON_REJECT_DUPLICATES, NULL);
	const char *role = json_string_value(json_object_get(fields, "role"));
	const char *identity = json_string_value(json_object_get(fields, "identity"));
	int64_t now = bas_clerk_now(clerk);
	struct ca_why why = { .text = "" };
	struct bas_live *join, *session;
	enum ca_reason reason;

	if (role == NULL || identity == NULL || !rec_log_fits(fields, BAS_FIELDS_SPARE)) {
		json_decref(fields);
		bas_clerk_end_peer(clerk, peer);
		return;
	}
	reason = decide(clerk, claim, role, now, &join, &why);
	if (reason != CA_ADMITTED) {
		refuse_claim(clerk, peer, claim, reason, &why, fields);
		return;
	}
	session = join;
	if (session != NULL)
		bas_sessions_join(session);
	else
		session = bas_sessions_open(clerk->sessions, claim, role, identity, now, &why);
	if (session == NULL || !bas_live_put_fields(session, claim, fields)) {
		json_decref(fields);
		ca_why_prefix(&why, "session");
		bas_clerk_fail(clerk, &why);
		return;
	}
	attach(clerk, peer, session);
	bas_clerk_log(clerk, join != NULL ? "session.join" : "session.open", fields);
	answer_opened(clerk, peer, join != NULL);
}

void
bas_clerk_kill_peer(
    struct bas_clerk *clerk, struct bas_peer *peer, enum ca_reason reason, const char *sentence)
{
	struct ca_buf payload = { 0 };

	if (peer->watch.fd < 0 || peer->killed != 0)
		return;
	peer->killed = bas_clock_boot();
	put_reason(&payload, reason, sentence);
	bas_clerk_answer(clerk, peer, BAS_F_KILL, &payload);
}

static json_t *
end_fields(const struct bas_live *session, const char *cause)
{
	struct ca_buf hex = { 0 };
	char end[CA_TIME_SIZE];
	json_t *fields;

	ca_time_format(session->end, end);
	ca_hex_encode(&hex, session->statement_hash, sizeof(session->statement_hash));
	fields = json_pack("{s:s, s:o, s:s, s:s, s:i, s:I, s:s#, s:s}", "session", session->id,
	    "identity", bas_clerk_text(session->identity), "role", session->role, "cause", cause,
	    "recordings", (int)session->recordings, "output", (json_int_t)session->output,
	    "statement_hash", (const char *)hex.data, (int)hex.len, "not_after", end);
	ca_buf_clear(&hex);
	if (fields != NULL && session->admits == CA_ADMITS_GRANT &&
	    json_object_set_new(fields, "grant", json_integer((json_int_t)session->serial)) != 0) {
		json_decref(fields);
		fields = NULL;
	}
	return fields;
}

void
bas_clerk_end_session(struct bas_clerk *clerk, struct bas_live *session, const char *event,
    const char *cause, enum ca_reason reason, const char *sentence, const struct bas_peer *except)
{
	bas_clerk_log(clerk, event, end_fields(session, cause));
	for (struct bas_peer *peer = clerk->peers; peer != NULL; peer = peer->next) {
		if (peer->session != session)
			continue;
		peer->session = NULL;
		bas_clerk_lease_refuse(clerk, peer);
		if (peer != except)
			bas_clerk_kill_peer(clerk, peer, reason, sentence);
	}
	bas_sessions_end(clerk->sessions, session);
}

/* A keeper ends when our socket does; what it still says until then is heard. */
static void
cut_off(struct bas_clerk *clerk)
{
	uint64_t boot = bas_clock_boot();

	for (struct bas_peer *peer = clerk->peers; peer != NULL; peer = peer->next)
		if (peer->watch.fd >= 0 && peer->killed != 0 && boot - peer->killed >= KILL_GRACE)
			shutdown(peer->watch.fd, SHUT_WR);
}

void
bas_clerk_expire(struct bas_clerk *clerk, int64_t now)
{
	struct bas_live *session, *next;

	for (session = bas_sessions_first(clerk->sessions); session != NULL; session = next) {
		next = session->next;
		switch (bas_live_is_over(session, now, clerk->linger)) {
		case BAS_END_WINDOW:
			bas_clerk_end_session(clerk, session, "session.end", "window",
			    CA_WINDOW_OVER, "the window is over", NULL);
			break;
		case BAS_END_LINGER:
			bas_clerk_end_session(clerk, session, "session.end", "idle", CA_ADMITTED,
			    "the session ended", NULL);
			break;
		case BAS_END_NOT:
			break;
		}
	}
	bas_sessions_prune(clerk->sessions, now);
	cut_off(clerk);
}
