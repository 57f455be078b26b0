/* SPDX-License-Identifier: Apache-2.0 */
/*
 * krl_list.h - what a revocation list is in memory, between its reader and its
 * questions: sorted arrays, so that a million serials are one binary search.
 */
#ifndef CA_KRL_LIST_H
#define CA_KRL_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "ca/buf.h"

/* More authorities than anyone has; bounds what a hostile file makes us walk. */
#define CA_KRL_MAX_SECTIONS 1024

/* A growing array of items of one size, which its users know. */
struct ca_krl_list {
	void *items;
	size_t count, room;
};

/* Room for one more item, zeroed; NULL when out of memory. */
void *ca_krl_list_add(struct ca_krl_list *list, size_t item_size);

struct ca_krl_range {
	uint64_t lo, hi; /* inclusive */
};

/* Kept as it was in the file: spelt out as ranges it could grow sixtyfold. */
struct ca_krl_bitmap {
	uint64_t lo, hi;      /* of its first and last bit */
	uint64_t reach;	      /* highest hi of this bitmap and those before it */
	struct ca_bytes bits; /* big-endian; bit 0 is the least of the last byte */
};

/* Revocations of certificates by one authority. */
struct ca_krl_section {
	struct ca_bytes authority;  /* key blob; empty: any authority */
	struct ca_krl_list ranges;  /* struct ca_krl_range, ascending, apart */
	struct ca_krl_list bitmaps; /* struct ca_krl_bitmap, by lo */
	struct ca_krl_list key_ids; /* struct ca_bytes, by ca_krl_compare_bytes */
};

struct ca_krl {
	uint64_t number, generated;
	uint8_t *data;		     /* the file; bitmaps and names point into it */
	struct ca_krl_list sections; /* struct ca_krl_section */
	struct ca_krl_list sha256;   /* uint8_t[32], sorted; of keys given whole too */
	struct ca_krl_list sha1;     /* uint8_t[20], sorted */
};

int ca_krl_compare_bytes(const void *a, const void *b); /* struct ca_bytes */
int ca_krl_compare_sha256(const void *a, const void *b);
int ca_krl_compare_sha1(const void *a, const void *b);

#endif
