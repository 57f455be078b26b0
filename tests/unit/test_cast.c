/* SPDX-License-Identifier: Apache-2.0 */
/* test_cast.c - whatever bytes go into a recording, the lines are JSON and give them back. */
#include "recorder/cast.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../recorder/cast_line.h"
#include "../../recorder/cast_reader.h"
#include "../../recorder/json_text.h"
#include "ca/text.h"

/* What a reader that knows JSON and the rules in cast.h gets back for one code. */
struct decoded {
	struct ca_buf bytes;
	struct ca_buf last; /* bytes of the newest event of the code */
	bool last_was_ours;
	double time;
	unsigned events, raws, pendings;
};

static void
decode_line(struct decoded *d, const char *line, size_t len, char code)
{
	json_t *event = json_loadb(line, len, JSON_ALLOW_NUL, NULL);
	const json_t *data;
	const char *name;
	double time;

	assert_non_null(event);
	assert_int_equal(json_array_size(event), 3);
	time = json_number_value(json_array_get(event, 0));
	assert_true(time >= d->time);
	d->time = time;
	name = json_string_value(json_array_get(event, 1));
	data = json_array_get(event, 2);
	assert_true(json_is_string(data));
	if (name[0] == code) {
		ca_buf_put(&d->bytes, d->last.data, d->last.len);
		ca_buf_reset(&d->last);
		ca_buf_put(&d->last, json_string_value(data), json_string_length(data));
		d->events++;
	} else if (name[0] == 'B' && d->last_was_ours) {
		ca_buf_reset(&d->last);
		assert_true(
		    ca_base64_decode(&d->last, json_string_value(data), json_string_length(data)));
		d->raws++;
	} else if (name[0] == 'p')
		d->pendings++;
	d->last_was_ours = name[0] == code;
	json_decref(event);
}

static void
decode(struct decoded *d, const struct ca_buf *lines, char code)
{
	const char *next = (const char *)lines->data, *end = next + lines->len;

	memset(d, 0, sizeof(*d));
	while (next < end) {
		const char *lf = memchr(next, '\n', (size_t)(end - next));

		assert_non_null(lf);
		decode_line(d, next, (size_t)(lf - next), code);
		next = lf + 1;
	}
	ca_buf_put(&d->bytes, d->last.data, d->last.len);
}

static void
clear(struct decoded *d)
{
	ca_buf_clear(&d->bytes);
	ca_buf_clear(&d->last);
}

static void
put(struct rec_cast_encoder *encoder, struct ca_buf *out, char code, const void *data, size_t len)
{
	struct rec_event event = { .time = encoder->last, .code = code, .data = data, .len = len };

	rec_cast_put_event(encoder, out, &event);
	assert_true(ca_buf_ok(out));
}

static void
assert_lines(const char *data, size_t len, const char *lines)
{
	struct rec_cast_encoder encoder = { 0 };
	struct ca_buf out = { 0 };

	put(&encoder, &out, 'o', data, len);
	ca_buf_put_u8(&out, 0);
	assert_string_equal((const char *)out.data, lines);
	ca_buf_clear(&out);
}

static void
each_character_has_the_spelling_that_is_written_down(void **state)
{
	(void)state;
	assert_lines("a\n", 2, "[0.000000,\"o\",\"a\\n\"]\n");
	assert_lines("\"\\</", 4, "[0.000000,\"o\",\"\\\"\\\\\\u003c/\"]\n");
	assert_lines("\r\t\b\f", 4, "[0.000000,\"o\",\"\\r\\t\\b\\f\"]\n");
	assert_lines("\0\x1b\x7f", 3, "[0.000000,\"o\",\"\\u0000\\u001b\\u007f\"]\n");
	assert_lines("\xc2\x9b\xc2\xa0", 4, "[0.000000,\"o\",\"\\u009b\xc2\xa0\"]\n");
	assert_lines("\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa", 9,
	    "[0.000000,\"o\",\"\\u2028\\u2029\xe2\x80\xaa\"]\n");
	assert_lines("\xff", 1, "[0.000000,\"o\",\"\xef\xbf\xbd\"]\n[0.000000,\"B\",\"/w==\"]\n");
	/* the replacement character itself is a character like others */
	assert_lines("\xef\xbf\xbd", 3, "[0.000000,\"o\",\"\xef\xbf\xbd\"]\n");
	assert_lines("\xc3", 1, "[0.000000,\"p\",\"oww==\"]\n");
}

