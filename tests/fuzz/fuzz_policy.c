/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_policy.c - a gate's configuration.
 *
 * Keys are read from descriptors 900 (authority), 901 (identity) and 902 (approvers), which the
 * seeds name as /proc/self/fd/900; they hold throw-away keys of stock ssh-keygen. What is accepted
 * has help for every command, and defaults that are values of their parameters.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../bastion/call_value.h"
#include "../../bastion/config_read.h"
#include "bastion/call.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
const char *__lsan_default_suppressions(void);

/* libconfig 1.5 loses the text that it was reading when a syntax error ends it. */
const char *
__lsan_default_suppressions(void)
{
	return "leak:libconfig.so\n";
}

static const char *const files[] = {
	"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBQ29tNJ+d0E7G3ucQf5SYsrL3QHeEF8otqbS9KbTZMK "
	"authority\n",
	"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICyaGIPQpJCBcVotDGvBTOLS+fbkItJ+PLGftCKekIRS "
	"identity\n",
	"bob@vendor.example namespaces=\"grant@postern\" ssh-ed25519 "
	"AAAAC3NzaC1lZDI1NTE5AAAAICO08PhwQsomKnDcKye5DhaQDZjKiA16mB+MGZQmFhmd\n"
	"carol@acme.example namespaces=\"grant@postern\" ssh-ed25519 "
	"AAAAC3NzaC1lZDI1NTE5AAAAIOnBKmjfazCmVVFCzNZFU4w1CmaRpyNdjn+IjgJ/evve\n",
};

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
open_files(void)
{
	for (int i = 0; i < 3; i++) {
		size_t len = strlen(files[i]);
		int fd = memfd_create("fuzz", MFD_CLOEXEC);
		must(fd >= 0 && write(fd, files[i], len) == (ssize_t)len);
		must(fchmod(fd, 0600) == 0 && dup2(fd, 900 + i) == 900 + i);
		close(fd);
	}
}

static void
use_command(const struct bas_role *role, const struct bas_command *command)
{
	struct ca_buf out = { 0 };
	bas_help_put(&out, role, command);
	must(ca_buf_ok(&out) && out.len > 0);
	ca_buf_clear(&out);
	must(bas_role_command(role, command->name) == command);
	must(command->argv[0][0] == '/');
	for (size_t i = 0; i < command->parameter_count; i++) {
		const struct bas_parameter *parameter = &command->parameters[i];
		if (parameter->fallback == NULL)
			continue;
		char *value = bas_value_canonical(
		    parameter, parameter->fallback, strlen(parameter->fallback), NULL);
		must(value != NULL && strcmp(value, parameter->fallback) == 0);
		free(value);
	}
}

static void
use_config(const struct bas_config *config, uid_t euid)
{
	must(config->environment != NULL && config->listen_count > 0 && config->role_count > 0);
	for (size_t i = 0; i < config->role_count; i++) {
		const struct bas_role *role = &config->roles[i];
		struct ca_buf out = { 0 };
		must(euid != 0 || (role->uid != 0 && role->user != NULL));
		must((role->admission.quorum != NULL) ==
		     (role->admission.admits == CA_ADMITS_GRANT));
		bas_help_put(&out, role, NULL);
		ca_buf_clear(&out);
		for (size_t j = 0; j < role->command_count; j++)
			use_command(role, &role->commands[j]);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static bool opened;
	if (!opened)
		open_files();
	opened = true;
	for (uid_t euid = 0; euid <= 1; euid++) {
		struct bas_config *config = NULL;
		struct ca_why why = { { 0 } };
		if (bas_config_parse(&config, "/nonexistent/fuzz.conf", data, len, euid, &why)) {
			use_config(config, euid);
			bas_config_free(config);
		} else {
			must(why.text[0] != 0 && config == NULL);
		}
	}
	return 0;
}
