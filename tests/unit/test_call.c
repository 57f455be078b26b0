/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_call.c - one reading of a line: what is judged is what is executed, byte for byte, and
 * everything else is refused with a sentence.
 */
#include "bastion/call.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/text.h"

static const char *const units[] = { "server", "keeper", "-odd", "--odder" };
static const char *const echo_argv[] = { "/bin/echo", "{a}", "{b}" };
static const char *const query_argv[] = { "/bin/echo", "{limit}", "{sql}" };
static const char *const types_argv[] = { "/bin/echo" };
static const char *const flags_argv[] = { "/bin/ls", "{long}", "{all}", "{where}" };
static const char *const top_argv[] = { "/bin/top" };

static const struct bas_parameter echo_parameters[] = {
	{ .name = "a", .type = BAS_TEXT, .max_len = 65536 },
	{ .name = "b", .type = BAS_TEXT, .max_len = 10, .fallback = "" },
};
static const struct bas_parameter query_parameters[] = {
	{ .name = "limit", .type = BAS_INTEGER, .min = -5, .max = 1000, .fallback = "10" },
	{ .name = "sql", .type = BAS_TEXT, .max_len = 65536, .rest = true },
};
static const struct bas_parameter sql_parameters[] = {
	{ .name = "sql", .type = BAS_TEXT, .max_len = 65536, .rest = true },
};
static const struct bas_parameter dash_parameters[] = {
	{ .name = "word", .type = BAS_TEXT, .max_len = 100, .dash = true },
	{ .name = "tail",
	    .type = BAS_TEXT,
	    .max_len = 100,
	    .dash = true,
	    .rest = true,
	    .fallback = "" },
};
static const struct bas_parameter types_parameters[] = {
	{ .name = "unit",
	    .type = BAS_CHOICE,
	    .choices = units,
	    .choice_count = 4,
	    .fallback = "server" },
	{ .name = "for", .type = BAS_DURATION, .min = 60, .max = 7200, .fallback = "60" },
	{ .name = "since", .type = BAS_TIME, .fallback = "2026-11-21T18:00:00Z" },
	{ .name = "file",
	    .type = BAS_PATH,
	    .below = "/var/log",
	    .max_len = 40,
	    .fallback = "/var/log/syslog" },
	{ .name = "any", .type = BAS_PATH, .below = "/", .max_len = 40, .fallback = "/etc" },
	{ .name = "most",
	    .type = BAS_INTEGER,
	    .min = INT64_MIN,
	    .max = INT64_MAX,
	    .fallback = "0" },
	{ .name = "lines", .type = BAS_INTEGER, .min = 1, .max = 10, .fallback = "5" },
};
static const struct bas_parameter flags_parameters[] = {
	{ .name = "long", .type = BAS_FLAG, .as = "-l" },
	{ .name = "all", .type = BAS_FLAG, .as = "--all" },
	{ .name = "where", .type = BAS_TEXT, .max_len = 10 },
};

static const struct bas_command commands[] = {
	{ .name = "echo",
	    .argv = echo_argv,
	    .argc = 3,
	    .parameters = echo_parameters,
	    .parameter_count = 2 },
	{ .name = "query",
	    .argv = query_argv,
	    .argc = 3,
	    .parameters = query_parameters,
	    .parameter_count = 2 },
	{ .name = "sql",
	    .argv = query_argv,
	    .argc = 1,
	    .parameters = sql_parameters,
	    .parameter_count = 1 },
	{ .name = "dash",
	    .argv = types_argv,
	    .argc = 1,
	    .parameters = dash_parameters,
	    .parameter_count = 2 },
	{ .name = "types",
	    .argv = types_argv,
	    .argc = 1,
	    .parameters = types_parameters,
	    .parameter_count = 7 },
	{ .name = "flags",
	    .argv = flags_argv,
	    .argc = 4,
	    .parameters = flags_parameters,
	    .parameter_count = 3 },
	{ .name = "top", .argv = top_argv, .argc = 1, .terminal = true },
};
static const struct bas_role role = {
	.name = "diagnostics", .description = "Look", .commands = commands, .command_count = 7
};

