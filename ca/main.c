/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - postern-ca, the authority: requests, approvals, certificates, revocations.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "ca/desk.h"

#define DEFAULT_FOLDER "/var/lib/postern-ca"

static const struct ca_verb verbs[] = {
	{ "init", "[--no-passphrase] [--authority-pub FILE]",
	    "make an authority: keys, database, log", ca_verb_init },
	{ "enroll",
	    "NAME --role engineer|approver|gate|auditor --key FILE.pub [--relay HOST] [--for 30d]",
	    "enroll a person or a gate, print its identity certificate", ca_verb_enroll },
	{ "request",
	    "ENVIRONMENT ROLE --as NAME --for 1h [--command LINE] [--source CIDR,...] [--start "
	    "TIME]"
	    " [--within 4h] [--sessions N] [--no-terminal] [--key FILE.pub] REASON...",
	    "ask for a grant, print its number", ca_verb_request },
	{ "list", "[--pending | --live | --all] [--json]", "requests and grants", ca_verb_list },
	{ "show", "N [--statement | --json]",
	    "everything about one; --statement: the bytes to sign", ca_verb_show },
	{ "approve", "N [--key FILE | --signature FILE] [--yes]",
	    "sign a statement and store the approval, or store one made elsewhere",
	    ca_verb_approve },
	{ "deny", "N --as NAME REASON...", "refuse a request", ca_verb_deny },
	{ "fetch", "N", "print the certificate, once the quorum is reached", ca_verb_fetch },
	{ "cancel", "N --as NAME", "withdraw a request before it is issued", ca_verb_cancel },
	{ "done", "N --as NAME", "end a grant early", ca_verb_done },
	{ "revoke", "N --as NAME REASON...", "take a grant back", ca_verb_revoke },
	{ "krl", "[--output FILE]", "write the key revocation list", ca_verb_krl },
};
#define VERB_COUNT (sizeof verbs / sizeof verbs[0])

static void
print_usage(FILE *out)
{
	fputs("usage: postern-ca [-C FOLDER] VERB ...\n\n", out);
	for (size_t i = 0; i < VERB_COUNT; i++)
		fprintf(out, "  %-8s %s\n           %s\n", verbs[i].name, verbs[i].usage,
		    verbs[i].help);
	fputs("\n  -C FOLDER  the authority's state (default " DEFAULT_FOLDER ")\n"
	      "  --help     this text;  --version  the version\n"
	      "\nexit status: 0 done, 1 refused, 2 usage, 3 not found or not yet\n",
	    out);
}

static const struct ca_verb *
find_verb(const char *name)
{
	for (size_t i = 0; i < VERB_COUNT; i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

static enum ca_exit
run(const char *folder, const struct ca_verb *verb, int argc, char **argv)
{
	struct ca_desk desk = { .folder = folder, .now = time(NULL) };
	enum ca_exit status = verb->run(&desk, argc, argv);

	ca_desk_close(&desk);
	if (status == CA_EXIT_OK && (fflush(stdout) != 0 || ferror(stdout))) {
		ca_why_set(&desk.why, "standard output cannot be written");
		status = CA_EXIT_REFUSED;
	}
	if (status != CA_EXIT_OK)
		fprintf(stderr, "postern-ca: %s\n", desk.why.text);
	if (status == CA_EXIT_USAGE)
		fprintf(stderr, "usage: postern-ca %s %s\n", verb->name, verb->usage);
	return status;
}

int
main(int argc, char **argv)
{
	const char *folder = DEFAULT_FOLDER;
	const struct ca_verb *verb;
	int next = 1;

	umask(077);
	signal(SIGPIPE, SIG_IGN);
	if (argc > next + 1 && strcmp(argv[next], "-C") == 0) {
		folder = argv[next + 1];
		next += 2;
	}
	if (argc > next && strcmp(argv[next], "--help") == 0) {
		print_usage(stdout);
		return CA_EXIT_OK;
	}
	if (argc > next && strcmp(argv[next], "--version") == 0) {
		puts("postern-ca " POSTERN_VERSION);
		return CA_EXIT_OK;
	}
	if (argc <= next || (verb = find_verb(argv[next])) == NULL) {
		if (argc > next) {
			struct ca_why why;

			ca_why_set(&why, "there is no verb '%s'", argv[next]);
			fprintf(stderr, "postern-ca: %s\n", why.text);
		}
		print_usage(stderr);
		return CA_EXIT_USAGE;
	}
	for (int i = next + 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--help") == 0) {
			printf(
			    "usage: postern-ca %s %s\n%s\n", verb->name, verb->usage, verb->help);
			return CA_EXIT_OK;
		}
	}
	return run(folder, verb, argc - next - 1, argv + next + 1);
}