/* Every first and second byte, with thirds and fourths on both sides of each limit. */
static void
what_is_no_utf8_is_never_copied(void **state)
{
	static const uint8_t edges[] = { 'a', 0x7f, 0x80, 0xbf, 0xc0, 0xff };
	struct ca_buf out = { 0 };

	(void)state;
	for (unsigned first_two = 0; first_two < 0x10000; first_two++)
		for (size_t i = 0; i < sizeof(edges) * sizeof(edges); i++) {
			const uint8_t data[] = { (uint8_t)(first_two >> 8), (uint8_t)first_two,
				edges[i / sizeof(edges)], edges[i % sizeof(edges)], 0xc3, 0xa9,
				'z' };

			ca_buf_reset(&out);
			assert_int_equal(rec_json_put_text(&out, data, sizeof(data)),
			    ca_text_is_utf8(data, sizeof(data)));
			assert_true(ca_text_is_utf8(out.data, out.len));
		}
	ca_buf_clear(&out);
}

static void
times_are_microseconds_and_never_run_backwards(void **state)
{
	static const struct {
		uint64_t given;
		const char *written;
	} times[] = {
		{ 0, "[0.000000," },
		{ 1, "[0.000001," },
		{ 999999, "[0.999999," },
		{ 1000000, "[1.000000," },
		{ 999, "[1.000000," },
		{ 12345678901, "[12345.678901," },
	};
	struct rec_cast_encoder encoder = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		struct rec_event event = { .time = times[i].given, .code = 'm' };
		struct ca_buf out = { 0 };

		rec_cast_put_event(&encoder, &out, &event);
		assert_memory_equal(out.data, times[i].written, strlen(times[i].written));
		ca_buf_clear(&out);
	}
}

static void
every_byte_value_comes_back_at_every_place(void **state)
{
	uint8_t data[64];

	(void)state;
	for (unsigned c = 0; c < 256; c++) {
		for (size_t at = 0; at < sizeof(data); at += 7) {
			struct rec_cast_encoder encoder = { 0 };
			struct ca_buf out = { 0 };
			struct decoded d;

			memset(data, 'x', sizeof(data));
			data[at] = (uint8_t)c;
			put(&encoder, &out, 'o', data, sizeof(data));
			rec_cast_put_rest(&encoder, &out, 0);
			decode(&d, &out, 'o');
			assert_int_equal(d.bytes.len, sizeof(data));
			assert_memory_equal(d.bytes.data, data, sizeof(data));
			assert_int_equal(d.raws, c >= 0x80 ? 1 : 0);
			clear(&d);
			ca_buf_clear(&out);
		}
	}
}

/* Feeds `data` cut at `cut` as two events of `code`. */
static void
assert_split(const char *data, size_t len, size_t cut, unsigned raws)
{
	struct rec_cast_encoder encoder = { 0 };
	struct ca_buf out = { 0 };
	struct decoded d;

	put(&encoder, &out, 'e', data, cut);
	put(&encoder, &out, 'o', "between", 7);
	put(&encoder, &out, 'e', data + cut, len - cut);
	rec_cast_put_rest(&encoder, &out, 9);
	decode(&d, &out, 'e');
	assert_int_equal(d.bytes.len, len);
	assert_memory_equal(d.bytes.data, data, len);
	assert_int_equal(d.raws, raws);
	clear(&d);
	ca_buf_clear(&out);
}

static void
a_character_cut_by_two_events_stays_a_character(void **state)
{
	static const char text[] =
	    "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z\xed\x9f\xbf\xf4\x8f\xbf\xbf";

	(void)state;
	for (size_t cut = 0; cut < sizeof(text); cut++)
		assert_split(text, sizeof(text) - 1, cut < sizeof(text) ? cut : 0, 0);
}

static void
a_character_that_comes_byte_by_byte_stays_a_character(void **state)
{
	static const char text[] = "\xf0\x9f\x98\x80";
	struct rec_cast_encoder encoder = { 0 };
	struct ca_buf out = { 0 };
	struct decoded d;

	(void)state;
	for (size_t i = 0; i < 4; i++)
		put(&encoder, &out, 'o', text + i, 1);
	decode(&d, &out, 'o');
	assert_int_equal(d.events, 1);
	assert_int_equal(d.pendings, 3);
	assert_int_equal(d.raws, 0);
	assert_memory_equal(d.bytes.data, text, 4);
	clear(&d);
	ca_buf_clear(&out);
}

