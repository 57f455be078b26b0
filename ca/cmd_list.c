/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_list.c - postern-ca list and show: what was asked for, and what became of it.
 *
 * Text of people is escaped on its way to a terminal; JSON keeps it raw, in ASCII escapes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/desk.h"
#include "ca/statement.h"
#include "ca/text.h"

struct listing {
	struct ca_desk *desk;
	json_t *rows; /* array, when JSON is wanted */
	uint64_t count;
};

static bool
add_name(void *ctx, const char *name, int64_t made, struct ca_bytes sig, struct ca_why *why)
{
	char when[CA_TIME_SIZE];

	(void)sig;
	ca_time_format(made, when);
	if (json_array_append_new(ctx, json_pack("{s:s, s:s}", "name", name, "time", when)) != 0)
		return ca_why_set(why, "out of memory");
	return true;
}

static void
set_time(json_t *row, const char *name, int64_t time)
{
	char text[CA_TIME_SIZE];

	ca_time_format(time, text);
	json_object_set_new(row, name, json_string(text));
}

/* Everything about one request; NULL with desk->why set. */
static json_t *
describe(struct ca_desk *desk, const struct ca_request *request, const struct ca_statement *s)
{
	json_t *approvals = json_array();
	json_t *row;

	if (!ca_store_each_approval(desk->store, request->grant, add_name, approvals, &desk->why)) {
		json_decref(approvals);
		return NULL;
	}
	row =
	    json_pack("{s:I, s:s, s:s, s:s, s:s, s:s*, s:s*, s:b, s:i, s:i, s:s, s:o, s:s*, s:s*}",
		"grant", (json_int_t)request->grant, "state", ca_desk_state(desk, request),
		"engineer", s->engineer, "environment", s->environment, "role", s->role, "command",
		s->command, "source", s->source, "terminal", s->terminal, "sessions",
		(int)s->sessions, "duration", (int)s->duration, "reason", s->reason, "approvals",
		approvals, "ended_by", request->ended_by, "ended_why", request->ended_why);
	if (row == NULL) {
		ca_why_set(&desk->why, "out of memory");
		return NULL;
	}
	set_time(row, "asked", request->asked);
	set_time(row, "expires", request->expires);
	set_time(row, "not_before", s->not_before);
	set_time(row, "not_after", s->not_after);
	if (request->valid_before > 0)
		set_time(row, "valid_before", request->valid_before);
	return row;
}

static void
print_escaped(const char *label, const char *text)
{
	char *safe = text != NULL ? ca_text_escaped(text, strlen(text)) : NULL;

	if (safe != NULL)
		printf("%-13s %s\n", label, safe);
	free(safe);
}

static bool
print_row(void *ctx, const struct ca_request *request, struct ca_why *why)
{
	struct listing *listing = ctx;
	struct ca_statement statement = { 0 };
	json_t *row = NULL;
	char lasts[CA_TIME_SIZE];
	char *reason = NULL;
	bool ok = false;

	if (!ca_statement_parse(&statement, request->statement.data, request->statement.len, why))
		return ca_why_prefix(why, "grant %llu", (unsigned long long)request->grant);
	if (listing->rows != NULL) {
		row = describe(listing->desk, request, &statement);
		ok = row != NULL && json_array_append_new(listing->rows, row) == 0;
		goto out;
	}
	if (listing->count++ == 0)
		printf("%5s  %-9s  %-28s  %-26s  %-7s  %s\n", "GRANT", "STATE", "ENGINEER",
		    "ENVIRONMENT/ROLE", "FOR", "REASON");
	ca_duration_format(statement.duration, lasts);
	reason = ca_text_escaped(statement.reason, strlen(statement.reason));
	printf("%5llu  %-9s  %-28s  %s/%-*s  %-7s  %s\n", (unsigned long long)request->grant,
	    ca_desk_state(listing->desk, request), statement.engineer, statement.environment,
	    25 - (int)strlen(statement.environment), statement.role, lasts,
	    reason != NULL ? reason : "");
	ok = true;
out:
	free(reason);
	ca_statement_clear(&statement);
	return ok;
}

