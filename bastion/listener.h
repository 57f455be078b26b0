/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listener.h - what the listener knows of connections: listener.c accepts and forks, and
 * listener_table.c counts and hands on.
 */
#ifndef BAS_LISTENER_H
#define BAS_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bastion/config.h"
#include "bastion/crashes.h"
#include "ca/address.h"

struct bas_connection {
	pid_t door;	     /* our child; 0: it ended, or is another listener's */
	int status;	     /* the pipe's read end; -1: over, or handed on */
	uint8_t address[16]; /* what is counted together: an IPv4 address, an IPv6 /64 */
	bool authenticated;
	bool ended; /* we killed its door */
};

/* Connections are moved when one is dropped: walk from the last to the first. */
struct bas_connections {
	const struct bas_limits *limits;
	struct bas_connection *list;
	size_t count, max;
	struct bas_crashes crashes;
};

CA_MUST_USE bool bas_connections_init(
    struct bas_connections *connections, const struct bas_limits *limits);
void bas_connections_clear(struct bas_connections *connections);
void bas_connections_fold(uint8_t out[static 16], const struct ca_address *address);
uint64_t bas_connections_now(void); /* seconds, for `crashes` */
/* Why there is no room for one more; NULL: there is. */
const char *bas_connections_limit(
    const struct bas_connections *connections, const uint8_t address[static 16]);
/* There is room, as _limit said. Takes over `status`. */
void bas_connections_add(
    struct bas_connections *connections, pid_t door, int status, const uint8_t address[static 16]);
/* Reads the status pipe at `index`; drops the connection when it is over. */
void bas_connections_hear(struct bas_connections *connections, size_t index);
/* A child ended. True when `*was` is the connection that it served. */
bool bas_connections_reaped(
    struct bas_connections *connections, pid_t door, struct bas_connection *was);
/* Kills the doors that have not logged in. */
void bas_connections_end_strangers(struct bas_connections *connections);

/* From one listener to the next: pipes and crashes, then the end of the socket, which is taken
 * over by both. What has no room at the new one goes on without being counted. */
void bas_connections_hand_on(struct bas_connections *connections, int socket);
void bas_connections_inherit(struct bas_connections *connections, int socket);

#endif
