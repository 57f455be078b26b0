/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_call.c - command lines against a role with every type of parameter.
 *
 * What is accepted has one canonical line, which is read back as the same call, and an argv with
 * each value in it as it is.
 */
#include <stdlib.h>
#include <string.h>

#include "bastion/call.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const char *const units[] = { "server", "-odd", "--odder", "a b" };
static const struct bas_parameter all[] = {
	{ .name = "unit",
	    .type = BAS_CHOICE,
	    .choices = units,
	    .choice_count = 4,
	    .fallback = "server" },
	{ .name = "fast", .type = BAS_FLAG, .as = "--fast" },
	{ .name = "for", .type = BAS_DURATION, .min = 1, .max = 7200, .fallback = "60" },
	{ .name = "since", .type = BAS_TIME, .fallback = "2026-11-21T18:00:00Z" },
	{ .name = "file",
	    .type = BAS_PATH,
	    .below = "/var/log",
	    .max_len = 4096,
	    .fallback = "/var/log/x" },
	{ .name = "lines", .type = BAS_INTEGER, .min = -10, .max = 10, .fallback = "5" },
	{ .name = "text", .type = BAS_TEXT, .max_len = 64, .fallback = "" },
	{ .name = "rest", .type = BAS_TEXT, .max_len = 65536, .rest = true, .fallback = "" },
};
static const struct bas_parameter leave[] = {
	{ .name = "word", .type = BAS_TEXT, .max_len = 65536, .dash = true },
	{ .name = "rest", .type = BAS_TEXT, .max_len = 65536, .dash = true, .rest = true },
};
static const char *const all_argv[] = { "/bin/echo", "{unit}", "{fast}", "--for={for}", "{since}",
	"{file}{file}", "{lines}", "{identity}{text}", "{rest}" };
static const char *const leave_argv[] = { "/bin/echo", "{word}", "{rest}" };
static const struct bas_command commands[] = {
	{ .name = "all", .argv = all_argv, .argc = 9, .parameters = all, .parameter_count = 8 },
	{ .name = "leave",
	    .argv = leave_argv,
	    .argc = 3,
	    .parameters = leave,
	    .parameter_count = 2 },
	{ .name = "top", .argv = leave_argv, .argc = 1 },
};
static const struct bas_role role = { .name = "r", .commands = commands, .command_count = 3 };
static const struct bas_caller caller = { .identity = "alice@vendor.example",
	.grant = 42,
	.engineer = "alice@vendor.example",
	.recording = "a1.2" };

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static bool
is_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void
check_canonical(const struct bas_call *call)
{
	struct ca_buf once = { 0 }, twice = { 0 };
	struct bas_call again;
	enum bas_refusal refusal;
	bas_call_encode(&once, call);
	/* quotes may make a line at the limit longer than one that is read */
	if (once.len <= BAS_LINE_MAX) {
		must(bas_call_parse(&again, &role, once.data, once.len, &refusal, NULL));
		must(again.kind == call->kind && again.command == call->command);
		for (size_t i = 0; i < call->value_count; i++)
			must(is_same(again.values[i], call->values[i]));
		bas_call_encode(&twice, &again);
		must(ca_bytes_equal(ca_buf_bytes(&once), ca_buf_bytes(&twice)));
		bas_call_clear(&again);
	}
	ca_buf_clear(&once);
	ca_buf_clear(&twice);
}

static void
check_argv(const struct bas_call *call)
{
	char **argv;
	size_t argc = 0;
	if (!bas_call_argv(&argv, call, &caller, NULL))
		return;
	while (argv[argc] != NULL)
		argc++;
	if (call->command == &commands[0])
		must(argc == (call->values[1] == NULL ? 8 : 9) &&
		     strcmp(argv[argc - 1], call->values[7]) == 0);
	else if (call->command == &commands[1])
		must(argc == 3 && strcmp(argv[1], call->values[0]) == 0 &&
		     strcmp(argv[2], call->values[1]) == 0);
	free(argv);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct bas_call call;
	enum bas_refusal refusal;
	struct ca_why why = { { 0 } };
	if (!bas_call_parse(&call, &role, data, len, &refusal, &why)) {
		must(refusal == BAS_DENIED || refusal == BAS_NO_COMMAND);
		must(why.text[0] != 0);
		return 0;
	}
	check_canonical(&call);
	check_argv(&call);
	bas_call_clear(&call);
	return 0;
}
