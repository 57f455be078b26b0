/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_read.h - the parts of a post's configuration, each read in a file of its own
 * with the tables of ca/config.h. The reader's subject is a struct bas_config.
 */
#ifndef BAS_CONFIG_READ_H
#define BAS_CONFIG_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "bastion/config.h"
#include "ca/config.h"
#include "ca/why.h"

/* config_key.c: into a struct bas_config, in this order. */
ca_setter bas_setting_authorities;
ca_setter bas_setting_identities;
ca_setter bas_setting_approvers;
/* config_role.c: the group `roles`, into a struct bas_config; after the keys. */
ca_setter bas_setting_roles;
/* config_command.c: the list `commands`, into a struct bas_role. */
ca_setter bas_setting_commands;

/* config_parameter.c: the list `parameters`, into a struct bas_command. */
ca_setter bas_setting_parameters;

/* Loads as the user `euid` would. */
CA_MUST_USE bool bas_config_load_as(
    struct bas_config **out, const char *path, uid_t euid, struct ca_why *why);
/* The same from memory; `path` is where it would stand. */
CA_MUST_USE bool bas_config_parse(struct bas_config **out, const char *path, const void *text,
    size_t len, uid_t euid, struct ca_why *why);

#endif
