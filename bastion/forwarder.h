/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forwarder.h - carries a command's connections out of its empty network to what `connect` lists.
 *
 * A process of the role's user outside the command's namespaces. It is given listening sockets that
 * were made inside, one for each entry, and connects each to that entry's address only.
 */
#ifndef BAS_FORWARDER_H
#define BAS_FORWARDER_H

#include <stdbool.h>

#include "bastion/confine.h"
#include "ca/why.h"

/* Starts one for the launch; `init` becomes the end over which the init gives it the sockets, and
 * whose closing ends it. Both are -1 and 0 when the command lists nothing. */
CA_MUST_USE bool bas_forwarder_start(
    const struct bas_launch *launch, int *init, pid_t *pid, struct ca_why *why);
/* In the order of `connect`. */
CA_MUST_USE bool bas_forwarder_give(int forwarder, int listening);

#endif
