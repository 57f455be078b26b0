/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sessions.c - grants are used up: counted by statement, pinned to the first certificate.
 *
 * Lists are short (what is live, and what was opened within the last days), so they are walked.
 */
#include "bastion/sessions.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/crypto.h"
struct refusal {
	uint64_t grant;
	struct refusal *next;
};

struct bas_sessions {
	struct bas_count *counts;
	struct bas_live *live;
	struct refusal *refusals;
};

static int64_t
clamp_time(uint64_t time)
{
	return time > (uint64_t)BAS_TIME_MAX ? BAS_TIME_MAX : (int64_t)time;
}

static bool
hash_equal(const uint8_t a[static 32], const uint8_t b[static 32])
{
	return memcmp(a, b, 32) == 0;
}

static struct bas_count *
find_count(const struct bas_sessions *table, const uint8_t statement_hash[static 32])
{
	for (struct bas_count *count = table->counts; count != NULL; count = count->next)
		if (hash_equal(count->statement_hash, statement_hash))
			return count;
	return NULL;
}

static struct bas_count *
need_count(struct bas_sessions *table, const uint8_t statement_hash[static 32])
{
	struct bas_count *count = find_count(table, statement_hash);

	if (count != NULL)
		return count;
	count = calloc(1, sizeof(*count));
	if (count == NULL)
		return NULL;
	memcpy(count->statement_hash, statement_hash, 32);
	count->next = table->counts;
	table->counts = count;
	return count;
}

bool
bas_sessions_new(struct bas_sessions **out, struct ca_why *why)
{
	*out = calloc(1, sizeof(**out));
	return *out != NULL || ca_why_set(why, "out of memory");
}

static void
free_live(struct bas_live *session)
{
	free(session->role);
	free(session->identity);
	free(session->key_id);
	ca_key_free(session->authority);
	ca_key_free(session->key);
	free(session);
}

void
bas_sessions_free(struct bas_sessions *table)
{
	if (table == NULL)
		return;
	while (table->live != NULL)
		bas_sessions_end(table, table->live);
	for (struct bas_count *count = table->counts, *next; count != NULL; count = next) {
		next = count->next;
		free(count);
	}
	for (struct refusal *refusal = table->refusals, *next; refusal != NULL; refusal = next) {
		next = refusal->next;
		free(refusal);
	}
	free(table);
}

static enum ca_reason
decide_window(const struct bas_claim *claim, int64_t now, struct ca_why *why)
{
	if (now < 0 || (uint64_t)now >= claim->valid_before) {
		ca_why_set(why, "the window is over");
		return CA_WINDOW_OVER;
	}
	if ((uint64_t)now < claim->valid_after) {
		ca_why_set(why, "the window has not begun");
		return CA_NOT_YET_VALID;
	}
	return CA_ADMITTED;
}

static enum ca_reason
decide_grant(const struct bas_sessions *table, const struct bas_claim *claim,
    const struct bas_count *count, int64_t now, struct ca_why *why)
{
	if (claim->admits == CA_ADMITS_GRANT && bas_sessions_is_refused(table, claim->serial)) {
		ca_why_set(why, "grant %" PRIu64 " was refused by this environment's owner",
		    claim->serial);
		return CA_REFUSED_HERE;
	}
	if (count == NULL)
		return CA_ADMITTED;
	if (count->revoked) {
		ca_why_set(why, "the certificate was revoked");
		return CA_REVOKED;
	}
	if (claim->admits != CA_ADMITS_GRANT || count->opened == 0)
		return CA_ADMITTED;
	if (!hash_equal(count->cert_hash, claim->cert_hash)) {
		ca_why_set(why,
		    "grant %" PRIu64 " was opened by another certificate, which fixed its window",
		    claim->serial);
		return CA_OTHER_CERTIFICATE;
	}
	if (now >= count->window_end) {
		ca_why_set(why, "the window is over");
		return CA_WINDOW_OVER;
	}
	return CA_ADMITTED;
}

enum ca_reason
bas_sessions_decide(const struct bas_sessions *table, const struct bas_claim *claim,
    const char *role, int64_t now, struct bas_live **join, struct ca_why *why)
{
	const struct bas_count *count = find_count(table, claim->statement_hash);
	enum ca_reason reason = decide_window(claim, now, why);

	*join = NULL;
	if (reason == CA_ADMITTED)
		reason = decide_grant(table, claim, count, now, why);
	if (reason != CA_ADMITTED)
		return reason;
	for (struct bas_live *session = table->live; session != NULL; session = session->next)
		if (hash_equal(session->cert_hash, claim->cert_hash) &&
		    strcmp(session->role, role) == 0 && now < session->end) {
			*join = session;
			return CA_ADMITTED;
		}
	if (claim->admits == CA_ADMITS_GRANT && count != NULL && count->opened >= claim->sessions) {
		ca_why_set(why, "grant %" PRIu64 " is used up: it allows %" PRIu32 " session%s",
		    claim->serial, claim->sessions, claim->sessions == 1 ? "" : "s");
		return CA_USED_UP;
	}
	return CA_ADMITTED;
}

/* A file name of ours is made of it. */
static void
make_id(char out[static BAS_SESSION_ID_MAX + 1], const struct bas_claim *claim)
{
	uint8_t random[4];

	ca_random(random, sizeof(random));
	if (claim->admits == CA_ADMITS_GRANT)
		snprintf(out, BAS_SESSION_ID_MAX + 1, "%" PRIu64 "-%02x%02x%02x%02x", claim->serial,
		    random[0], random[1], random[2], random[3]);
	else
		snprintf(out, BAS_SESSION_ID_MAX + 1, "id-%02x%02x%02x%02x", random[0], random[1],
		    random[2], random[3]);
}

