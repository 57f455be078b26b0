/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rooms.h - the processes of a post, each with one entry point that never returns
 * to its caller's work.
 *
 *   spawner   the process that was started; parent of the others, the only one with privilege
 *   clerk     single writer of the log, keeper of counts
 *   nursery   the keepers' ready template; forks a keeper for each connection
 *   listener  accepts; the doors' ready template; forks a door for each connection
 *
 * When clerk, nursery or listener dies, the spawner ends the post, every command included: a room that is
 * missing is never worked around. A keeper ends when its clerk, spawner or door socket
 * does; a door ends when its keeper's does; a command's tree ends when its keeper's socket does.
 */
#ifndef BAS_ROOMS_H
#define BAS_ROOMS_H

#include <sys/types.h>

#include "bastion/config.h"

/* All return the process's exit status. Descriptors are owned by the room. */

/* parent: HUP ends it. nursery: brings a socket per keeper. */
struct bas_clerk_fds { int parent; int nursery; };
int bas_clerk_run(const struct bas_config *config, const struct bas_clerk_fds *fds);

struct bas_nursery_fds { int parent; int listener; int clerk; int spawner; };
int bas_nursery_run(const struct bas_config *config, const struct bas_nursery_fds *fds);

struct bas_listener_fds { int parent; int nursery; const int *listening; size_t listening_count; };
int bas_listener_run(const struct bas_config *config, const struct bas_listener_fds *fds);

/* One connection. door: the control socket; status: one byte 'A' is written once
 * authenticated, and its end says that the connection is over. */
struct bas_keeper_fds { int door; int status; int clerk; int spawner; };
int bas_keeper_run(const struct bas_config *config, const struct bas_keeper_fds *fds,
    const char *address, unsigned port);

#endif
