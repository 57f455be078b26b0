/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h - the post's append-only log: JSON lines, an RFC 9162 tree over their exact bytes,
 * and a checkpoint signed as SSHSIG (namespace checkpoint@postern).
 *
 * Folder: log.jsonl (the lines), leaves (32 bytes each, leaf hashes), checkpoint and
 * checkpoint.sig. One writer at a time, held by a file lock. An entry is durable, and only
 * then acknowledged, when rec_log_commit has returned true.
 *
 * A line: {"index":17,"time":"2026-11-21T18:00:00Z","event":"session.open","nonce":"...",
 * fields...}
 */
#ifndef REC_LOG_H
#define REC_LOG_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ca/buf.h"
#include "ca/signer.h"
#include "ca/why.h"

#define REC_LOG_ENTRY_MAX 65535 /* bytes of a line without its LF (fits a bundle of tlog-tiles) */

struct rec_log;

/* Called for each entry while a log is read, oldest first. */
typedef bool rec_log_reader(void *ctx, uint64_t index, int64_t time, const char *event,
    const json_t *entry, struct ca_why *why);

/*
 * Opens for writing; makes the folder and its files when there are none, takes the lock (`wait`:
 * until it is free; else errno is EWOULDBLOCK when another has it), drops a partial last line that
 * was never acknowledged, rebuilds leaves that are missing, and refuses a log that is shorter than,
 * or disagrees with, its leaves or its checkpoint. `reader` (may be NULL) sees every entry.
 * `signer` signs checkpoints and is borrowed; NULL: none are written. `origin` names the log
 * (`acme-prod/log`).
 */
CA_MUST_USE bool rec_log_open(struct rec_log **out, const char *folder, const char *origin,
    struct ca_signer *signer, bool wait, rec_log_reader *reader, void *ctx, struct ca_why *why);
void rec_log_close(struct rec_log *log); /* frees; NULL is fine */

/* Whether an entry with these fields and `spare` bytes of others is short enough to be appended:
 * for fields that someone else can make long. */
CA_MUST_USE bool rec_log_fits(const json_t *fields, size_t spare);
/*
 * Adds an entry in memory. `fields` is an object whose members follow ours (none may have the
 * name of one of ours), or NULL; borrowed. Gives its index and leaf hash (both may be NULL).
 * Nothing is on disk before rec_log_commit.
 */
CA_MUST_USE bool rec_log_append(struct rec_log *log, int64_t now, const char *event, json_t *fields,
    uint64_t *index, uint8_t leaf[32], struct ca_why *why);
/* Writes what was appended and syncs once. After a failure the log is dead. */
CA_MUST_USE bool rec_log_commit(struct rec_log *log, struct ca_why *why);
/* Signs a checkpoint of what is committed, if something came since the last. */
CA_MUST_USE bool rec_log_checkpoint(struct rec_log *log, int64_t now, struct ca_why *why);
uint64_t rec_log_size(const struct rec_log *log);     /* committed entries */
int64_t rec_log_last_time(const struct rec_log *log); /* of the newest entry, or INT64_MIN */

/* Reads without the lock, stopping at the last whole line. */
CA_MUST_USE bool rec_log_read(
    const char *folder, rec_log_reader *reader, void *ctx, struct ca_why *why);
/* Recomputes every leaf and the root; compares with leaves and checkpoint. `key` may be NULL: the
 * checkpoint's signature is not checked. The sentence names the first broken item. */
CA_MUST_USE bool rec_log_verify(const char *folder, const struct ca_key *key, struct ca_why *why);

#endif
