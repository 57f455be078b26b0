/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sessions_replay.c - the table's state as members of log entries, written and read again.
 */
#include "bastion/sessions.h"

#include <string.h>

#include "ca/text.h"

bool
bas_live_put_fields(const struct bas_live *session, const struct bas_claim *claim, json_t *fields)
{
	struct ca_buf hex = { 0 };
	char end[CA_TIME_SIZE], after[CA_TIME_SIZE];
	bool ok;

	ca_time_format(session->end, end);
	ca_time_format(
	    claim->not_after > (uint64_t)BAS_TIME_MAX ? BAS_TIME_MAX : (int64_t)claim->not_after,
	    after);
	ca_hex_encode(&hex, session->statement_hash, 32);
	ca_hex_encode(&hex, session->cert_hash, 32);
	ok = ca_buf_ok(&hex) &&
	     json_object_set_new(fields, "session", json_string(session->id)) == 0 &&
	     json_object_set_new(
		 fields, "counted", json_boolean(session->admits == CA_ADMITS_GRANT)) == 0 &&
	     (session->admits != CA_ADMITS_GRANT ||
		 json_object_set_new(fields, "grant", json_integer((json_int_t)session->serial)) ==
		     0) &&
	     json_object_set_new(
		 fields, "statement_hash", json_stringn((const char *)hex.data, 64)) == 0 &&
	     json_object_set_new(
		 fields, "cert_hash", json_stringn((const char *)hex.data + 64, 64)) == 0 &&
	     json_object_set_new(fields, "window_end", json_string(end)) == 0 &&
	     json_object_set_new(fields, "not_after", json_string(after)) == 0;
	ca_buf_clear(&hex);
	return ok;
}

static bool
read_hash(const json_t *entry, const char *name, uint8_t out[static 32])
{
	const char *text = json_string_value(json_object_get(entry, name));
	struct ca_buf bytes = { 0 };
	bool ok = text != NULL && ca_hex_decode(&bytes, text, strlen(text)) && bytes.len == 32;

	if (ok)
		memcpy(out, bytes.data, 32);
	ca_buf_clear(&bytes);
	return ok;
}

static bool
read_time(const json_t *entry, const char *name, int64_t *out)
{
	const char *text = json_string_value(json_object_get(entry, name));

	return text != NULL && ca_time_parse(text, out);
}

/* What bas_sessions_open counted, counted again. */
static bool
replay_open(struct bas_sessions *table, const json_t *entry)
{
	struct bas_claim claim = { .admits = CA_ADMITS_GRANT };
	const json_t *grant = json_object_get(entry, "grant");
	int64_t end, after;

	if (json_is_false(json_object_get(entry, "counted")))
		return true;
	if (!read_hash(entry, "statement_hash", claim.statement_hash) ||
	    !read_hash(entry, "cert_hash", claim.cert_hash) || !json_is_integer(grant) ||
	    !read_time(entry, "window_end", &end) || !read_time(entry, "not_after", &after))
		return false;
	claim.serial = (uint64_t)json_integer_value(grant);
	claim.valid_before = (uint64_t)end;
	claim.not_after = (uint64_t)after;
	return bas_sessions_count(table, &claim) != NULL;
}

/* A refusal says which certificate only as far as its keeper knew; what it does not name cannot
 * stick. */
static bool
replay_refused(struct bas_sessions *table, const json_t *entry)
{
	const char *refusal = json_string_value(json_object_get(entry, "refusal"));
	uint8_t hash[32];
	int64_t after;

	if (refusal == NULL || strcmp(refusal, ca_reason_name(CA_REVOKED)) != 0 ||
	    !read_hash(entry, "statement_hash", hash))
		return true;
	if (!read_time(entry, "not_after", &after))
		after = BAS_TIME_MAX;
	return bas_sessions_revoke(table, hash, after);
}

bool
bas_sessions_replay(
    struct bas_sessions *table, const char *event, const json_t *entry, struct ca_why *why)
{
	uint8_t hash[32];
	int64_t after;
	bool ok = true;

	if (strcmp(event, "session.open") == 0) {
		ok = replay_open(table, entry);
	} else if (strcmp(event, "session.revoked") == 0) {
		ok = read_hash(entry, "statement_hash", hash) &&
		     read_time(entry, "not_after", &after) &&
		     bas_sessions_revoke(table, hash, after);
	} else if (strcmp(event, "grant.refused") == 0) {
		ok = replay_refused(table, entry);
	} else if (strcmp(event, "grant.refused-here") == 0) {
		const json_t *grant = json_object_get(entry, "grant");

		ok = json_is_integer(grant);
		if (ok && !bas_sessions_refuse(table, (uint64_t)json_integer_value(grant)))
			ok = bas_sessions_is_refused(table, (uint64_t)json_integer_value(grant));
	}
	return ok || ca_why_set(why, "log entry '%s' cannot be read", event);
}
