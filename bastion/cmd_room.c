/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_room.c - `postern-bastion room ROOM SPAWNER`: how the spawner starts a room with a layout of
 * its own. Not for people, so it is in no usage.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bastion/post_listener.h"
#include "bastion/verbs.h"

int
bas_cmd_room(const char *path, int argc, char **argv)
{
	(void)path;
	if (argc != 3 || strcmp(argv[1], "listener") != 0) {
		fprintf(stderr, "postern-bastion: 'room' is for the post itself\n");
		return 2;
	}
	/* Ends like the rooms that are only forked: without what exit(3) runs, in an empty root. */
	_exit(bas_post_be_listener(argv[2]));
}
