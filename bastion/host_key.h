/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_key.h - the post's host key as the one process sees it that may read it: judged before any
 * room starts, so that what is wrong with it is said at once.
 */
#ifndef BAS_HOST_KEY_H
#define BAS_HOST_KEY_H

#include "ca/key.h"
#include "ca/why.h"

/*
 * Opens the private key file, for listeners to read, and gives the fingerprint of its public half,
 * which is what grants name. -1 with a sentence: it cannot be read, others may read it, it has a
 * passphrase, or is no key that a server can have.
 */
CA_MUST_USE int bas_host_key_open(
    const char *path, char fingerprint[static CA_FINGERPRINT_SIZE], struct ca_why *why);

#endif
