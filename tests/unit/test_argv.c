/* SPDX-License-Identifier: Apache-2.0 */
/* test_argv.c - one word of a template stays one word, whatever the value is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "bastion/call.h"

static const char *const words[] = { "/bin/echo", "--user={engineer}", "{identity}:{grant}",
	"{fast}", "--id={recording}", "/* {identity} */ {text}{text}", "{{text}}", "", "{tail}" };
static const struct bas_parameter parameters[] = {
	{ .name = "fast", .type = BAS_FLAG, .as = "--fast now" },
	{ .name = "text", .type = BAS_TEXT, .max_len = 65536 },
	{ .name = "tail", .type = BAS_TEXT, .max_len = 65536, .rest = true, .fallback = "" },
};
static const char *const bytes_words[] = { "/usr/bin/printf", "%s", "{tail}" };
static const struct bas_command commands[] = {
	{ .name = "run", .argv = words, .argc = 9, .parameters = parameters, .parameter_count = 3 },
	{ .name = "bytes",
	    .argv = bytes_words,
	    .argc = 3,
	    .parameters = &parameters[2],
	    .parameter_count = 1 },
};
static const struct bas_role role = { .name = "r", .commands = commands, .command_count = 2 };
static const struct bas_caller alice = { .identity = "alice@vendor.example",
	.grant = 42,
	.engineer = "alice@vendor.example",
	.recording = "20261121-a1.2" };

static bool
make_argv(
    char ***argv, const void *line, size_t len, const struct bas_caller *caller, struct ca_why *why)
{
	struct bas_call call;
	enum bas_refusal refusal;
	assert_true(bas_call_parse(&call, &role, line, len, &refusal, NULL));
	bool ok = bas_call_argv(argv, &call, caller, why);
	assert_int_equal(ok, *argv != NULL);
	bas_call_clear(&call);
	return ok;
}

static void
is_argv(const char *line, const struct bas_caller *caller, const char *const *expected)
{
	char **argv;
	size_t i = 0;
	assert_true(make_argv(&argv, line, strlen(line), caller, NULL));
	for (; expected[i] != NULL; i++) {
		assert_non_null(argv[i]);
		assert_string_equal(argv[i], expected[i]);
	}
	assert_null(argv[i]);
	free(argv);
}

static void
placeholders_are_filled_in_one_pass(void **state)
{
	(void)state;
	is_argv("run '{identity} {text}' $(id) {grant}", &alice,
	    (const char *[]){ "/bin/echo", "--user=alice@vendor.example", "alice@vendor.example:42",
		"--id=20261121-a1.2",
		"/* alice@vendor.example */ {identity} {text}{identity} {text}", "{text}", "",
		"$(id) {grant}", NULL });
}

static void
a_flag_is_one_word_or_none(void **state)
{
	(void)state;
	is_argv("run --fast x", &alice,
	    (const char *[]){ "/bin/echo", "--user=alice@vendor.example", "alice@vendor.example:42",
		"--fast now", "--id=20261121-a1.2", "/* alice@vendor.example */ xx", "{text}", "",
		"", NULL });
}

static void
what_the_certificate_decides_stays_in_braces_to_show(void **state)
{
	(void)state;
	is_argv("run x y", NULL,
	    (const char *[]){ "/bin/echo", "--user={engineer}", "{identity}:{grant}",
		"--id={recording}", "/* {identity} */ xx", "{text}", "", "y", NULL });
}

static void
a_caller_whose_name_is_no_name_is_refused(void **state)
{
	static const char *const bad[] = { "*/ drop", "-x", "", NULL, "a b", "a/b", "a\x1b[0m" };
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		for (int field = 0; field < 3; field++) {
			struct bas_caller caller = alice;
			struct ca_why why = { { 0 } };
			char **argv;
			*(field == 0	 ? &caller.identity
			    : field == 1 ? &caller.engineer
					 : &caller.recording) = bad[i];
			assert_false(make_argv(&argv, "run x", 5, &caller, &why));
			assert_non_null(
			    strstr(why.text, "is not a name that a command can be given"));
		}
}

static void
built_ins_have_no_argv(void **state)
{
	char **argv;
	struct ca_why why = { { 0 } };
	(void)state;
	assert_false(make_argv(&argv, "help", 4, &alice, &why));
	assert_string_equal(why.text, "a built-in runs no program");
}

static void
arguments_are_as_long_as_allowed_and_no_longer(void **state)
{
	/* /bin/echo, the fixed words and all NULs, then text twice and tail once */
	size_t fixed = 10 + 28 + 24 + 19 + 28 + 7 + 1 + 1;
	size_t text = 60000, tail = 8, most = BAS_ARGV_MAX;
	char *line = malloc(BAS_LINE_MAX);
	(void)state;
	for (int extra = 0; extra < 2; extra++) {
		size_t length = (most - fixed - 2 * text - tail) + tail + (size_t)extra;
		struct ca_why why = { { 0 } };
		char **argv;
		/* what does not fit into the line goes into the doubled text */
		size_t doubled = text + (length - tail) / 2, rest = tail + (length - tail) % 2;
		memcpy(line, "run ", 4);
		memset(line + 4, 'x', doubled);
		line[4 + doubled] = ' ';
		memset(line + 5 + doubled, 'y', rest);
		bool ok = make_argv(&argv, line, 5 + doubled + rest, &alice, &why);
		assert_int_equal(ok, !extra);
		if (extra)
			assert_string_equal(
			    why.text, "the program's arguments are longer than 131072 bytes");
		free(argv);
	}
	free(line);
}

static void
the_bytes_that_were_judged_are_the_bytes_that_are_executed(void **state)
{
	char line[6 + 510], got[1024];
	int fds[2], status;
	ssize_t len = 0, n;
	char **argv;
	(void)state;
	memcpy(line, "bytes ", 6);
	line[6] = 'x';
	for (int i = 0; i < 255; i++)
		line[7 + i] = (char)(255 - i);
	assert_true(make_argv(&argv, line, 7 + 255, &alice, NULL));
	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(fds[1], 1);
		execve(argv[0], argv, (char *[]){ NULL });
		_exit(127);
	}
	close(fds[1]);
	while ((n = read(fds[0], got + len, sizeof got - (size_t)len)) > 0)
		len += n;
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(len, 256);
	assert_memory_equal(got, line + 6, 256);
	free(argv);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(placeholders_are_filled_in_one_pass),
		cmocka_unit_test(a_flag_is_one_word_or_none),
		cmocka_unit_test(what_the_certificate_decides_stays_in_braces_to_show),
		cmocka_unit_test(a_caller_whose_name_is_no_name_is_refused),
		cmocka_unit_test(built_ins_have_no_argv),
		cmocka_unit_test(arguments_are_as_long_as_allowed_and_no_longer),
		cmocka_unit_test(the_bytes_that_were_judged_are_the_bytes_that_are_executed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
