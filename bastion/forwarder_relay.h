/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forwarder_relay.h - accepts, connects, copies both ways.
 */
#ifndef BAS_FORWARDER_RELAY_H
#define BAS_FORWARDER_RELAY_H

#include <stddef.h>
#include <sys/socket.h>

#define BAS_WAY_ADDRESSES 4

/* One entry of `connect`. */
struct bas_way {
	int listening; /* non-blocking */
	struct sockaddr_storage to[BAS_WAY_ADDRESSES];
	socklen_t len[BAS_WAY_ADDRESSES];
	size_t count; /* of addresses, tried in order; 0: accepts and closes */
};

/* Returns when `control` has ended. Makes no call but those that forwarder.c lists. */
void bas_forwarder_relay(struct bas_way *ways, size_t count, int control);

#endif
