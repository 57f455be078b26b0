/* SPDX-License-Identifier: Apache-2.0 */
/*
 * program.h - what the verbs of postern-recorder share: options, folders, exit status.
 */
#ifndef REC_PROGRAM_H
#define REC_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

#include "ca/key.h"
#include "ca/why.h"

/* Exit status. */
enum { REC_DONE = 0, REC_REFUSED = 1, REC_USAGE = 2, REC_NOT_YET = 3 };

struct rec_program {
	const char *state; /* folder that holds recordings/, log/ and seal_key.pub */
	bool json, raw, all, no_log;
	double speed;	     /* of play */
	double idle;	     /* longest pause of play in seconds; negative: none is too long */
	const char *key;     /* NULL: <state>/seal_key, and .pub for verify */
	const char *log_key; /* NULL: <state>/checkpoint_key.pub, or an authority's log_key.pub */
	int argc;	     /* operands of the verb */
	char **argv;
};

int rec_cmd_list(struct rec_program *program);
int rec_cmd_show(struct rec_program *program);
int rec_cmd_play(struct rec_program *program);
int rec_cmd_cat(struct rec_program *program);
int rec_cmd_verify(struct rec_program *program);
int rec_cmd_recover(struct rec_program *program);

/* For the verbs (main.c). Sentences go to stderr, once. */
int rec_fail(int status, const struct ca_why *why);
/* The folder of recordings; -1 after saying why. */
int rec_open_recordings(const struct rec_program *program);
/* `<state>/<name>` as a heap string; aborts when out of memory. */
char *rec_state_path(const struct rec_program *program, const char *name);
/*
 * The recording called `id`, or the file of that name when `id` has a slash or ends in .cast; -1
 * after saying why, with the exit status.
 */
int rec_open_recording(const struct rec_program *program, const char *id, int *status);
/* Escaped for a terminal; "-" for NULL. Heap string; aborts when out of memory. */
char *rec_shown(const char *text);

#endif
