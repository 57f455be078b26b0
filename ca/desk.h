/* SPDX-License-Identifier: Apache-2.0 */
/*
 * desk.h - what the verbs of postern-ca work with: the state folder's parts, opened
 * and closed in one place, and the verbs themselves.
 */
#ifndef CA_DESK_H
#define CA_DESK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "ca/allowed_signers.h"
#include "ca/rules.h"
#include "ca/signer.h"
#include "ca/statement.h"
#include "ca/store.h"
#include "ca/why.h"

enum ca_exit { CA_EXIT_OK = 0, CA_EXIT_REFUSED = 1, CA_EXIT_USAGE = 2, CA_EXIT_NOT_YET = 3 };

struct ca_desk {
	const char *folder;
	bool json;
	int64_t now;
	struct ca_store *store; /* the rest is opened by ca_desk_open */
	struct ca_rules *rules;
	struct ca_allowed_signers *engineers;
	struct ca_allowed_signers *approvers;
	struct ca_why why; /* set whenever a verb gives something else than CA_EXIT_OK */
};

/* Everything but keys; CA_EXIT_REFUSED with desk->why when something is missing. */
CA_MUST_USE bool ca_desk_open(struct ca_desk *desk);
void ca_desk_close(struct ca_desk *desk);
/* `<folder>/<name>`, heap; aborts when out of memory. */
char *ca_desk_path(const struct ca_desk *desk, const char *name);
/* The public key in <folder>/<name>.pub. */
CA_MUST_USE bool ca_desk_public_key(struct ca_desk *desk, const char *name, struct ca_key **out);
/* Who signs as <name>: the key file, or, when there is only <name>.pub, the ssh-agent. */
CA_MUST_USE bool ca_desk_signer(struct ca_desk *desk, const char *name, struct ca_signer **out);
/* Writes an event into the log and makes it durable. `fields` is consumed, NULL counts as out of
 * memory. */
CA_MUST_USE bool ca_desk_log(
    struct ca_desk *desk, const char *event, json_t *fields, uint64_t *index, uint8_t leaf[32]);
/* A request by the number in `text`, and its statement. CA_EXIT_OK, or what the verb should
 * give. */
CA_MUST_USE enum ca_exit ca_desk_request(struct ca_desk *desk, const char *text,
    struct ca_request *request, struct ca_statement *statement);
/* The statement's lines, indented and escaped for a terminal. */
void ca_desk_put_statement(FILE *out, const struct ca_request *request);
/* `issued` but over is "over", `pending` but expired "expired". */
const char *ca_desk_state(const struct ca_desk *desk, const struct ca_request *request);

/* ---- options ---- */

/* One option of a verb; a table of them prints --help and reads the command line. */
struct ca_option {
	const char *name;     /* without -- */
	const char *argument; /* what it takes, for --help; NULL: a flag */
	const char *help;
	const char **value; /* where the argument goes; a flag sets it to "" */
};

/*
 * Takes options out of argv wherever they stand until `--`; *argc and argv keep the rest. On an
 * unknown or incomplete option: false, desk->why says which.
 */
CA_MUST_USE bool ca_desk_options(
    struct ca_desk *desk, const struct ca_option *options, int *argc, char **argv);
/* Words joined by blanks, heap. */
char *ca_desk_join(int argc, char **argv);

/* ---- verbs ---- */

struct ca_verb {
	const char *name;
	const char *usage;
	const char *help;
	enum ca_exit (*run)(struct ca_desk *desk, int argc, char **argv);
};

enum ca_exit ca_verb_init(struct ca_desk *desk, int argc, char **argv);
enum ca_exit ca_verb_enroll(struct ca_desk *desk, int argc, char **argv);
enum ca_exit ca_verb_request(struct ca_desk *desk, int argc, char **argv);
enum ca_exit ca_verb_list(struct ca_desk *desk, int argc, char **argv);
enum ca_exit ca_verb_show(struct ca_desk *desk, int argc, char **argv);
enum ca_exit ca_verb_approve(struct ca_desk *desk, int argc, char **argv);
enum ca_exit ca_verb_deny(struct ca_desk *desk, int argc, char **argv);
enum ca_exit ca_verb_fetch(struct ca_desk *desk, int argc, char **argv);
enum ca_exit ca_verb_cancel(struct ca_desk *desk, int argc, char **argv);
enum ca_exit ca_verb_done(struct ca_desk *desk, int argc, char **argv);
enum ca_exit ca_verb_revoke(struct ca_desk *desk, int argc, char **argv);
enum ca_exit ca_verb_krl(struct ca_desk *desk, int argc, char **argv);

#endif
