/* SPDX-License-Identifier: Apache-2.0 */
/*
 * post_room.h - from the process that was started to a room of its own.
 */
#ifndef BAS_POST_ROOM_H
#define BAS_POST_ROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "bastion/config.h"
#include "ca/why.h"

#define BAS_ROOM_FIRST_FD 3

/* Who a room is. */
struct bas_room {
	const char *title;
	const char *user; /* NULL: stays who we are */
	uid_t uid;
	gid_t gid;
	const char *root; /* folder to be shut into, or NULL; only when we may */
};

/*
 * In a fresh child of `parent`: nothing left but `fds`, renumbered from BAS_ROOM_FIRST_FD, and 0,
 * 1, 2; then user, root, signals, as rooms.h promises. False with a sentence: exit.
 */
CA_MUST_USE bool bas_room_enter(
    const struct bas_room *room, pid_t parent, int *fds, size_t count, struct ca_why *why);
/* The state folder and its `empty`: made when they are missing, and refused when others may write
 * there. */
CA_MUST_USE bool bas_room_prepare_state(const struct bas_config *config, struct ca_why *why);

#endif
