/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_scan.c - the walk over a log's lines, and its checkpoint as text.
 *
 * An entry was acknowledged once it was synced; leaf and checkpoint are written after that. So
 * whatever they cover has to be there, and only what they do not cover may be torn.
 */
#include "log_scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/file.h"
#include "ca/text.h"

#define BUFFER (REC_LOG_ENTRY_MAX * 2)

struct walk {
	struct rec_log_scan *scan;
	int log_fd, leaves_fd;
	const struct rec_checkpoint *checkpoint;
	uint64_t stored;  /* leaves there are */
	uint64_t covered; /* entries that leaves or checkpoint say were acknowledged */
	rec_log_reader *reader;
	void *ctx;
};

void
rec_checkpoint_encode(
    struct ca_buf *out, const char *origin, uint64_t size, const uint8_t root[static REC_HASH_SIZE])
{
	ca_buf_printf(out, "%s\n%llu\n", origin, (unsigned long long)size);
	ca_base64_encode(out, root, REC_HASH_SIZE);
	ca_buf_put_u8(out, '\n');
}

bool
rec_checkpoint_parse(struct rec_checkpoint *out, const char *text, size_t len, struct ca_why *why)
{
	struct ca_buf root = { 0 }, again = { 0 };
	const char *size, *hash, *end = text + len;
	char number[24] = "";
	bool ok = false;

	memset(out, 0, sizeof(*out));
	size = memchr(text, '\n', len);
	hash = size == NULL ? NULL : memchr(size + 1, '\n', (size_t)(end - size - 1));
	if (hash == NULL || (size_t)(size - text) >= sizeof(out->origin) ||
	    (size_t)(hash - size) > sizeof(number) || hash + 1 == end)
		goto out;
	memcpy(out->origin, text, (size_t)(size - text));
	memcpy(number, size + 1, (size_t)(hash - size - 1));
	if (!ca_text_is_printable_ascii(out->origin) ||
	    !ca_text_to_u64(number, INT64_MAX, &out->size) ||
	    !ca_base64_decode(&root, hash + 1, (size_t)(end - hash - 2)) ||
	    root.len != REC_HASH_SIZE)
		goto out;
	memcpy(out->root, root.data, REC_HASH_SIZE);
	/* one spelling only */
	rec_checkpoint_encode(&again, out->origin, out->size, out->root);
	ok = ca_buf_ok(&again) && again.len == len && memcmp(again.data, text, len) == 0;
	out->found = ok;
out:
	ca_buf_clear(&root);
	ca_buf_clear(&again);
	return ok || ca_why_set(why, "checkpoint is not origin, size and root");
}

bool
rec_checkpoint_load(struct rec_checkpoint *out, int folder_fd, const struct ca_key *key,
    bool repair, struct ca_why *why)
{
	struct rec_signed file = { 0 };
	struct ca_sshsig *sig = NULL;
	bool ok = false, found;

	memset(out, 0, sizeof(*out));
	if (!rec_signed_load(&file, folder_fd, REC_LOG_CHECKPOINT, CA_NAMESPACE_CHECKPOINT, repair,
		&sig, &found, why))
		goto out;
	if (!found) {
		ok = true;
		goto out;
	}
	if (key != NULL && (sig->cert != NULL || !ca_key_equal(sig->key, key))) {
		ca_why_set(why, "checkpoint was signed by another key");
		goto out;
	}
	ok = rec_checkpoint_parse(out, (const char *)file.text.data, file.text.len, why);
out:
	ca_sshsig_free(sig);
	rec_signed_clear(&file);
	return ok;
}

bool
rec_checkpoint_load_at(struct rec_checkpoint *out, const char *path, struct ca_why *why)
{
	int folder_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok;

	if (folder_fd < 0)
		return ca_why_set(why, "log folder '%s': %s", path, strerror(errno));
	ok = rec_checkpoint_load(out, folder_fd, NULL, false, why);
	close(folder_fd);
	return ok;
}

static bool
check_leaf(struct walk *walk, const uint8_t leaf[static REC_HASH_SIZE], struct ca_why *why)
{
	uint64_t index = walk->scan->tree.size;
	uint8_t stored[REC_HASH_SIZE];
	off_t at = (off_t)(index * REC_HASH_SIZE);

	if (index < walk->stored) {
		if (pread(walk->leaves_fd, stored, sizeof(stored), at) != sizeof(stored))
			return ca_why_set(
			    why, "leaf %llu cannot be read", (unsigned long long)index);
		if (memcmp(stored, leaf, sizeof(stored)) != 0)
			return ca_why_set(why,
			    "entry %llu was changed: it does not have the leaf stored for it",
			    (unsigned long long)index);
	} else if (walk->scan->rebuild) {
		if (pwrite(walk->leaves_fd, leaf, REC_HASH_SIZE, at) != REC_HASH_SIZE)
			return ca_why_set(why, "leaves cannot be rebuilt: %s", strerror(errno));
	}
	return true;
}

static bool
check_root(const struct walk *walk, struct ca_why *why)
{
	uint8_t root[REC_HASH_SIZE];

	if (walk->checkpoint == NULL || !walk->checkpoint->found ||
	    walk->scan->tree.size != walk->checkpoint->size)
		return true;
	rec_merkle_root(&walk->scan->tree, root);
	return memcmp(root, walk->checkpoint->root, sizeof(root)) == 0 ||
	       ca_why_set(why,
		   "log was changed: the root of its first %llu entries is not the checkpoint's",
		   (unsigned long long)walk->checkpoint->size);
}

