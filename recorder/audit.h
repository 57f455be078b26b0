/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit.h - whether recordings are whole and sealed, and agree with the log.
 */
#ifndef REC_AUDIT_H
#define REC_AUDIT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "ca/key.h"
#include "ca/why.h"

enum rec_verdict {
	REC_GOOD, /* all of it is sealed, or it is being written */
	REC_OPEN, /* sound, but nobody writes it and it was not closed: recovery is due */
	REC_BAD,  /* the sentence says what */
};

struct rec_finding {
	enum rec_verdict verdict;
	const char *state; /* live, open, closed, recovered */
	uint64_t seals;
	uint64_t bytes;
	uint64_t unsealed; /* bytes behind the newest seal */
	bool has_seal;
	uint8_t seal[32]; /* hash of the newest */
	struct ca_why why;
};

/* One recording by its own files: header, events, chain of seals, signatures, bytes. */
void rec_audit_recording(
    struct rec_finding *out, int folder_fd, const char *name, const struct ca_key *seal_key);

/* What the log says of recordings: { name: { "run": index, "end": index, "seal": hex } }. */
CA_MUST_USE json_t *rec_audit_read_log(const char *folder, struct ca_why *why);
/*
 * Whether `finding`, of recording `name`, is what the log says: it was begun there, and the closing
 * seal is the one it names. Turns the verdict to bad otherwise.
 */
void rec_audit_compare(struct rec_finding *finding, const char *name, const json_t *log);

#endif
