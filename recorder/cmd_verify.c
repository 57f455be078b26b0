/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_verify.c - says of each recording whether it is whole, sealed and in the log, and what is
 * wrong. */
#include <errno.h>
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

/* A gate signs its log's checkpoints with checkpoint_key, an authority with log_key. */
static bool
load_log_key(struct verification *v, struct ca_why *why)
{
	char *gate = rec_state_path(v->program, "checkpoint_key.pub");
	char *authority = rec_state_path(v->program, "log_key.pub");
	const char *path = v->program->log_key;
	bool ok;

	if (path == NULL)
		path = access(gate, F_OK) != 0 && access(authority, F_OK) == 0 ? authority : gate;
	ok = ca_key_load(&v->log_key, path, why);
	free(gate);
	free(authority);
	return ok;
}

static bool
load_keys(struct verification *v, struct ca_why *why)
{
	char *seal = rec_state_path(v->program, "seal_key.pub");
	const char *path = v->program->key != NULL ? v->program->key : seal;
	bool ok = v->folder_fd < 0 || ca_key_load(&v->seal_key, path, why);

	free(seal);
	return ok && (v->program->no_log || load_log_key(v, why));
}

/* An authority has a log and no recordings. Where a log speaks of recordings it also misses them.
 */
static bool
open_folder(struct verification *v, const char *log)
{
	char *path = rec_state_path(v->program, "recordings");
	bool log_only = v->program->all && !v->program->no_log && access(path, F_OK) != 0 &&
			errno == ENOENT && access(log, F_OK) == 0;

	free(path);
	v->folder_fd = log_only ? -1 : rec_open_recordings(v->program);
	return log_only || v->folder_fd >= 0;
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

static int
say_missing(const char *name)
{
	char *shown = rec_shown(name);

	fprintf(stderr, "postern-recorder: there is no recording '%s'\n", shown);
	free(shown);
	return REC_NOT_YET;
}

static int
verify(struct verification *v, const char *log, const char *only)
{
	struct ca_why why = { "" };

	if (!load_keys(v, &why))
		return rec_fail(REC_REFUSED, &why);
	if (!v->program->no_log)
		(void)verify_log(v, log, only);
	if (only != NULL && rec_catalog_has(v->folder_fd, only))
		verify_one(v, only);
	else if (only != NULL && json_object_get(v->log, only) == NULL)
		return say_missing(only);
	else if (only == NULL && v->folder_fd >= 0 && !verify_all(v, &why))
		return rec_fail(REC_REFUSED, &why);
	if (v->program->json) {
		json_dumpf(v->rows, stdout, JSON_ENSURE_ASCII | JSON_INDENT(1));
		putchar('\n');
	}
	return v->bad ? REC_REFUSED : v->open ? REC_NOT_YET : REC_DONE;
}

int
rec_cmd_verify(struct rec_program *program)
{
	struct verification v = { .program = program };
	char *log = rec_state_path(program, "log");
	int status = REC_NOT_YET;

	if (open_folder(&v, log)) {
		v.rows = json_array();
		status = verify(&v, log, program->argc > 0 ? program->argv[0] : NULL);
	}
	if (v.folder_fd >= 0)
		close(v.folder_fd);
	free(log);
	json_decref(v.log);
	json_decref(v.rows);
	ca_key_free(v.seal_key);
	ca_key_free(v.log_key);
	return status;
}
