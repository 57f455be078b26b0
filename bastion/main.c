/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - postern-bastion: a table of verbs.
 */
#include <stdio.h>
#include <string.h>

#include "bastion/post_listener.h"
#include "bastion/title.h"
#include "bastion/verbs.h"
#include "ca/why.h"

static const struct bas_verb verbs[] = {
	{ "serve", "", "run the post; also without this word", bas_cmd_serve },
	{ "-t", "", "check the configuration and say what it allows", bas_cmd_test },
	{ "explain", "ROLE COMMAND...", "say what a command line would run", bas_cmd_explain },
	{ "status", "[--json]", "say what the running post is doing", bas_cmd_status },
	{ "kill", "SESSION", "end a session now", bas_cmd_kill },
	{ "refuse", "GRANT", "end what a grant opened, and never let it in again", bas_cmd_refuse },
};
#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

static int
put_usage(FILE *out)
{
	fprintf(out, "usage: postern-bastion [-f FILE] [VERB ...]\n\n");
	for (size_t i = 0; i < VERB_COUNT; i++)
		fprintf(out, "  %-8s %-16s %s\n", verbs[i].name, verbs[i].usage, verbs[i].help);
	fprintf(out,
	    "\n  -f FILE    the configuration (default %s)\n"
	    "  --help     this text, or behind a verb what it takes;  --version  the version\n"
	    "\nexit status: 0 done, 1 failed or refused, 2 usage, 3 not found\n",
	    BAS_CONFIG_DEFAULT);
	return out == stdout ? 0 : 2;
}

static void
put_verb_usage(FILE *out, const struct bas_verb *verb)
{
	fprintf(out, "usage: postern-bastion [-f FILE] %s%s%s\n", verb->name,
	    verb->usage[0] != '\0' ? " " : "", verb->usage);
}

/* `argv[0]` is the verb. Behind ROLE COMMAND the words are the engineer's, also --help. */
static int
run(const struct bas_verb *verb, const char *config, int argc, char **argv)
{
	int status;

	if (argc > 1 && strcmp(argv[1], "--help") == 0) {
		put_verb_usage(stdout, verb);
		printf("%s\n", verb->help);
		return 0;
	}
	status = verb->run(config, argc, argv);
	if (status == 2)
		put_verb_usage(stderr, verb);
	return status;
}

int
main(int argc, char **argv)
{
	const char *config = BAS_CONFIG_DEFAULT;
	struct ca_why why;
	int first = 1; /* of what is no option: the verb */

	argv = bas_title_init(argc, argv);
	if (argc > 2 && strcmp(argv[1], "-f") == 0) {
		config = argv[2];
		first = 3;
	}
	if (argc > 1 && strcmp(argv[1], BAS_ROOM_VERB) == 0)
		return bas_cmd_room(config, argc - 1, argv + 1);
	if (argc <= first)
		return bas_cmd_serve(config, 1, argv);
	if (strcmp(argv[first], "--help") == 0)
		return put_usage(stdout);
	if (strcmp(argv[first], "--version") == 0) {
		printf("postern-bastion %s\n", POSTERN_VERSION);
		return 0;
	}
	for (size_t i = 0; i < VERB_COUNT; i++)
		if (strcmp(argv[first], verbs[i].name) == 0)
			return run(&verbs[i], config, argc - first, argv + first);
	ca_why_set(
	    &why, "there is no %s '%s'", argv[first][0] == '-' ? "option" : "verb", argv[first]);
	fprintf(stderr, "postern-bastion: %s\n", why.text);
	return put_usage(stderr);
}