/* Whether `line` is the entry that belongs here; sets the sentence when it is not. */
static json_t *
parse_entry(const char *line, size_t len, uint64_t index, int64_t *time, struct ca_why *why)
{
	json_t *entry = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	const json_t *number = json_object_get(entry, "index");
	const char *when = json_string_value(json_object_get(entry, "time"));

	if (!json_is_object(entry))
		ca_why_set(why, "entry %llu is no JSON object", (unsigned long long)index);
	else if (!json_is_integer(number) || json_integer_value(number) != (json_int_t)index)
		ca_why_set(why, "entry %llu calls itself %lld", (unsigned long long)index,
		    (long long)json_integer_value(number));
	else if (when == NULL || !ca_time_parse(when, time) ||
		 !json_is_string(json_object_get(entry, "event")) ||
		 !json_is_string(json_object_get(entry, "nonce")))
		ca_why_set(why, "entry %llu lacks time, event or nonce", (unsigned long long)index);
	else
		return entry;
	json_decref(entry);
	return NULL;
}

/* One whole line. `*stop`: it is torn, and nothing behind it counts. */
static bool
walk_line(struct walk *walk, const char *line, size_t len, bool *stop, struct ca_why *why)
{
	struct rec_log_scan *scan = walk->scan;
	uint64_t index = scan->tree.size;
	uint8_t leaf[REC_HASH_SIZE];
	int64_t time = 0;
	json_t *entry = parse_entry(line, len, index, &time, why);
	bool ok = false;

	if (entry == NULL) {
		/* pages of an unacknowledged write that never reached the disk read as NUL */
		*stop = index >= walk->covered && memchr(line, '\0', len) != NULL;
		return *stop;
	}
	rec_merkle_leaf(line, len, leaf);
	if (!check_leaf(walk, leaf, why))
		goto out;
	rec_merkle_add(&scan->tree, leaf);
	scan->bytes += len + 1;
	scan->last_time = time;
	if (!check_root(walk, why))
		goto out;
	ok = walk->reader == NULL ||
	     walk->reader(walk->ctx, index, time,
		 json_string_value(json_object_get(entry, "event")), entry, why);
out:
	json_decref(entry);
	return ok;
}

static bool
walk_lines(struct walk *walk, struct ca_why *why)
{
	char *buffer = malloc(BUFFER), *next, *lf;
	size_t have = 0;
	uint64_t at = 0;
	bool ok = false, stop = false;
	ssize_t n;

	if (buffer == NULL)
		return ca_why_set(why, "out of memory");
	while ((n = pread(walk->log_fd, buffer + have, BUFFER - have, (off_t)at)) > 0) {
		at += (uint64_t)n;
		have += (size_t)n;
		next = buffer;
		while (!stop && (lf = memchr(next, '\n', have - (size_t)(next - buffer))) != NULL) {
			if (!walk_line(walk, next, (size_t)(lf - next), &stop, why))
				goto out;
			next = lf + 1;
		}
		have -= (size_t)(next - buffer);
		memmove(buffer, next, have);
		if (stop || have >= REC_LOG_ENTRY_MAX)
			break;
	}
	if (n < 0) {
		ca_why_set(why, "log cannot be read: %s", strerror(errno));
		goto out;
	}
	if (!stop && have >= REC_LOG_ENTRY_MAX && memchr(buffer, '\0', have) == NULL) {
		ca_why_set(why, "entry %llu is longer than %d bytes",
		    (unsigned long long)walk->scan->tree.size, REC_LOG_ENTRY_MAX);
		goto out;
	}
	walk->scan->torn = stop || have > 0;
	ok = true;
out:
	free(buffer);
	return ok;
}

bool
rec_log_scan_run(struct rec_log_scan *scan, int log_fd, int leaves_fd,
    const struct rec_checkpoint *checkpoint, rec_log_reader *reader, void *ctx, struct ca_why *why)
{
	struct walk walk = {
		.scan = scan,
		.log_fd = log_fd,
		.leaves_fd = leaves_fd,
		.checkpoint = checkpoint,
		.reader = reader,
		.ctx = ctx,
	};
	struct stat st;

	memset(&scan->tree, 0, sizeof(scan->tree));
	scan->bytes = 0;
	scan->torn = false;
	scan->last_time = INT64_MIN;
	if (leaves_fd >= 0) {
		if (fstat(leaves_fd, &st) != 0)
			return ca_why_set(why, "leaves cannot be read: %s", strerror(errno));
		walk.stored = (uint64_t)st.st_size / REC_HASH_SIZE;
	}
	walk.covered = walk.stored;
	if (checkpoint != NULL && checkpoint->found && checkpoint->size > walk.covered)
		walk.covered = checkpoint->size;
	if (!check_root(&walk, why) || !walk_lines(&walk, why))
		return false;
	if (checkpoint != NULL && checkpoint->found && scan->tree.size < checkpoint->size)
		return ca_why_set(why,
		    "log was rolled back: it has %llu entries, its checkpoint says %llu",
		    (unsigned long long)scan->tree.size, (unsigned long long)checkpoint->size);
	if (scan->tree.size < walk.stored)
		return ca_why_set(why, "log was cut: it has %llu entries and %llu leaves",
		    (unsigned long long)scan->tree.size, (unsigned long long)walk.stored);
	return true;
}