/* A second reading of the canonical line gives the same call and the same bytes. */
static void
check_canonical(const struct bas_call *call)
{
	struct ca_buf once = { 0 }, twice = { 0 };
	struct bas_call again;
	enum bas_refusal refusal;
	struct ca_why why = { { 0 } };
	bas_call_encode(&once, call);
	assert_true(ca_buf_ok(&once));
	if (!bas_call_parse(&again, &role, once.data, once.len, &refusal, &why))
		fail_msg("'%.*s': %s", (int)once.len, (char *)once.data, why.text);
	assert_int_equal(again.kind, call->kind);
	assert_ptr_equal(again.command, call->command);
	assert_int_equal(again.value_count, call->value_count);
	for (size_t i = 0; i < call->value_count; i++) {
		assert_int_equal(again.values[i] == NULL, call->values[i] == NULL);
		if (call->values[i] != NULL)
			assert_string_equal(again.values[i], call->values[i]);
	}
	bas_call_encode(&twice, &again);
	assert_true(ca_bytes_equal(ca_buf_bytes(&once), ca_buf_bytes(&twice)));
	bas_call_clear(&again);
	ca_buf_clear(&once);
	ca_buf_clear(&twice);
}

static void
parse_bytes(struct bas_call *call, const void *line, size_t len)
{
	enum bas_refusal refusal;
	struct ca_why why = { { 0 } };
	if (!bas_call_parse(call, &role, line, len, &refusal, &why))
		fail_msg("'%.*s': %s", (int)(len > 200 ? 200 : len), (const char *)line, why.text);
	check_canonical(call);
}

static void
parse(struct bas_call *call, const char *line)
{
	parse_bytes(call, line, strlen(line));
}

static void
refused_bytes(const void *line, size_t len, enum bas_refusal status, const char *sentence)
{
	struct bas_call call;
	enum bas_refusal refusal;
	struct ca_why why = { { 0 } };
	if (bas_call_parse(&call, &role, line, len, &refusal, &why))
		fail_msg("'%.*s' is not refused", (int)len, (const char *)line);
	assert_int_equal(refusal, status);
	assert_string_equal(why.text, sentence);
	assert_null(call.values);
}

static void
refused(const char *line, const char *sentence)
{
	refused_bytes(line, strlen(line), BAS_DENIED, sentence);
}

/* The values, in order, NULL for a flag not given; then the canonical line. */
static void
gives(const char *line, const char *const *values, const char *canonical)
{
	struct bas_call call;
	struct ca_buf encoded = { 0 };
	parse(&call, line);
	for (size_t i = 0; i < call.value_count; i++) {
		assert_int_equal(call.values[i] == NULL, values[i] == NULL);
		if (values[i] != NULL)
			assert_string_equal(call.values[i], values[i]);
	}
	bas_call_encode(&encoded, &call);
	ca_buf_put_u8(&encoded, 0);
	assert_string_equal((char *)encoded.data, canonical);
	ca_buf_clear(&encoded);
	bas_call_clear(&call);
}

static void
words_end_at_blanks_and_quotes_hold_them(void **state)
{
	(void)state;
	gives("echo a b", (const char *[]){ "a", "b" }, "echo a b");
	gives(" \techo\t a \t b\t ", (const char *[]){ "a", "b" }, "echo a b");
	gives("echo 'a b' \"c d\"", (const char *[]){ "a b", "c d" }, "echo 'a b' 'c d'");
	gives("ec'h'o a\\ b", (const char *[]){ "a b", "" }, "echo 'a b'");
	gives("echo a'b'\"c\"\\d", (const char *[]){ "abcd", "" }, "echo abcd");
	gives("echo '\\' \"\\\\\"", (const char *[]){ "\\", "\\" }, "echo '\\' '\\'");
	gives("echo \"it's\" '\"'", (const char *[]){ "it's", "\"" }, "echo \"it's\" '\"'");
	gives("echo \"it's \\\"\\\\\\n\"", (const char *[]){ "it's \"\\\\n", "" },
	    "echo \"it's \\\"\\\\\\\\n\"");
	gives("echo \\'\\\"", (const char *[]){ "'\"", "" }, "echo \"'\\\"\"");
}

