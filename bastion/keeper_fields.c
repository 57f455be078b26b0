/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper_fields.c - what goes into the log, as JSON objects.
 *
 * Values are raw, JSON escapes them: the log is evidence, and whoever shows it makes it safe.
 */
#include "bastion/keeper.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "ca/crypto.h"
#include "ca/text.h"
#include "recorder/log.h"

#define LINE_LOGGED 4096 /* bytes of a refused line that the log keeps */
#define NAME_LOGGED 1024 /* and of a name that a certificate or a client gives */

/* jansson refuses what is not UTF-8; a hostile value must not make an entry vanish. */
static void
set_text(json_t *object, const char *name, const void *data, size_t len)
{
	char *text = ca_text_lossy(data, len);

	(void)json_object_set_new(object, name, text == NULL ? NULL : json_string(text));
	free(text);
}

static void
set_string(json_t *object, const char *name, const char *text)
{
	if (text != NULL)
		set_text(object, name, text, strlen(text));
}

/* Whoever gives it can make it as long as he likes. */
static void
set_hostile(json_t *object, const char *name, const char *text)
{
	if (text != NULL)
		set_text(object, name, text, strnlen(text, NAME_LOGGED));
}

static void
set_hex(json_t *object, const char *name, const uint8_t hash[32])
{
	struct ca_buf hex = { 0 };

	ca_hex_encode(&hex, hash, 32);
	ca_buf_put_u8(&hex, 0);
	if (ca_buf_ok(&hex))
		set_string(object, name, (const char *)hex.data);
	ca_buf_clear(&hex);
}

static void
set_number(json_t *object, const char *name, uint64_t number)
{
	/* JSON's integers end at 2^63 here; nothing we count reaches that. */
	(void)json_object_set_new(
	    object, name, json_integer(number > INT64_MAX ? INT64_MAX : (json_int_t)number));
}

static void
set_fingerprint(json_t *object, const char *name, const struct ca_key *key)
{
	char text[CA_FINGERPRINT_SIZE];

	ca_key_fingerprint(key, text);
	set_string(object, name, text);
}

static void
set_statement(json_t *object, const struct ca_statement *statement)
{
	char time[CA_TIME_SIZE];

	ca_time_format(statement->not_after, time);
	set_string(object, "not_after", time);
	set_number(object, "grant", statement->grant);
	set_string(object, "command", statement->command);
	set_string(object, "reason", statement->reason);
}

/* What a refusal sticks to where the statement was not looked at: the hash under which the clerk
 * counts (session.h). */
static void
set_counted_hash(json_t *object, const struct ca_grant *grant)
{
	const struct ca_cert_option *option = ca_cert_critical(grant->cert, CA_OPTION_GRANT);
	uint8_t hash[32];

	if (grant->admits == CA_ADMITS_IDENTITY) {
		set_hex(object, "statement_hash", grant->cert_hash);
	} else if (option != NULL) {
		ca_sha256(option->value.data, option->value.len, hash);
		set_hex(object, "statement_hash", hash);
	}
}

/* Who it is, by which certificate: what a refusal and a session have in common. */
static json_t *
describe(const struct bas_keeper *keeper, const struct ca_grant *grant, const char *role)
{
	json_t *object = json_object();
	json_t *names;

	if (object == NULL || (names = json_array()) == NULL)
		return object;
	set_string(object, "environment", keeper->config->environment);
	set_hostile(object, "role", role);
	set_string(object, "source", keeper->address);
	set_hostile(object, "identity", grant->identity);
	set_hostile(object, "key_id", grant->cert->key_id);
	set_number(object, "serial", grant->cert->serial);
	set_fingerprint(object, "key", grant->cert->key);
	set_fingerprint(object, "authority", grant->cert->authority);
	set_hex(object, "cert_hash", grant->cert_hash);
	if (grant->has_statement) {
		set_statement(object, &grant->statement);
		set_hex(object, "statement_hash", grant->statement_hash);
	} else {
		set_counted_hash(object, grant);
	}
	for (size_t i = 0; i < grant->approver_count; i++)
		(void)json_array_append_new(names, json_string(grant->approvers[i]));
	(void)json_object_set_new(object, "approvers", names);
	return object;
}

