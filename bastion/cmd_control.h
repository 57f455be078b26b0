/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_control.h - what the verbs that speak to a running post share.
 */
#ifndef BAS_CMD_CONTROL_H
#define BAS_CMD_CONTROL_H

#include <jansson.h>

/*
 * Loads the configuration at `path` and asks the post that runs with it. Takes over `request`.
 * Gives 0, and the caller frees `*answer`; or after complaining on stderr the exit status: 1 the
 * post does not run or says no, 3 what was named is not there.
 */
int bas_cmd_ask(json_t **answer, const char *path, json_t *request);

#endif
