/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_refuse.c - `postern-bastion refuse N`: the customer's last word on a grant.
 */
#include <inttypes.h>
#include <stdio.h>

#include "bastion/cmd_control.h"
#include "bastion/verbs.h"
#include "ca/text.h"

int
bas_cmd_refuse(const char *path, int argc, char **argv)
{
	json_int_t killed;
	json_t *answer;
	uint64_t grant;
	int status;

	if (argc != 2 || !ca_text_to_u64(argv[1], INT64_MAX, &grant) || grant == 0)
		return 2;
	status = bas_cmd_ask(
	    &answer, path, json_pack("{s:s, s:I}", "verb", "refuse", "grant", (json_int_t)grant));
	if (status != 0)
		return status;
	killed = json_integer_value(json_object_get(answer, "killed"));
	json_decref(answer);
	printf("grant %" PRIu64 " opens nothing here any more\n", grant);
	if (killed > 0)
		printf("%" JSON_INTEGER_FORMAT " live session%s ended\n", killed,
		    killed == 1 ? "" : "s");
	return 0;
}
