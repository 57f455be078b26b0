/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_explain.c - `postern-bastion explain ROLE COMMAND...`: what a line would run, without running
 * it.
 *
 * Nothing but the configuration is read, and the line goes through the parser that the keeper
 * uses. What the certificate decides stays in braces.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bastion/confine.h"
#include "bastion/plan.h"
#include "bastion/verbs.h"
#include "ca/text.h"

/* As ssh does: joined by single blanks. */
static void
join_words(struct ca_buf *out, int count, char **words)
{
	for (int i = 0; i < count; i++) {
		if (i > 0)
			ca_buf_put_u8(out, ' ');
		ca_buf_put_text(out, words[i]);
	}
}

static void
put_canonical(struct ca_buf *out, const struct bas_call *call)
{
	struct ca_buf line = { 0 };
	bas_call_encode(&line, call);
	ca_buf_put_text(out, "    line      ");
	ca_text_escape(out, line.data, line.len);
	ca_buf_put_u8(out, '\n');
	ca_buf_clear(&line);
}

/* False: it would not run. */
static bool
put_call(struct ca_buf *out, const struct bas_role *role, const struct bas_call *call,
    struct ca_why *why)
{
	const struct bas_confinement *here = bas_confine_best(why);
	char **argv;
	size_t argc = 0;
	if (here == NULL || !bas_call_argv(&argv, call, NULL, why))
		return false;
	while (argv[argc] != NULL)
		argc++;
	ca_buf_printf(out, "%s\n", call->command->name);
	put_canonical(out, call);
	bas_plan_put_argv(out, (const char *const *)argv, argc);
	free(argv);
	bas_plan_put_limits(out, role, call->command, here->level);
	ca_buf_printf(out, "    level     %s here, %s needed\n", bas_level_name(here->level),
	    bas_level_name(role->least));
	if (!bas_confine_check(here, role, why) ||
	    !bas_confine_check_command(here, call->command, why))
		return false;
	int program = bas_confine_program(call->command->argv[0], role, why);
	if (program < 0)
		return false;
	close(program);
	return true;
}

static bool
explain(struct ca_buf *out, const struct bas_config *config, const char *name,
    const struct ca_buf *line, struct ca_why *why)
{
	struct bas_call call;
	enum bas_refusal refusal;
	const struct bas_role *role = bas_config_role(config, name);
	if (role == NULL)
		return ca_why_set(why, "no such role: '%s'", name);
	if (!bas_call_parse(&call, role, line->data, line->len, &refusal, why))
		return false;
	bool ok = true;
	if (call.kind == BAS_CALL_RUN)
		ok = put_call(out, role, &call, why);
	else
		ca_buf_put_text(out, "built in, runs no program\n");
	bas_call_clear(&call);
	return ok;
}

int
bas_cmd_explain(const char *path, int argc, char **argv)
{
	struct bas_config *config = NULL;
	struct ca_why why = { { 0 } };
	struct ca_buf line = { 0 }, text = { 0 };
	int status = 1;

	if (argc < 3)
		return 2;
	join_words(&line, argc - 2, argv + 2);
	if (!ca_buf_ok(&line))
		fprintf(stderr, "postern-bastion: out of memory\n");
	else if (!bas_config_load(&config, path, &why))
		fprintf(stderr, "%s\n", why.text);
	else if (explain(&text, config, argv[1], &line, &why) && ca_buf_ok(&text))
		status = 0;
	else
		fprintf(stderr, "postern: %s\n", why.text);
	if (text.len > 0)
		fwrite(text.data, 1, text.len, stdout);
	if (fflush(stdout) != 0)
		status = 1;
	bas_config_free(config);
	ca_buf_clear(&line);
	ca_buf_clear(&text);
	return status;
}
