/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_kill.c - `postern-bastion kill SESSION`: ends one session now.
 */
#include <stdio.h>
#include <string.h>

#include "bastion/cmd_control.h"
#include "bastion/session.h"
#include "bastion/verbs.h"
#include "ca/text.h"

int
bas_cmd_kill(const char *path, int argc, char **argv)
{
	json_t *answer;
	int status;

	if (argc != 2 || !ca_text_is_name(argv[1]))
		return 2;
	status =
	    bas_cmd_ask(&answer, path, json_pack("{s:s, s:s}", "verb", "kill", "session", argv[1]));
	if (status != 0)
		return status;
	json_decref(answer);
	printf("session %s has ended\n", argv[1]);
	return 0;
}
