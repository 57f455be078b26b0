/* SPDX-License-Identifier: Apache-2.0 */
/* test_statement.c - one text for one meaning: every other text is refused. */
#include "ca/statement.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FIRST	    "postern-grant-v1"
#define PRINT	    "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define LINES	    17
#define OPTIONAL(i) ((i) == 7 || (i) == 9 || (i) == 10)

static const char *const lines[LINES] = {
	FIRST,
	"authority " PRINT,
	"grant 42",
	"engineer alice@vendor.example",
	"key SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
	"environment acme-prod",
	"gate " PRINT,
	"relay relay1.vendor.example",
	"role diagnostics",
	"command query select * from system.replicas",
	"source 203.0.113.0/24",
	"terminal yes",
	"sessions 1",
	"duration 3600",
	"not-before 2026-11-21T18:00:00Z",
	"not-after 2026-11-21T22:00:00Z",
	"reason T-1234: Replica h\xc3\xa4ngt auf Shard 3",
};

/* The lines in the order given; NULL leaves one out. */
static size_t
join(char *out, size_t size, const char *const *parts, size_t count)
{
	size_t len = 0;

	for (size_t i = 0; i < count; i++)
		if (parts[i] != NULL)
			len += (size_t)snprintf(out + len, size - len, "%s\n", parts[i]);
	assert_true(len < size);
	return len;
}

static bool
parses(const char *text, size_t len, struct ca_why *why)
{
	struct ca_statement statement;
	bool ok = ca_statement_parse(&statement, text, len, why);

	if (ok)
		ca_statement_clear(&statement);
	return ok;
}

/* The statement with line `at` replaced (NULL: left out). */
static bool
parses_with(size_t at, const char *line, struct ca_why *why)
{
	const char *parts[LINES];
	char text[CA_STATEMENT_MAX * 2];

	memcpy(parts, lines, sizeof parts);
	parts[at] = line;
	return parses(text, join(text, sizeof text, parts, LINES), why);
}

static void
a_statement_reads_and_writes_the_same_bytes(void **state)
{
	struct ca_statement statement;
	struct ca_buf again = { 0 };
	struct ca_why why;
	char text[CA_STATEMENT_MAX];
	size_t len = join(text, sizeof text, lines, LINES);

	(void)state;
	if (!ca_statement_parse(&statement, text, len, &why))
		fail_msg("%s", why.text);
	assert_string_equal(statement.authority, PRINT);
	assert_int_equal(statement.grant, 42);
	assert_string_equal(statement.engineer, "alice@vendor.example");
	assert_string_equal(statement.environment, "acme-prod");
	assert_string_equal(statement.relay, "relay1.vendor.example");
	assert_string_equal(statement.role, "diagnostics");
	assert_string_equal(statement.command, "query select * from system.replicas");
	assert_string_equal(statement.source, "203.0.113.0/24");
	assert_true(statement.terminal);
	assert_int_equal(statement.sessions, 1);
	assert_int_equal(statement.duration, 3600);
	assert_int_equal(statement.not_before, 1795284000);
	assert_int_equal(statement.not_after, 1795284000 + 4 * 3600);
	assert_string_equal(statement.reason, "T-1234: Replica h\xc3\xa4ngt auf Shard 3");
	assert_true(ca_statement_encode(&again, &statement, &why));
	assert_int_equal(again.len, len);
	assert_memory_equal(again.data, text, len);
	ca_buf_clear(&again);
	ca_statement_clear(&statement);
}

static void
optional_lines_may_be_left_out_each_and_all(void **state)
{
	struct ca_statement statement;
	const char *parts[LINES];
	char text[CA_STATEMENT_MAX];
	struct ca_why why;

	(void)state;
	for (size_t i = 0; i < LINES; i++)
		assert_int_equal(parses_with(i, NULL, &why), OPTIONAL(i));
	memcpy(parts, lines, sizeof parts);
	parts[7] = parts[9] = parts[10] = NULL;
	assert_true(
	    ca_statement_parse(&statement, text, join(text, sizeof text, parts, LINES), &why));
	assert_null(statement.relay);
	assert_null(statement.command);
	assert_null(statement.source);
	ca_statement_clear(&statement);
}

