/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_status.c - `postern-bastion status`: what the running post is doing.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bastion/cmd_control.h"
#include "bastion/verbs.h"
#include "ca/text.h"

/* Names come from certificates. */
static void
put_text(const json_t *object, const char *member, const char *before)
{
	const char *text = json_string_value(json_object_get(object, member));
	char *safe = text == NULL ? NULL : ca_text_escaped(text, strlen(text));

	printf("%s%s", before, safe == NULL ? "?" : safe);
	free(safe);
}

static json_int_t
number(const json_t *object, const char *member)
{
	return json_integer_value(json_object_get(object, member));
}

static void
put_krl(const json_t *krl)
{
	char age[CA_TIME_SIZE];

	if (!json_is_object(krl)) {
		printf("krl          none\n");
		return;
	}
	put_text(krl, "path", "krl          ");
	if (json_object_get(krl, "number") != NULL) {
		ca_duration_format(number(krl, "age"), age);
		printf(", number %" JSON_INTEGER_FORMAT ", %s old", number(krl, "number"), age);
	}
	if (json_is_true(json_object_get(krl, "broken")))
		put_text(krl, "sentence", "\n             nobody new is let in: ");
	printf("\n");
}

static void
put_sessions(const json_t *sessions)
{
	const json_t *session;
	size_t i;

	printf("sessions     %zu\n", json_array_size(sessions));
	json_array_foreach(sessions, i, session) {
		put_text(session, "session", "  ");
		put_text(session, "identity", "  ");
		put_text(session, "role", "  ");
		put_text(session, "end", "  until ");
		printf("  %" JSON_INTEGER_FORMAT " connections, %" JSON_INTEGER_FORMAT
		       " recordings\n",
		    number(session, "connections"), number(session, "recordings"));
	}
}

static void
put_status(const json_t *answer)
{
	const json_t *listening = json_object_get(answer, "listening");

	put_text(answer, "environment", "environment  ");
	put_text(answer, "started", "\nrunning      since ");
	printf("\n");
	for (size_t i = 0; i < json_array_size(listening); i++)
		printf("listening    %s\n", json_string_value(json_array_get(listening, i)));
	printf("connections  %" JSON_INTEGER_FORMAT "\n", number(answer, "connections"));
	put_krl(json_object_get(answer, "krl"));
	printf("log          %" JSON_INTEGER_FORMAT " entries\n", number(answer, "log"));
	put_sessions(json_object_get(answer, "sessions"));
}

int
bas_cmd_status(const char *path, int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' }, { 0 } };
	bool json = false;
	json_t *answer;
	int option, status;

	opterr = 0; /* it would say what is wrong with the argument as it is */
	while ((option = getopt_long(argc, argv, "", options, NULL)) == 'j')
		json = true;
	if (option != -1 || argc != optind)
		return 2;
	status = bas_cmd_ask(&answer, path, json_pack("{s:s}", "verb", "status"));
	if (status != 0)
		return status;
	if (json) {
		json_dumpf(answer, stdout, JSON_ENSURE_ASCII | JSON_INDENT(2) | JSON_SORT_KEYS);
		printf("\n");
	} else {
		put_status(answer);
	}
	json_decref(answer);
	return 0;
}
