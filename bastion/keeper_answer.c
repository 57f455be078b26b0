/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper_answer.c - the commands that the keeper answers itself: help and whoami.
 *
 * They start no process, and are logged and recorded like any other output.
 */
#include "bastion/keeper.h"

#include <string.h>

#include "ca/text.h"

static void
put_whoami(struct ca_buf *out, const struct bas_keeper *keeper)
{
	const struct ca_grant *grant = keeper->grant;
	uint64_t now = bas_clock_boot();
	char left[CA_TIME_SIZE];

	ca_duration_format(
	    keeper->deadline > now ? (int64_t)((keeper->deadline - now) / BAS_SECOND) : 0, left);
	ca_buf_put_text(out, "identity    ");
	ca_text_escape(out, grant->identity, strlen(grant->identity));
	if (grant->has_statement)
		ca_buf_printf(
		    out, "\ngrant       %llu", (unsigned long long)grant->statement.grant);
	ca_buf_printf(out, "\nrole        %s/%s\nsession     %s\ntime left   %s\n",
	    keeper->config->environment, keeper->role->name, keeper->session, left);
}

void
bas_run_answer(struct bas_keeper *keeper, struct bas_channel *channel, const struct bas_call *call)
{
	struct bas_run *run = channel->run;
	struct ca_buf text = { 0 };

	if (call->kind == BAS_CALL_WHOAMI)
		put_whoami(&text, keeper);
	else
		bas_help_put(&text, keeper->role, call->command);
	if (run->line[0] == '\0')
		ca_buf_put_text(&text,
		    "\nThere is no shell here. Give one of these as the command: "
		    "ssh [-t] ROLE@HOST COMMAND\n");
	if (ca_buf_ok(&text))
		bas_run_print(keeper, run, text.data, text.len);
	ca_buf_clear(&text);
	bas_run_started(keeper, channel);
}
