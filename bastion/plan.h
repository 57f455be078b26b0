/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.h - what running a command comes to, as lines of text for the person who wrote the policy.
 */
#ifndef BAS_PLAN_H
#define BAS_PLAN_H

#include <stddef.h>

#include "bastion/call.h"
#include "bastion/config.h"
#include "ca/buf.h"

/* `argv` and its words, one a line: those of a template or of a call. */
void bas_plan_put_argv(struct ca_buf *out, const char *const *argv, size_t argc);
/* User, files, destinations, limits; says of what `level` does not hold that it does not. */
void bas_plan_put_limits(struct ca_buf *out, const struct bas_role *role,
    const struct bas_command *command, enum bas_level level);
/* How the role lets in. */
void bas_plan_put_admission(struct ca_buf *out, const struct bas_role *role);
/* Whether `level` keeps a command from everything that is not listed. */
bool bas_level_holds_lists(enum bas_level level);

#endif
