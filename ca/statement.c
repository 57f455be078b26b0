/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statement.c - the canonical text of a request: one text for one meaning.
 *
 * Parsing reads the lines in their fixed order, checks every field, writes the
 * text anew and compares. Whatever slips through a single rule (a leading zero,
 * a second spelling of a time) still differs from its canonical bytes.
 */
#include "ca/statement.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ca/address.h"
#include "ca/text.h"

#define FIRST_LINE "postern-grant-v1\n"
#define TIME_MAX   INT64_C(253402300799) /* 9999-12-31T23:59:59Z */
#define HOST_MAX   253			 /* RFC 1035 section 2.3.4, without the final dot */

/* Takes a statement apart, ending each value in place. */
struct lines {
	char *next;
	size_t left;
	unsigned number; /* of the line at `next` */
};

/* The values that are not text, before they are read. */
struct numerals {
	const char *grant, *terminal, *sessions, *duration, *not_before, *not_after;
};

static bool
take_any(
    struct lines *lines, const char *name, bool optional, const char **value, struct ca_why *why)
{
	size_t len = strlen(name), used;
	char *end;

	*value = NULL;
	if (lines->left <= len || memcmp(lines->next, name, len) != 0 || lines->next[len] != ' ') {
		if (optional)
			return true;
		return ca_why_set(
		    why, "line %u of the statement is not '%s ...'", lines->number, name);
	}
	end = memchr(lines->next, '\n', lines->left);
	if (end == NULL)
		return ca_why_set(why, "line %u of the statement has no end", lines->number);
	*end = '\0';
	*value = lines->next + len + 1;
	used = (size_t)(end - lines->next) + 1;
	lines->next += used;
	lines->left -= used;
	lines->number++;
	return true;
}

static bool
take(struct lines *lines, const char *name, const char **value, struct ca_why *why)
{
	return take_any(lines, name, false, value, why);
}

static bool
take_optional(struct lines *lines, const char *name, const char **value, struct ca_why *why)
{
	return take_any(lines, name, true, value, why);
}

/* The order of the lines is the format. */
static bool
take_all(
    struct lines *lines, struct ca_statement *out, struct numerals *numerals, struct ca_why *why)
{
	return take(lines, "authority", &out->authority, why) &&
	       take(lines, "grant", &numerals->grant, why) &&
	       take(lines, "engineer", &out->engineer, why) && take(lines, "key", &out->key, why) &&
	       take(lines, "environment", &out->environment, why) &&
	       take(lines, "gate", &out->gate, why) &&
	       take_optional(lines, "relay", &out->relay, why) &&
	       take(lines, "role", &out->role, why) &&
	       take_optional(lines, "command", &out->command, why) &&
	       take_optional(lines, "source", &out->source, why) &&
	       take(lines, "terminal", &numerals->terminal, why) &&
	       take(lines, "sessions", &numerals->sessions, why) &&
	       take(lines, "duration", &numerals->duration, why) &&
	       take(lines, "not-before", &numerals->not_before, why) &&
	       take(lines, "not-after", &numerals->not_after, why) &&
	       take(lines, "reason", &out->reason, why);
}

static bool
read_u32(const char *name, const char *text, uint32_t *out, struct ca_why *why)
{
	uint64_t value;

	if (!ca_text_to_u64(text, UINT32_MAX, &value))
		return ca_why_set(why, "%s '%s' is not a number", name, text);
	*out = (uint32_t)value;
	return true;
}

static bool
read_time(const char *name, const char *text, int64_t *out, struct ca_why *why)
{
	if (!ca_time_parse(text, out))
		return ca_why_set(
		    why, "%s '%s' is not a time like 2026-11-21T18:00:00Z", name, text);
	return true;
}

static bool
read_numerals(struct ca_statement *out, const struct numerals *numerals, struct ca_why *why)
{
	out->terminal = strcmp(numerals->terminal, "yes") == 0;
	if (!out->terminal && strcmp(numerals->terminal, "no") != 0)
		return ca_why_set(why, "terminal is neither 'yes' nor 'no'");
	if (!ca_text_to_u64(numerals->grant, INT64_MAX, &out->grant))
		return ca_why_set(why, "grant '%s' is not a number", numerals->grant);
	return read_u32("sessions", numerals->sessions, &out->sessions, why) &&
	       read_u32("duration", numerals->duration, &out->duration, why) &&
	       read_time("not-before", numerals->not_before, &out->not_before, why) &&
	       read_time("not-after", numerals->not_after, &out->not_after, why);
}

