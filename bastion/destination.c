/* SPDX-License-Identifier: Apache-2.0 */
/*
 * destination.c - hosts, ports, and metadata services. RFC 3927, RFC 4291, RFC 6052.
 */
#include "bastion/destination.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "ca/address.h"

/* Link-local of both families; AWS and GCP over IPv6; Azure; Alibaba; Oracle. */
#define METADATA                                                                        \
	"169.254.0.0/16,fe80::/10,fd00:ec2::254/128,fd20:ce::254/128,168.63.129.16/32," \
	"100.100.100.200/32,192.0.0.192/32"

bool
bas_destination_host(const char *text, char out[static BAS_DESTINATION_HOST])
{
	const char *colon = strrchr(text, ':');
	size_t len = colon == NULL ? 0 : (size_t)(colon - text);

	if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	if (len == 0 || len >= BAS_DESTINATION_HOST)
		return false;
	memcpy(out, text, len);
	out[len] = '\0';
	return true;
}

uint16_t
bas_destination_port(const char *text)
{
	const char *colon = strrchr(text, ':');

	return colon == NULL ? 0 : (uint16_t)strtoul(colon + 1, NULL, 10);
}

/* ::a.b.c.d, 64:ff9b::a.b.c.d and 2002:ab:cd:: carry an IPv4 address to whoever translates. */
static bool
unwrap(const struct ca_address *address, struct ca_address *out)
{
	static const uint8_t zeros[12], nat64[12] = { 0, 0x64, 0xff, 0x9b };
	const uint8_t *bytes = address->bytes;

	memset(out->bytes, 0, 10);
	out->bytes[10] = out->bytes[11] = 0xff;
	if (memcmp(bytes, zeros, 12) == 0 || memcmp(bytes, nat64, 12) == 0)
		memcpy(out->bytes + 12, bytes + 12, 4);
	else if (bytes[0] == 0x20 && bytes[1] == 0x02)
		memcpy(out->bytes + 12, bytes + 2, 4);
	else
		return false;
	return true;
}

static bool
is_metadata(const struct ca_address *address)
{
	struct ca_address inner;

	return ca_address_list_contains(METADATA, address) ||
	       (unwrap(address, &inner) && ca_address_list_contains(METADATA, &inner));
}

bool
bas_destination_is_metadata(const struct sockaddr *address)
{
	struct ca_address plain;

	/* neither IPv4 nor IPv6: nothing that we forward to */
	return !ca_address_from_sockaddr(&plain, address) || is_metadata(&plain);
}

bool
bas_destination_is_refused(const char *text)
{
	char host[BAS_DESTINATION_HOST];
	struct ca_address address;

	return bas_destination_host(text, host) && ca_address_parse(&address, host) &&
	       is_metadata(&address);
}
