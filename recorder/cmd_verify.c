/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_verify.c - says of each recording whether it is whole, sealed and in the log, and what is
 * wrong. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/text.h"
#include "audit.h"
#include "catalog.h"
#include "program.h"
#include "recorder/log.h"

struct verification {
	struct rec_program *program;
	int folder_fd;
	struct ca_key *seal_key, *log_key;
	json_t *log;  /* what it says of recordings, or NULL */
	json_t *rows; /* for --json */
	bool bad, open;
};

static void
report(struct verification *v, const char *name, const char *verdict, const char *state,
    const char *note)
{
	if (v->program->json)
		json_array_append_new(
		    v->rows, json_pack("{s:s, s:s, s:s, s:s}", "name", name, "verdict", verdict,
				 "state", state, "note", note));
	else
		printf("%-4s  %-24s %-9s %s\n", verdict, name, state, note);
}

static void
verify_one(struct verification *v, const char *name)
{
	struct rec_finding finding;
	char note[CA_WHY_SIZE];

	rec_audit_recording(&finding, v->folder_fd, name, v->seal_key);
	if (v->log != NULL)
		rec_audit_compare(&finding, name, v->log);
	snprintf(note, sizeof(note), "%llu bytes, %llu seal%s", (unsigned long long)finding.bytes,
	    (unsigned long long)finding.seals, finding.seals == 1 ? "" : "s");
	if (finding.unsealed > 0)
		snprintf(note + strlen(note), sizeof(note) - strlen(note),
		    ", the last %llu bytes not sealed%s", (unsigned long long)finding.unsealed,
		    finding.verdict == REC_OPEN ? ": recover it" : " yet");
	if (finding.verdict == REC_BAD) {
		v->bad = true;
		report(v, name, "BAD", finding.state, finding.why.text);
	} else {
		v->open |= finding.verdict == REC_OPEN;
		report(v, name, finding.verdict == REC_OPEN ? "open" : "good", finding.state, note);
	}
}

/* The log itself, and recordings that only it knows. */
static bool
verify_log(struct verification *v, const char *folder, const char *only)
{
	struct ca_why why = { "" };
	char note[CA_WHY_SIZE];

	if (!rec_log_verify(folder, v->log_key, &why) ||
	    (v->log = rec_audit_read_log(folder, &why)) == NULL) {
		v->bad = true;
		report(v, "log", "BAD", "broken", why.text);
		return false;
	}
	report(v, "log", "good", "-", "entries, leaves and checkpoint agree");
	for (void *at = json_object_iter(v->log); at != NULL;
	     at = json_object_iter_next(v->log, at)) {
		const char *name = json_object_iter_key(at);
		const json_t *run = json_object_get(json_object_iter_value(at), "run");

		if ((only != NULL && strcmp(only, name) != 0) || run == NULL ||
		    rec_catalog_has(v->folder_fd, name))
			continue;
		snprintf(note, sizeof(note), "log entry %lld began it, and it is not there",
		    (long long)json_integer_value(run));
		v->bad = true;
		report(v, name, "BAD", "missing", note);
	}
	return true;
}

static bool
load_keys(struct verification *v, struct ca_why *why)
{
	struct rec_program *program = v->program;
	char *seal = rec_state_path(program, "seal_key.pub");
	char *log = rec_state_path(program, "checkpoint_key.pub");
	bool ok = ca_key_load(&v->seal_key, program->key != NULL ? program->key : seal, why);

	if (ok && program->log_key != NULL)
		ok = ca_key_load(&v->log_key, program->log_key, why);
	else if (ok && access(log, F_OK) == 0)
		ok = ca_key_load(&v->log_key, log, why);
	else if (ok)
		v->log_key = ca_key_ref(v->seal_key);
	free(seal);
	free(log);
	return ok;
}

static bool
verify_all(struct verification *v, struct ca_why *why)
{
	json_t *names = rec_catalog_names(v->folder_fd, why), *name;
	size_t i;

	if (names == NULL)
		return false;
	for (i = 0; (name = json_array_get(names, i)) != NULL; i++)
		verify_one(v, json_string_value(name));
	json_decref(names);
	return true;
}

int
rec_cmd_verify(struct rec_program *program)
{
	struct verification v = { .program = program };
	const char *only = program->argc > 0 ? program->argv[0] : NULL;
	struct ca_why why = { "" };
	char *log = NULL;
	int status = REC_REFUSED;

	v.folder_fd = rec_open_recordings(program);
	if (v.folder_fd < 0)
		return REC_NOT_YET;
	v.rows = json_array();
	log = rec_state_path(program, "log");
	if (!load_keys(&v, &why)) {
		(void)rec_fail(status, &why);
		goto out;
	}
	if (!program->no_log)
		(void)verify_log(&v, log, only);
	if (only != NULL && rec_catalog_has(v.folder_fd, only)) {
		verify_one(&v, only);
	} else if (only != NULL && json_object_get(v.log, only) == NULL) {
		char *shown = rec_shown(only);

		fprintf(stderr, "postern-recorder: there is no recording '%s'\n", shown);
		free(shown);
		status = REC_NOT_YET;
		goto out;
	} else if (only == NULL && !verify_all(&v, &why)) {
		(void)rec_fail(status, &why);
		goto out;
	}
	if (program->json) {
		json_dumpf(v.rows, stdout, JSON_ENSURE_ASCII | JSON_INDENT(1));
		putchar('\n');
	}
	status = v.bad ? REC_REFUSED : v.open ? REC_NOT_YET : REC_DONE;
out:
	free(log);
	json_decref(v.log);
	json_decref(v.rows);
	ca_key_free(v.seal_key);
	ca_key_free(v.log_key);
	close(v.folder_fd);
	return status;
}
