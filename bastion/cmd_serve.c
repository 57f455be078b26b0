/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_serve.c - `postern-bastion [-f FILE]`: serves until it is told to stop.
 */
#include <getopt.h>
#include <stdio.h>

#include "bastion/post.h"
#include "bastion/verbs.h"

int
bas_cmd_serve(int argc, char **argv)
{
	const char *path = BAS_CONFIG_DEFAULT;
	int option;

	while ((option = getopt(argc, argv, "f:")) != -1) {
		if (option != 'f')
			return 2;
		path = optarg;
	}
	if (argc != optind) {
		fprintf(stderr, "usage: postern-bastion [serve] [-f FILE]\n");
		return 2;
	}
	return bas_post_run(path);
}
