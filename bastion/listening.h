/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listening.h - the sockets a post listens on, kept across reloads.
 */
#ifndef BAS_LISTENING_H
#define BAS_LISTENING_H

#include <stddef.h>

#include "bastion/config.h"
#include "ca/why.h"

#define BAS_LISTENING_TEXT 64

struct bas_listening {
	int *fds;      /* owned, close-on-exec, non-blocking */
	char **wanted; /* as in the configuration */
	size_t count;
};

/*
 * Binds every address of `config`, taking over from `old` (may be NULL) those it has already. On
 * success `old` is empty and what nobody wants any more is closed; on failure `old` is as it was.
 */
CA_MUST_USE bool bas_listening_open(struct bas_listening *out, const struct bas_config *config,
    struct bas_listening *old, struct ca_why *why);
void bas_listening_close(struct bas_listening *listening);
/* `127.0.0.1:2222`, `[::1]:2222`: where it really is. */
void bas_listening_format(int fd, char out[static BAS_LISTENING_TEXT]);

#endif
