/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_text.h - the text of a configuration: its file and the files it includes,
 * joined, with where each line came from.
 *
 * Files are opened here and nowhere else, each as one that only its owner may write, so that
 * libconfig is given text alone. A line `@include "FILE"` stands for the file's lines; FILE is
 * relative to the folder of the file that says so.
 */
#ifndef CA_CONFIG_TEXT_H
#define CA_CONFIG_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "ca/buf.h"
#include "ca/why.h"

#define CA_CONFIG_MAX	((size_t)1 << 20) /* bytes of all files together */
#define CA_CONFIG_DEPTH 4		  /* files inside files */

struct ca_config_line {
	unsigned file; /* index into files */
	unsigned line; /* from 1 */
};

struct ca_config_text {
	struct ca_buf text; /* ends in a NUL that .len counts */
	struct ca_config_line *lines;
	size_t line_count, line_room;
	char **files; /* paths */
	size_t file_count;
	bool after_string; /* while joining: the last thing that was no blank or comment was one */
};

CA_MUST_USE bool ca_config_text_load(
    struct ca_config_text *out, const char *path, struct ca_why *why);
/* The same from memory; `path` names it, and includes are looked for beside it. */
CA_MUST_USE bool ca_config_text_parse(
    struct ca_config_text *out, const char *path, const void *data, size_t len, struct ca_why *why);
void ca_config_text_clear(struct ca_config_text *text);
/* Where line `line` (from 1) of the joined text came from. */
const char *ca_config_text_where(
    const struct ca_config_text *text, unsigned line, unsigned *file_line);

#endif
