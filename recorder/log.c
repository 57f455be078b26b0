/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.c - the log's writer: append in memory, one write and one sync to commit.
 *
 * Order on the disk: lines, synced; then leaves, which can be rebuilt from them; then, now
 * and then, a checkpoint, which only ever speaks of synced lines. Reading the log again at
 * the next start therefore finds out whether anything was taken away.
 */
#include "recorder/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/crypto.h"
#include "ca/file.h"
#include "ca/text.h"
#include "log_scan.h"

#define NONCE_SIZE 16

struct rec_log {
	int folder_fd, log_fd, leaves_fd;
	char *origin;
	struct ca_signer *signer;
	struct rec_merkle tree; /* of what is committed */
	uint64_t bytes;		/* committed */
	int64_t last_time, pending_time;
	uint64_t checkpointed;
	struct ca_buf lines, leaves; /* appended, not committed */
	bool dead;
};

static const char *const own_names[] = { "index", "time", "event", "nonce" };

static bool
open_files(struct rec_log *log, const char *folder, bool wait, struct ca_why *why)
{
	if (mkdir(folder, 0750) != 0 && errno != EEXIST)
		return ca_why_set(
		    why, "log folder '%s' cannot be made: %s", folder, strerror(errno));
	log->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (log->folder_fd < 0)
		return ca_why_set(
		    why, "log folder '%s' cannot be opened: %s", folder, strerror(errno));
	log->log_fd = openat(log->folder_fd, REC_LOG_FILE,
	    O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (log->log_fd < 0)
		return ca_why_set(why, "log in '%s' cannot be opened: %s", folder, strerror(errno));
	if (flock(log->log_fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK
			   ? ca_why_set(why, "log in '%s' has another writer", folder)
			   : ca_why_set(
				 why, "log in '%s' cannot be locked: %s", folder, strerror(errno));
	log->leaves_fd =
	    openat(log->folder_fd, REC_LOG_LEAVES, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (log->leaves_fd < 0 || fsync(log->folder_fd) != 0)
		return ca_why_set(
		    why, "leaves in '%s' cannot be opened: %s", folder, strerror(errno));
	return true;
}

/* Reads what is there and holds it against its checkpoint; cuts what was never acknowledged. */
static bool
read_back(struct rec_log *log, rec_log_reader *reader, void *ctx, struct ca_why *why)
{
	const struct ca_key *key = log->signer != NULL ? ca_signer_key(log->signer) : NULL;
	struct rec_checkpoint checkpoint;
	struct rec_log_scan scan = { .rebuild = true };

	if (!rec_checkpoint_load(&checkpoint, log->folder_fd, key, true, why))
		return false;
	if (checkpoint.found && strcmp(checkpoint.origin, log->origin) != 0)
		return ca_why_set(
		    why, "log is that of '%s', not of '%s'", checkpoint.origin, log->origin);
	if (!rec_log_scan_run(&scan, log->log_fd, log->leaves_fd, &checkpoint, reader, ctx, why))
		return false;
	if (scan.torn &&
	    (ftruncate(log->log_fd, (off_t)scan.bytes) != 0 || fdatasync(log->log_fd) != 0))
		return ca_why_set(why, "log's torn end cannot be cut: %s", strerror(errno));
	log->tree = scan.tree;
	log->bytes = scan.bytes;
	log->last_time = log->pending_time = scan.last_time;
	log->checkpointed = checkpoint.found ? checkpoint.size : 0;
	return true;
}

bool
rec_log_open(struct rec_log **out, const char *folder, const char *origin, struct ca_signer *signer,
    bool wait, rec_log_reader *reader, void *ctx, struct ca_why *why)
{
	struct rec_log *log = calloc(1, sizeof(*log));
	int error;

	if (log == NULL)
		return ca_why_set(why, "out of memory");
	log->folder_fd = log->log_fd = log->leaves_fd = -1;
	log->signer = signer;
	log->origin = strdup(origin);
	if (log->origin == NULL) {
		ca_why_set(why, "out of memory");
		goto fail;
	}
	if (!open_files(log, folder, wait, why))
		goto fail;
	if (!read_back(log, reader, ctx, why)) {
		ca_why_prefix(why, "log in '%s'", folder);
		goto fail;
	}
	*out = log;
	return true;
fail:
	error = errno;
	rec_log_close(log);
	errno = error;
	return false;
}

void
rec_log_close(struct rec_log *log)
{
	if (log == NULL)
		return;
	if (log->leaves_fd >= 0)
		close(log->leaves_fd);
	if (log->log_fd >= 0)
		close(log->log_fd);
	if (log->folder_fd >= 0)
		close(log->folder_fd);
	ca_buf_clear(&log->lines);
	ca_buf_clear(&log->leaves);
	free(log->origin);
	free(log);
}

/* Our four members first, so that a line can be read by eye. */
static json_t *
make_entry(uint64_t index, int64_t now, const char *event, json_t *fields)
{
	struct ca_buf nonce = { 0 };
	uint8_t random[NONCE_SIZE];
	char time[CA_TIME_SIZE];
	json_t *entry;

	ca_random(random, sizeof(random));
	ca_hex_encode(&nonce, random, sizeof(random));
	ca_time_format(now, time);
	entry = !ca_buf_ok(&nonce)
		    ? NULL
		    : json_pack("{s:I, s:s, s:s, s:s%}", "index", (json_int_t)index, "time", time,
			  "event", event, "nonce", (const char *)nonce.data, nonce.len);
	if (entry != NULL && fields != NULL && json_object_update(entry, fields) != 0) {
		json_decref(entry);
		entry = NULL;
	}
	ca_buf_clear(&nonce);
	return entry;
}

/* ASCII without any control character, so that the log may be shown as it is. */
static bool
put_entry(struct ca_buf *out, const json_t *entry)
{
	char *text = json_dumps(entry, JSON_COMPACT | JSON_ENSURE_ASCII);

	if (text == NULL)
		return false;
	for (const char *run = text;;) {
		size_t n = strcspn(run, "\x7f");

		ca_buf_put(out, run, n);
		run += n;
		if (*run == '\0')
			break;
		ca_buf_put_text(out, "\\u007f");
		run++;
	}
	free(text);
	return ca_buf_ok(out);
}

bool
rec_log_fits(const json_t *fields, size_t spare)
{
	struct ca_buf line = { 0 };
	bool ok = put_entry(&line, fields) && line.len <= REC_LOG_ENTRY_MAX &&
		  spare <= REC_LOG_ENTRY_MAX - line.len;

	ca_buf_clear(&line);
	return ok;
}

bool
rec_log_append(struct rec_log *log, int64_t now, const char *event, json_t *fields, uint64_t *index,
    uint8_t leaf[32], struct ca_why *why)
{
	uint64_t number = log->tree.size + log->leaves.len / REC_HASH_SIZE;
	size_t before = log->lines.len, len;
	uint8_t hash[REC_HASH_SIZE];
	json_t *entry;

	if (log->dead)
		return ca_why_set(why, "log has failed before");
	for (size_t i = 0; i < sizeof(own_names) / sizeof(own_names[0]); i++)
		if (json_object_get(fields, own_names[i]) != NULL)
			return ca_why_set(
			    why, "log entry '%s' has a field '%s' of its own", event, own_names[i]);
	entry = make_entry(number, now, event, fields);
	if (entry == NULL || !put_entry(&log->lines, entry)) {
		json_decref(entry);
		log->dead = true;
		return ca_why_set(why, "log entry '%s' cannot be made", event);
	}
	json_decref(entry);
	len = log->lines.len - before;
	if (len > REC_LOG_ENTRY_MAX) {
		log->lines.len = before;
		return ca_why_set(
		    why, "log entry '%s' is longer than %d bytes", event, REC_LOG_ENTRY_MAX);
	}
	rec_merkle_leaf(log->lines.data + before, len, hash);
	ca_buf_put_u8(&log->lines, '\n');
	ca_buf_put(&log->leaves, hash, sizeof(hash));
	if (!ca_buf_ok(&log->lines) || !ca_buf_ok(&log->leaves)) {
		log->dead = true;
		return ca_why_set(why, "out of memory");
	}
	log->pending_time = now;
	if (index != NULL)
		*index = number;
	if (leaf != NULL)
		memcpy(leaf, hash, sizeof(hash));
	return true;
}

bool
rec_log_commit(struct rec_log *log, struct ca_why *why)
{
	off_t at = (off_t)(log->tree.size * REC_HASH_SIZE);
	int error;

	if (log->dead)
		return ca_why_set(why, "log has failed before");
	if (log->lines.len == 0)
		return true;
	if (!ca_write_all(log->log_fd, log->lines.data, log->lines.len) ||
	    fdatasync(log->log_fd) != 0) {
		error = errno;
		log->dead = true;
		/* not acknowledged, so better not there; the next start cuts a torn line */
		if (ftruncate(log->log_fd, (off_t)log->bytes) != 0)
			error = error != 0 ? error : errno;
		return ca_why_set(why, "log cannot be written: %s", strerror(error));
	}
	log->bytes += log->lines.len;
	/* the entries stand; leaves that could not be written are rebuilt at the next start */
	if (pwrite(log->leaves_fd, log->leaves.data, log->leaves.len, at) !=
	    (ssize_t)log->leaves.len)
		log->dead = true;
	for (size_t i = 0; i < log->leaves.len; i += REC_HASH_SIZE)
		rec_merkle_add(&log->tree, log->leaves.data + i);
	log->last_time = log->pending_time;
	ca_buf_reset(&log->lines);
	ca_buf_reset(&log->leaves);
	return true;
}

bool
rec_log_checkpoint(struct rec_log *log, int64_t now, struct ca_why *why)
{
	struct rec_signed file = { 0 };
	uint8_t root[REC_HASH_SIZE];
	bool ok = false;

	(void)now; /* a checkpoint states size and root; entries carry the time */
	if (log->signer == NULL || log->checkpointed == log->tree.size)
		return true;
	rec_merkle_root(&log->tree, root);
	rec_checkpoint_encode(&file.text, log->origin, log->tree.size, root);
	if (!rec_signed_sign(&file, CA_NAMESPACE_CHECKPOINT, log->signer, NULL, why) ||
	    !rec_signed_store(&file, log->folder_fd, REC_LOG_CHECKPOINT, why))
		goto out;
	log->checkpointed = log->tree.size;
	ok = true;
out:
	rec_signed_clear(&file);
	return ok;
}

uint64_t
rec_log_size(const struct rec_log *log)
{
	return log->tree.size;
}

int64_t
rec_log_last_time(const struct rec_log *log)
{
	return log->last_time;
}
