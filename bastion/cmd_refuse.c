/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_refuse.c - `postern-bastion refuse N`: the customer's last word on a grant.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>

#include "bastion/cmd_control.h"
#include "bastion/verbs.h"
#include "ca/text.h"

int
bas_cmd_refuse(int argc, char **argv)
{
	const char *path = BAS_CONFIG_DEFAULT;
	json_int_t killed;
	json_t *answer;
	uint64_t grant;
	int option;

	while ((option = getopt(argc, argv, "f:")) != -1) {
		if (option != 'f')
			return 2;
		path = optarg;
	}
	if (argc - optind != 1 || !ca_text_to_u64(argv[optind], INT64_MAX, &grant) || grant == 0) {
		fprintf(stderr, "usage: postern-bastion refuse [-f FILE] GRANT\n");
		return 2;
	}
	answer = bas_cmd_ask(
	    path, json_pack("{s:s, s:I}", "verb", "refuse", "grant", (json_int_t)grant));
	if (answer == NULL)
		return 1;
	killed = json_integer_value(json_object_get(answer, "killed"));
	json_decref(answer);
	printf("grant %" PRIu64 " opens nothing here any more\n", grant);
	if (killed > 0)
		printf("%" JSON_INTEGER_FORMAT " live session%s ended\n", killed,
		    killed == 1 ? "" : "s");
	return 0;
}
