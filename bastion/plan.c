/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.c - a command's argv and limits, put into words.
 *
 * What is not held is said where it is listed: a list that looks like a fence and is none would
 * be worse than no list.
 */
#include "plan.h"

#include <inttypes.h>
#include <string.h>

#include "ca/text.h"

bool
bas_level_holds_lists(enum bas_level level)
{
	return level >= BAS_LEVEL_KERNEL;
}

static void
put_line(struct ca_buf *out, const char *name, const char *value)
{
	ca_buf_printf(out, "    %-10s", name);
	ca_text_escape(out, value, strlen(value));
	ca_buf_put_u8(out, '\n');
}

void
bas_plan_put_argv(struct ca_buf *out, const char *const *argv, size_t argc)
{
	for (size_t i = 0; i < argc; i++)
		put_line(out, i == 0 ? "argv" : "", argv[i]);
}

static void
put_list(struct ca_buf *out, const char *name, const char *const *items, size_t count, bool held)
{
	if (count == 0 && !held)
		return;
	ca_buf_printf(out, "    %-10s", name);
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			ca_buf_put_u8(out, ' ');
		ca_text_escape(out, items[i], strlen(items[i]));
	}
	if (count == 0)
		ca_buf_put_text(out, "nothing");
	ca_buf_put_text(out, held ? "\n" : "   (listed, not held at this level)\n");
}

/* The largest unit that says it exactly. */
static void
put_size(struct ca_buf *out, const char *name, uint64_t size)
{
	static const char units[] = "KMGT";
	int unit = -1;
	if (size == 0 || size == UINT64_MAX)
		return;
	while (size % 1024 == 0 && unit < 3) {
		size /= 1024;
		unit++;
	}
	ca_buf_printf(out, "    %-10s%" PRIu64, name, size);
	if (unit >= 0)
		ca_buf_put_u8(out, (uint8_t)units[unit]);
	ca_buf_put_text(out, unit < 0 ? " bytes\n" : "\n");
}

void
bas_plan_put_limits(struct ca_buf *out, const struct bas_role *role,
    const struct bas_command *command, enum bas_level level)
{
	const struct bas_confine *confine = &command->confine;
	bool held = bas_level_holds_lists(level);
	char time[CA_TIME_SIZE];

	put_line(out, "user", role->user == NULL ? "the service's own" : role->user);
	put_list(out, "reads", confine->read, confine->read_count, held);
	put_list(out, "writes", confine->write, confine->write_count, held);
	put_list(out, "connects", confine->connect, confine->connect_count, held);
	put_list(
	    out, "executes", confine->execute, confine->execute_count, level >= BAS_LEVEL_BASIC);
	put_size(out, "memory", confine->memory);
	if (confine->processes != 0)
		ca_buf_printf(out, "    %-10s%u\n", "processes", confine->processes);
	put_size(out, "file size", confine->file_size);
	put_size(out, "output", command->output);
	if (command->timeout != 0) {
		ca_duration_format(command->timeout, time);
		put_line(out, "timeout", time);
	}
	if (command->terminal)
		put_line(out, "terminal", "needed");
}

void
bas_plan_put_admission(struct ca_buf *out, const struct bas_role *role)
{
	if (role->admission.admits == CA_ADMITS_IDENTITY) {
		ca_buf_put_text(out, "identity certificates, without approval");
		return;
	}
	ca_buf_put_text(out, "grants approved by ");
	for (size_t i = 0; i < role->quorum.group_count; i++) {
		const struct ca_quorum_group *group = &role->quorum.groups[i];
		ca_buf_printf(out, "%s%u of ", i ? " and " : "", group->need);
		for (size_t j = 0; j < group->of_count; j++)
			ca_buf_printf(out, "%s%s", j ? ", " : "", group->of[j]);
	}
}
