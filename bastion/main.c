/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - postern-bastion: a table of verbs.
 */
#include <stdio.h>
#include <string.h>

#include "bastion/post_listener.h"
#include "bastion/title.h"
#include "bastion/verbs.h"

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
	fprintf(out, "\nFILE is %s when no -f names another.\n", BAS_CONFIG_DEFAULT);
	return out == stdout ? 0 : 2;
}

int
main(int argc, char **argv)
{
	const char *config = BAS_CONFIG_DEFAULT;
	int first = 1; /* of what is no option: the verb */

	argv = bas_title_init(argc, argv);
	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0))
		return put_usage(stdout);
	if (argc > 1 && strcmp(argv[1], "--version") == 0) {
		printf("postern-bastion %s\n", POSTERN_VERSION);
		return 0;
	}
	if (argc > 2 && strcmp(argv[1], "-f") == 0) {
		config = argv[2];
		first = 3;
	}
	if (argc > 1 && strcmp(argv[1], BAS_ROOM_VERB) == 0)
		return bas_cmd_room(config, argc - 1, argv + 1);
	if (argc <= first)
		return bas_cmd_serve(config, 1, argv);
	for (size_t i = 0; i < VERB_COUNT; i++)
		if (strcmp(argv[first], verbs[i].name) == 0)
			return verbs[i].run(config, argc - first, argv + first);
	return put_usage(stderr);
}
