/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_cast_reader.c - recordings from anywhere: read, written again, painted, printed.
 *
 * What the reader gives must survive our own encoder, and what goes to a terminal must hold
 * no control character but those that paint.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../recorder/cast_reader.h"
#include "../../recorder/sink.h"
#include "../../recorder/terminal_filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static int
file_of(const void *data, size_t len)
{
	int fd = memfd_create("cast", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET) != 0)
		abort();
	return fd;
}

/* All bytes of the three streams, and the lines that our encoder makes of the events. */
static bool
read_all(int fd, struct ca_buf streams[static 3], struct ca_buf *lines)
{
	struct rec_cast_reader *reader = rec_cast_reader_new(fd);
	struct rec_cast_encoder encoder = { 0 };
	struct rec_header header;
	struct rec_event event;
	enum rec_read result = rec_cast_reader_header(reader, &header, NULL);

	if (result == REC_READ_MORE)
		rec_cast_put_header(lines, &header);
	while (result == REC_READ_MORE &&
	       (result = rec_cast_reader_next(reader, &event, NULL)) == REC_READ_MORE) {
		const char *at = strchr("oei", event.code);

		if (at == NULL || *at == '\0')
			continue;
		ca_buf_put(&streams[at - "oei"], event.data, event.len);
		rec_cast_put_event(&encoder, lines, &event);
	}
	rec_cast_put_rest(&encoder, lines, 0);
	rec_cast_reader_free(reader);
	return result == REC_READ_END || result == REC_READ_CUT;
}

static void
check_painting(const struct ca_buf *bytes)
{
	struct rec_terminal_filter filter = { 0 };
	struct ca_buf out = { 0 };

	rec_terminal_filter_put(&filter, &out, bytes->data, bytes->len);
	for (size_t i = 0; i < out.len; i++)
		if ((out.data[i] < 0x20 && (out.data[i] < 0x07 || out.data[i] > 0x0f) &&
			out.data[i] != 0x1b) ||
		    out.data[i] == 0x7f)
			abort();
	ca_buf_clear(&out);
}

static void
print(const void *data, size_t len)
{
	int fd = file_of(data, len), null = memfd_create("out", MFD_CLOEXEC);
	struct rec_sink *sink = rec_sink_text_new(null);

	(void)!rec_cast_pump(fd, sink, NULL, NULL);
	sink->ops->free(sink);
	close(null);
	close(fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct ca_buf first[3] = { { 0 } }, second[3] = { { 0 } }, lines = { 0 }, again = { 0 };
	int fd = file_of(data, len);

	if (read_all(fd, first, &lines)) {
		int fd2 = file_of(lines.data, lines.len);

		if (!read_all(fd2, second, &again))
			abort();
		for (int i = 0; i < 3; i++)
			if (!ca_bytes_equal(ca_buf_bytes(&first[i]), ca_buf_bytes(&second[i])))
				abort();
		close(fd2);
		check_painting(&first[0]);
	}
	print(data, len);
	for (int i = 0; i < 3; i++) {
		ca_buf_clear(&first[i]);
		ca_buf_clear(&second[i]);
	}
	ca_buf_clear(&lines);
	ca_buf_clear(&again);
	close(fd);
	return 0;
}
