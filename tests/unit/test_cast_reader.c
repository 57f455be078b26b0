/* SPDX-License-Identifier: Apache-2.0 */
/* test_cast_reader.c - a recording breaks off anywhere and is read as far as it goes, within
 * bounds. */
#include "../../recorder/cast_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define HEADER "{\"version\":2,\"width\":80,\"height\":24}\n"

/* What reading came to. */
struct outcome {
	enum rec_read header, last;
	size_t events;
	struct ca_buf output; /* of all `o` events */
	struct ca_why why;
};

static void
read_bytes(struct outcome *out, const void *data, size_t len)
{
	int fd = memfd_create("cast", MFD_CLOEXEC);
	struct rec_cast_reader *reader = rec_cast_reader_new(fd);
	struct rec_header header;
	struct rec_event event;

	memset(out, 0, sizeof(*out));
	assert_int_equal(write(fd, data, len), (ssize_t)len);
	lseek(fd, 0, SEEK_SET);
	out->header = out->last = rec_cast_reader_header(reader, &header, &out->why);
	while (out->last == REC_READ_MORE) {
		out->last = rec_cast_reader_next(reader, &event, &out->why);
		if (out->last != REC_READ_MORE)
			break;
		out->events++;
		if (event.code == 'o')
			ca_buf_put(&out->output, event.data, event.len);
	}
	/* the last answer is for good */
	if (out->header == REC_READ_MORE)
		assert_int_equal(rec_cast_reader_next(reader, &event, NULL), out->last);
	rec_cast_reader_free(reader);
	close(fd);
}

static void
assert_bad(const char *text, const char *sentence)
{
	struct outcome out;

	read_bytes(&out, text, strlen(text));
	assert_int_equal(out.last, REC_READ_BAD);
	if (strstr(out.why.text, sentence) == NULL)
		fail_msg("'%s' does not say '%s'", out.why.text, sentence);
	ca_buf_clear(&out.output);
}

static void
a_recording_cut_at_any_byte_gives_its_whole_lines(void **state)
{
	static const char text[] = HEADER "[0.1,\"o\",\"one\"]\n[0.2,\"p\",\"oww==\"]\n"
					  "[0.3,\"o\",\"\xc3\xa9\"]\n[0.4,\"o\",\"\xef\xbf\xbd\"]\n"
					  "[0.4,\"B\",\"/w==\"]\n[0.5,\"x\",\"0\"]\n";
	size_t lines = 0;

	(void)state;
	for (size_t len = 0; len < sizeof(text); len++) {
		struct outcome out;
		bool whole = len == 0 || text[len - 1] == '\n';

		lines += len > 0 && whole;
		read_bytes(&out, text, len);
		assert_int_equal(out.last, whole ? REC_READ_END : REC_READ_CUT);
		assert_int_equal(out.header == REC_READ_MORE, lines > 0);
		if (lines == 3) /* the unfinished character has nothing behind it yet */
			assert_memory_equal(out.output.data, "one\xc3", 4);
		if (lines == 4)
			assert_memory_equal(out.output.data, "one\xc3\xa9", 5);
		if (lines == 6)
			assert_memory_equal(out.output.data, "one\xc3\xa9\xff", 6);
		ca_buf_clear(&out.output);
	}
	assert_int_equal(lines, 7);
}

static void
headers_that_are_none_are_refused(void **state)
{
	(void)state;
	assert_bad("\n", "line 1: header is no JSON object");
	assert_bad("[]\n", "header is no JSON object");
	assert_bad("{\"version\":1}\n", "not asciicast version 2");
	assert_bad("{\"version\":3,\"width\":80,\"height\":24}\n", "not asciicast version 2");
	assert_bad("{\"version\":2}\n", "no size of a terminal");
	assert_bad("{\"version\":2,\"width\":0,\"height\":24}\n", "no size");
	assert_bad("{\"version\":2,\"width\":80,\"height\":65536}\n", "no size");
	assert_bad("{\"version\":2,\"version\":2,\"width\":80,\"height\":24}\n", "no JSON object");
}

static void
events_out_of_order_are_refused_with_their_line(void **state)
{
	(void)state;
	assert_bad(HEADER "[2.0,\"o\",\"\"]\n[1.0,\"o\",\"\"]\n", "line 3: time runs backwards");
	assert_bad(HEADER "[1.0,\"B\",\"/w==\"]\n", "line 2: a 'B' has no event before it");
	assert_bad(HEADER "[1.0,\"o\",\"\"]\n[1.0,\"B\",\"!\"]\n", "no base64 in a 'B'");
	assert_bad(HEADER "[1.0,\"p\",\"xAA==\"]\n", "no unfinished character in a 'p'");
	assert_bad(HEADER "[1.0,\"p\",\"oAAAAAA==\"]\n", "no unfinished character in a 'p'");
	assert_bad(HEADER "[1.0,\"p\",\"\"]\n", "no unfinished character in a 'p'");
	assert_bad(HEADER "\n", "line 2: no event");
}

