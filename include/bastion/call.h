/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call.h - from a command line to argv: the one parser, and the pure decision.
 *
 * Grammar (also in postern-bastion(8)): words separated by blanks (space, tab); '...' literal;
 * "..." with \" and \\; \ takes the next byte literally; NUL, newline and other control characters
 * are refused outside `rest`; nothing else is special: $ ` * ? ~ ; | & < > ( ) are ordinary
 * bytes. The bytes that are judged are the bytes that are executed.
 */
#ifndef BAS_CALL_H
#define BAS_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bastion/config.h"
#include "ca/buf.h"
#include "ca/judge.h"
#include "ca/why.h"

#define BAS_LINE_MAX 65536  /* bytes of a command line */
#define BAS_ARGV_MAX 131072 /* bytes of all words of an argv, each with its NUL */

/* Built-ins first, then the role's commands. */
enum bas_call_kind { BAS_CALL_RUN, BAS_CALL_HELP, BAS_CALL_WHOAMI };

enum bas_refusal { BAS_DENIED = 126, BAS_NO_COMMAND = 127 };

/* What the certificate fixes; fills {identity}, {grant}, {engineer}, {recording}. */
struct bas_caller {
	const char *identity;
	uint64_t grant;
	const char *engineer;
	const char *recording;
};

struct bas_call {
	enum bas_call_kind kind;
	const struct bas_command *command; /* RUN; HELP COMMAND; else NULL */
	char **values;			   /* per parameter, canonical; NULL: a flag not given */
	size_t value_count;
};

/*
 * Parses and judges a line against a role. On failure `*refusal` says which of our exit
 * statuses it is. Caller clears `out`.
 */
CA_MUST_USE bool bas_call_parse(struct bas_call *out, const struct bas_role *role, const void *line,
    size_t len, enum bas_refusal *refusal, struct ca_why *why);
void bas_call_clear(struct bas_call *call);
/* The canonical line: parsing it gives the same call, and encoding that the same bytes. */
void bas_call_encode(struct ca_buf *out, const struct bas_call *call);
/*
 * argv, NULL-terminated, one block to free(). One word of a template stays one word; a word that
 * is a flag not given is left out. `caller` NULL leaves {identity} and the like as written,
 * to show and not to run.
 */
CA_MUST_USE bool bas_call_argv(
    char ***out, const struct bas_call *call, const struct bas_caller *caller, struct ca_why *why);
/* What `ssh gate help` and `help COMMAND` print; `command` NULL: all. */
void bas_help_put(
    struct ca_buf *out, const struct bas_role *role, const struct bas_command *command);

#endif
