/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cast_reader.c - reads asciicast v2 line by line, one line ahead of what it gives out.
 *
 * The line ahead is needed because a `B` speaks about the line before it.
 */
#include "cast_reader.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/text.h"
#include "cast_line.h"

#define HEADER_MAX     ((size_t)64 << 10)
#define SIZE_MAX_CELLS 65535

struct pending {
	char code;
	uint8_t bytes[3];
	size_t len;
};

struct rec_cast_reader {
	int fd;
	char *buffer; /* REC_LINE_MAX */
	size_t start, end;
	json_t *header;
	struct rec_cast_line now, ahead;
	bool has_ahead;
	enum rec_read state; /* what reading the line ahead came to */
	struct ca_why why;   /* when that was REC_READ_BAD */
	uint64_t line;	     /* lines read so far */
	uint64_t now_line;
	uint64_t last; /* time of the event given out last */
	struct pending pending[3];
};

struct rec_cast_reader *
rec_cast_reader_new(int fd)
{
	struct rec_cast_reader *reader = calloc(1, sizeof(*reader));

	if (reader == NULL)
		return NULL;
	reader->fd = fd;
	reader->buffer = malloc(REC_LINE_MAX);
	if (reader->buffer == NULL) {
		free(reader);
		return NULL;
	}
	return reader;
}

void
rec_cast_reader_free(struct rec_cast_reader *reader)
{
	if (reader == NULL)
		return;
	json_decref(reader->header);
	ca_buf_clear(&reader->now.data);
	ca_buf_clear(&reader->ahead.data);
	free(reader->buffer);
	free(reader);
}

uint64_t
rec_cast_reader_line(const struct rec_cast_reader *reader)
{
	return reader->now_line;
}

/* The next whole line without its LF; valid until the next call. */
static enum rec_read
read_line(struct rec_cast_reader *reader, const char **line, size_t *len, struct ca_why *why)
{
	size_t searched = 0;

	for (;;) {
		char *from = reader->buffer + reader->start;
		size_t have = reader->end - reader->start;
		char *lf = memchr(from + searched, '\n', have - searched);
		ssize_t n;

		if (lf != NULL) {
			*line = from;
			*len = (size_t)(lf - from);
			reader->start += *len + 1;
			reader->line++;
			return REC_READ_MORE;
		}
		searched = have;
		memmove(reader->buffer, from, have);
		reader->start = 0;
		reader->end = have;
		if (have == REC_LINE_MAX) {
			ca_why_set(why, "longer than %zu bytes", REC_LINE_MAX);
			return REC_READ_BAD;
		}
		do
			n = read(reader->fd, reader->buffer + have, REC_LINE_MAX - have);
		while (n < 0 && errno == EINTR);
		if (n < 0) {
			ca_why_set(why, "cannot be read: %s", strerror(errno));
			return REC_READ_BAD;
		}
		if (n == 0)
			return have == 0 ? REC_READ_END : REC_READ_CUT;
		reader->end += (size_t)n;
	}
}

static bool
take_size(const json_t *header, const char *name, unsigned *out)
{
	const json_t *value = json_object_get(header, name);
	json_int_t size = json_integer_value(value);

	if (!json_is_integer(value) || size < 1 || size > SIZE_MAX_CELLS)
		return false;
	*out = (unsigned)size;
	return true;
}

