/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_kill.c - `postern-bastion kill SESSION`: ends one session now.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "bastion/cmd_control.h"
#include "bastion/session.h"
#include "bastion/verbs.h"
#include "ca/text.h"

int
bas_cmd_kill(int argc, char **argv)
{
	const char *path = BAS_CONFIG_DEFAULT;
	json_t *answer;
	int option;

	while ((option = getopt(argc, argv, "f:")) != -1) {
		if (option != 'f')
			return 2;
		path = optarg;
	}
	if (argc - optind != 1 || !ca_text_is_name(argv[optind])) {
		fprintf(stderr, "usage: postern-bastion kill [-f FILE] SESSION\n");
		return 2;
	}
	answer =
	    bas_cmd_ask(path, json_pack("{s:s, s:s}", "verb", "kill", "session", argv[optind]));
	if (answer == NULL)
		return 1;
	json_decref(answer);
	printf("session %s has ended\n", argv[optind]);
	return 0;
}
