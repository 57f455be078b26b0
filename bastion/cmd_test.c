/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_test.c - `postern-bastion -t`: the configuration checked, and what it comes to on this
 * machine.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bastion/confine_parts.h"
#include "bastion/host_key.h"
#include "bastion/plan.h"
#include "bastion/verbs.h"
#include "ca/file.h"
#include "ca/krl.h"

#define MAX_KRL ((size_t)16 << 20)

/* What the rooms will read when they start; they would say so too, but only then. */
static bool
check_files(
    const struct bas_config *config, char gate[static CA_FINGERPRINT_SIZE], struct ca_why *why)
{
	struct ca_buf data = { 0 };
	struct ca_krl *krl = NULL;
	int fd = bas_host_key_open(config->host_key, gate, why);
	bool ok;
	if (fd < 0)
		return false;
	close(fd);
	if (config->krl == NULL)
		return true;
	ok = ca_file_read_trusted(config->krl, MAX_KRL, false, &data, why) &&
	     ca_krl_parse(&krl, data.data, data.len, why);
	if (!ok)
		ca_why_prefix(why, "'krl'");
	ca_krl_free(krl);
	ca_buf_clear(&data);
	return ok;
}

/* Whether the spawner would start it: it asks the same two questions. */
static void
put_command(struct ca_buf *out, const struct bas_confinement *here, const struct bas_role *role,
    const struct bas_command *command)
{
	struct ca_why why = { { 0 } };
	int program = bas_confine_program(command->argv[0], role, &why);
	ca_buf_printf(out, "  %s%s%s\n", command->name, command->help ? ": " : "",
	    command->help ? command->help : "");
	if (program < 0)
		ca_buf_printf(out, "    REFUSED   %s\n", why.text);
	else
		close(program);
	if (!bas_confine_check_command(here, command, &why))
		ca_buf_printf(out, "    REFUSED   %s\n", why.text);
	bas_plan_put_argv(out, command->argv, command->argc);
	bas_plan_put_limits(out, role, command, here->level);
}

static void
put_role(struct ca_buf *out, const struct bas_confinement *here, const struct bas_role *role)
{
	struct ca_why why = { { 0 } };
	ca_buf_printf(out, "\nrole %s: needs confinement %s; admits ", role->name,
	    bas_level_name(role->least));
	bas_plan_put_admission(out, role);
	ca_buf_put_u8(out, '\n');
	if (!bas_confine_check(here, role, &why))
		ca_buf_printf(out, "  CANNOT RUN HERE, every command is refused: %s\n", why.text);
	for (size_t i = 0; i < role->command_count; i++)
		put_command(out, here, role, &role->commands[i]);
}

static bool
put_post(struct ca_buf *out, const struct bas_config *config, const char *gate, struct ca_why *why)
{
	const struct bas_confinement *here = bas_confine_best(why);
	if (here == NULL)
		return false;
	ca_buf_printf(out, "%s: good\n", config->path);
	ca_buf_printf(out, "environment %s, listens on", config->environment);
	for (size_t i = 0; i < config->listen_count; i++)
		ca_buf_printf(out, " %s", config->listen[i]);
	ca_buf_printf(out, "; revocations: %s\n", config->krl == NULL ? "none" : config->krl);
	ca_buf_printf(out, "host key %s, as it stands in grants\n", gate);
	ca_buf_printf(out, "this machine holds commands at level %s%s\n",
	    bas_level_name(here->level),
	    bas_level_holds_lists(here->level) ? "" : ": files and destinations are not held");
	if (bas_confine_missing()[0] != '\0')
		ca_buf_printf(out, "  not at a higher one: %s\n", bas_confine_missing());
	if (bas_landlock_abi() == 0)
		ca_buf_put_text(out,
		    "  this kernel has no Landlock: files have one fence, not two, "
		    "and 'execute' is refused\n");
	for (size_t i = 0; i < config->role_count; i++)
		put_role(out, here, &config->roles[i]);
	return ca_buf_ok(out) || ca_why_set(why, "out of memory");
}

int
bas_cmd_test(const char *path, int argc, char **argv)
{
	struct bas_config *config = NULL;
	struct ca_why why = { { 0 } };
	struct ca_buf text = { 0 };
	char gate[CA_FINGERPRINT_SIZE];
	int status = 1;

	(void)argv;
	if (argc != 1)
		return 2;
	if (!bas_config_load(&config, path, &why)) {
		fprintf(stderr, "%s\n", why.text);
	} else if (!check_files(config, gate, &why) || !put_post(&text, config, gate, &why)) {
		fprintf(stderr, "%s: %s\n", path, why.text);
	} else {
		fwrite(text.data, 1, text.len, stdout);
		status = fflush(stdout) == 0 ? 0 : 1;
	}
	bas_config_free(config);
	ca_buf_clear(&text);
	return status;
}