/* A file whose only event line has `len` bytes with its LF. */
static void
read_long(struct outcome *out, size_t len, char filler)
{
	static const char front[] = HEADER "[0.1,\"o\",\"", back[] = "\"]\n";
	size_t head = strlen(HEADER), rest = len - (strlen(front) - head) - strlen(back);
	struct ca_buf text = { 0 };

	ca_buf_put_text(&text, front);
	memset(ca_buf_grow(&text, rest), filler, rest);
	ca_buf_put_text(&text, back);
	assert_int_equal(text.len, head + len);
	read_bytes(out, text.data, text.len);
	ca_buf_clear(&text);
}

static void
a_line_at_the_limit_is_read_and_one_past_it_refused(void **state)
{
	struct outcome out;

	(void)state;
	read_long(&out, REC_LINE_MAX, 'x');
	assert_int_equal(out.last, REC_READ_END);
	assert_int_equal(out.events, 1);
	ca_buf_clear(&out.output);
	read_long(&out, REC_LINE_MAX + 1, 'x');
	assert_int_equal(out.last, REC_READ_BAD);
	assert_non_null(strstr(out.why.text, "longer than"));
	ca_buf_clear(&out.output);
}

static void
a_header_at_the_limit_is_read_and_one_past_it_refused(void **state)
{
	static const char front[] = "{\"version\":2,\"width\":80,\"height\":24,\"title\":\"";

	(void)state;
	for (size_t over = 0; over < 2; over++) {
		struct ca_buf text = { 0 };
		struct outcome out;
		size_t rest = 65536 + over - strlen(front) - 2;

		ca_buf_put_text(&text, front);
		memset(ca_buf_grow(&text, rest), 'x', rest);
		ca_buf_put_text(&text, "\"}\n");
		read_bytes(&out, text.data, text.len);
		assert_int_equal(out.header, over == 0 ? REC_READ_MORE : REC_READ_BAD);
		ca_buf_clear(&text);
	}
}

static void
recordings_of_others_are_read(void **state)
{
	static const char text[] =
	    "{\"version\": 2, \"width\": 80, \"height\": 24, \"env\": {\"TERM\": \"xterm\"}}\n"
	    "[1e-05, \"o\", \"a\\u001b[m\\ud83d\\ude00\"]\n[0.25, \"unknown\", \"\"]\n[0.5, \"o\", "
	    "\"b\"]\n";
	struct outcome out;

	(void)state;
	read_bytes(&out, text, sizeof(text) - 1);
	assert_int_equal(out.last, REC_READ_END);
	assert_int_equal(out.events, 3);
	assert_int_equal(out.output.len, 9);
	assert_memory_equal(out.output.data,
	    "a\x1b[m\xf0\x9f\x98\x80"
	    "b",
	    9);
	ca_buf_clear(&out.output);
}

static void
the_check_refuses_what_a_recorder_does_not_write(void **state)
{
	static const char good[] =
	    "{\"version\":2,\"width\":80,\"height\":24,\"timestamp\":1,\"command\":\"c\","
	    "\"postern\":"
	    "{\"recording\":\"s.1\",\"identity\":\"a\",\"environment\":\"e\",\"role\":\"r\"}}\n";
	static const struct {
		const char *name, *header, *events;
		const char *sentence; /* NULL: good */
	} cases[] = {
		{ "s.1", good, "[0.1,\"o\",\"\"]\n[0.2,\"r\",\"80x24\"]\n[0.3,\"x\",\"0\"]\n",
		    NULL },
		{ "s.2", good, "", "header is of recording 's.1'" },
		{ "s.1", HEADER, "", "header is of recording ''" },
		{ "s.1", good, "[0.1,\"x\",\"0\"]\n[0.1,\"o\",\"\"]\n",
		    "event 2 stands behind the exit" },
		{ "s.1", good, "[0.1,\"z\",\"0\"]\n", "event 1 has the code 'z'" },
		{ "s.1", good, "[0.1,\"r\",\"80\"]\n", "event 1 is no size" },
		{ "s.1", good, "[0.1,\"r\",\"80x24x80x24x80x24\"]\n", "event 1 is no size" },
		{ "s.1", "", "", "recording is empty" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd = memfd_create("cast", MFD_CLOEXEC);
		struct rec_sink *sink = rec_sink_check_new(cases[i].name);
		struct ca_why why = { "" };
		size_t head = strlen(cases[i].header), rest = strlen(cases[i].events);

		assert_int_equal(write(fd, cases[i].header, head), (ssize_t)head);
		assert_int_equal(write(fd, cases[i].events, rest), (ssize_t)rest);
		lseek(fd, 0, SEEK_SET);
		assert_int_equal(rec_cast_pump(fd, sink, NULL, &why), cases[i].sentence == NULL);
		if (cases[i].sentence != NULL)
			assert_string_equal(why.text, cases[i].sentence);
		sink->ops->free(sink);
		close(fd);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_recording_cut_at_any_byte_gives_its_whole_lines),
		cmocka_unit_test(headers_that_are_none_are_refused),
		cmocka_unit_test(events_out_of_order_are_refused_with_their_line),
		cmocka_unit_test(a_line_at_the_limit_is_read_and_one_past_it_refused),
		cmocka_unit_test(a_header_at_the_limit_is_read_and_one_past_it_refused),
		cmocka_unit_test(recordings_of_others_are_read),
		cmocka_unit_test(the_check_refuses_what_a_recorder_does_not_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