static char *
dump(json_t *object)
{
	char *text = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);

	json_decref(object);
	return text;
}

/* Takes `object`. */
static bool
log_event(struct bas_keeper *keeper, const char *event, json_t *object)
{
	struct ca_buf payload = { 0 };
	char *fields;
	bool ok;

	fields = dump(object);
	if (fields == NULL)
		return false;
	ca_buf_put_cstring(&payload, event);
	ca_buf_put_cstring(&payload, fields);
	ok = bas_keeper_acknowledged(keeper, BAS_F_LOG, &payload);
	ca_buf_clear(&payload);
	free(fields);
	return ok;
}

bool
bas_log_refusal(struct bas_keeper *keeper, const struct ca_grant *grant, const char *user,
    enum ca_reason reason, const char *sentence)
{
	json_t *object = describe(keeper, grant, user);

	if (object == NULL)
		return false;
	set_string(object, "refusal", ca_reason_name(reason));
	set_string(object, "sentence", sentence);
	return log_event(keeper, "grant.refused", object);
}

bool
bas_log_denied(
    struct bas_keeper *keeper, const void *line, size_t len, unsigned status, const char *sentence)
{
	json_t *object = json_object();

	if (object == NULL)
		return false;
	set_text(object, "line", line, len < LINE_LOGGED ? len : LINE_LOGGED);
	set_number(object, "line_bytes", len);
	set_number(object, "status", status);
	set_string(object, "sentence", sentence);
	return log_event(keeper, "run.denied", object);
}

bool
bas_log_kind(struct bas_keeper *keeper, const char *kind)
{
	json_t *object = json_object();

	if (object == NULL)
		return false;
	set_string(object, "kind", kind);
	return log_event(keeper, "channel.refused", object);
}

char *
bas_fields_claim(const struct bas_keeper *keeper, const struct ca_grant *grant, const char *role)
{
	return dump(describe(keeper, grant, role));
}

char *
bas_fields_run(const struct bas_keeper *keeper, const struct bas_run *run, struct ca_why *why)
{
	json_t *object = json_object();

	ca_why_set(why, "out of memory");
	if (object == NULL)
		return NULL;
	set_string(object, "command", run->line);
	set_string(object, "source", keeper->address);
	(void)json_object_set_new(object, "terminal", json_boolean(run->terminal));
	if (run->command != NULL)
		set_string(object, "confinement", bas_level_name(keeper->ready->level));
	if (!rec_log_fits(object, BAS_FIELDS_SPARE)) {
		json_decref(object);
		ca_why_set(why, "the line is too long for an entry of the log");
		return NULL;
	}
	return dump(object);
}

char *
bas_fields_end(const struct bas_run *run, uint64_t bytes, const uint8_t *seal_hash)
{
	static const char *const causes[] = {
		[BAS_CAUSE_NONE] = "exit",
		[BAS_CAUSE_CLIENT] = "closed",
		[BAS_CAUSE_TIMEOUT] = "timeout",
		[BAS_CAUSE_OUTPUT] = "output",
		[BAS_CAUSE_RECORDING] = "recording",
		[BAS_CAUSE_SESSION] = "session",
		[BAS_CAUSE_SPAWN] = "not-started",
	};
	json_t *object = json_object();

	if (object == NULL)
		return NULL;
	set_string(object, "ended", causes[run->cause]);
	if (run->signal[0] != '\0')
		set_string(object, "signal", run->signal);
	else
		set_number(object, "status", run->status);
	if (run->failure[0] != '\0')
		set_string(object, "sentence", run->failure);
	set_number(object, "output", run->carried);
	set_number(object, "input", run->typed);
	set_number(object, "milliseconds", (bas_clock_boot() - run->began) / 1000000);
	set_number(object, "cpu_microseconds", run->cpu);
	if (seal_hash != NULL) {
		set_number(object, "bytes", bytes);
		set_hex(object, "seal", seal_hash);
	}
	return dump(object);
}