enum ca_exit
ca_verb_list(struct ca_desk *desk, int argc, char **argv)
{
	const char *pending = NULL, *live = NULL, *all = NULL, *json = NULL;
	const struct ca_option options[] = {
		{ "pending", NULL, "what waits for approvals or for its fetch", &pending },
		{ "live", NULL, "issued, and not over", &live },
		{ "all", NULL, "ended ones too", &all },
		{ "json", NULL, "for programs", &json },
		{ 0 },
	};
	struct listing listing = { .desk = desk };
	enum ca_list which;
	bool ok;

	if (!ca_desk_options(desk, options, &argc, argv))
		return CA_EXIT_USAGE;
	if (argc > 0) {
		ca_why_set(&desk->why, "'%s' is not expected", argv[0]);
		return CA_EXIT_USAGE;
	}
	which = all != NULL	  ? CA_LIST_ALL
		: live != NULL	  ? CA_LIST_LIVE
		: pending != NULL ? CA_LIST_PENDING
				  : CA_LIST_OPEN;
	listing.rows = json != NULL ? json_array() : NULL;
	ok = ca_desk_open(desk) &&
	     ca_store_each_request(desk->store, which, desk->now, print_row, &listing, &desk->why);
	if (ok && listing.rows != NULL) {
		json_dumpf(listing.rows, stdout, JSON_ENSURE_ASCII | JSON_INDENT(1));
		putchar('\n');
	}
	json_decref(listing.rows);
	return ok ? CA_EXIT_OK : CA_EXIT_REFUSED;
}

static bool
print_approval(void *ctx, const char *name, int64_t made, struct ca_bytes sig, struct ca_why *why)
{
	char when[CA_TIME_SIZE];

	(void)ctx;
	(void)sig;
	(void)why;
	ca_time_format(made, when);
	printf("%-13s %s  %s\n", "approved", when, name);
	return true;
}

/* The statement's own lines, each escaped, then what has become of it. */
static bool
print_request(struct ca_desk *desk, const struct ca_request *request)
{
	char when[CA_TIME_SIZE];

	ca_desk_put_statement(stdout, request);
	printf("%-13s %s\n", "state", ca_desk_state(desk, request));
	ca_time_format(request->asked, when);
	printf("%-13s %s\n", "asked", when);
	if (!ca_store_each_approval(desk->store, request->grant, print_approval, NULL, &desk->why))
		return false;
	if (request->valid_before > 0) {
		ca_time_format(request->valid_before, when);
		printf("%-13s %s\n", "valid until", when);
	}
	print_escaped("ended by", request->ended_by);
	print_escaped("because", request->ended_why);
	return true;
}

enum ca_exit
ca_verb_show(struct ca_desk *desk, int argc, char **argv)
{
	const char *bytes = NULL, *json = NULL;
	const struct ca_option options[] = {
		{ "statement", NULL, "exactly the bytes that approvers sign", &bytes },
		{ "json", NULL, "for programs", &json },
		{ 0 },
	};
	struct ca_request request = { 0 };
	struct ca_statement statement = { 0 };
	enum ca_exit status = CA_EXIT_REFUSED;
	json_t *row;

	if (!ca_desk_options(desk, options, &argc, argv))
		return CA_EXIT_USAGE;
	if (argc != 1) {
		ca_why_set(&desk->why, "a grant number is needed");
		return CA_EXIT_USAGE;
	}
	if (!ca_desk_open(desk))
		return CA_EXIT_REFUSED;
	status = ca_desk_request(desk, argv[0], &request, &statement);
	if (status != CA_EXIT_OK)
		goto out;
	if (bytes != NULL) {
		fwrite(request.statement.data, 1, request.statement.len, stdout);
	} else if (json != NULL) {
		row = describe(desk, &request, &statement);
		status = row != NULL ? CA_EXIT_OK : CA_EXIT_REFUSED;
		json_dumpf(row, stdout, JSON_ENSURE_ASCII | JSON_INDENT(1));
		putchar('\n');
		json_decref(row);
	} else if (!print_request(desk, &request)) {
		status = CA_EXIT_REFUSED;
	}
out:
	ca_statement_clear(&statement);
	ca_request_clear(&request);
	return status;
}
