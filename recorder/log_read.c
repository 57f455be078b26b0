/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_read.c - reads and checks a log without its lock, also while it is written.
 *
 * Checkpoint first, then leaves, then lines: a writer goes the other way, so what is read
 * later covers at least what was read before.
 */
#include "recorder/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "log_scan.h"

static bool
scan_folder(const char *folder, bool verify, const struct ca_key *key, rec_log_reader *reader,
    void *ctx, struct ca_why *why)
{
	struct rec_checkpoint checkpoint = { 0 };
	struct rec_log_scan scan = { 0 };
	int folder_fd, log_fd = -1, leaves_fd = -1;
	bool ok = false;

	folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder_fd < 0)
		return ca_why_set(
		    why, "log folder '%s' cannot be opened: %s", folder, strerror(errno));
	if (verify && !rec_checkpoint_load(&checkpoint, folder_fd, key, false, why))
		goto out;
	if (verify)
		leaves_fd = openat(folder_fd, REC_LOG_LEAVES, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	log_fd = openat(folder_fd, REC_LOG_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (log_fd < 0) {
		ca_why_set(why, "log cannot be opened: %s", strerror(errno));
		goto out;
	}
	ok = rec_log_scan_run(&scan, log_fd, leaves_fd, &checkpoint, reader, ctx, why);
out:
	if (!ok)
		ca_why_prefix(why, "log in '%s'", folder);
	if (leaves_fd >= 0)
		close(leaves_fd);
	if (log_fd >= 0)
		close(log_fd);
	close(folder_fd);
	return ok;
}

bool
rec_log_read(const char *folder, rec_log_reader *reader, void *ctx, struct ca_why *why)
{
	return scan_folder(folder, false, NULL, reader, ctx, why);
}

bool
rec_log_verify(const char *folder, const struct ca_key *key, struct ca_why *why)
{
	return scan_folder(folder, true, key, NULL, NULL, why);
}
