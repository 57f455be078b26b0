/* SPDX-License-Identifier: Apache-2.0 */
/*
 * post.h - a running post: starts the rooms, is the spawner, ends everything when one room fails.
 */
#ifndef BAS_POST_H
#define BAS_POST_H

#include "ca/why.h"

/*
 * Runs until SIGTERM or SIGINT (0) or until a room fails (1); SIGHUP reads the configuration again.
 * Speaks on stderr. Leaves no process behind.
 */
int bas_post_run(const char *path);

#endif
