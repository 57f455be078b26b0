/* SPDX-License-Identifier: Apache-2.0 */
/* test_text.c - text from outside, notations, addresses, sentences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "ca/address.h"
#include "ca/text.h"
#include "ca/why.h"

static void
assert_escapes(const char *raw, size_t len, const char *safe)
{
	char *text = ca_text_escaped(raw, len);

	assert_non_null(text);
	assert_string_equal(text, safe);
	free(text);
}

static void
every_way_to_move_a_terminal_is_escaped(void **state)
{
	(void)state;
	assert_escapes("\033[31mred", 8, "\\x1b[31mred");
	assert_escapes("\033]52;c;x\007", 9, "\\x1b]52;c;x\\x07");
	assert_escapes("a\rb\nc\td\\", 8, "a\\rb\\nc\\td\\\\");
	assert_escapes("\xc2\x9b", 2, "\\u{009b}");	     /* C1 CSI as UTF-8 */
	assert_escapes("\x9b", 1, "\\x9b");		     /* C1 CSI as a byte */
	assert_escapes("\xe2\x80\xae", 3, "\\u{202e}");	     /* bidi override */
	assert_escapes("\xe2\x81\xa6", 3, "\\u{2066}");	     /* bidi isolate */
	assert_escapes("\xe2\x80\xa8", 3, "\\u{2028}");	     /* line separator */
	assert_escapes("\xf3\xa0\x81\x81", 4, "\\u{e0041}"); /* tag character */
	assert_escapes("\0x", 2, "\\x00x");
	assert_escapes("gr\xc3\xbc\xc3\x9f", 6, "gr\xc3\xbc\xc3\x9f");
}

static void
broken_utf8_is_shown_byte_by_byte(void **state)
{
	(void)state;
	assert_escapes("\xc0\xaf", 2, "\\xc0\\xaf");	      /* overlong */
	assert_escapes("\xed\xa0\x80", 3, "\\xed\\xa0\\x80"); /* surrogate */
	assert_escapes("\xf4\x90\x80\x80", 4, "\\xf4\\x90\\x80\\x80");
	assert_escapes("\xe2\x82", 2, "\\xe2\\x82"); /* cut short */
	assert_false(ca_text_is_utf8("\xff", 1));
	assert_true(ca_text_is_utf8("\xe2\x82\xac", 3));
}

static void
a_sentence_never_carries_a_control_character(void **state)
{
	struct ca_why why;

	(void)state;
	assert_false(ca_why_set(&why, "no role '%s'", "a\033[2Jb"));
	assert_string_equal(why.text, "no role 'a\\x1b[2Jb'");
	ca_why_prefix(&why, "%s:%d", "gate.conf", 7);
	assert_string_equal(why.text, "gate.conf:7: no role 'a\\x1b[2Jb'");
	ca_why_set(NULL, "nobody listens");
}

static void
a_long_sentence_is_cut_at_a_characters_border(void **state)
{
	char text[2 * CA_WHY_SIZE];
	struct ca_why why;

	(void)state;
	for (size_t i = 0; i < sizeof text - 1; i += 2)
		memcpy(text + i, "\xc3\xbc", 2);
	text[sizeof text - 2] = '\0';
	ca_why_set(&why, "x%s", text);
	assert_true(strlen(why.text) < CA_WHY_SIZE);
	assert_true(strlen(why.text) > CA_WHY_SIZE - 8);
}

static void
a_star_does_not_match_an_at_sign(void **state)
{
	(void)state;
	assert_true(ca_text_match("*@acme.example", "bob@acme.example"));
	assert_false(ca_text_match("*@acme.example", "bob@evil@acme.example"));
	assert_false(ca_text_match("*", "bob@acme.example"));
	assert_false(ca_text_match("*acme.example", "bob@acme.example"));
	assert_true(ca_text_match("b?b", "bob"));
	assert_false(ca_text_match("b?b", "b@b"));
	assert_true(ca_text_match("a*b*c", "aXXbYYc"));
	assert_false(ca_text_match("a*b*c", "aXXbYY"));
	assert_true(ca_text_match("*", ""));
	assert_false(ca_text_match("", "x"));
}

static void
names_are_what_the_headers_say(void **state)
{
	char longest[66];

	(void)state;
	memset(longest, 'a', 65);
	longest[64] = '\0';
	assert_true(ca_text_is_name(longest));
	longest[64] = 'a';
	longest[65] = '\0';
	assert_false(ca_text_is_name(longest));
	assert_true(ca_text_is_name("alice@vendor.example"));
	for (const char *const *bad = (const char *const[]){ "", "-x", ".x", "a b", "a/b", "a*",
		 "a\n", "\xc3\xbc", NULL };
	     *bad != NULL; bad++)
		assert_false(ca_text_is_name(*bad));
}

static void
numbers_have_one_spelling(void **state)
{
	uint64_t n;

	(void)state;
	assert_true(ca_text_to_u64("0", 9, &n) && n == 0);
	assert_true(ca_text_to_u64("18446744073709551615", UINT64_MAX, &n) && n == UINT64_MAX);
	assert_false(ca_text_to_u64("18446744073709551616", UINT64_MAX, &n));
	assert_true(ca_text_to_u64("7", 7, &n));
	assert_false(ca_text_to_u64("8", 7, &n));
	assert_false(ca_text_to_u64("70", 7, &n));
	for (const char *const *bad =
		 (const char *const[]){ "", "01", "+1", "-1", "1 ", " 1", "0x1", NULL };
	     *bad != NULL; bad++)
		assert_false(ca_text_to_u64(*bad, UINT64_MAX, &n));
}

