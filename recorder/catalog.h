/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catalog.h - what recordings there are in a folder, and what each says about itself.
 *
 * Nothing here is verified: that is audit.h. Raw values, to be escaped where they are shown.
 */
#ifndef REC_CATALOG_H
#define REC_CATALOG_H

#include <jansson.h>
#include <stdbool.h>

#include "ca/why.h"

/*
 * An object: recording, begun (RFC 3339), seconds, bytes, the header's fields, exit (a string
 * or null), state (live, open, closed, recovered, broken) and seals; `problem` when broken. Caller
 * frees.
 */
CA_MUST_USE json_t *rec_catalog_describe(int folder_fd, const char *name, struct ca_why *why);
/* The names of all recordings, sorted, as an array of strings. */
CA_MUST_USE json_t *rec_catalog_names(int folder_fd, struct ca_why *why);
/* Whether there is a recording of that name. */
bool rec_catalog_has(int folder_fd, const char *name);
/* Opens <name>.cast for reading; -1 and a sentence when it cannot. */
int rec_catalog_open(int folder_fd, const char *name, struct ca_why *why);

#endif
