/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main_desk.c - the state folder's parts, opened and closed in one place.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/desk.h"
#include "ca/judge.h"
#include "ca/text.h"
#include "recorder/log.h"

char *
ca_desk_path(const struct ca_desk *desk, const char *name)
{
	char *path = NULL;

	if (asprintf(&path, "%s/%s", desk->folder, name) < 0)
		abort();
	return path;
}

static bool
load_signers(
    struct ca_desk *desk, const char *name, const char *ns, struct ca_allowed_signers **out)
{
	char *path = ca_desk_path(desk, name);
	bool ok = ca_allowed_signers_load(out, path, ns, &desk->why);

	free(path);
	return ok;
}

bool
ca_desk_open(struct ca_desk *desk)
{
	char *database = ca_desk_path(desk, "postern.db");
	char *rules = ca_desk_path(desk, "authority.conf");
	bool ok = false;

	if (access(database, F_OK) != 0)
		ca_why_set(&desk->why, "'%s' holds no authority: 'postern-ca init' makes one",
		    desk->folder);
	else
		ok = ca_store_open(&desk->store, database, false, &desk->why) &&
		     ca_rules_load(&desk->rules, rules, &desk->why) &&
		     load_signers(desk, "engineers", NULL, &desk->engineers) &&
		     load_signers(desk, "approvers", CA_NAMESPACE_GRANT, &desk->approvers);
	free(database);
	free(rules);
	return ok;
}

void
ca_desk_close(struct ca_desk *desk)
{
	ca_store_rollback(desk->store);
	ca_store_close(desk->store);
	ca_rules_free(desk->rules);
	ca_allowed_signers_free(desk->engineers);
	ca_allowed_signers_free(desk->approvers);
	desk->store = NULL;
	desk->rules = NULL;
	desk->engineers = NULL;
	desk->approvers = NULL;
}

bool
ca_desk_public_key(struct ca_desk *desk, const char *name, struct ca_key **out)
{
	char file[64];
	char *path;
	bool ok;

	snprintf(file, sizeof file, "%s.pub", name);
	path = ca_desk_path(desk, file);
	ok = ca_key_load(out, path, &desk->why);
	free(path);
	return ok;
}

bool
ca_desk_signer(struct ca_desk *desk, const char *name, struct ca_signer **out)
{
	char *path = ca_desk_path(desk, name);
	struct ca_key *key = NULL;
	bool ok;

	if (access(path, F_OK) == 0) {
		ok = ca_signer_load(out, path, &desk->why);
	} else {
		ok = ca_desk_public_key(desk, name, &key) &&
		     ca_signer_agent(out, NULL, key, &desk->why);
		ca_key_free(key);
	}
	free(path);
	return ok;
}

bool
ca_desk_log(
    struct ca_desk *desk, const char *event, json_t *fields, uint64_t *index, uint8_t leaf[32])
{
	char *folder = ca_desk_path(desk, "log");
	struct ca_signer *signer = NULL;
	struct rec_log *log = NULL;
	bool ok = false;

	if (fields == NULL) {
		ca_why_set(&desk->why, "out of memory");
		goto out;
	}
	ok = ca_desk_signer(desk, "log_key", &signer) &&
	     rec_log_open(&log, folder, "authority/log", signer, true, NULL, NULL, &desk->why) &&
	     rec_log_append(log, desk->now, event, fields, index, leaf, &desk->why) &&
	     rec_log_commit(log, &desk->why) && rec_log_checkpoint(log, desk->now, &desk->why);
out:
	rec_log_close(log);
	ca_signer_free(signer);
	json_decref(fields);
	free(folder);
	return ok;
}

enum ca_exit
ca_desk_request(struct ca_desk *desk, const char *text, struct ca_request *request,
    struct ca_statement *statement)
{
	uint64_t grant;
	bool found;

	*request = (struct ca_request){ 0 };
	*statement = (struct ca_statement){ 0 };
	if (!ca_text_to_u64(text, INT64_MAX, &grant)) {
		ca_why_set(&desk->why, "'%s' is not a grant number", text);
		return CA_EXIT_USAGE;
	}
	if (!ca_store_request(desk->store, grant, request, &found, &desk->why))
		return CA_EXIT_REFUSED;
	if (!found) {
		ca_why_set(&desk->why, "there is no grant %s", text);
		return CA_EXIT_NOT_YET;
	}
	if (!ca_statement_parse(
		statement, request->statement.data, request->statement.len, &desk->why))
		return CA_EXIT_REFUSED;
	/* A row that was edited to hold another grant's statement. */
	if (statement->grant != grant) {
		ca_why_set(&desk->why, "the statement stored for grant %s is that of grant %llu",
		    text, (unsigned long long)statement->grant);
		return CA_EXIT_REFUSED;
	}
	return CA_EXIT_OK;
}

const char *
ca_desk_state(const struct ca_desk *desk, const struct ca_request *request)
{
	if (request->state == CA_STATE_PENDING && desk->now >= request->expires)
		return "expired";
	if (request->state == CA_STATE_ISSUED && desk->now >= request->valid_before)
		return "over";
	return ca_request_state_name(request->state);
}

void
ca_desk_put_statement(FILE *out, const struct ca_request *request)
{
	const char *line = (const char *)request->statement.data;
	size_t left = request->statement.len;

	while (left > 0) {
		const char *end = memchr(line, '\n', left);
		size_t len = end != NULL ? (size_t)(end - line) : left;
		char *safe = ca_text_escaped(line, len);

		fprintf(out, "  %s\n", safe != NULL ? safe : "");
		free(safe);
		left -= end != NULL ? len + 1 : len;
		line += len + 1;
	}
}
