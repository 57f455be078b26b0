/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_approve.c - postern-ca approve: a signature over exactly the statement's bytes,
 * made here or by stock ssh-keygen, judged before it is stored.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/desk.h"
#include "ca/file.h"
#include "ca/judge.h"
#include "ca/sshsig.h"
#include "ca/text.h"

/* The agent's key that the approvers file lists now; the first of several. */
static bool
open_agent_signer(struct ca_desk *desk, struct ca_signer **out)
{
	struct ca_key **keys = NULL;
	size_t count = 0;
	const struct ca_key *chosen = NULL;
	bool ok;

	if (!ca_agent_keys(NULL, &keys, &count, &desk->why))
		return false;
	for (size_t i = 0; i < count && chosen == NULL; i++)
		if (ca_allowed_signers_name_of(desk->approvers, keys[i], desk->now) != NULL)
			chosen = keys[i];
	ok = chosen != NULL
		 ? ca_signer_agent(out, NULL, chosen, &desk->why)
		 : ca_why_set(&desk->why, "the ssh-agent holds no key of an approver: use --key");
	for (size_t i = 0; i < count; i++)
		ca_key_free(keys[i]);
	free(keys);
	return ok;
}

/* Asks only where someone can answer: a script that names a key has decided. */
static bool
confirm(struct ca_desk *desk, const struct ca_request *request)
{
	int answer, rest;

	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return true;
	ca_desk_put_statement(stderr, request);
	fputs("approve exactly this? [y/N] ", stderr);
	answer = getchar();
	for (rest = answer; rest != '\n' && rest != EOF;)
		rest = getchar();
	if (answer == 'y' || answer == 'Y')
		return true;
	return ca_why_set(&desk->why, "not approved");
}

static bool
make_signature(struct ca_desk *desk, const struct ca_request *request, const char *key, bool asked,
    struct ca_buf *sig)
{
	struct ca_signer *signer = NULL;
	bool ok = (asked || confirm(desk, request)) &&
		  (key != NULL ? ca_signer_load(&signer, key, &desk->why)
			       : open_agent_signer(desk, &signer)) &&
		  ca_sshsig_sign(signer, NULL, CA_NAMESPACE_GRANT, request->statement.data,
		      request->statement.len, sig, &desk->why);

	ca_signer_free(signer);
	return ok;
}

static bool
read_signature(struct ca_desk *desk, const char *file, struct ca_buf *sig)
{
	struct ca_buf text = { 0 };
	const char *path = strcmp(file, "-") == 0 ? "/dev/stdin" : file;
	bool ok = ca_file_read(path, 2 * CA_SSHSIG_MAX, &text, &desk->why) &&
		  ca_sshsig_dearmor(sig, (const char *)text.data, text.len, &desk->why);

	ca_buf_clear(&text);
	return ok;
}

/* Judges one approval as the gate will, and gives the approver's name. */
static bool
judge_one(struct ca_desk *desk, const struct ca_request *request,
    const struct ca_statement *statement, const struct ca_buf *sig, char **name)
{
	char *names[CA_MAX_APPROVALS] = { NULL };
	struct ca_bytes approval = ca_buf_bytes(sig);
	size_t count = 0;
	bool disabled;

	if (ca_judge_approvals(statement, ca_buf_bytes(&request->statement), desk->approvers,
		desk->engineers, &approval, 1, desk->now, names, &count,
		&desk->why) != CA_ADMITTED) {
		for (size_t i = 0; i < count; i++)
			free(names[i]);
		return false;
	}
	*name = names[0];
	if (!ca_store_is_disabled(desk->store, *name, &disabled, &desk->why))
		return false;
	return !disabled || ca_why_set(&desk->why, "'%s' is disabled", *name);
}

static bool
is_open(struct ca_desk *desk, const struct ca_request *request)
{
	const char *state = ca_desk_state(desk, request);

	if (strcmp(state, "pending") == 0)
		return true;
	return ca_why_set(
	    &desk->why, "grant %llu is %s", (unsigned long long)request->grant, state);
}

static bool
store_approval(struct ca_desk *desk, const char *number, const char *name, const struct ca_buf *sig)
{
	struct ca_request request = { 0 };
	struct ca_statement statement = { 0 };
	bool ok = ca_store_begin(desk->store, &desk->why) &&
		  /* Again, now that nobody else can write: it may have ended meanwhile. */
		  ca_desk_request(desk, number, &request, &statement) == CA_EXIT_OK &&
		  is_open(desk, &request) &&
		  ca_store_put_approval(
		      desk->store, request.grant, name, ca_buf_bytes(sig), desk->now, &desk->why) &&
		  ca_desk_log(desk, "approve",
		      json_pack("{s:I, s:s}", "grant", (json_int_t)request.grant, "approver", name),
		      NULL, NULL) &&
		  ca_store_commit(desk->store, &desk->why);

	ca_statement_clear(&statement);
	ca_request_clear(&request);
	return ok;
}

enum ca_exit
ca_verb_approve(struct ca_desk *desk, int argc, char **argv)
{
	const char *key = NULL, *file = NULL, *yes = NULL;
	const struct ca_option options[] = {
		{ "key", "a private key file", "instead of the ssh-agent", &key },
		{ "signature", "a file, or -", "made by ssh-keygen -Y sign -n grant@postern",
		    &file },
		{ "yes", NULL, "do not ask on the terminal", &yes },
		{ 0 },
	};
	struct ca_request request = { 0 };
	struct ca_statement statement = { 0 };
	struct ca_buf sig = { 0 };
	char *name = NULL;
	enum ca_exit status;

	if (!ca_desk_options(desk, options, &argc, argv))
		return CA_EXIT_USAGE;
	if (argc != 1 || (key != NULL && file != NULL)) {
		ca_why_set(
		    &desk->why, "a grant number is needed, and --key or --signature at most");
		return CA_EXIT_USAGE;
	}
	if (!ca_desk_open(desk))
		return CA_EXIT_REFUSED;
	status = ca_desk_request(desk, argv[0], &request, &statement);
	if (status == CA_EXIT_OK &&
	    !(is_open(desk, &request) &&
		(file != NULL ? read_signature(desk, file, &sig)
			      : make_signature(desk, &request, key, yes != NULL, &sig)) &&
		judge_one(desk, &request, &statement, &sig, &name) &&
		store_approval(desk, argv[0], name, &sig)))
		status = CA_EXIT_REFUSED;
	if (status == CA_EXIT_OK)
		printf("grant %s approved by %s\n", argv[0], name);
	free(name);
	ca_buf_clear(&sig);
	ca_statement_clear(&statement);
	ca_request_clear(&request);
	return status;
}