/* "SHA256:" and 32 bytes in base64 without padding: the last character carries four bits only. */
static bool
is_fingerprint(const char *text)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				       "0123456789+/";

	return text != NULL && strlen(text) == CA_FINGERPRINT_SIZE - 1 &&
	       strncmp(text, "SHA256:", 7) == 0 && strspn(text + 7, alphabet) == 43 &&
	       strchr("AEIMQUYcgkosw048", text[49]) != NULL;
}

static bool
is_host_name(const char *text)
{
	size_t len = strlen(text);

	return len >= 1 && len <= HOST_MAX && text[0] != '-' && text[0] != '.' &&
	       strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-") ==
		   len;
}

/* What every value has to be: there, and without a blank at its ends. */
static bool
is_value(const char *text)
{
	return text != NULL && text[0] != '\0' && text[0] != ' ' && text[strlen(text) - 1] != ' ';
}

static bool
is_reason(const char *text)
{
	const uint8_t *next = (const uint8_t *)text;
	size_t left = strlen(text), len;
	uint32_t codepoint;

	for (; left > 0; next += len, left -= len) {
		len = ca_text_utf8_next(next, left, &codepoint);
		if (len == 0 || ca_text_is_control(codepoint))
			return false;
	}
	return true;
}

static bool
check_name(const char *name, const char *value, struct ca_why *why)
{
	if (value == NULL || !ca_text_is_name(value))
		return ca_why_set(
		    why, "%s '%.80s' is not a name", name, value != NULL ? value : "");
	return true;
}

static bool
check_fingerprint(const char *name, const char *value, struct ca_why *why)
{
	if (!is_fingerprint(value))
		return ca_why_set(why, "%s '%.80s' is not a SHA256 fingerprint", name,
		    value != NULL ? value : "");
	return true;
}

static bool
check_texts(const struct ca_statement *statement, struct ca_why *why)
{
	const char *environment = statement->environment;

	if (!check_fingerprint("authority", statement->authority, why) ||
	    !check_fingerprint("key", statement->key, why) ||
	    !check_fingerprint("gate", statement->gate, why) ||
	    !check_name("engineer", statement->engineer, why) ||
	    !check_name("environment", environment, why) ||
	    !check_name("role", statement->role, why))
		return false;
	if (strcmp(environment, "front") == 0 || strcmp(environment, "relay") == 0 ||
	    strcmp(environment, "gate") == 0)
		return ca_why_set(why, "environment '%s' is a reserved word", environment);
	if (statement->relay != NULL && !is_host_name(statement->relay))
		return ca_why_set(why, "relay '%.80s' is not a host name", statement->relay);
	if (statement->command != NULL &&
	    (!is_value(statement->command) || !ca_text_is_printable_ascii(statement->command)))
		return ca_why_set(
		    why, "command is empty, not printable ASCII, or begins or ends with a blank");
	if (statement->source != NULL && !ca_address_list_check(statement->source, why))
		return ca_why_prefix(why, "source");
	if (!is_value(statement->reason) || !is_reason(statement->reason))
		return ca_why_set(
		    why, "reason is empty, not plain UTF-8 text, or begins or ends with a blank");
	return true;
}

static bool
is_time(int64_t time)
{
	return time >= 0 && time <= TIME_MAX;
}

static bool
check_numbers(const struct ca_statement *statement, struct ca_why *why)
{
	int64_t span;

	if (statement->grant < 1 || statement->grant > INT64_MAX)
		return ca_why_set(
		    why, "grant number %" PRIu64 " is out of range", statement->grant);
	if (statement->sessions < 1 || statement->sessions > CA_STATEMENT_MAX_SESSIONS)
		return ca_why_set(why, "sessions is %" PRIu32 ", not 1 to %d", statement->sessions,
		    CA_STATEMENT_MAX_SESSIONS);
	if (!is_time(statement->not_before) || !is_time(statement->not_after))
		return ca_why_set(why, "not-before or not-after is outside the years 1970 to 9999");
	span = statement->not_after - statement->not_before;
	if (span <= 0)
		return ca_why_set(why, "not-after is not later than not-before");
	if (span > CA_STATEMENT_MAX_SPAN)
		return ca_why_set(why, "not-after is more than 7 days after not-before");
	if (statement->duration < 1)
		return ca_why_set(why, "duration is zero");
	if (statement->duration > span)
		return ca_why_set(why,
		    "duration of %" PRIu32 " seconds does not fit between not-before and "
		    "not-after, %" PRId64 " seconds apart",
		    statement->duration, span);
	return true;
}