static void
nothing_else_is_special(void **state)
{
	(void)state;
	gives("echo $(id)`id`$HOME*?[a-z]~;|&<>(){}!#%^",
	    (const char *[]){ "$(id)`id`$HOME*?[a-z]~;|&<>(){}!#%^", "" },
	    "echo $(id)`id`$HOME*?[a-z]~;|&<>(){}!#%^");
	gives(
	    "echo {identity} {a}", (const char *[]){ "{identity}", "{a}" }, "echo {identity} {a}");
	gives("echo a; id", (const char *[]){ "a;", "id" }, "echo a; id");
}

static void
unfinished_words_are_refused(void **state)
{
	(void)state;
	refused("echo 'a", "the quote ' is not closed");
	refused("echo \"a", "the quote \" is not closed");
	refused("echo \"a\\\"", "the quote \" is not closed");
	refused("echo a\\", "the line ends in a backslash");
	refused("echo \"a\\", "the quote \" is not closed");
}

static void
control_characters_are_refused_outside_rest(void **state)
{
	/* the question mark is replaced by the byte */
	static const char *const forms[] = { "echo 'a?'", "echo \"a?\"", "echo a\\?",
		"echo '--a=?'", "ech'?'", "echo a?", "echo --a=x?" };
	(void)state;
	for (int byte = 0; byte < 256; byte++) {
		for (size_t form = 0; form < sizeof forms / sizeof *forms; form++) {
			char line[32], sentence[80];
			size_t len = strlen(forms[form]);
			/* unquoted, a tab is a blank */
			if ((byte >= ' ' && byte != 0x7f) || (byte == '\t' && form >= 5))
				continue;
			memcpy(line, forms[form], len);
			*(char *)memchr(line, '?', len) = (char)byte;
			snprintf(sentence, sizeof sentence,
			    "the line contains the control character 0x%02x", (unsigned)byte);
			refused_bytes(line, len, BAS_DENIED, sentence);
		}
	}
	refused("ec\nho a", "the line contains the control character 0x0a");
	refused("echo a\nid", "the line contains the control character 0x0a");
}

static void
other_bytes_need_not_be_utf8(void **state)
{
	(void)state;
	gives("echo \xff\xfe\xc3", (const char *[]){ "\xff\xfe\xc3", "" }, "echo \xff\xfe\xc3");
	gives("echo '\xc3\xa4 \x9b'", (const char *[]){ "\xc3\xa4 \x9b", "" },
	    "echo '\xc3\xa4 \x9b'");
	refused("types \xff", "'unit' is one of server, keeper, -odd, --odder, not '\\xff'");
	refused_bytes(
	    "\xff", 1, BAS_NO_COMMAND, "no such command: '\\xff'; 'help' lists what there is");
}

static void
rest_takes_every_byte_but_nul(void **state)
{
	char line[5 + 255];
	struct bas_call call;
	(void)state;
	memcpy(line, "sql x", 5);
	for (int byte = 1; byte < 256; byte++)
		line[4 + byte] = (char)byte;
	parse_bytes(&call, line, 5 + 255);
	assert_int_equal(strlen(call.values[0]), 256);
	assert_memory_equal(call.values[0], line + 4, 256);
	bas_call_clear(&call);
	for (int byte = 1; byte < 256; byte++) {
		char one[5] = { 's', 'q', 'l', ' ', (char)byte };
		if (byte == ' ' || byte == '\t' || byte == '-')
			continue;
		parse_bytes(&call, one, 5);
		assert_int_equal((unsigned char)call.values[0][0], byte);
		assert_int_equal(call.values[0][1], 0);
		bas_call_clear(&call);
	}
	refused_bytes("sql a\0b", 7, BAS_DENIED, "'sql' contains NUL");
}

