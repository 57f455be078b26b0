/* SPDX-License-Identifier: Apache-2.0 */
/*
 * destination.h - an entry of `connect`, and which addresses no command reaches whatever it says.
 */
#ifndef BAS_DESTINATION_H
#define BAS_DESTINATION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define BAS_DESTINATION_HOST 256
#define BAS_DESTINATIONS_MAX 64 /* of one command */

/* The part before the port, without brackets. False: it does not fit. */
bool bas_destination_host(const char *text, char out[static BAS_DESTINATION_HOST]);
uint16_t bas_destination_port(const char *text);
/*
 * Where clouds answer whoever asks with the machine's own credentials: link-local addresses, and
 * the others that are known for it; also as IPv4 within IPv6.
 */
bool bas_destination_is_metadata(const struct sockaddr *address);
/* An entry that says such an address itself. Names are looked up when a command starts. */
bool bas_destination_is_refused(const char *text);

#endif
