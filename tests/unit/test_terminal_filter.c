/* SPDX-License-Identifier: Apache-2.0 */
/* test_terminal_filter.c - a replay paints, and the terminal neither answers nor changes its ways.
 */
#include "../../recorder/terminal_filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../recorder/terminal.h"

/* Filters `in` whole, and again cut at every place: the result must not depend on the cut. */
static void
assert_filtered(const char *in, const char *wanted)
{
	size_t len = strlen(in);

	for (size_t cut = 0; cut <= len; cut++) {
		struct rec_terminal_filter filter = { 0 };
		struct ca_buf out = { 0 };

		rec_terminal_filter_put(&filter, &out, (const uint8_t *)in, cut);
		rec_terminal_filter_put(&filter, &out, (const uint8_t *)in + cut, len - cut);
		ca_buf_put_u8(&out, 0);
		assert_string_equal((const char *)out.data, wanted);
		ca_buf_clear(&out);
	}
}

static void
text_colours_and_movement_pass(void **state)
{
	static const char *const pass[] = { "plain\r\n\tx\b", "\x1b[31;1mred\x1b[0m",
		"\x1b[38:2::1:2:3m", "\x1b[2J\x1b[H\x1b[10;20H\x1b[K\x1b[3A",
		"\x1b[?25l\x1b[?1049h", "\x1b(0qqq\x1b(B", "\x1b#8",
		"\x1b"
		"7\x1b"
		"8\x1b"
		"D\x1b"
		"M\x1b"
		"c",
		"\x1b[2 q", "\x1b[1;5r", "\x1b[s\x1b[u", "\x1b[4h", "\x0e\x0f", "\x1b[?2J" };

	(void)state;
	for (size_t i = 0; i < sizeof(pass) / sizeof(pass[0]); i++)
		assert_filtered(pass[i], pass[i]);
}

static void
questions_are_never_asked(void **state)
{
	static const char *const drop[] = { "\x1b[c", "\x1b[>c", "\x1b[=c", "\x1b[0c", "\x1b[5n",
		"\x1b[6n", "\x1b[?6n", "\x1b[?996n", "\x1b[x", "\x1b[14t", "\x1b[21t", "\x1b[>q",
		"\x1b[?u", "\x1b[?1$p", "\x1b[4$p", "\x1b[1$w", "\x1b[1;1;1;1;1;1*y", "\x05",
		"\x1bZ", "\x1bP$qm\x1b\\", "\x1bP+q544e\x1b\\", "\x1b]11;?\x07", "\x1b]4;1;?\x1b\\",
		"\x1b]52;c;?\x07" };

	(void)state;
	for (size_t i = 0; i < sizeof(drop) / sizeof(drop[0]); i++)
		assert_filtered(drop[i], "");
}

static void
the_terminals_ways_are_not_changed(void **state)
{
	(void)state;
	assert_filtered("\x1b]0;title\x07"
			"a",
	    "a");
	assert_filtered("\x1b]52;c;aGk=\x1b\\"
			"a",
	    "a");
	assert_filtered("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link");
	assert_filtered("\x1b_Gq\x1b\\"
			"a\x1b^p\x1b\\"
			"b\x1bXs\x1b\\"
			"c",
	    "abc");
	assert_filtered("\x1b[?1000h\x1b[?1004h\x1b[?2004h\x1b[?1h\x1b[>4;2m\x1b[>1u\x1b=", "");
	assert_filtered("\x1b[?1000;25;1006h", "\x1b[?25h");
	assert_filtered("\x1b[5i\x1b[4i", "");
	assert_filtered("\x1b[8;100;100t\x1b[3;0;0t", "");
}

static void
c1_and_what_is_no_utf8_never_pass(void **state)
{
	(void)state;
	/* whole pieces only: a cut character is not a character here */
	struct rec_terminal_filter filter = { 0 };
	struct ca_buf out = { 0 };
	static const char in[] = "a\xc2\x9b"
				 "6n\x9b"
				 "6n\xff\x7f\xc3\xa9\xe2\x82\xac";

	rec_terminal_filter_put(&filter, &out, (const uint8_t *)in, sizeof(in) - 1);
	ca_buf_put_u8(&out, 0);
	assert_string_equal((const char *)out.data, "a6n\xef\xbf\xbd"
						    "6n\xef\xbf\xbd\xc3\xa9\xe2\x82\xac");
	ca_buf_clear(&out);
}

static void
a_sequence_of_any_length_ends(void **state)
{
	char in[400] = "\x1b[";
	(void)state;

	memset(in + 2, '1', 300);
	strcpy(in + 302, "mtext");
	assert_filtered(in, "text");
	/* at the limit and one past it */
	memset(in, 0, sizeof(in));
	strcpy(in, "\x1b[");
	memset(in + 2, '1', 63);
	strcpy(in + 65, "mx");
	assert_filtered(in, in);
	memset(in + 2, '1', 64);
	strcpy(in + 66, "mx");
	assert_filtered(in, "x");
	assert_filtered("\x1b[12\x18m", "m");
	assert_filtered("\x1b]never\x18x", "x");
	assert_filtered("\x1b\x1b[31mx", "\x1b[31mx");
}

static void
random_bytes_leave_no_escape_but_listed_ones(void **state)
{
	static const char alphabet[] = "\x1b\x1b\x1b[]P\\?>0159;nchlmtqRZ\x07 x\x9b\xc2";
	(void)state;
	srand(3);
	for (unsigned round = 0; round < 20000; round++) {
		struct rec_terminal_filter filter = { 0 };
		struct ca_buf out = { 0 };
		uint8_t in[40];

		for (size_t i = 0; i < sizeof(in); i++)
			in[i] = (uint8_t)alphabet[(size_t)rand() % (sizeof(alphabet) - 1)];
		rec_terminal_filter_put(&filter, &out, in, sizeof(in));
		for (size_t i = 0; i + 1 < out.len; i++) {
			if (out.data[i] != 0x1b)
				continue;
			size_t end = i + 1;
			assert_true(
			    out.data[end] == '[' || out.data[end] == 'c' || out.data[end] == 'M');
			if (out.data[end] != '[')
				continue;
			for (end++; out.data[end] < 0x40; end++)
				continue;
			assert_null(strchr("nt", out.data[end]));
			assert_true(out.data[end] != 'c');
		}
		ca_buf_clear(&out);
	}
}

static void
answers_of_a_terminal_are_no_keys(void **state)
{
	static const char in[] =
	    "\x1b[0n\x1b[24;80R\x1b[?1;2c\x1b]lq q q\x1b\\\x1bP1$r0m\x1b\\\x1bOA"
	    "\x1b[Aq";
	struct rec_terminal terminal = { 0 };
	size_t keys = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(in) - 1; i++) {
		char key = rec_terminal_key(&terminal, (uint8_t)in[i]);

		if (key != '\0') {
			keys++;
			assert_int_equal(key, 'q');
			assert_int_equal(i, sizeof(in) - 2);
		}
	}
	assert_int_equal(keys, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_colours_and_movement_pass),
		cmocka_unit_test(questions_are_never_asked),
		cmocka_unit_test(the_terminals_ways_are_not_changed),
		cmocka_unit_test(c1_and_what_is_no_utf8_never_pass),
		cmocka_unit_test(a_sequence_of_any_length_ends),
		cmocka_unit_test(random_bytes_leave_no_escape_but_listed_ones),
		cmocka_unit_test(answers_of_a_terminal_are_no_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