static const char *
text_of(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static bool
parse_header(struct rec_cast_reader *reader, struct rec_header *out, const char *line, size_t len,
    struct ca_why *why)
{
	const json_t *root, *ours;
	json_int_t grant;

	memset(out, 0, sizeof(*out));
	if (len > HEADER_MAX)
		return ca_why_set(why, "header is longer than %zu bytes", HEADER_MAX);
	reader->header = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	root = reader->header;
	if (!json_is_object(root))
		return ca_why_set(why, "header is no JSON object");
	if (json_integer_value(json_object_get(root, "version")) != 2)
		return ca_why_set(why, "not asciicast version 2");
	if (!take_size(root, "width", &out->width) || !take_size(root, "height", &out->height))
		return ca_why_set(why, "header has no size of a terminal");
	out->timestamp = (int64_t)json_integer_value(json_object_get(root, "timestamp"));
	out->command = text_of(root, "command");
	out->title = text_of(root, "title");
	out->term = text_of(json_object_get(root, "env"), "TERM");
	ours = json_object_get(root, "postern");
	out->recording = text_of(ours, "recording");
	out->identity = text_of(ours, "identity");
	out->key_id = text_of(ours, "key_id");
	out->environment = text_of(ours, "environment");
	out->role = text_of(ours, "role");
	out->reason = text_of(ours, "reason");
	out->source = text_of(ours, "source");
	out->confinement = text_of(ours, "confinement");
	out->approvers = text_of(ours, "approvers");
	grant = json_integer_value(json_object_get(ours, "grant"));
	out->grant = (uint64_t)grant;
	out->terminal = json_is_true(json_object_get(ours, "terminal"));
	return true;
}

/* Decodes reader->ahead.data in place of itself. */
static bool
decode_raw(struct ca_buf *data, size_t from)
{
	struct ca_buf raw = { 0 };

	if (data->len < from ||
	    !ca_base64_decode(&raw, (const char *)data->data + from, data->len - from)) {
		ca_buf_clear(&raw);
		return false;
	}
	ca_buf_clear(data);
	*data = raw;
	return true;
}

static struct pending *
pending_of(struct rec_cast_reader *reader, char code)
{
	static const char codes[] = "oei";
	const char *at = code == '\0' ? NULL : strchr(codes, code);

	return at == NULL ? NULL : &reader->pending[at - codes];
}

static bool
keep_pending(struct rec_cast_reader *reader)
{
	struct ca_buf *data = &reader->ahead.data;
	char code = data->len > 0 ? (char)data->data[0] : '\0';
	struct pending *pending = pending_of(reader, code);

	if (pending == NULL || !decode_raw(data, 1) || data->len == 0 ||
	    data->len > sizeof(pending->bytes))
		return false;
	pending->code = code;
	pending->len = data->len;
	memcpy(pending->bytes, data->data, data->len);
	return true;
}

/* Fills reader->ahead with the next line; false when there is none, and why is in the state. */
static bool
read_ahead(struct rec_cast_reader *reader)
{
	const char *line;
	size_t len;

	reader->has_ahead = false;
	reader->state = read_line(reader, &line, &len, &reader->why);
	if (reader->state == REC_READ_MORE &&
	    !rec_cast_line_parse(&reader->ahead, line, len, &reader->why))
		reader->state = REC_READ_BAD;
	if (reader->state == REC_READ_MORE && reader->ahead.time < reader->last) {
		ca_why_set(&reader->why, "time runs backwards");
		reader->state = REC_READ_BAD;
	}
	if (reader->state == REC_READ_BAD)
		ca_why_prefix(&reader->why, "line %llu", (unsigned long long)reader->line);
	if (reader->state != REC_READ_MORE)
		return false;
	reader->last = reader->ahead.time;
	reader->has_ahead = true;
	return true;
}

enum rec_read
rec_cast_reader_header(
    struct rec_cast_reader *reader, struct rec_header *header, struct ca_why *why)
{
	const char *line;
	size_t len;
	enum rec_read result = read_line(reader, &line, &len, why);

	if (result == REC_READ_MORE && !parse_header(reader, header, line, len, why))
		result = REC_READ_BAD;
	if (result == REC_READ_BAD)
		ca_why_prefix(why, "line 1");
	if (result == REC_READ_MORE)
		(void)read_ahead(reader);
	else
		reader->state = result;
	return result;
}

static enum rec_read
spoil(struct rec_cast_reader *reader, const char *what, struct ca_why *why)
{
	reader->has_ahead = false;
	reader->state = REC_READ_BAD;
	ca_why_set(&reader->why, "line %llu: %s", (unsigned long long)reader->line, what);
	if (why != NULL)
		*why = reader->why;
	return REC_READ_BAD;
}

/* At the end: what no event completed, then the answer for good. */
static enum rec_read
finish(struct rec_cast_reader *reader, struct rec_event *event, struct ca_why *why)
{
	for (size_t i = 0; i < 3 && reader->state != REC_READ_BAD; i++) {
		struct pending *pending = &reader->pending[i];

		if (pending->len == 0)
			continue;
		*event = (struct rec_event){
			.time = reader->last,
			.code = pending->code,
			.data = pending->bytes,
			.len = pending->len,
		};
		pending->len = 0;
		return REC_READ_MORE;
	}
	if (reader->state == REC_READ_BAD && why != NULL)
		*why = reader->why;
	return reader->state;
}

enum rec_read
rec_cast_reader_next(struct rec_cast_reader *reader, struct rec_event *event, struct ca_why *why)
{
	struct pending *pending;
	struct ca_buf spare;

	while (reader->has_ahead && reader->ahead.code == 'p') {
		if (!keep_pending(reader))
			return spoil(reader, "no unfinished character in a 'p'", why);
		(void)read_ahead(reader);
	}
	if (!reader->has_ahead)
		return finish(reader, event, why);
	if (reader->ahead.code == 'B')
		return spoil(reader, "a 'B' has no event before it", why);

	spare = reader->now.data;
	reader->now = reader->ahead;
	reader->ahead.data = spare;
	reader->now_line = reader->line;
	if (read_ahead(reader) && reader->ahead.code == 'B') {
		if (!decode_raw(&reader->ahead.data, 0))
			return spoil(reader, "no base64 in a 'B'", why);
		spare = reader->now.data;
		reader->now.data = reader->ahead.data;
		reader->ahead.data = spare;
		(void)read_ahead(reader);
	}
	pending = pending_of(reader, reader->now.code);
	if (pending != NULL)
		pending->len = 0;
	*event = (struct rec_event){
		.time = reader->now.time,
		.code = reader->now.code,
		.data = reader->now.data.data,
		.len = reader->now.data.len,
	};
	return REC_READ_MORE;
}

bool
rec_cast_pump(int fd, struct rec_sink *sink, bool *cut, struct ca_why *why)
{
	struct rec_cast_reader *reader = rec_cast_reader_new(fd);
	struct rec_header header;
	struct rec_event event;
	enum rec_read result;
	bool ok = false;

	if (reader == NULL)
		return ca_why_set(why, "out of memory");
	result = rec_cast_reader_header(reader, &header, why);
	if (result == REC_READ_END || result == REC_READ_CUT)
		ca_why_set(why, "recording is empty");
	if (result != REC_READ_MORE || !sink->ops->header(sink, &header, why))
		goto out;
	while ((result = rec_cast_reader_next(reader, &event, why)) == REC_READ_MORE)
		if (!sink->ops->event(sink, &event, why))
			goto out;
	if (cut != NULL)
		*cut = result == REC_READ_CUT;
	ok = result != REC_READ_BAD && sink->ops->end(sink, reader->last, why);
out:
	rec_cast_reader_free(reader);
	return ok;
}
