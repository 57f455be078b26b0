/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_scan.h - walks the lines of a log and rebuilds its tree, for writers, readers and verifiers
 * alike.
 */
#ifndef REC_LOG_SCAN_H
#define REC_LOG_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "ca/key.h"
#include "ca/why.h"
#include "merkle.h"
#include "recorder/log.h"
#include "signed_file.h"

#define REC_LOG_FILE	   "log.jsonl"
#define REC_LOG_LEAVES	   "leaves"
#define REC_LOG_CHECKPOINT "checkpoint"

/* What a checkpoint says. */
struct rec_checkpoint {
	bool found; /* false: there is none yet */
	char origin[256];
	uint64_t size;
	uint8_t root[REC_HASH_SIZE];
};

/* What a walk over the lines found out. */
struct rec_log_scan {
	bool rebuild; /* in: write the leaves that are missing (leaves_fd is writable) */
	struct rec_merkle tree;
	uint64_t bytes;	   /* up to the end of the last whole entry */
	bool torn;	   /* something that is no entry lies behind it */
	int64_t last_time; /* INT64_MIN: no entry */
};

/* The text of a checkpoint: origin, size, root in base64, each on a line. */
void rec_checkpoint_encode(struct ca_buf *out, const char *origin, uint64_t size,
    const uint8_t root[static REC_HASH_SIZE]);
CA_MUST_USE bool rec_checkpoint_parse(
    struct rec_checkpoint *out, const char *text, size_t len, struct ca_why *why);
/* Reads the folder's; checks its signature when `key` is given. */
CA_MUST_USE bool rec_checkpoint_load(struct rec_checkpoint *out, int folder_fd,
    const struct ca_key *key, bool repair, struct ca_why *why);

/* The same of the folder at `path`, without checking whose signature it is. */
CA_MUST_USE bool rec_checkpoint_load_at(
    struct rec_checkpoint *out, const char *path, struct ca_why *why);

/*
 * Walks `log_fd` from its start. Every entry is compared with its leaf in `leaves_fd` (-1: there
 * are none) and the root with `checkpoint` (may be NULL) where it applies. Fails on an entry that
 * is broken, changed or missing; what lies behind the last whole entry and was never acknowledged
 * is no failure.
 */
CA_MUST_USE bool rec_log_scan_run(struct rec_log_scan *scan, int log_fd, int leaves_fd,
    const struct rec_checkpoint *checkpoint, rec_log_reader *reader, void *ctx, struct ca_why *why);

#endif
