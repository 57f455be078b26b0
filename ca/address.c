/* SPDX-License-Identifier: Apache-2.0 */
/*
 * address.c - IP addresses and lists of CIDR blocks.
 */
#include "ca/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/text.h"

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

struct block {
	struct ca_address address;
	unsigned bits; /* of the 128-bit form */
};

static void
put_v4(struct ca_address *out, const void *four)
{
	memcpy(out->bytes, mapped, sizeof mapped);
	memcpy(out->bytes + sizeof mapped, four, 4);
}

bool
ca_address_from_sockaddr(struct ca_address *out, const struct sockaddr *sa)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (sa->sa_family == AF_INET) {
		memcpy(&v4, sa, sizeof v4);
		put_v4(out, &v4.sin_addr);
		return true;
	}
	if (sa->sa_family == AF_INET6) {
		memcpy(&v6, sa, sizeof v6);
		memcpy(out->bytes, &v6.sin6_addr, sizeof out->bytes);
		return true;
	}
	return false;
}

/* inet_pton takes no octal, no short form and no zone: what we want. */
bool
ca_address_parse(struct ca_address *out, const char *text)
{
	uint8_t four[4];

	if (inet_pton(AF_INET, text, four) == 1) {
		put_v4(out, four);
		return true;
	}
	return inet_pton(AF_INET6, text, out->bytes) == 1;
}

static bool
is_v4(const struct ca_address *address)
{
	return memcmp(address->bytes, mapped, sizeof mapped) == 0;
}

void
ca_address_format(const struct ca_address *address, char out[static CA_ADDRESS_TEXT_SIZE])
{
	const char *text;

	if (is_v4(address))
		text = inet_ntop(AF_INET, address->bytes + 12, out, CA_ADDRESS_TEXT_SIZE);
	else
		text = inet_ntop(AF_INET6, address->bytes, out, CA_ADDRESS_TEXT_SIZE);
	if (text == NULL)
		abort();
}

static bool
bit_of(const struct ca_address *address, unsigned bit)
{
	return (address->bytes[bit / 8] >> (7 - bit % 8) & 1) != 0;
}

static bool
parse_block(struct block *out, char *entry)
{
	char *slash = strchr(entry, '/');
	unsigned most = strchr(entry, ':') != NULL ? 128 : 32;
	uint64_t bits = most;

	if (slash != NULL) {
		*slash = '\0';
		if (!ca_text_to_u64(slash + 1, most, &bits))
			return false;
	}
	if (!ca_address_parse(&out->address, entry))
		return false;
	out->bits = (unsigned)bits + (128 - most);
	for (unsigned bit = out->bits; bit < 128; bit++)
		if (bit_of(&out->address, bit))
			return false;
	return true;
}

static bool
block_contains(const struct block *block, const struct ca_address *address)
{
	for (unsigned bit = 0; bit < block->bits; bit++)
		if (bit_of(&block->address, bit) != bit_of(address, bit))
			return false;
	return true;
}

/* Walks the whole list even after a match: a bad entry anywhere makes it bad. */
static bool
walk_list(const char *list, const struct ca_address *address, bool *contains, struct ca_why *why)
{
	*contains = false;
	for (;;) {
		size_t len = strcspn(list, ",");
		char entry[CA_ADDRESS_TEXT_SIZE + 4];
		struct block block;

		if (len == 0 || len >= sizeof entry)
			return ca_why_set(
			    why, "source list has an entry that is empty or too long");
		memcpy(entry, list, len);
		entry[len] = '\0';
		if (!parse_block(&block, entry))
			return ca_why_set(
			    why, "source '%.*s' is not an address or a CIDR block", (int)len, list);
		if (address != NULL && block_contains(&block, address))
			*contains = true;
		if (list[len] == '\0')
			return true;
		list += len + 1;
	}
}

bool
ca_address_list_check(const char *list, struct ca_why *why)
{
	bool contains;

	return walk_list(list, NULL, &contains, why);
}

bool
ca_address_list_contains(const char *list, const struct ca_address *address)
{
	bool contains;

	return walk_list(list, address, &contains, NULL) && contains;
}
