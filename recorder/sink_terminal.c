/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink_terminal.c - a recording's output: painted on a terminal, or byte for byte into files.
 */
#include "sink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ca/file.h"
#include "terminal_filter.h"

struct sink_terminal {
	struct rec_sink sink;
	int out, err;
	bool exact;
	struct rec_terminal_filter filter;
	struct ca_buf buf;
};

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
	struct sink_terminal *terminal = (struct sink_terminal *)sink;
	int fd = event->code == 'o' ? terminal->out : event->code == 'e' ? terminal->err : -1;
	bool ok;

	if (fd < 0)
		return true;
	if (terminal->exact) {
		ok = ca_write_all(fd, event->data, event->len);
	} else {
		ca_buf_reset(&terminal->buf);
		rec_terminal_filter_put(&terminal->filter, &terminal->buf, event->data, event->len);
		ok = ca_buf_ok(&terminal->buf) &&
		     ca_write_all(fd, terminal->buf.data, terminal->buf.len);
	}
	return ok || ca_why_set(why, "output cannot be written: %s", strerror(errno));
}

static bool
put_end(struct rec_sink *sink, uint64_t time, struct ca_why *why)
{
	(void)sink;
	(void)time;
	(void)why;
	return true;
}

static void
discard(struct rec_sink *sink)
{
	ca_buf_clear(&((struct sink_terminal *)sink)->buf);
	free(sink);
}

static struct rec_sink *
make(int out, int err, bool exact)
{
	static const struct rec_sink_ops ops = {
		.header = put_header,
		.event = put_event,
		.end = put_end,
		.free = discard,
	};
	struct sink_terminal *terminal = calloc(1, sizeof(*terminal));

	if (terminal == NULL)
		return NULL;
	terminal->sink.ops = &ops;
	terminal->out = out;
	terminal->err = err;
	terminal->exact = exact;
	return &terminal->sink;
}

struct rec_sink *
rec_sink_terminal_new(int fd)
{
	return make(fd, fd, false);
}

struct rec_sink *
rec_sink_raw_new(int out, int err)
{
	return make(out, err, true);
}
