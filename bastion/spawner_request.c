/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spawner_request.c - what a keeper asks to be started.
 */
#include "bastion/spawner_request.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* Names, and with `*` beginnings of names. No loader, shell or locale path variable is among them.
 */
static const char *const variables[] = { "PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "TZ",
	"LANG", "LC_*", "COLUMNS", "LINES", "POSTERN_*" };

static bool
read_strings(struct ca_reader *reader, char **out, size_t max)
{
	uint32_t count = ca_read_u32(reader);

	if (count > max)
		return false;
	for (uint32_t i = 0; i < count; i++)
		if ((out[i] = ca_read_cstring(reader)) == NULL)
			return false;
	return true;
}

bool
bas_spawn_request_parse(struct bas_spawn_request *out, struct ca_bytes payload)
{
	struct ca_reader reader = ca_reader_of(payload.data, payload.len);
	uint8_t terminal;

	memset(out, 0, sizeof(*out));
	out->tag = ca_read_u32(&reader);
	out->role = ca_read_cstring(&reader);
	out->command = ca_read_cstring(&reader);
	if (out->role == NULL || out->command == NULL ||
	    !read_strings(&reader, out->argv, BAS_SPAWN_ARGS) ||
	    !read_strings(&reader, out->envp, BAS_SPAWN_VARIABLES))
		return false;
	terminal = ca_read_u8(&reader);
	out->terminal = terminal == 1;
	return ca_reader_done(&reader) && terminal <= 1;
}

void
bas_spawn_request_clear(struct bas_spawn_request *request)
{
	free(request->role);
	free(request->command);
	for (size_t i = 0; request->argv[i] != NULL; i++)
		free(request->argv[i]);
	for (size_t i = 0; request->envp[i] != NULL; i++)
		free(request->envp[i]);
	memset(request, 0, sizeof(*request));
}

static bool
is_allowed(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
		size_t want = strlen(variables[i]);

		if (variables[i][want - 1] == '*'
			? len >= want && memcmp(variables[i], name, want - 1) == 0
			: len == want && memcmp(variables[i], name, len) == 0)
			return true;
	}
	return false;
}

static bool
check_environment(char *const *envp, struct ca_why *why)
{
	for (; *envp != NULL; envp++) {
		const char *equals = strchr(*envp, '=');

		if (equals == NULL || !is_allowed(*envp, (size_t)(equals - *envp)))
			return ca_why_set(
			    why, "variable '%.64s' is not one a command may have", *envp);
	}
	return true;
}

bool
bas_spawn_request_check(const struct bas_spawn_request *request, const struct bas_config *config,
    const struct bas_role **role, const struct bas_command **command, struct ca_why *why)
{
	*role = bas_config_role(config, request->role);
	if (*role == NULL)
		return ca_why_set(why, "no role '%.64s'", request->role);
	*command = bas_role_command(*role, request->command);
	if (*command == NULL)
		return ca_why_set(
		    why, "role '%s' has no command '%.64s'", request->role, request->command);
	if (request->argv[0] == NULL || strcmp(request->argv[0], (*command)->argv[0]) != 0)
		return ca_why_set(why, "program '%.64s' is not that of command '%s'",
		    request->argv[0] == NULL ? "" : request->argv[0], (*command)->name);
	return check_environment(request->envp, why);
}

void
bas_spawn_answer_put(struct ca_buf *out, uint32_t tag, pid_t pid, const struct ca_why *why)
{
	ca_buf_put_u32(out, tag);
	ca_buf_put_u8(out, pid != 0);
	ca_buf_put_u32(out, (uint32_t)pid);
	ca_buf_put_cstring(out, pid != 0 ? "" : why->text);
}

void
bas_spawn_end_put(struct ca_buf *out, uint32_t tag, int status, uint64_t cpu)
{
	const char *name = "";

	if (WIFSIGNALED(status) && (name = sigabbrev_np(WTERMSIG(status))) == NULL)
		name = "KILL"; /* a real-time signal has no name on the wire */
	ca_buf_put_u32(out, tag);
	ca_buf_put_u32(out, WIFEXITED(status) ? (uint32_t)WEXITSTATUS(status) : 0);
	ca_buf_put_cstring(out, name);
	ca_buf_put_u64(out, cpu);
}