static void
rest_is_verbatim_after_one_blank(void **state)
{
	(void)state;
	gives("sql select 'a  b' \\ \"c", (const char *[]){ "select 'a  b' \\ \"c" },
	    "sql select 'a  b' \\ \"c");
	gives("sql   select ", (const char *[]){ "  select " }, "sql   select ");
	gives("sql\tselect\n1", (const char *[]){ "select\n1" }, "sql select\n1");
	gives("sql \nselect", (const char *[]){ "\nselect" }, "sql \nselect");
	refused("sql", "'sql' needs 'sql'; 'help sql' shows how");
	refused("sql ", "'sql' needs 'sql'; 'help sql' shows how");
	refused("sql  \t ", "'sql' needs 'sql'; 'help sql' shows how");
	refused("sql --sql=x", "'sql' is the rest of the line, without its name");
	refused("sql -x", "'sql' begins with '-': '-x'");
	refused("sql -- -x", "'sql' begins with '-': '-x'");
	refused(
	    "sql --x", "'sql' has no parameter '--x'; before a value that begins so, write '--'");
	refused(
	    "sql  --x", "'sql' has no parameter '--x'; before a value that begins so, write '--'");
	gives("sql -- x", (const char *[]){ "x" }, "sql x");
	gives("sql --  --x", (const char *[]){ " --x" }, "sql --  --x");
}

static void
rest_follows_the_values_before_it(void **state)
{
	(void)state;
	gives("query 5 select  1", (const char *[]){ "5", "select  1" }, "query 5 select  1");
	gives("query --limit 5 select", (const char *[]){ "5", "select" }, "query 5 select");
	gives("query --limit=5  select", (const char *[]){ "5", " select" }, "query 5  select");
	gives("query -3 x", (const char *[]){ "-3", "x" }, "query -3 x");
	gives("query 10 x", (const char *[]){ "10", "x" }, "query 10 x");
	refused("query select 1", "'limit' is not a whole number from -5 to 1000: 'select'");
	refused("query 5", "'query' needs 'sql'; 'help query' shows how");
}

static void
values_that_begin_with_a_dash_need_leave(void **state)
{
	(void)state;
	refused("echo -x", "'a' begins with '-': '-x'");
	refused("echo -", "'a' begins with '-': '-'");
	refused("echo '-x'", "'a' begins with '-': '-x'");
	refused("echo --a=-x", "'a' begins with '-': '-x'");
	refused("echo --a -x", "'a' begins with '-': '-x'");
	refused("echo --a --b", "'a' begins with '-': '--b'");
	refused("echo -- -x", "'a' begins with '-': '-x'");
	refused("echo -- --b", "'a' begins with '-': '--b'");
	refused("types --file=-x", "'file' begins with '-': '-x'");
	refused("types --lines=-1", "'lines' begins with '-': '-1'");
	refused("types --for=-1", "'for' begins with '-': '-1'");
	gives("dash -x", (const char *[]){ "-x", "" }, "dash -x");
	gives("dash --word --x", (const char *[]){ "--x", "" }, "dash -- --x");
	gives("dash -- --x --y z", (const char *[]){ "--x", "--y z" }, "dash -- --x --y z");
	gives("dash x -- --", (const char *[]){ "x", "--" }, "dash -- x --");
	gives("dash x -y", (const char *[]){ "x", "-y" }, "dash x -y");
}

