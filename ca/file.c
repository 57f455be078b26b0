/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file.c - whole files: read with a bound, written so that a crash leaves the
 * old content or the new.
 */
#include "ca/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum trust { ANY, TRUSTED, SECRET };

bool
ca_write_all(int fd, const void *data, size_t len)
{
	const uint8_t *next = data;

	while (len > 0) {
		ssize_t n = write(fd, next, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		next += n;
		len -= (size_t)n;
	}
	return true;
}

/* Judged on the open descriptor, so that the file judged is the file read. */
static bool
check_owner(const char *path, const struct stat *st, enum trust trust, struct ca_why *why)
{
	if (trust == ANY)
		return true;
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return ca_why_set(
		    why, "'%s' belongs to another user (uid %u)", path, (unsigned)st->st_uid);
	if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return ca_why_set(why, "'%s' may be written by others (mode %04o)", path,
		    (unsigned)(st->st_mode & 07777));
	if (trust == SECRET && (st->st_mode & (S_IRGRP | S_IROTH)) != 0)
		return ca_why_set(why, "'%s' is secret and may be read by others (mode %04o)", path,
		    (unsigned)(st->st_mode & 07777));
	return true;
}

bool
ca_file_read_open(int fd, const char *path, size_t max, struct ca_buf *out, struct ca_why *why)
{
	size_t start = out->len;

	for (;;) {
		uint8_t *place = ca_buf_grow(out, 4096);
		ssize_t n;

		if (place == NULL)
			return ca_why_set(why, "'%s': out of memory", path);
		do
			n = read(fd, place, 4096);
		while (n < 0 && errno == EINTR);
		out->len -= 4096 - (n > 0 ? (size_t)n : 0);
		if (n < 0)
			return ca_why_set(why, "'%s': %s", path, strerror(errno));
		if (out->len - start > max)
			return ca_why_set(why, "'%s' is larger than %zu bytes", path, max);
		if (n == 0)
			break;
	}
	ca_buf_put_u8(out, 0);
	if (!ca_buf_ok(out))
		return ca_why_set(why, "'%s': out of memory", path);
	out->len--;
	return true;
}

static int
open_file(const char *path, enum trust trust, struct ca_why *why)
{
	struct stat st;
	/* Non-blocking, so that a fifo in the file's place cannot hold us. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	bool ok = false;

	if (fd < 0 || fstat(fd, &st) != 0)
		ca_why_set(why, "'%s': %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		ca_why_set(why, "'%s' is not a regular file", path);
	else
		ok = check_owner(path, &st, trust, why);
	if (ok)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static bool
read_file(const char *path, size_t max, enum trust trust, struct ca_buf *out, struct ca_why *why)
{
	int fd = open_file(path, trust, why);
	bool ok = fd >= 0 && ca_file_read_open(fd, path, max, out, why);

	if (fd >= 0)
		close(fd);
	return ok;
}

int
ca_file_open_trusted(const char *path, bool secret, struct ca_why *why)
{
	return open_file(path, secret ? SECRET : TRUSTED, why);
}

bool
ca_file_read(const char *path, size_t max, struct ca_buf *out, struct ca_why *why)
{
	return read_file(path, max, ANY, out, why);
}

bool
ca_file_read_trusted(
    const char *path, size_t max, bool secret, struct ca_buf *out, struct ca_why *why)
{
	return read_file(path, max, secret ? SECRET : TRUSTED, out, why);
}

bool
ca_file_sync_folder(const char *path, struct ca_why *why)
{
	char *copy = strdup(path);
	bool ok = false;
	int fd = -1;

	if (copy == NULL)
		return ca_why_set(why, "out of memory");
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0)
		ca_why_set(why, "folder of '%s': %s", path, strerror(errno));
	else
		ok = true;
	if (fd >= 0)
		close(fd);
	free(copy);
	return ok;
}

bool
ca_file_write(const char *path, const void *data, size_t len, mode_t mode, struct ca_why *why)
{
	struct ca_buf name = { 0 };
	const char *temporary;
	bool ok = false;
	int fd;

	ca_buf_printf(&name, "%s.tmp.%ld", path, (long)getpid());
	if (!ca_buf_ok(&name))
		return ca_why_set(why, "out of memory");
	temporary = (const char *)name.data;
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		ca_why_set(why, "'%s': %s", temporary, strerror(errno));
		goto out;
	}
	if (fchmod(fd, mode) == 0 && ca_write_all(fd, data, len) && fsync(fd) == 0 &&
	    rename(temporary, path) == 0) {
		ok = ca_file_sync_folder(path, why);
	} else {
		ca_why_set(why, "'%s': %s", path, strerror(errno));
		unlink(temporary);
	}
	close(fd);
out:
	ca_buf_clear(&name);
	return ok;
}