static struct bas_live *
new_live(const struct bas_claim *claim, const char *role, const char *identity, struct ca_why *why)
{
	struct bas_live *session = calloc(1, sizeof(*session));

	if (session == NULL)
		goto memory;
	session->role = strdup(role);
	session->identity = strdup(identity);
	session->key_id = strdup(claim->key_id);
	if (session->role == NULL || session->identity == NULL || session->key_id == NULL)
		goto memory;
	if (!ca_key_parse(&session->authority, claim->authority.data, claim->authority.len, why) ||
	    !ca_key_parse(&session->key, claim->key.data, claim->key.len, why)) {
		free_live(session);
		return NULL;
	}
	session->admits = claim->admits;
	session->serial = claim->serial;
	memcpy(session->statement_hash, claim->statement_hash, 32);
	memcpy(session->cert_hash, claim->cert_hash, 32);
	session->output_max = claim->output;
	return session;
memory:
	ca_why_set(why, "out of memory");
	if (session != NULL)
		free_live(session);
	return NULL;
}

struct bas_count *
bas_sessions_count(struct bas_sessions *table, const struct bas_claim *claim)
{
	struct bas_count *count = need_count(table, claim->statement_hash);

	if (count == NULL)
		return NULL;
	if (count->opened++ == 0) {
		memcpy(count->cert_hash, claim->cert_hash, 32);
		count->serial = claim->serial;
		count->window_end = clamp_time(claim->valid_before);
		if (count->not_after < clamp_time(claim->not_after))
			count->not_after = clamp_time(claim->not_after);
	}
	return count;
}

struct bas_live *
bas_sessions_open(struct bas_sessions *table, const struct bas_claim *claim, const char *role,
    const char *identity, int64_t now, struct ca_why *why)
{
	struct bas_live *session = new_live(claim, role, identity, why);
	struct bas_count *count = NULL;

	if (session == NULL)
		return NULL;
	session->end = clamp_time(claim->valid_before);
	if (claim->admits == CA_ADMITS_GRANT) {
		count = bas_sessions_count(table, claim);
		if (count == NULL) {
			ca_why_set(why, "out of memory");
			free_live(session);
			return NULL;
		}
		if (count->window_end < session->end)
			session->end = count->window_end;
	}
	do
		make_id(session->id, claim);
	while (bas_sessions_find(table, session->id) != NULL);
	session->opened = now;
	session->connections = 1;
	session->next = table->live;
	table->live = session;
	return session;
}

void
bas_sessions_join(struct bas_live *session)
{
	session->connections++;
}

void
bas_sessions_leave(struct bas_live *session, int64_t now)
{
	if (session->connections > 0 && --session->connections == 0)
		session->idle_since = now;
}

void
bas_sessions_end(struct bas_sessions *table, struct bas_live *session)
{
	for (struct bas_live **at = &table->live; *at != NULL; at = &(*at)->next)
		if (*at == session) {
			*at = session->next;
			free_live(session);
			return;
		}
}

struct bas_live *
bas_sessions_find(const struct bas_sessions *table, const char *id)
{
	for (struct bas_live *session = table->live; session != NULL; session = session->next)
		if (strcmp(session->id, id) == 0)
			return session;
	return NULL;
}

struct bas_live *
bas_sessions_first(const struct bas_sessions *table)
{
	return table->live;
}

enum bas_end
bas_live_is_over(const struct bas_live *session, int64_t now, unsigned linger)
{
	if (now >= session->end)
		return BAS_END_WINDOW;
	if (session->connections == 0 && now - session->idle_since >= (int64_t)linger)
		return BAS_END_LINGER;
	return BAS_END_NOT;
}

int64_t
bas_sessions_next(const struct bas_sessions *table, unsigned linger)
{
	int64_t next = INT64_MAX;

	for (const struct bas_live *session = table->live; session != NULL;
	     session = session->next) {
		if (session->end < next)
			next = session->end;
		if (session->connections == 0 && session->idle_since + (int64_t)linger < next)
			next = session->idle_since + (int64_t)linger;
	}
	return next;
}

bool
bas_sessions_is_refused(const struct bas_sessions *table, uint64_t grant)
{
	for (const struct refusal *refusal = table->refusals; refusal != NULL;
	     refusal = refusal->next)
		if (refusal->grant == grant)
			return true;
	return false;
}

bool
bas_sessions_refuse(struct bas_sessions *table, uint64_t grant)
{
	struct refusal *refusal;

	if (bas_sessions_is_refused(table, grant))
		return false;
	refusal = calloc(1, sizeof(*refusal));
	if (refusal == NULL)
		return false;
	refusal->grant = grant;
	refusal->next = table->refusals;
	table->refusals = refusal;
	return true;
}

bool
bas_sessions_revoke(
    struct bas_sessions *table, const uint8_t statement_hash[static 32], int64_t not_after)
{
	struct bas_count *count = need_count(table, statement_hash);

	if (count == NULL)
		return false;
	count->revoked = true;
	if (count->not_after < not_after)
		count->not_after = not_after;
	return true;
}

static bool
is_in_use(const struct bas_sessions *table, const struct bas_count *count)
{
	for (const struct bas_live *session = table->live; session != NULL; session = session->next)
		if (hash_equal(session->statement_hash, count->statement_hash))
			return true;
	return false;
}

void
bas_sessions_prune(struct bas_sessions *table, int64_t now)
{
	for (struct bas_count **at = &table->counts, *count; (count = *at) != NULL;) {
		if (now <= count->not_after || is_in_use(table, count)) {
			at = &count->next;
			continue;
		}
		*at = count->next;
		free(count);
	}
}