static void
put_line(struct ca_buf *out, const char *name, const char *value)
{
	if (value != NULL)
		ca_buf_printf(out, "%s %s\n", name, value);
}

static void
put_statement(struct ca_buf *out, const struct ca_statement *statement)
{
	char not_before[CA_TIME_SIZE], not_after[CA_TIME_SIZE];

	ca_time_format(statement->not_before, not_before);
	ca_time_format(statement->not_after, not_after);
	ca_buf_put_text(out, FIRST_LINE);
	put_line(out, "authority", statement->authority);
	ca_buf_printf(out, "grant %" PRIu64 "\n", statement->grant);
	put_line(out, "engineer", statement->engineer);
	put_line(out, "key", statement->key);
	put_line(out, "environment", statement->environment);
	put_line(out, "gate", statement->gate);
	put_line(out, "relay", statement->relay);
	put_line(out, "role", statement->role);
	put_line(out, "command", statement->command);
	put_line(out, "source", statement->source);
	put_line(out, "terminal", statement->terminal ? "yes" : "no");
	ca_buf_printf(out, "sessions %" PRIu32 "\n", statement->sessions);
	ca_buf_printf(out, "duration %" PRIu32 "\n", statement->duration);
	put_line(out, "not-before", not_before);
	put_line(out, "not-after", not_after);
	put_line(out, "reason", statement->reason);
}

/* `text` is what `statement` was read from. */
static bool
is_canonical(const struct ca_statement *statement, const void *text, size_t len, struct ca_why *why)
{
	struct ca_buf again = { 0 };
	bool same;

	same = ca_statement_encode(&again, statement, why);
	if (same && (again.len != len || memcmp(again.data, text, len) != 0))
		same = ca_why_set(why, "the statement is not in its canonical form");
	ca_buf_clear(&again);
	return same;
}

static bool
check_size(const void *text, size_t len, struct ca_why *why)
{
	size_t head = strlen(FIRST_LINE);

	if (len > CA_STATEMENT_MAX)
		return ca_why_set(
		    why, "the statement has %zu bytes, more than %d", len, CA_STATEMENT_MAX);
	if (len < head || memcmp(text, FIRST_LINE, head) != 0)
		return ca_why_set(why, "line 1 of the statement is not 'postern-grant-v1'");
	if (memchr(text, '\0', len) != NULL)
		return ca_why_set(why, "the statement has a NUL byte");
	return true;
}

bool
ca_statement_parse(struct ca_statement *out, const void *text, size_t len, struct ca_why *why)
{
	struct numerals numerals = { 0 };
	struct lines lines = { .number = 2 };

	*out = (struct ca_statement){ 0 };
	if (!check_size(text, len, why))
		return false;
	out->storage = malloc(len + 1);
	if (out->storage == NULL)
		return ca_why_set(why, "out of memory");
	memcpy(out->storage, text, len);
	out->storage[len] = '\0';
	lines.next = out->storage + strlen(FIRST_LINE);
	lines.left = len - strlen(FIRST_LINE);
	if (!take_all(&lines, out, &numerals, why))
		goto fail;
	if (lines.left != 0) {
		ca_why_set(why, "something follows the reason");
		goto fail;
	}
	if (!read_numerals(out, &numerals, why) || !is_canonical(out, text, len, why))
		goto fail;
	return true;
fail:
	ca_statement_clear(out);
	return false;
}

void
ca_statement_clear(struct ca_statement *statement)
{
	free(statement->storage);
	*statement = (struct ca_statement){ 0 };
}

bool
ca_statement_encode(struct ca_buf *out, const struct ca_statement *statement, struct ca_why *why)
{
	struct ca_buf text = { 0 };
	bool ok = false;

	if (!ca_statement_check(statement, why))
		return false;
	put_statement(&text, statement);
	if (!ca_buf_ok(&text))
		ca_why_set(why, "out of memory");
	else if (text.len > CA_STATEMENT_MAX)
		ca_why_set(
		    why, "the statement has %zu bytes, more than %d", text.len, CA_STATEMENT_MAX);
	else {
		ca_buf_put(out, text.data, text.len);
		ok = ca_buf_ok(out) || ca_why_set(why, "out of memory");
	}
	ca_buf_clear(&text);
	return ok;
}

bool
ca_statement_check(const struct ca_statement *statement, struct ca_why *why)
{
	return check_texts(statement, why) && check_numbers(statement, why);
}