static void
times_go_there_and_back(void **state)
{
	static const struct {
		const char *text;
		int64_t time;
	} known[] = { { "1970-01-01T00:00:00Z", 0 }, { "2000-02-29T23:59:59Z", 951868799 },
		{ "2026-11-21T18:00:00Z", 1795284000 }, { "2100-03-01T00:00:00Z", 4107542400 },
		{ "9999-12-31T23:59:59Z", 253402300799 } };
	char text[CA_TIME_SIZE];
	int64_t time;

	(void)state;
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		ca_time_format(known[i].time, text);
		assert_string_equal(text, known[i].text);
		assert_true(ca_time_parse(known[i].text, &time));
		assert_int_equal(time, known[i].time);
	}
	for (int64_t t = 0; t < 253402300799; t += 86400 * 97 + 12345) {
		ca_time_format(t, text);
		assert_true(ca_time_parse(text, &time) && time == t);
	}
	for (const char *const *bad = (const char *const[]){ "2026-02-29T00:00:00Z",
		 "2026-11-31T00:00:00Z", "2026-13-01T00:00:00Z", "2026-11-21T24:00:00Z",
		 "2026-11-21T18:00:60Z", "2026-11-21 18:00:00Z", "2026-11-21T18:00:00+00:00",
		 "2026-11-21T18:00:00", "1969-12-31T23:59:59Z", "2026-00-10T00:00:00Z", "", NULL };
	     *bad != NULL; bad++)
		assert_false(ca_time_parse(*bad, &time));
}

static void
durations_and_sizes_say_what_they_mean(void **state)
{
	uint64_t size;
	uint32_t seconds;
	char text[CA_TIME_SIZE];

	(void)state;
	assert_true(ca_duration_parse("90", &seconds) && seconds == 90);
	assert_true(ca_duration_parse("1h30m", &seconds) && seconds == 5400);
	assert_true(ca_duration_parse("7d", &seconds) && seconds == 604800);
	for (const char *const *bad = (const char *const[]){ "", "0", "h", "1x", "30m1h", "1h1h",
		 "-1", "99999999999", "1.5h", NULL };
	     *bad != NULL; bad++)
		assert_false(ca_duration_parse(*bad, &seconds));
	ca_duration_format(5400, text);
	assert_string_equal(text, "1h 30m");
	assert_true(ca_size_parse("16M", &size) && size == 16 << 20);
	assert_true(ca_size_parse("4096", &size) && size == 4096);
	assert_false(ca_size_parse("16m", &size));
	assert_false(ca_size_parse("16MB", &size));
	assert_false(ca_size_parse("M", &size));
	assert_false(ca_size_parse("99999999999T", &size));
}

static void
base64_and_hex_are_strict(void **state)
{
	struct ca_buf buf = { 0 };

	(void)state;
	ca_base64_encode(&buf, "foobar", 6);
	assert_memory_equal(buf.data, "Zm9vYmFy", 8);
	ca_buf_reset(&buf);
	assert_true(ca_base64_decode(&buf, "Zm8=", 4));
	assert_int_equal(buf.len, 2);
	for (const char *const *bad = (const char *const[]){ "Zm9", "Zm9=", "Zh==", "Zg=a",
		 "Z===", "Zm8=Zm8=", "Zm 8", "Zm8\n", NULL };
	     *bad != NULL; bad++) {
		ca_buf_reset(&buf);
		assert_false(ca_base64_decode(&buf, *bad, strlen(*bad)));
	}
	ca_buf_reset(&buf);
	ca_hex_encode(&buf, "\x00\xff", 2);
	assert_memory_equal(buf.data, "00ff", 4);
	assert_false(ca_hex_decode(&buf, "0", 1));
	assert_false(ca_hex_decode(&buf, "0G", 2));
	assert_false(ca_hex_decode(&buf, "0A", 2));
	ca_buf_clear(&buf);
}

static void
source_lists_have_no_second_reading(void **state)
{
	struct ca_address a;
	char text[CA_ADDRESS_TEXT_SIZE];

	(void)state;
	assert_true(ca_address_parse(&a, "203.0.113.7"));
	ca_address_format(&a, text);
	assert_string_equal(text, "203.0.113.7");
	assert_true(ca_address_list_contains("203.0.113.0/24", &a));
	assert_true(ca_address_list_contains("2001:db8::/32,203.0.113.7", &a));
	assert_false(ca_address_list_contains("203.0.113.6,203.0.113.8", &a));
	assert_false(ca_address_list_contains("2001:db8::/32", &a));
	for (const char *const *bad =
		 (const char *const[]){ "", ",", "203.0.113.0/24,", "127.1", "0177.0.0.1",
		     "127.0.0.1/8", "!10.0.0.0/8", "10.0.0.0/33", "10.0.0.0/08", " 10.0.0.0/8",
		     "10.0.0.0/8 ", "fe80::1%eth0", "2001:db8::/129", "2001:db8::1/32", "a", NULL };
	     *bad != NULL; bad++)
		assert_false(ca_address_list_check(*bad, NULL));
	/* A match does not excuse a bad entry behind it. */
	assert_false(ca_address_list_contains("203.0.113.0/24,127.1", &a));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_way_to_move_a_terminal_is_escaped),
		cmocka_unit_test(broken_utf8_is_shown_byte_by_byte),
		cmocka_unit_test(a_sentence_never_carries_a_control_character),
		cmocka_unit_test(a_long_sentence_is_cut_at_a_characters_border),
		cmocka_unit_test(a_star_does_not_match_an_at_sign),
		cmocka_unit_test(names_are_what_the_headers_say),
		cmocka_unit_test(numbers_have_one_spelling),
		cmocka_unit_test(times_go_there_and_back),
		cmocka_unit_test(durations_and_sizes_say_what_they_mean),
		cmocka_unit_test(base64_and_hex_are_strict),
		cmocka_unit_test(source_lists_have_no_second_reading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