static void
parameters_come_in_order_or_by_name(void **state)
{
	(void)state;
	gives("echo --b=2 1", (const char *[]){ "1", "2" }, "echo 1 2");
	gives("echo --b 2 --a 1", (const char *[]){ "1", "2" }, "echo 1 2");
	gives("echo --a='x y'", (const char *[]){ "x y", "" }, "echo 'x y'");
	gives("echo '--a=x y'", (const char *[]){ "x y", "" }, "echo 'x y'");
	gives("echo x --b=''", (const char *[]){ "x", "" }, "echo x");
	gives("echo a=b", (const char *[]){ "a=b", "" }, "echo a=b");
	gives("echo --a=b=c", (const char *[]){ "b=c", "" }, "echo b=c");
	refused("echo --a 1 --a 2", "'a' is given twice");
	refused("echo 1 --a=2", "'a' is given twice");
	refused("echo --c=1",
	    "'echo' has no parameter '--c'; before a value that begins so, write '--'");
	refused("echo --A=1",
	    "'echo' has no parameter '--A'; before a value that begins so, write '--'");
	refused(
	    "echo --=1", "'echo' has no parameter '--'; before a value that begins so, write '--'");
	refused("echo x --b", "'--b' has no value");
	refused("echo --a=", "'a' is empty");
	refused("echo ''", "'a' is empty");
	refused("echo", "'echo' needs 'a'; 'help echo' shows how");
	refused("echo --b=1", "'echo' needs 'a'; 'help echo' shows how");
	refused("echo 1 2 3", "'echo' takes nothing more, and '3' follows");
	refused("top x", "'top' takes nothing more, and 'x' follows");
	refused("top ''", "'top' takes nothing more, and '' follows");
	refused(
	    "top --x", "'top' has no parameter '--x'; before a value that begins so, write '--'");
	gives("top", NULL, "top");
	gives("top --", NULL, "top");
}

static void
flags_are_given_or_not(void **state)
{
	(void)state;
	gives("flags /", (const char *[]){ NULL, NULL, "/" }, "flags /");
	gives("flags / --all", (const char *[]){ NULL, "--all", "/" }, "flags --all /");
	gives(
	    "flags --all / --long", (const char *[]){ "-l", "--all", "/" }, "flags --long --all /");
	refused("flags --all --all /", "'all' is given twice");
	refused("flags --all=1 /", "'--all' takes no value");
	refused("flags --all=", "'--all' takes no value");
	refused("flags --long true /", "'flags' takes nothing more, and '/' follows");
}

