/* SPDX-License-Identifier: Apache-2.0 */
/*
 * krl.c - what is asked of a revocation list (PROTOCOL.krl).
 *
 * As in stock ssh: a key is revoked by itself or its hash, a certificate also by
 * its serial or key id under its authority (or under any), and by a revoked authority.
 */
#include "ca/krl.h"

#include <stdlib.h>
#include <string.h>

#include "ca/crypto.h"
#include "krl_list.h"

void *
ca_krl_list_add(struct ca_krl_list *list, size_t item_size)
{
	uint8_t *item;

	if (list->count == list->room) {
		size_t room = list->room == 0 ? 16 : list->room * 2;
		void *items = reallocarray(list->items, room, item_size);

		if (items == NULL)
			return NULL;
		list->items = items;
		list->room = room;
	}
	item = (uint8_t *)list->items + list->count * item_size;
	list->count++;
	return memset(item, 0, item_size);
}

int
ca_krl_compare_bytes(const void *a, const void *b)
{
	const struct ca_bytes *x = a, *y = b;
	size_t len = x->len < y->len ? x->len : y->len;
	int order = len > 0 ? memcmp(x->data, y->data, len) : 0;

	return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

int
ca_krl_compare_sha256(const void *a, const void *b)
{
	return memcmp(a, b, CA_SHA256_SIZE);
}

int
ca_krl_compare_sha1(const void *a, const void *b)
{
	return memcmp(a, b, CA_SHA1_SIZE);
}

void
ca_krl_free(struct ca_krl *krl)
{
	struct ca_krl_section *sections;

	if (krl == NULL)
		return;
	sections = krl->sections.items;
	for (size_t i = 0; i < krl->sections.count; i++) {
		free(sections[i].ranges.items);
		free(sections[i].bitmaps.items);
		free(sections[i].key_ids.items);
	}
	free(krl->sections.items);
	free(krl->sha256.items);
	free(krl->sha1.items);
	free(krl->data);
	free(krl);
}

uint64_t
ca_krl_number(const struct ca_krl *krl)
{
	return krl->number;
}

uint64_t
ca_krl_generated(const struct ca_krl *krl)
{
	return krl->generated;
}

static int
compare_serial_to_range(const void *key, const void *item)
{
	uint64_t serial = *(const uint64_t *)key;
	const struct ca_krl_range *range = item;

	return (serial > range->hi) - (serial < range->lo);
}

static bool
bitmaps_hold(const struct ca_krl_list *list, uint64_t serial)
{
	const struct ca_krl_bitmap *bitmaps = list->items;
	size_t low = 0, high = list->count;

	while (low < high) { /* to the first that begins behind serial */
		size_t middle = low + (high - low) / 2;

		if (bitmaps[middle].lo <= serial)
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t i = low; i > 0 && bitmaps[i - 1].reach >= serial; i--) {
		const struct ca_krl_bitmap *map = &bitmaps[i - 1];
		uint64_t bit = serial - map->lo;

		if (serial <= map->hi &&
		    (map->bits.data[map->bits.len - 1 - (size_t)(bit / 8)] >> (bit % 8) & 1) != 0)
			return true;
	}
	return false;
}

static bool
section_holds_serial(const struct ca_krl_section *section, uint64_t serial)
{
	if (serial == 0) /* not numbered */
		return false;
	if (section->ranges.count > 0 &&
	    bsearch(&serial, section->ranges.items, section->ranges.count,
		sizeof(struct ca_krl_range), compare_serial_to_range) != NULL)
		return true;
	return bitmaps_hold(&section->bitmaps, serial);
}

static bool
section_holds_key_id(const struct ca_krl_section *section, const char *key_id)
{
	struct ca_bytes wanted = { .data = (const uint8_t *)key_id, .len = strlen(key_id) };

	return section->key_ids.count > 0 &&
	       bsearch(&wanted, section->key_ids.items, section->key_ids.count, sizeof(wanted),
		   ca_krl_compare_bytes) != NULL;
}

static bool
section_is_for(const struct ca_krl_section *section, const struct ca_key *authority)
{
	return section->authority.len == 0 ||
	       (authority != NULL && ca_bytes_equal(section->authority, ca_key_blob(authority)));
}

static bool
revokes_serial(const struct ca_krl *krl, const struct ca_key *authority, uint64_t serial)
{
	const struct ca_krl_section *sections = krl->sections.items;

	for (size_t i = 0; i < krl->sections.count; i++)
		if (section_is_for(&sections[i], authority) &&
		    section_holds_serial(&sections[i], serial))
			return true;
	return false;
}

static bool
revokes_key_id(const struct ca_krl *krl, const struct ca_key *authority, const char *key_id)
{
	const struct ca_krl_section *sections = krl->sections.items;

	for (size_t i = 0; i < krl->sections.count; i++)
		if (section_is_for(&sections[i], authority) &&
		    section_holds_key_id(&sections[i], key_id))
			return true;
	return false;
}

bool
ca_krl_revokes_key(const struct ca_krl *krl, const struct ca_key *key)
{
	struct ca_bytes blob = ca_key_blob(key);
	uint8_t hash[CA_SHA256_SIZE];

	if (krl->sha256.count > 0) {
		ca_sha256(blob.data, blob.len, hash);
		if (bsearch(hash, krl->sha256.items, krl->sha256.count, CA_SHA256_SIZE,
			ca_krl_compare_sha256) != NULL)
			return true;
	}
	if (krl->sha1.count > 0) {
		ca_sha1(blob.data, blob.len, hash);
		return bsearch(hash, krl->sha1.items, krl->sha1.count, CA_SHA1_SIZE,
			   ca_krl_compare_sha1) != NULL;
	}
	return false;
}

bool
ca_krl_revokes(const struct ca_krl *krl, const struct ca_key *authority, uint64_t serial,
    const char *key_id, const struct ca_key *key)
{
	return revokes_serial(krl, authority, serial) ||
	       (key_id != NULL && revokes_key_id(krl, authority, key_id)) ||
	       (key != NULL && ca_krl_revokes_key(krl, key)) ||
	       (authority != NULL && ca_krl_revokes_key(krl, authority));
}

bool
ca_krl_revokes_cert(const struct ca_krl *krl, const struct ca_cert *cert, struct ca_why *why)
{
	if (revokes_serial(krl, cert->authority, cert->serial))
		ca_why_set(why, "certificate %llu is revoked", (unsigned long long)cert->serial);
	else if (revokes_key_id(krl, cert->authority, cert->key_id))
		ca_why_set(why, "key id '%s' is revoked", cert->key_id);
	else if (ca_krl_revokes_key(krl, cert->key))
		ca_why_set(why, "key of the certificate is revoked");
	else if (ca_krl_revokes_key(krl, cert->authority))
		ca_why_set(why, "authority of the certificate is revoked");
	else
		return false;
	return true;
}