static void
what_is_no_utf8_is_kept_raw(void **state)
{
	static const char *const bad[] = {
		"\xc0\xaf",	    /* overlong */
		"\xe0\x80\xaf",	    /* overlong */
		"\xed\xa0\x80",	    /* surrogate */
		"\xf4\x90\x80\x80", /* above U+10FFFF */
		"\xf5\x80\x80\x80",
		"\x80",
		"\xc3(",
		"\xe2\x82(",
		"\xf0\x9f\x98(",
		"\xfe\xff",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct rec_cast_encoder encoder = { 0 };
		struct ca_buf out = { 0 };
		struct decoded d;

		put(&encoder, &out, 'o', bad[i], strlen(bad[i]));
		rec_cast_put_rest(&encoder, &out, 0);
		decode(&d, &out, 'o');
		assert_int_equal(d.bytes.len, strlen(bad[i]));
		assert_memory_equal(d.bytes.data, bad[i], strlen(bad[i]));
		assert_true(d.raws >= 1);
		clear(&d);
		ca_buf_clear(&out);
	}
}

static size_t
random_bytes(uint8_t *out, size_t max, unsigned kind)
{
	static const char *const pieces[] = { "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\n",
		"\"", "plain text, long enough for a wide step", "\\", "<", "\x1b[31m",
		"\xc2\x85" };
	size_t len = (size_t)rand() % max, n = 0;

	while (n < len) {
		const char *piece = pieces[(size_t)rand() % 10];

		if (kind == 0 || (kind == 1 && rand() % 8 == 0))
			out[n++] = (uint8_t)rand();
		else
			for (; *piece != '\0' && n < len; piece++)
				out[n++] = (uint8_t)*piece;
	}
	return n;
}

/* Into a file of memory, and back by our own reader. */
static void
assert_reader_gives(const struct ca_buf *lines, char code, const struct ca_buf *wanted)
{
	static const char header[] = "{\"version\":2,\"width\":80,\"height\":24}\n";
	int fd = memfd_create("cast", MFD_CLOEXEC);
	struct rec_cast_reader *reader = rec_cast_reader_new(fd);
	struct ca_buf got = { 0 };
	struct rec_header parsed;
	struct rec_event event;
	struct ca_why why = { "" };
	enum rec_read result;

	assert_int_equal(write(fd, header, strlen(header)), (ssize_t)strlen(header));
	assert_int_equal(write(fd, lines->data, lines->len), (ssize_t)lines->len);
	lseek(fd, 0, SEEK_SET);
	assert_int_equal(rec_cast_reader_header(reader, &parsed, &why), REC_READ_MORE);
	while ((result = rec_cast_reader_next(reader, &event, &why)) == REC_READ_MORE)
		if (event.code == code)
			ca_buf_put(&got, event.data, event.len);
	assert_string_equal(why.text, "");
	assert_int_equal(result, REC_READ_END);
	assert_int_equal(got.len, wanted->len);
	if (got.len > 0)
		assert_memory_equal(got.data, wanted->data, got.len);
	ca_buf_clear(&got);
	rec_cast_reader_free(reader);
	close(fd);
}

static void
random_streams_come_back_whole(void **state)
{
	static uint8_t data[3000];

	(void)state;
	srand(7);
	for (unsigned round = 0; round < 600; round++) {
		struct rec_cast_encoder encoder = { 0 };
		struct ca_buf out = { 0 }, sent[2] = { { 0 } };
		struct decoded d;

		for (unsigned i = 0; i < 12; i++) {
			size_t n = random_bytes(data, i % 3 == 0 ? 6 : sizeof(data), round % 3);

			put(&encoder, &out, "oe"[i % 2], data, n);
			ca_buf_put(&sent[i % 2], data, n);
		}
		/* unfinished characters count even when the end never came */
		if (round % 2 == 0)
			rec_cast_put_rest(&encoder, &out, 1);
		assert_reader_gives(&out, 'o', &sent[0]);
		assert_reader_gives(&out, 'e', &sent[1]);
		if (round % 2 == 0) {
			decode(&d, &out, 'o');
			assert_int_equal(d.bytes.len, sent[0].len);
			assert_memory_equal(d.bytes.data, sent[0].data, sent[0].len);
			clear(&d);
		}
		ca_buf_clear(&out);
		ca_buf_clear(&sent[0]);
		ca_buf_clear(&sent[1]);
	}
}

static void
a_long_event_becomes_lines_that_a_reader_takes(void **state)
{
	static const size_t sizes[] = { REC_EVENT_MAX - 1, REC_EVENT_MAX, REC_EVENT_MAX + 1,
		3 * REC_EVENT_MAX };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		for (int kind = 0; kind < 3; kind++) {
			struct rec_cast_encoder encoder = { 0 };
			struct ca_buf out = { 0 }, sent = { 0 };
			uint8_t *data = ca_buf_grow(&sent, sizes[i]);

			memset(data, kind == 0 ? 'x' : kind == 1 ? 0x01 : 0xff, sizes[i]);
			put(&encoder, &out, 'o', data, sizes[i]);
			assert_reader_gives(&out, 'o', &sent);
			ca_buf_clear(&out);
			ca_buf_clear(&sent);
		}
	}
}