static const struct {
	const char *value, *sentence; /* sentence NULL: taken, as `value` or as `taken` */
	const char *taken;
} typed[] = {
	{ "--unit=keeper", NULL, "keeper" },
	{ "--unit=-odd", NULL, "-odd" },
	{ "--unit=--odder", NULL, "--odder" },
	{ "--unit=Keeper", "'unit' is one of server, keeper, -odd, --odder, not 'Keeper'", NULL },
	{ "--unit=keep", "'unit' is one of server, keeper, -odd, --odder, not 'keep'", NULL },
	{ "--for=1m", NULL, "60" },
	{ "--for=1h30m", NULL, "5400" },
	{ "--for=7200", NULL, "7200" },
	{ "--for=59", "'for' is not a duration like 90s, 30m or 1h from 1m 0s to 2h 0m: '59'",
	    NULL },
	{ "--for=7201", "'for' is not a duration like 90s, 30m or 1h from 1m 0s to 2h 0m: '7201'",
	    NULL },
	{ "--for=1w", "'for' is not a duration like 90s, 30m or 1h from 1m 0s to 2h 0m: '1w'",
	    NULL },
	{ "--since=2026-01-02T03:04:05Z", NULL, "2026-01-02T03:04:05Z" },
	{ "--since=2026-01-02", "'since' is not a time like 2026-11-21T18:00:00Z: '2026-01-02'",
	    NULL },
	{ "--since=2026-13-02T03:04:05Z",
	    "'since' is not a time like 2026-11-21T18:00:00Z: '2026-13-02T03:04:05Z'", NULL },
	{ "--file=a", NULL, "/var/log/a" },
	{ "--file=a/b.c", NULL, "/var/log/a/b.c" },
	{ "--file=/var/log/a", NULL, "/var/log/a" },
	{ "--file=...", NULL, "/var/log/..." },
	{ "--file=/var/log", "'file' is not below '/var/log': '/var/log'", NULL },
	{ "--file=/var/logs/a", "'file' is not below '/var/log': '/var/logs/a'", NULL },
	{ "--file=/etc/shadow", "'file' is not below '/var/log': '/etc/shadow'", NULL },
	{ "--file=/var/log/../shadow",
	    "'file' is not a path without '.', '..' and doubled or final slashes: "
	    "'/var/log/../shadow'",
	    NULL },
	{ "--file=..", "'file' is not a path without '.', '..' and doubled or final slashes: '..'",
	    NULL },
	{ "--file=a/./b",
	    "'file' is not a path without '.', '..' and doubled or final slashes: 'a/./b'", NULL },
	{ "--file=a//b",
	    "'file' is not a path without '.', '..' and doubled or final slashes: 'a//b'", NULL },
	{ "--file=a/", "'file' is not a path without '.', '..' and doubled or final slashes: 'a/'",
	    NULL },
	{ "--file=0123456789012345678901234567890", NULL,
	    "/var/log/0123456789012345678901234567890" },
	{ "--file=01234567890123456789012345678901", "'file' is longer than 40 bytes", NULL },
	{ "--any=/etc/passwd", NULL, "/etc/passwd" },
	{ "--any=etc", NULL, "/etc" },
	{ "--any=/", "'any' is not a path without '.', '..' and doubled or final slashes: '/'",
	    NULL },
	{ "--most=9223372036854775807", NULL, "9223372036854775807" },
	{ "--most=-9223372036854775808", NULL, "-9223372036854775808" },
	{ "--most=9223372036854775808",
	    "'most' is not a whole number from -9223372036854775808 to 9223372036854775807: "
	    "'9223372036854775808'",
	    NULL },
	{ "--most=-9223372036854775809",
	    "'most' is not a whole number from -9223372036854775808 to 9223372036854775807: "
	    "'-9223372036854775809'",
	    NULL },
	{ "--lines=1", NULL, "1" },
	{ "--lines=10", NULL, "10" },
	{ "--lines=0", "'lines' is not a whole number from 1 to 10: '0'", NULL },
	{ "--lines=11", "'lines' is not a whole number from 1 to 10: '11'", NULL },
	{ "--lines=05", "'lines' is not a whole number from 1 to 10: '05'", NULL },
	{ "--lines=+5", "'lines' is not a whole number from 1 to 10: '+5'", NULL },
	{ "--lines=5.0", "'lines' is not a whole number from 1 to 10: '5.0'", NULL },
	{ "--lines=0x5", "'lines' is not a whole number from 1 to 10: '0x5'", NULL },
	{ "--lines=' 5'", "'lines' is not a whole number from 1 to 10: ' 5'", NULL },
	{ "--most=-0",
	    "'most' is not a whole number from -9223372036854775808 to 9223372036854775807: '-0'",
	    NULL },
};

static void
values_are_of_their_type(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof typed / sizeof *typed; i++) {
		char line[200];
		struct bas_call call;
		bool found = false;
		snprintf(line, sizeof line, "types %s", typed[i].value);
		if (typed[i].sentence != NULL) {
			refused(line, typed[i].sentence);
			continue;
		}
		parse(&call, line);
		for (size_t j = 0; j < call.value_count; j++)
			found = found || strcmp(call.values[j], typed[i].taken) == 0;
		if (!found)
			fail_msg("%s does not give '%s'", line, typed[i].taken);
		bas_call_clear(&call);
	}
}

static void
defaults_are_filled_in_and_not_written(void **state)
{
	(void)state;
	const char *const all[] = { "server", "60", "2026-11-21T18:00:00Z", "/var/log/syslog",
		"/etc", "0", "5" };
	const char *const later[] = { "server", "60", "2026-11-21T18:00:00Z", "/var/log/syslog",
		"/etc", "-7", "5" };
	gives("types", all, "types");
	gives("types server 60s", all, "types");
	gives("types --file=syslog", all, "types");
	gives("types --most=-7", later,
	    "types server 60 2026-11-21T18:00:00Z /var/log/syslog /etc -7");
}

