/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink_file.c - the sink that is a recording: whole lines of asciicast, hashed as they go.
 *
 * This is where recorded before released is kept: event() is true only when write(2) has
 * returned for all lines.
 */
#include "sink.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "ca/file.h"

/* So much at a time is handed to the disk early, so that a data sync later finds little left. */
#define WRITEBACK ((uint64_t)4 << 20)

static struct rec_sink_file *
file_of(struct rec_sink *sink)
{
	return (struct rec_sink_file *)sink;
}

static bool
write_lines(struct rec_sink_file *file, struct ca_why *why)
{
	int error;

	if (!ca_buf_ok(&file->lines)) {
		file->failed = true;
		return ca_why_set(why, "recording '%s': out of memory", file->name);
	}
	if (!ca_write_all(file->fd, file->lines.data, file->lines.len)) {
		error = errno;
		file->failed = true;
		/* whole lines only; a cut last line is what recovery is for if this fails too */
		if (ftruncate(file->fd, (off_t)file->bytes) != 0)
			error = error != 0 ? error : errno;
		return ca_why_set(
		    why, "recording '%s' cannot be written: %s", file->name, strerror(error));
	}
	ca_sha256_update(file->hash, file->lines.data, file->lines.len);
	file->bytes += file->lines.len;
	if (file->bytes - file->started >= WRITEBACK) {
		/* only a hint: the data sync is what counts and is checked */
		(void)sync_file_range(file->fd, (off_t)file->started,
		    (off_t)(file->bytes - file->started), SYNC_FILE_RANGE_WRITE);
		file->started = file->bytes;
	}
	return true;
}

static bool
refuse_dead(const struct rec_sink_file *file, struct ca_why *why)
{
	return ca_why_set(why, "recording '%s' has failed before", file->name);
}

static bool
put_header(struct rec_sink *sink, const struct rec_header *header, struct ca_why *why)
{
	struct rec_sink_file *file = file_of(sink);

	if (file->failed)
		return refuse_dead(file, why);
	ca_buf_reset(&file->lines);
	rec_cast_put_header(&file->lines, header);
	return write_lines(file, why);
}

static bool
put_event(struct rec_sink *sink, const struct rec_event *event, struct ca_why *why)
{
	struct rec_sink_file *file = file_of(sink);

	if (file->failed)
		return refuse_dead(file, why);
	ca_buf_reset(&file->lines);
	rec_cast_put_event(&file->encoder, &file->lines, event);
	return write_lines(file, why);
}

static bool
put_end(struct rec_sink *sink, uint64_t time, struct ca_why *why)
{
	struct rec_sink_file *file = file_of(sink);

	if (file->failed)
		return refuse_dead(file, why);
	ca_buf_reset(&file->lines);
	rec_cast_put_rest(&file->encoder, &file->lines, time);
	return file->lines.len == 0 || write_lines(file, why);
}

static void
clear(struct rec_sink *sink)
{
	struct rec_sink_file *file = file_of(sink);

	ca_buf_clear(&file->lines);
	ca_sha256_free(file->hash);
	memset(file, 0, sizeof(*file));
	file->fd = -1;
}

void
rec_sink_file_init(struct rec_sink_file *file, int fd, const char *name)
{
	static const struct rec_sink_ops ops = {
		.header = put_header,
		.event = put_event,
		.end = put_end,
		.free = clear,
	};

	memset(file, 0, sizeof(*file));
	file->sink.ops = &ops;
	file->fd = fd;
	file->name = name;
	file->hash = ca_sha256_new();
}
