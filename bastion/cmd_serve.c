/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_serve.c - `postern-bastion [-f FILE]`: serves until it is told to stop.
 */
#include <unistd.h>

#include "bastion/post.h"
#include "bastion/verbs.h"

int
bas_cmd_serve(const char *path, int argc, char **argv)
{
	(void)argv;
	if (argc != 1)
		return 2;
	/* What the one who starts us left open is nobody's business here. */
	(void)close_range(STDERR_FILENO + 1, ~0U, 0);
	return bas_post_run(path);
}
