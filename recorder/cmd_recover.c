/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_recover.c - closes recordings that a crash left open, and enters it into the log.
 *
 * A post does this by itself when it starts; here it is for a post that does not start again. While
 * a post runs it holds the log, and its recordings are its own affair.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ca/signer.h"
#include "ca/text.h"
#include "catalog.h"
#include "log_scan.h"
#include "program.h"
#include "recorder/log.h"
#include "recorder/recording.h"

struct recovery {
	int folder_fd;
	struct ca_signer *seal_key;
	struct rec_log *log;
	unsigned done, failed;
};

/* The log's times never fall, whatever the clock says today. */
static int64_t
now(const struct recovery *r)
{
	int64_t wall = (int64_t)time(NULL), last = rec_log_last_time(r->log);

	return wall > last ? wall : last;
}

static bool
enter(struct recovery *r, const char *name, const uint8_t seal[static 32], struct ca_why *why)
{
	struct ca_buf hex = { 0 };
	json_t *fields = NULL;
	bool ok = false;

	ca_hex_encode(&hex, seal, 32);
	if (ca_buf_ok(&hex))
		fields = json_pack(
		    "{s:s, s:s%}", "recording", name, "seal", (const char *)hex.data, hex.len);
	if (fields == NULL)
		ca_why_set(why, "out of memory");
	else
		ok = rec_log_append(
			 r->log, now(r), "recording.recovered", fields, NULL, NULL, why) &&
		     rec_log_commit(r->log, why);
	json_decref(fields);
	ca_buf_clear(&hex);
	return ok;
}

static void
recover_one(struct recovery *r, const char *name)
{
	struct ca_why why = { "" };
	uint8_t seal[32];
	bool recovered;

	if (!rec_recording_recover(
		r->folder_fd, name, r->seal_key, now(r), &recovered, seal, &why) ||
	    (recovered && !enter(r, name, seal, &why))) {
		r->failed++;
		(void)rec_fail(REC_REFUSED, &why);
		return;
	}
	if (recovered) {
		r->done++;
		printf("%s recovered\n", name);
	}
}

/* The log keeps the name it has. */
static bool
open_log(struct recovery *r, struct rec_program *program, struct ca_why *why)
{
	char *folder = rec_state_path(program, "log");
	struct rec_checkpoint checkpoint = { 0 };
	bool ok =
	    rec_checkpoint_load_at(&checkpoint, folder, why) &&
	    rec_log_open(&r->log, folder, checkpoint.found ? checkpoint.origin : "recovered/log",
		NULL, false, NULL, NULL, why);

	free(folder);
	return ok;
}

int
rec_cmd_recover(struct rec_program *program)
{
	struct recovery r = { 0 };
	struct ca_why why = { "" };
	char *key = rec_state_path(program, "seal_key");
	json_t *names = NULL, *name;
	int status = REC_REFUSED;
	size_t i;

	r.folder_fd = rec_open_recordings(program);
	if (r.folder_fd < 0) {
		free(key);
		return REC_NOT_YET;
	}
	if (program->argc > 0 && !rec_catalog_has(r.folder_fd, program->argv[0])) {
		ca_why_set(&why, "there is no recording '%s'", program->argv[0]);
		status = rec_fail(REC_NOT_YET, &why);
		goto out;
	}
	if (!ca_signer_load(&r.seal_key, program->key != NULL ? program->key : key, &why) ||
	    !open_log(&r, program, &why) ||
	    (program->all && (names = rec_catalog_names(r.folder_fd, &why)) == NULL)) {
		(void)rec_fail(status, &why);
		goto out;
	}
	if (program->argc > 0)
		recover_one(&r, program->argv[0]);
	for (i = 0; (name = json_array_get(names, i)) != NULL; i++)
		recover_one(&r, json_string_value(name));
	if (r.done == 0 && r.failed == 0)
		puts("nothing to recover");
	status = r.failed > 0 ? REC_REFUSED : REC_DONE;
out:
	free(key);
	json_decref(names);
	rec_log_close(r.log);
	ca_signer_free(r.seal_key);
	close(r.folder_fd);
	return status;
}
