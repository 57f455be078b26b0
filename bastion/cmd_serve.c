/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_serve.c - `postern-bastion [-f FILE]`: serves until it is told to stop.
 */
#include "bastion/post.h"
#include "bastion/verbs.h"

int
bas_cmd_serve(const char *path, int argc, char **argv)
{
	(void)argv;
	if (argc != 1)
		return 2;
	return bas_post_run(path);
}
