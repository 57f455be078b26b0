/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fence.h - what is left to clerk, nursery and listener once they are ready: of system calls, and
 * of files. What they fork has no more than they.
 */
#ifndef BAS_FENCE_H
#define BAS_FENCE_H

#include <stdbool.h>

#include "ca/why.h"

CA_MUST_USE bool bas_fence_clerk(struct ca_why *why);
/* `recordings`: the only folder in which files can be opened, a descriptor; -1: none. */
CA_MUST_USE bool bas_fence_nursery(int recordings, struct ca_why *why);
CA_MUST_USE bool bas_fence_listener(struct ca_why *why);

#endif