static void
header_is_json_whatever_is_in_it(void **state)
{
	struct rec_header header = {
		.width = 80,
		.height = 24,
		.timestamp = 1795284000,
		.command = "query \"\x1b]52;c;x\x07\xff</script>",
		.term = "xterm\n",
		.recording = "s1.1",
		.grant = 42,
		.environment = "acme-prod",
		.reason = "\xe2\x80\xae reason",
	};
	struct ca_buf out = { 0 };
	json_t *parsed;

	(void)state;
	rec_cast_put_header(&out, &header);
	assert_int_equal(out.data[out.len - 1], '\n');
	assert_null(memchr(out.data, '\n', out.len - 1));
	assert_null(memchr(out.data, 0x1b, out.len));
	assert_null(memmem(out.data, out.len, "<", 1));
	parsed = json_loadb((const char *)out.data, out.len, 0, NULL);
	assert_non_null(parsed);
	assert_string_equal(json_string_value(json_object_get(parsed, "command")),
	    "query \"\x1b]52;c;x\x07\xef\xbf\xbd</script>");
	json_decref(parsed);
	ca_buf_clear(&out);

	/* nothing set at all */
	memset(&header, 0, sizeof(header));
	rec_cast_put_header(&out, &header);
	parsed = json_loadb((const char *)out.data, out.len, 0, NULL);
	assert_non_null(parsed);
	json_decref(parsed);
	ca_buf_clear(&out);
}

static void
a_line_that_is_no_event_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"[",
		"{}",
		"[1]",
		"[1.0,\"o\"]",
		"[1.0,\"o\",5]",
		"[1.0,\"o\",{}]",
		"[1.0,\"o\",\"a\",\"b\"]",
		"[1.0,\"o\",\"a\"]x",
		"[-1.0,\"o\",\"a\"]",
		"[1.,\"o\",\"a\"]",
		"[\"1\",\"o\",\"a\"]",
		"[1.0,\"o\",\"\\ud800\"]",
		"[1.0,\"o\",\"\\udc00\\ud800\"]",
		"[1.0,\"o\",\"\\ud800\\u0041\"]",
		"[1.0,\"o\",\"\\x\"]",
		"[1.0,\"o\",\"\\u12g4\"]",
		"[1.0,\"o\",\"\xff\"]",
		"[1.0,\"o\",\"\x01\"]",
		"[1.0,\"o\",\"unclosed]",
		"[1e99,\"o\",\"a\"]",
		"[1e-99,\"o\",\"a\"]",
		"[1e-,\"o\",\"a\"]",
		"[99999999999,\"o\",\"a\"]",
		"[1.0,\"o\",\"a\\",
		"[1.0,\"o\",\"a\"]\r\r",
	};
	static const char *const good[] = { "[1,\"o\",\"a\"]", "[ 1.5 , \"o\" , \"a\" ]\r",
		"[1e-05,\"o\",\"\"]", "[1.0,\"o\",\"\\ud83d\\ude00\\/\"]", "[1.0,\"long\",\"x\"]",
		"[1.0,\"o\",\"\\u0000\"]" };
	struct rec_cast_line line = { 0 };
	struct ca_why why;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(rec_cast_line_parse(&line, bad[i], strlen(bad[i]), &why));
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(rec_cast_line_parse(&line, good[i], strlen(good[i]), &why));
	assert_int_equal(line.data.len, 1);
	ca_buf_clear(&line.data);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_character_has_the_spelling_that_is_written_down),
		cmocka_unit_test(what_is_no_utf8_is_never_copied),
		cmocka_unit_test(times_are_microseconds_and_never_run_backwards),
		cmocka_unit_test(every_byte_value_comes_back_at_every_place),
		cmocka_unit_test(a_character_cut_by_two_events_stays_a_character),
		cmocka_unit_test(a_character_that_comes_byte_by_byte_stays_a_character),
		cmocka_unit_test(what_is_no_utf8_is_kept_raw),
		cmocka_unit_test(random_streams_come_back_whole),
		cmocka_unit_test(a_long_event_becomes_lines_that_a_reader_takes),
		cmocka_unit_test(header_is_json_whatever_is_in_it),
		cmocka_unit_test(a_line_that_is_no_event_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
