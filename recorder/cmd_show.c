/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_show.c - everything one recording says about itself, one fact a line. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ca/text.h"
#include "catalog.h"
#include "program.h"

static void
print_fact(const char *name, const json_t *value)
{
	char *shown;

	if (json_is_string(value)) {
		shown = rec_shown(json_string_value(value));
		printf("%-12s %s\n", name, shown);
		free(shown);
	} else if (json_is_integer(value)) {
		printf("%-12s %lld\n", name, (long long)json_integer_value(value));
	} else if (json_is_real(value)) {
		printf("%-12s %.6f\n", name, json_real_value(value));
	} else if (json_is_boolean(value)) {
		printf("%-12s %s\n", name, json_is_true(value) ? "yes" : "no");
	}
}

int
rec_cmd_show(struct rec_program *program)
{
	int folder_fd = rec_open_recordings(program);
	struct ca_why why = { "" };
	json_t *facts;

	if (folder_fd < 0)
		return REC_NOT_YET;
	facts = rec_catalog_describe(folder_fd, program->argv[0], &why);
	close(folder_fd);
	if (facts == NULL)
		return rec_fail(REC_NOT_YET, &why);
	if (program->json) {
		json_dumpf(facts, stdout, JSON_ENSURE_ASCII | JSON_INDENT(1));
		putchar('\n');
	} else {
		for (void *at = json_object_iter(facts); at != NULL;
		     at = json_object_iter_next(facts, at))
			print_fact(json_object_iter_key(at), json_object_iter_value(at));
	}
	json_decref(facts);
	return REC_DONE;
}
