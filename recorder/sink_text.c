/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink_text.c - what was printed, as lines in which nothing acts on a terminal.
 *
 * Output and stderr as they came, each line whole. Backslashes stay as they are: a reader
 * who must tell `\x1b` from an escaped ESC takes the raw bytes.
 */
#include "sink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ca/file.h"
#include "ca/text.h"

#define LINE_MAX_BYTES ((size_t)64 << 10) /* a longer line is cut where it stands */
#define FLUSH_AT       ((size_t)64 << 10)

struct sink_text {
	struct rec_sink sink;
	int fd;
	struct ca_buf lines[2]; /* unfinished: of output, of stderr */
	struct ca_buf out;
};

static bool
flush(struct sink_text *text, struct ca_why *why)
{
	bool ok = ca_buf_ok(&text->out) && ca_write_all(text->fd, text->out.data, text->out.len);

	ca_buf_reset(&text->out);
	return ok || ca_why_set(why, "output cannot be written: %s", strerror(errno));
}

/* One line without its end: tabs and backslashes as they are, the rest escaped. */
static void
put_line(struct ca_buf *out, const uint8_t *data, size_t len)
{
	const uint8_t *end;

	len -= len > 0 && data[len - 1] == '\r';
	end = len > 0 ? data + len : data;
	while (data < end) {
		const uint8_t *stop = data;

		while (stop < end && *stop != '\\' && *stop != '\t')
			stop++;
		ca_text_escape(out, data, (size_t)(stop - data));
		if (stop < end)
			ca_buf_put_u8(out, *stop++);
		data = stop;
	}
	ca_buf_put_u8(out, '\n');
}

static bool
put_header(struct rec_sink *sink, const struct rec_header *header, struct ca_why *why)
{
	(void)sink;
	(void)header;
	(void)why;
	return true;
}

static bool
put_event(struct rec_sink *sink, const struct rec_event *event, struct ca_why *why)
{
	struct sink_text *text = (struct sink_text *)sink;
	struct ca_buf *line = &text->lines[event->code == 'e'];
	const uint8_t *next = event->data, *end;

	if ((event->code != 'o' && event->code != 'e') || event->len == 0)
		return true;
	end = next + event->len;
	while (next < end) {
		const uint8_t *lf = memchr(next, '\n', (size_t)(end - next));
		const uint8_t *stop = lf == NULL ? end : lf;

		ca_buf_put(line, next, (size_t)(stop - next));
		if (lf != NULL || line->len >= LINE_MAX_BYTES) {
			put_line(&text->out, line->data, line->len);
			ca_buf_reset(line);
		}
		next = lf == NULL ? end : lf + 1;
	}
	if (!ca_buf_ok(line))
		return ca_why_set(why, "out of memory");
	return text->out.len < FLUSH_AT || flush(text, why);
}

static bool
put_end(struct rec_sink *sink, uint64_t time, struct ca_why *why)
{
	struct sink_text *text = (struct sink_text *)sink;

	(void)time;
	for (int i = 0; i < 2; i++)
		if (text->lines[i].len > 0)
			put_line(&text->out, text->lines[i].data, text->lines[i].len);
	return flush(text, why);
}

static void
discard(struct rec_sink *sink)
{
	struct sink_text *text = (struct sink_text *)sink;

	ca_buf_clear(&text->lines[0]);
	ca_buf_clear(&text->lines[1]);
	ca_buf_clear(&text->out);
	free(text);
}

struct rec_sink *
rec_sink_text_new(int fd)
{
	static const struct rec_sink_ops ops = {
		.header = put_header,
		.event = put_event,
		.end = put_end,
		.free = discard,
	};
	struct sink_text *text = calloc(1, sizeof(*text));

	if (text == NULL)
		return NULL;
	text->sink.ops = &ops;
	text->fd = fd;
	return &text->sink;
}