static void
a_line_is_as_long_as_allowed_and_no_longer(void **state)
{
	struct bas_call call;
	char *line = malloc(BAS_LINE_MAX + 1);
	(void)state;
	memset(line, 'x', BAS_LINE_MAX + 1);
	memcpy(line, "sql ", 4);
	parse_bytes(&call, line, BAS_LINE_MAX);
	assert_int_equal(strlen(call.values[0]), BAS_LINE_MAX - 4);
	bas_call_clear(&call);
	refused_bytes(line, BAS_LINE_MAX + 1, BAS_DENIED, "the line is longer than 65536 bytes");
	memcpy(line, "echo ", 5);
	parse_bytes(&call, line, BAS_LINE_MAX);
	assert_int_equal(strlen(call.values[0]), BAS_LINE_MAX - 5);
	bas_call_clear(&call);
	free(line);
	gives("echo x 0123456789", (const char *[]){ "x", "0123456789" }, "echo x 0123456789");
	refused("echo x 01234567890", "'b' is longer than 10 bytes");
}

static void
an_unknown_command_is_127(void **state)
{
	(void)state;
	refused_bytes("id", 2, BAS_NO_COMMAND, "no such command: 'id'; 'help' lists what there is");
	refused_bytes("/bin/echo a", 11, BAS_NO_COMMAND,
	    "no such command: '/bin/echo'; 'help' lists what there is");
	refused_bytes(
	    "ech", 3, BAS_NO_COMMAND, "no such command: 'ech'; 'help' lists what there is");
	refused_bytes("''", 2, BAS_NO_COMMAND, "no such command: ''; 'help' lists what there is");
	refused_bytes("\xe2\x80\xae", 3, BAS_NO_COMMAND,
	    "no such command: '\\u{202e}'; 'help' lists what there is");
	refused_bytes("", 0, BAS_DENIED, "no command; 'help' lists what there is");
	refused_bytes(" \t ", 3, BAS_DENIED, "no command; 'help' lists what there is");
}

static void
help_and_whoami_are_built_in(void **state)
{
	struct bas_call call;
	(void)state;
	parse(&call, "help");
	assert_int_equal(call.kind, BAS_CALL_HELP);
	assert_null(call.command);
	bas_call_clear(&call);
	parse(&call, " help  'top' ");
	assert_int_equal(call.kind, BAS_CALL_HELP);
	assert_string_equal(call.command->name, "top");
	bas_call_clear(&call);
	parse(&call, "whoami");
	assert_int_equal(call.kind, BAS_CALL_WHOAMI);
	bas_call_clear(&call);
	refused("help top x", "'help' takes nothing more, and 'x' follows");
	refused("whoami x", "'whoami' takes nothing more, and 'x' follows");
	refused("help 'top", "the quote ' is not closed");
	refused_bytes(
	    "help id", 7, BAS_NO_COMMAND, "no such command: 'id'; 'help' lists what there is");
}

/* A small generator of its own, so that a failure comes back every time. */
static uint32_t
next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static void
whatever_is_accepted_has_one_canonical_line(void **state)
{
	static const char *const pieces[] = { "echo", "sql", "query", "dash", "types", "flags",
		"help", "top", " ", " ", " ", "  ", "\t", "'", "\"", "\\", "--", "-", "=",
		"--a=", "--b ", "a", "5", "-5", "--limit", "x y", "--all", "/var/log/a", "60s",
		"\n", "\xff", "server" };
	uint32_t seed = 1;
	size_t accepted = 0;
	(void)state;
	for (int round = 0; round < 200000; round++) {
		char line[256] = "";
		struct bas_call call;
		enum bas_refusal refusal;
		strcat(line, pieces[next_random(&seed) % 6]);
		for (uint32_t n = next_random(&seed) % 10; n > 0; n--)
			strcat(line, pieces[next_random(&seed) % 32]);
		if (!bas_call_parse(&call, &role, line, strlen(line), &refusal, NULL))
			continue;
		accepted++;
		check_canonical(&call);
		bas_call_clear(&call);
	}
	assert_true(accepted > 5000);
}

