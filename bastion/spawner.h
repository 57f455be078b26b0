/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spawner.h - starts confined commands for keepers, and ends their trees.
 *
 * It believes a keeper that the command was judged, and nothing else: role and command are looked
 * up in its own copy of the configuration, and the program is that command's. Never blocks on a
 * keeper: one that does not read its answers is dropped, and its commands with it.
 */
#ifndef BAS_SPAWNER_H
#define BAS_SPAWNER_H

#include <stdbool.h>
#include <sys/types.h>

#include "bastion/config.h"
#include "bastion/confine.h"
#include "ca/why.h"

struct bas_spawner;

/* Makes the calling process a sub-reaper. */
CA_MUST_USE bool bas_spawner_new(
    struct bas_spawner **out, const struct bas_confinement *confinement, struct ca_why *why);
void bas_spawner_free(struct bas_spawner *spawner); /* kills what runs; NULL is fine */
/* Takes over both, also on failure. Keepers that come over this socket are served with this
 * configuration, which is freed when the last of them is gone. */
CA_MUST_USE bool bas_spawner_add_nursery(
    struct bas_spawner *spawner, int socket, struct bas_config *config, struct ca_why *why);
/* Readable when bas_spawner_dispatch has something to do. Borrowed. */
int bas_spawner_fd(const struct bas_spawner *spawner);
void bas_spawner_dispatch(struct bas_spawner *spawner);
/* Gives the milliseconds after which to call it again, or -1. */
int bas_spawner_tick(struct bas_spawner *spawner);
/* A child of this process ended. False when it was not one of the inits. */
bool bas_spawner_reaped(struct bas_spawner *spawner, pid_t pid);
bool bas_spawner_knows(const struct bas_spawner *spawner, pid_t pid);
/* Kills every tree and forgets every keeper. */
void bas_spawner_end(struct bas_spawner *spawner);
bool bas_spawner_is_idle(const struct bas_spawner *spawner); /* no tree is left */

#endif
