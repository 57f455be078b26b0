/* SPDX-License-Identifier: Apache-2.0 */
/*
 * post_listener.h - the listener as a program of its own.
 */
#ifndef BAS_POST_LISTENER_H
#define BAS_POST_LISTENER_H

#include <sys/types.h>

#include "bastion/config.h"
#include "bastion/rooms.h"
#include "ca/why.h"

/* What executes the program again as `postern-bastion room listener SPAWNER`. */
#define BAS_ROOM_VERB "room"

/* Starts a listener of `config`; `given` are its descriptors, borrowed; `mine` is the spawner's end
 * of given->parent. Its pid, or -1 with a sentence. */
CA_MUST_USE pid_t bas_post_start_listener(const struct bas_config *config,
    const struct bas_listener_fds *given, int mine, struct ca_why *why);
/* The other half, in the fresh program. Returns its exit status. */
int bas_post_be_listener(const char *spawner);

#endif
