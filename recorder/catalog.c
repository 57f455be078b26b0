/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catalog.c - looks through a folder of recordings: the header, the end and the newest seal of
 * each.
 *
 * A recording of any length is described by its two ends, so that a list costs little.
 */
#include "catalog.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/text.h"
#include "cast_line.h"
#include "cast_lock.h"
#include "cast_reader.h"
#include "recorder/seal.h"
#include "seal_chain.h"

#define TAIL_TRY ((size_t)8 << 10)

int
rec_catalog_open(int folder_fd, const char *name, struct ca_why *why)
{
	char path[NAME_MAX + 1];
	struct stat st;
	int fd;

	if (!rec_name_is_valid(name)) {
		ca_why_set(why, "'%s' is no name of a recording", name);
		return -1;
	}
	snprintf(path, sizeof(path), "%.*s.cast", NAME_MAX - 16, name);
	fd = openat(folder_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		ca_why_set(why, "recording '%s': %s", name, strerror(errno));
		return -1;
	}
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		ca_why_set(why, "recording '%s' is not a regular file", name);
		close(fd);
		return -1;
	}
	return fd;
}

bool
rec_catalog_has(int folder_fd, const char *name)
{
	char path[NAME_MAX + 1];

	snprintf(path, sizeof(path), "%.*s.cast", NAME_MAX - 16, name);
	return rec_name_is_valid(name) &&
	       faccessat(folder_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int
compare_names(const void *a, const void *b)
{
	return strverscmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted as people count: s.2 before s.10. */
static json_t *
sort_names(json_t *names)
{
	size_t count = json_array_size(names);
	const char **sorted = calloc(count + 1, sizeof(*sorted));
	json_t *out = json_array();

	for (size_t i = 0; sorted != NULL && i < count; i++)
		sorted[i] = json_string_value(json_array_get(names, i));
	if (sorted != NULL)
		qsort(sorted, count, sizeof(*sorted), compare_names);
	for (size_t i = 0; i < count; i++)
		if (sorted == NULL || json_array_append_new(out, json_string(sorted[i])) != 0) {
			json_decref(out);
			out = NULL;
		}
	free(sorted);
	json_decref(names);
	return out;
}

json_t *
rec_catalog_names(int folder_fd, struct ca_why *why)
{
	json_t *names = json_array();
	int fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (folder == NULL || names == NULL) {
		ca_why_set(why, "recordings cannot be listed: %s", strerror(errno));
		if (fd >= 0)
			close(fd);
		json_decref(names);
		return NULL;
	}
	while ((entry = readdir(folder)) != NULL) {
		size_t len = strlen(entry->d_name);

		if (len < 6 || strcmp(entry->d_name + len - 5, ".cast") != 0)
			continue;
		entry->d_name[len - 5] = '\0';
		if (rec_name_is_valid(entry->d_name))
			(void)json_array_append_new(names, json_string(entry->d_name));
	}
	closedir(folder);
	names = sort_names(names);
	if (names == NULL)
		ca_why_set(why, "out of memory");
	return names;
}

/* A value from a header: absent ones are left out. */
static void
put_text(json_t *out, const char *name, const char *value)
{
	if (value != NULL)
		json_object_set_new(out, name, json_string(value));
}

static bool
put_header(json_t *out, int fd, struct ca_why *why)
{
	struct rec_cast_reader *reader = rec_cast_reader_new(fd);
	struct rec_header header;
	char begun[CA_TIME_SIZE];
	enum rec_read result;

	if (reader == NULL)
		return ca_why_set(why, "out of memory");
	result = rec_cast_reader_header(reader, &header, why);
	if (result == REC_READ_END || result == REC_READ_CUT)
		ca_why_set(why, "has no header");
	if (result == REC_READ_MORE) {
		ca_time_format(header.timestamp, begun);
		put_text(out, "begun", begun);
		put_text(out, "identity", header.identity);
		put_text(out, "key_id", header.key_id);
		json_object_set_new(out, "grant", json_integer((json_int_t)header.grant));
		put_text(out, "environment", header.environment);
		put_text(out, "role", header.role);
		put_text(out, "command", header.command);
		put_text(out, "reason", header.reason);
		put_text(out, "approvers", header.approvers);
		put_text(out, "source", header.source);
		put_text(out, "confinement", header.confinement);
		json_object_set_new(out, "terminal", json_boolean(header.terminal));
		json_object_set_new(out, "width", json_integer(header.width));
		json_object_set_new(out, "height", json_integer(header.height));
	}
	rec_cast_reader_free(reader);
	return result == REC_READ_MORE;
}

/* The last whole line within the last `room` bytes; false when it does not lie there. */
static bool
read_last_line(int fd, uint64_t bytes, size_t room, struct rec_cast_line *line)
{
	size_t want = bytes < room ? (size_t)bytes : room;
	char *tail = malloc(want + 1);
	char *end, *start;
	bool ok = false;

	if (tail == NULL)
		return false;
	if (pread(fd, tail, want, (off_t)(bytes - want)) == (ssize_t)want &&
	    (end = memrchr(tail, '\n', want)) != NULL &&
	    (start = memrchr(tail, '\n', (size_t)(end - tail))) != NULL)
		ok = rec_cast_line_parse(line, start + 1, (size_t)(end - start - 1), NULL);
	free(tail);
	return ok;
}

static void
put_end(json_t *out, int fd, uint64_t bytes)
{
	struct rec_cast_line line = { 0 };
	bool known = read_last_line(fd, bytes, TAIL_TRY, &line) ||
		     read_last_line(fd, bytes, REC_LINE_MAX * 2, &line);

	json_object_set_new(out, "seconds", json_real(known ? (double)line.time / 1e6 : 0));
	json_object_set_new(out, "exit",
	    known && line.code == 'x' ? json_stringn((const char *)line.data.data, line.data.len)
				      : json_null());
	ca_buf_clear(&line.data);
}

static bool
put_state(json_t *out, int folder_fd, int fd, const char *name, struct ca_why *why)
{
	char file[NAME_MAX + 1];
	struct rec_signed seal = { 0 };
	struct rec_seal parsed = { 0 };
	bool found, ok;

	snprintf(file, sizeof(file), "%.*s.seal", NAME_MAX - 16, name);
	ok = rec_signed_load(&seal, folder_fd, file, CA_NAMESPACE_SEAL, false, NULL, &found, why) &&
	     (!found || rec_seal_parse(&parsed, (const char *)seal.text.data, seal.text.len, why));
	if (ok) {
		const char *state = rec_seal_state_name(parsed.state);

		/* zero-initialised says open, which is right when there is no seal yet */
		if (parsed.state == REC_SEAL_OPEN && rec_cast_is_locked(fd))
			state = "live";
		put_text(out, "state", state);
		json_object_set_new(out, "seals", json_integer((json_int_t)parsed.sequence));
		rec_seal_clear(&parsed);
	}
	rec_signed_clear(&seal);
	return ok;
}

json_t *
rec_catalog_describe(int folder_fd, const char *name, struct ca_why *why)
{
	int fd = rec_catalog_open(folder_fd, name, why);
	json_t *out = fd < 0 ? NULL : json_object();
	struct ca_why problem = { "" };
	struct stat st;

	if (out == NULL)
		return NULL;
	put_text(out, "recording", name);
	if (fstat(fd, &st) != 0)
		st.st_size = 0;
	json_object_set_new(out, "bytes", json_integer((json_int_t)st.st_size));
	if (!put_header(out, fd, &problem) || !put_state(out, folder_fd, fd, name, &problem)) {
		put_text(out, "state", "broken");
		put_text(out, "problem", problem.text);
	}
	put_end(out, fd, (uint64_t)st.st_size);
	close(fd);
	return out;
}