static void
a_doubled_line_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < LINES; i++) {
		const char *parts[LINES + 1];
		char text[CA_STATEMENT_MAX];
		struct ca_why why;

		memcpy(parts, lines, (i + 1) * sizeof parts[0]);
		memcpy(parts + i + 1, lines + i, (LINES - i) * sizeof parts[0]);
		assert_false(parses(text, join(text, sizeof text, parts, LINES + 1), &why));
	}
}

static void
two_lines_in_the_wrong_order_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < LINES; i++)
		for (size_t j = i + 1; j < LINES; j++) {
			const char *parts[LINES];
			char text[CA_STATEMENT_MAX];
			struct ca_why why;

			memcpy(parts, lines, sizeof parts);
			parts[i] = lines[j];
			parts[j] = lines[i];
			assert_false(parses(text, join(text, sizeof text, parts, LINES), &why));
		}
}

static void
an_unknown_line_is_refused_everywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i <= LINES; i++) {
		const char *parts[LINES + 1];
		char text[CA_STATEMENT_MAX];
		struct ca_why why;

		memcpy(parts, lines, i * sizeof parts[0]);
		parts[i] = "principal root";
		memcpy(parts + i + 1, lines + i, (LINES - i) * sizeof parts[0]);
		assert_false(parses(text, join(text, sizeof text, parts, LINES + 1), &why));
	}
}

/* Whatever is done to a line's blanks, case, end or emptiness gives another text. */
static void
a_line_spelt_otherwise_is_refused(void **state)
{
	static const char *const ends[] = { " ", "\t", "\r", "\n", "\xc2\x85", "\x7f" };
	char line[256];
	struct ca_why why;

	(void)state;
	for (size_t i = 0; i < LINES; i++) {
		size_t name = strcspn(lines[i], " ");

		for (size_t j = 0; j < sizeof ends / sizeof ends[0]; j++) {
			snprintf(line, sizeof line, "%s%s", lines[i], ends[j]);
			assert_false(parses_with(i, line, &why));
		}
		snprintf(line, sizeof line, " %s", lines[i]);
		assert_false(parses_with(i, line, &why));
		snprintf(line, sizeof line, "%c%s", lines[i][0] - 32, lines[i] + 1);
		assert_false(parses_with(i, line, &why));
		snprintf(line, sizeof line, "%.*s", (int)name, lines[i]);
		if (i > 0)
			assert_false(parses_with(i, line, &why));
		snprintf(line, sizeof line, "%.*s ", (int)name, lines[i]);
		assert_false(parses_with(i, line, &why));
		snprintf(line, sizeof line, "%.*s  %s", (int)name, lines[i], lines[i] + name);
		assert_false(parses_with(i, line, &why));
		snprintf(line, sizeof line, "%.*s\t%s", (int)name, lines[i], lines[i] + name);
		assert_false(parses_with(i, line, &why));
	}
}

