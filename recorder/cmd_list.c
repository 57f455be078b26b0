/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_list.c - all recordings of a post as a table, oldest name first. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ca/text.h"
#include "catalog.h"
#include "program.h"

static const char *
text_of(const json_t *row, const char *name)
{
	return json_string_value(json_object_get(row, name));
}

static void
print_row(const json_t *row)
{
	char *who = rec_shown(text_of(row, "identity"));
	char *environment = rec_shown(text_of(row, "environment"));
	char *role = rec_shown(text_of(row, "role"));
	char *exit = rec_shown(text_of(row, "exit"));
	char *command = rec_shown(text_of(row, "command"));
	char *begun = rec_shown(text_of(row, "begun"));
	char length[CA_TIME_SIZE], where[128];

	ca_duration_format((int64_t)json_real_value(json_object_get(row, "seconds")), length);
	snprintf(where, sizeof(where), "%s/%s", environment, role);
	printf("%-24s %-20s %8s  %-24s %-24s %-5s %-9s %s\n", text_of(row, "recording"), begun,
	    length, who, where, exit, text_of(row, "state"), command);
	free(who);
	free(environment);
	free(role);
	free(exit);
	free(command);
	free(begun);
}

int
rec_cmd_list(struct rec_program *program)
{
	int folder_fd = rec_open_recordings(program), status = REC_REFUSED;
	struct ca_why why = { "" };
	json_t *names = NULL, *rows = json_array(), *row;
	size_t i;
	json_t *name;

	if (folder_fd < 0) {
		json_decref(rows);
		return REC_NOT_YET;
	}
	names = rec_catalog_names(folder_fd, &why);
	if (names == NULL) {
		(void)rec_fail(status, &why);
		goto out;
	}
	if (!program->json)
		printf("%-24s %-20s %8s  %-24s %-24s %-5s %-9s %s\n", "RECORDING", "BEGUN",
		    "LENGTH", "WHO", "WHERE", "EXIT", "STATE", "COMMAND");
	status = REC_DONE;
	for (i = 0; (name = json_array_get(names, i)) != NULL; i++) {
		row = rec_catalog_describe(folder_fd, json_string_value(name), &why);
		if (row == NULL) {
			status = rec_fail(REC_REFUSED, &why);
		} else if (program->json) {
			json_array_append_new(rows, row);
		} else {
			print_row(row);
			json_decref(row);
		}
	}
	if (program->json) {
		json_dumpf(rows, stdout, JSON_ENSURE_ASCII | JSON_INDENT(1));
		putchar('\n');
	}
out:
	json_decref(names);
	json_decref(rows);
	close(folder_fd);
	return status;
}
