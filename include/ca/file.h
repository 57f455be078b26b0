/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file.h - whole files: read with a bound, written so that a crash leaves the
 * old content or the new, never a mixture.
 */
#ifndef CA_FILE_H
#define CA_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "ca/buf.h"
#include "ca/why.h"

/*
 * Reads a regular file of at most `max` bytes; `out` gets a NUL after its
 * last byte that is not counted in .len. Caller clears `out`.
 */
CA_MUST_USE bool ca_file_read(const char *path, size_t max, struct ca_buf *out, struct ca_why *why);
/* The same, and refuses a file that anyone but root and its owner, or a user
 * other than us, may write (policy, keys, approvers). `secret`: nor read. */
CA_MUST_USE bool ca_file_read_trusted(
    const char *path, size_t max, bool secret, struct ca_buf *out, struct ca_why *why);
/* The same in two steps, for a file that others go on reading: the descriptor, or -1; and all that
 * is behind its offset. */
CA_MUST_USE int ca_file_open_trusted(const char *path, bool secret, struct ca_why *why);
CA_MUST_USE bool ca_file_read_open(
    int fd, const char *path, size_t max, struct ca_buf *out, struct ca_why *why);
/* Temporary name, write, fsync, rename, fsync of the folder. */
CA_MUST_USE bool ca_file_write(
    const char *path, const void *data, size_t len, mode_t mode, struct ca_why *why);
/* Everything or an error; retries short writes and EINTR. */
CA_MUST_USE bool ca_write_all(int fd, const void *data, size_t len);
/* Makes the entries of the folder that holds `path` durable. */
CA_MUST_USE bool ca_file_sync_folder(const char *path, struct ca_why *why);

#endif
