/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_control.h - what the verbs that speak to a running post share.
 */
#ifndef BAS_CMD_CONTROL_H
#define BAS_CMD_CONTROL_H

#include <jansson.h>
#include <stdbool.h>

/* Loads the configuration at `path`, asks the post that runs with it, and complains on stderr.
 * Takes over `request`. Caller frees the answer; NULL: complained. */
json_t *bas_cmd_ask(const char *path, json_t *request);

#endif