static void
a_wrong_value_is_refused_with_its_name(void **state)
{
	static const struct {
		size_t line;
		const char *text;
		const char *sentence;
	} wrong[] = {
		{ 0, "postern-grant-v2", "line 1" },
		{ 1, "authority MD5:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "authority" },
		{ 1, "authority SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "authority" },
		{ 1, "authority " PRINT "A", "authority" },
		{ 1, "authority SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "authority" },
		{ 1, "authority SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB", "authority" },
		{ 1, "authority SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA AAAAA", "authority" },
		{ 1, "authority SHA256:-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "authority" },
		{ 1, "authority sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "authority" },
		{ 2, "grant 0", "grant" }, { 2, "grant 042", "grant" }, { 2, "grant +42", "grant" },
		{ 2, "grant -1", "grant" }, { 2, "grant 0x2a", "grant" },
		{ 2, "grant 4 2", "grant" }, { 2, "grant 9223372036854775808", "grant" },
		{ 2, "grant 18446744073709551658", "grant" },
		{ 3, "engineer alice smith", "engineer" }, { 3, "engineer alice/prod", "engineer" },
		{ 3, "engineer -alice", "engineer" },
		{ 3, "engineer *@vendor.example", "engineer" },
		{ 3, "engineer al\303\257ce@vendor.example", "engineer" },
		{ 4, "key SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV", "key" },
		{ 5, "environment front", "environment" },
		{ 5, "environment relay", "environment" }, { 5, "environment gate", "environment" },
		{ 5, "environment acme/prod", "environment" }, { 6, "gate acme-gate", "gate" },
		{ 7, "relay relay1.vendor.example:22", "relay" },
		{ 7, "relay -oProxyCommand", "relay" }, { 7, "relay .example", "relay" },
		{ 7, "relay r\xc3\xa9lais.example", "relay" }, { 8, "role ../root", "role" },
		{ 8, "role a b", "role" }, { 9, "command select\x1b[2J", "command" },
		{ 9, "command select '\xc3\xa4'", "command" },
		{ 10, "source 203.0.113.1/24", "source" }, { 10, "source 127.1", "source" },
		{ 10, "source !203.0.113.0/24", "source" },
		{ 10, "source 203.0.113.0/24, 198.51.100.0/24", "source" },
		{ 10, "source 203.0.113.0/24,", "source" }, { 11, "terminal Yes", "terminal" },
		{ 11, "terminal true", "terminal" }, { 12, "sessions 0", "sessions" },
		{ 12, "sessions 01", "sessions" }, { 12, "sessions 101", "sessions" },
		{ 12, "sessions 4294967297", "sessions" }, { 13, "duration 0", "duration" },
		{ 13, "duration 1h", "duration" }, { 13, "duration 03600", "duration" },
		{ 13, "duration 14401", "duration" }, { 13, "duration 4294970896", "duration" },
		{ 14, "not-before 2026-11-21T18:00:00+00:00", "not-before" },
		{ 14, "not-before 2026-11-21 18:00:00Z", "not-before" },
		{ 14, "not-before 2026-11-21T18:00:00.000Z", "not-before" },
		{ 14, "not-before 2026-11-21t18:00:00z", "not-before" },
		{ 14, "not-before 2026-02-30T18:00:00Z", "not-before" },
		{ 14, "not-before 2026-11-21T24:00:00Z", "not-before" },
		{ 14, "not-before 1969-12-31T23:59:59Z", "not-before" },
		{ 14, "not-before 2026-11-21T22:00:00Z", "not-after" },
		{ 14, "not-before 2026-11-21T22:00:01Z", "not-after" },
		{ 14, "not-before 2026-11-14T21:59:59Z", "not-after" },
		{ 15, "not-after 2026-11-28T18:00:01Z", "7 days" },
		{ 15, "not-after never", "not-after" }, { 16, "reason \xff", "reason" },
		{ 16, "reason \xc0\xaf", "reason" },
		{ 16, "reason \xed\xa0\x80", "reason" }, /* a surrogate */
		{ 16,
		    "reason a\xc2\x9b"
		    "2Jb",
		    "reason" },			      /* C1 */
		{ 16, "reason a\x1b[2Jb", "reason" }, /* C0 */
		{ 16,
		    "reason a\xe2\x80\xae"
		    "b",
		    "reason" }, /* U+202E, bidi */
		{ 16,
		    "reason a\xe2\x80\xa8"
		    "b",
		    "reason" }, /* U+2028, Zl */
		{ 16,
		    "reason a\xe2\x80\xa9"
		    "b",
		    "reason" }, /* U+2029, Zp */
		{ 16,
		    "reason a\xe2\x80\x8b"
		    "b",
		    "reason" }, /* U+200B, Cf */
		{ 16,
		    "reason a\xee\x80\x80"
		    "b",
		    "reason" }, /* U+E000, Co */
		{ 16,
		    "reason a\xf3\xa0\x81\x81"
		    "b",
		    "reason" }, /* U+E0041, tags */
	};

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		struct ca_why why = { 0 };

		if (parses_with(wrong[i].line, wrong[i].text, &why))
			fail_msg("accepted: %s", wrong[i].text);
		if (strstr(why.text, wrong[i].sentence) == NULL)
			fail_msg("'%s' refused with: %s", wrong[i].text, why.text);
	}
}

static void
values_at_their_limits_are_accepted(void **state)
{
	static const struct {
		size_t line;
		const char *text;
	} right[] = {
		{ 2, "grant 1" },
		{ 2, "grant 9223372036854775807" },
		{ 10, "source 203.0.113.7,2001:db8::/32" },
		{ 11, "terminal no" },
		{ 12, "sessions 100" },
		{ 13, "duration 1" },
		{ 13, "duration 14400" },
		{ 14, "not-before 2026-11-14T22:00:00Z" },
		{ 15, "not-after 2026-11-28T18:00:00Z" },
		{ 9, "command query 'a  b' \"$(id)\" `x` | y; z #" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
		struct ca_why why = { 0 };

		if (!parses_with(right[i].line, right[i].text, &why))
			fail_msg("'%s' refused with: %s", right[i].text, why.text);
	}
}

static void
the_size_limit_is_4096_bytes(void **state)
{
	const char *parts[LINES];
	char text[2 * CA_STATEMENT_MAX], reason[CA_STATEMENT_MAX + 1] = "reason ";
	size_t without, fill;
	struct ca_why why;

	(void)state;
	memcpy(parts, lines, sizeof parts);
	parts[16] = reason;
	without = join(text, sizeof text, parts, LINES);
	fill = CA_STATEMENT_MAX - without;
	memset(reason + strlen("reason "), 'x', fill);
	assert_int_equal(join(text, sizeof text, parts, LINES), CA_STATEMENT_MAX);
	assert_true(parses(text, CA_STATEMENT_MAX, &why));
	reason[strlen("reason ") + fill] = 'x';
	assert_int_equal(join(text, sizeof text, parts, LINES), CA_STATEMENT_MAX + 1);
	assert_false(parses(text, CA_STATEMENT_MAX + 1, &why));
}

static void
bytes_cut_off_or_added_are_refused(void **state)
{
	char text[CA_STATEMENT_MAX + 8];
	size_t len = join(text, sizeof text - 8, lines, LINES);
	struct ca_why why;

	(void)state;
	for (size_t i = 0; i < len; i++) {
		char *cut = malloc(i + 1); /* exact, so that ASan sees a read past it */

		memcpy(cut, text, i);
		assert_false(parses(cut, i, &why));
		free(cut);
	}
	memcpy(text + len, "\n", 2);
	assert_false(parses(text, len + 1, &why));
	text[len] = '\0';
	assert_false(parses(text, len + 1, &why));
	memcpy(text + len, "x y\n", 4);
	assert_false(parses(text, len + 4, &why));
}

/* Any byte changed gives a refusal, or a statement that writes exactly the changed bytes. */
static void
no_two_texts_mean_the_same(void **state)
{
	char text[CA_STATEMENT_MAX];
	size_t len = join(text, sizeof text, lines, LINES);

	(void)state;
	for (size_t i = 0; i < len; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			struct ca_statement statement;
			struct ca_buf again = { 0 };
			struct ca_why why;

			text[i] = (char)(text[i] ^ (1 << bit));
			if (ca_statement_parse(&statement, text, len, &why)) {
				assert_true(ca_statement_encode(&again, &statement, &why));
				assert_int_equal(again.len, len);
				assert_memory_equal(again.data, text, len);
				ca_buf_clear(&again);
				ca_statement_clear(&statement);
			}
			text[i] = (char)(text[i] ^ (1 << bit));
		}
}

/* What no text can say, but a caller can. */
static void
a_request_is_checked_field_by_field(void **state)
{
	struct ca_statement right, wrong;
	char text[CA_STATEMENT_MAX], host[256];
	struct ca_why why = { 0 };

	(void)state;
	assert_true(ca_statement_parse(&right, text, join(text, sizeof text, lines, LINES), &why));
#define REFUSED(field, value, sentence)                 \
	wrong = right;                                  \
	wrong.field = value;                            \
	assert_false(ca_statement_check(&wrong, &why)); \
	assert_non_null(strstr(why.text, sentence))
	REFUSED(authority, NULL, "authority");
	REFUSED(key, NULL, "key");
	REFUSED(gate, "", "gate");
	REFUSED(engineer, NULL, "engineer");
	REFUSED(environment, NULL, "environment");
	REFUSED(role, "", "role");
	REFUSED(relay, "", "relay");
	REFUSED(command, "", "command");
	REFUSED(command, "help ", "command");
	REFUSED(source, "", "source");
	REFUSED(reason, NULL, "reason");
	REFUSED(reason, "", "reason");
	REFUSED(reason, " x", "reason");
	REFUSED(grant, 0, "grant");
	REFUSED(grant, (uint64_t)INT64_MAX + 1, "grant");
	REFUSED(not_before, -1, "1970");
	REFUSED(not_after, INT64_C(253402300800), "9999");
	REFUSED(not_after, INT64_MAX, "9999");
	REFUSED(not_after, right.not_before, "not later");
	REFUSED(not_before, right.not_after + 1, "not later");
#undef REFUSED
	memset(host, 'a', sizeof host);
	host[254] = '\0';
	wrong = right;
	wrong.relay = host;
	assert_false(ca_statement_check(&wrong, &why));
	host[253] = '\0';
	assert_true(ca_statement_check(&wrong, &why));
	wrong = right;
	wrong.not_after = INT64_C(253402300799);
	wrong.not_before = wrong.not_after - right.duration;
	assert_true(ca_statement_check(&wrong, &why));
	ca_statement_clear(&right);
}

static void
a_refused_encoding_leaves_the_buffer_alone(void **state)
{
	struct ca_statement statement;
	struct ca_buf out = { 0 };
	char text[CA_STATEMENT_MAX];
	struct ca_why why;

	(void)state;
	assert_true(
	    ca_statement_parse(&statement, text, join(text, sizeof text, lines, LINES), &why));
	ca_buf_put_text(&out, "before");
	statement.reason = "two\nlines";
	assert_false(ca_statement_encode(&out, &statement, &why));
	statement.reason = NULL;
	assert_false(ca_statement_encode(&out, &statement, &why));
	statement.reason = "fine";
	statement.engineer = NULL;
	assert_false(ca_statement_check(&statement, &why));
	assert_true(ca_bytes_is(ca_buf_bytes(&out), "before"));
	ca_buf_clear(&out);
	ca_statement_clear(&statement);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_statement_reads_and_writes_the_same_bytes),
		cmocka_unit_test(optional_lines_may_be_left_out_each_and_all),
		cmocka_unit_test(a_doubled_line_is_refused),
		cmocka_unit_test(two_lines_in_the_wrong_order_are_refused),
		cmocka_unit_test(an_unknown_line_is_refused_everywhere),
		cmocka_unit_test(a_line_spelt_otherwise_is_refused),
		cmocka_unit_test(a_wrong_value_is_refused_with_its_name),
		cmocka_unit_test(values_at_their_limits_are_accepted),
		cmocka_unit_test(the_size_limit_is_4096_bytes),
		cmocka_unit_test(bytes_cut_off_or_added_are_refused),
		cmocka_unit_test(no_two_texts_mean_the_same),
		cmocka_unit_test(a_request_is_checked_field_by_field),
		cmocka_unit_test(a_refused_encoding_leaves_the_buffer_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
