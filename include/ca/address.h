/* SPDX-License-Identifier: Apache-2.0 */
/*
 * address.h - IP addresses and lists of CIDR blocks, as source-address has them.
 */
#ifndef CA_ADDRESS_H
#define CA_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "ca/why.h"

struct ca_address {
	uint8_t bytes[16]; /* IPv4 as ::ffff:a.b.c.d, so that one form compares */
};

#define CA_ADDRESS_TEXT_SIZE 46

CA_MUST_USE bool ca_address_from_sockaddr(struct ca_address *out, const struct sockaddr *sa);
/* Strict dotted quad or IPv6 text, no zone. */
CA_MUST_USE bool ca_address_parse(struct ca_address *out, const char *text);
void ca_address_format(const struct ca_address *address, char out[static CA_ADDRESS_TEXT_SIZE]);
/*
 * A comma list of CIDR blocks and bare addresses. Host bits set, blanks, `!`,
 * an empty entry, `127.1` or octal digits make the whole list bad.
 */
CA_MUST_USE bool ca_address_list_check(const char *list, struct ca_why *why);
/* False too when the list is bad. */
bool ca_address_list_contains(const char *list, const struct ca_address *address);

#endif