static void
help_lists_what_the_role_may_do(void **state)
{
	struct ca_buf out = { 0 };
	(void)state;
	bas_help_put(&out, &role, NULL);
	ca_buf_put_u8(&out, 0);
	assert_string_equal((char *)out.data,
	    "diagnostics: Look\n"
	    "\n"
	    "  echo A [B]\n"
	    "  query [LIMIT=10] SQL...\n"
	    "  sql SQL...\n"
	    "  dash WORD [TAIL...]\n"
	    "  types [UNIT=server] [FOR=60s] [SINCE=2026-11-21T18:00:00Z] [FILE=/var/log/syslog] "
	    "[ANY=/etc] "
	    "[MOST=0] [LINES=5]\n"
	    "  flags [--long] [--all] WHERE\n"
	    "  top                           on a terminal (ssh -t)\n"
	    "  help [COMMAND]                this list, or one command\n"
	    "  whoami                        who you are here, and until when\n");
	ca_buf_clear(&out);
}

static void
help_explains_one_command(void **state)
{
	struct ca_buf out = { 0 };
	(void)state;
	bas_help_put(&out, &role, &commands[4]);
	ca_buf_put_u8(&out, 0);
	assert_string_equal((char *)out.data,
	    "usage: types [UNIT=server] [FOR=60s] [SINCE=2026-11-21T18:00:00Z] "
	    "[FILE=/var/log/syslog] "
	    "[ANY=/etc] [MOST=0] [LINES=5]\n"
	    "\n"
	    "  UNIT     one of server, keeper, -odd, --odder; otherwise server\n"
	    "  FOR      a duration like 90s, 30m or 1h, at least 1m 0s, at most 2h 0m; otherwise "
	    "60s\n"
	    "  SINCE    a time like 2026-11-21T18:00:00Z; otherwise 2026-11-21T18:00:00Z\n"
	    "  FILE     a path below /var/log; otherwise /var/log/syslog\n"
	    "  ANY      a path below /; otherwise /etc\n"
	    "  MOST     a whole number; otherwise 0\n"
	    "  LINES    a whole number from 1 to 10; otherwise 5\n");
	ca_buf_clear(&out);
	bas_help_put(&out, &role, &commands[6]);
	ca_buf_put_u8(&out, 0);
	assert_string_equal((char *)out.data, "usage: top\n\nneeds a terminal: ssh -t\n");
	ca_buf_clear(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_end_at_blanks_and_quotes_hold_them),
		cmocka_unit_test(nothing_else_is_special),
		cmocka_unit_test(unfinished_words_are_refused),
		cmocka_unit_test(control_characters_are_refused_outside_rest),
		cmocka_unit_test(other_bytes_need_not_be_utf8),
		cmocka_unit_test(rest_takes_every_byte_but_nul),
		cmocka_unit_test(rest_is_verbatim_after_one_blank),
		cmocka_unit_test(rest_follows_the_values_before_it),
		cmocka_unit_test(values_that_begin_with_a_dash_need_leave),
		cmocka_unit_test(parameters_come_in_order_or_by_name),
		cmocka_unit_test(flags_are_given_or_not),
		cmocka_unit_test(values_are_of_their_type),
		cmocka_unit_test(defaults_are_filled_in_and_not_written),
		cmocka_unit_test(a_line_is_as_long_as_allowed_and_no_longer),
		cmocka_unit_test(an_unknown_command_is_127),
		cmocka_unit_test(help_and_whoami_are_built_in),
		cmocka_unit_test(whatever_is_accepted_has_one_canonical_line),
		cmocka_unit_test(help_lists_what_the_role_may_do),
		cmocka_unit_test(help_explains_one_command),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
