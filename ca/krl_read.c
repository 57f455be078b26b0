/* SPDX-License-Identifier: Apache-2.0 */
/*
 * krl_read.c - reads a revocation list (PROTOCOL.krl) and sorts it.
 *
 * Every section that stock ssh-keygen writes, bitmaps of any size included (its
 * own reader stops at 16384 bits). What is not known is refused, not skipped: a
 * list that is read in part revokes too little.
 */
#include <stdlib.h>
#include <string.h>

#include "ca/crypto.h"
#include "ca/krl.h"
#include "krl_list.h"

static const uint8_t magic[8] = { 'S', 'S', 'H', 'K', 'R', 'L', '\n', '\0' };

enum section_type { CERTIFICATES = 1, KEYS = 2, SHA1 = 3, SHA256 = 5 };
enum subsection_type { SERIALS = 0x20, RANGE = 0x21, BITMAP = 0x22, KEY_IDS = 0x23 };

static bool
add_range(struct ca_krl_section *section, uint64_t lo, uint64_t hi, struct ca_why *why)
{
	struct ca_krl_range *range;

	if (lo == 0)
		return ca_why_set(why, "serial 0 cannot be revoked");
	if (hi < lo)
		return ca_why_set(why, "range of serials ends before it begins");
	range = ca_krl_list_add(&section->ranges, sizeof(*range));
	if (range == NULL)
		return ca_why_set(why, "out of memory");
	range->lo = lo;
	range->hi = hi;
	return true;
}

static bool
read_serials(struct ca_krl_section *section, struct ca_reader *reader, struct ca_why *why)
{
	while (reader->left > 0) {
		uint64_t serial = ca_read_u64(reader);

		if (reader->failed)
			return ca_why_set(why, "list of serials is cut short");
		if (!add_range(section, serial, serial, why))
			return false;
	}
	return true;
}

static bool
read_range(struct ca_krl_section *section, struct ca_reader *reader, struct ca_why *why)
{
	uint64_t lo = ca_read_u64(reader);
	uint64_t hi = ca_read_u64(reader);

	if (!ca_reader_done(reader))
		return ca_why_set(why, "range of serials is not two numbers");
	return add_range(section, lo, hi, why);
}

static bool
read_bitmap(struct ca_krl_section *section, struct ca_reader *reader, struct ca_why *why)
{
	uint64_t lo = ca_read_u64(reader);
	struct ca_bytes bits = ca_read_mpint(reader);
	struct ca_krl_bitmap *map;
	uint64_t last;

	if (!ca_reader_done(reader))
		return ca_why_set(why, "bitmap is not an offset and a number");
	if (bits.len == 0)
		return ca_why_set(why, "bitmap is empty");
	/* The number of the highest bit: minimal, so the first byte is not zero. */
	last = (uint64_t)bits.len * 8 - 1;
	for (uint8_t top = bits.data[0]; (top & 0x80) == 0; top = (uint8_t)(top << 1))
		last--;
	if (lo > UINT64_MAX - last)
		return ca_why_set(why, "bitmap goes past the highest serial");
	if (lo == 0 && (bits.data[bits.len - 1] & 1) != 0)
		return ca_why_set(why, "serial 0 cannot be revoked");
	map = ca_krl_list_add(&section->bitmaps, sizeof(*map));
	if (map == NULL)
		return ca_why_set(why, "out of memory");
	map->lo = lo;
	map->hi = lo + last;
	map->bits = bits;
	return true;
}

static bool
read_key_ids(struct ca_krl_section *section, struct ca_reader *reader, struct ca_why *why)
{
	while (reader->left > 0) {
		struct ca_bytes text = ca_read_string(reader);
		struct ca_bytes *key_id;

		if (reader->failed)
			return ca_why_set(why, "list of key ids is cut short");
		if (text.len > 0 && memchr(text.data, '\0', text.len) != NULL)
			return ca_why_set(why, "key id has a NUL in it");
		key_id = ca_krl_list_add(&section->key_ids, sizeof(*key_id));
		if (key_id == NULL)
			return ca_why_set(why, "out of memory");
		*key_id = text;
	}
	return true;
}

/*
 * Keys are compared as bytes, not parsed: a list may name keys that we would not
 * take, and they stay revoked. A certificate in a key's place would never match.
 */
static bool
check_plain_key(struct ca_bytes blob, struct ca_why *why)
{
	static const char mark[] = "-cert-v0";
	struct ca_reader reader = ca_reader_of(blob.data, blob.len);
	struct ca_bytes type = ca_read_string(&reader);

	if (reader.failed || type.len == 0 || reader.left == 0)
		return ca_why_set(why, "a key is cut short");
	if (memmem(type.data, type.len, mark, sizeof(mark) - 1) != NULL)
		return ca_why_set(why, "a certificate is in the place of a key");
	return true;
}

static bool
read_subsection(
    struct ca_krl_section *section, uint8_t type, struct ca_bytes data, struct ca_why *why)
{
	struct ca_reader reader = ca_reader_of(data.data, data.len);

	switch (type) {
	case SERIALS:
		return read_serials(section, &reader, why);
	case RANGE:
		return read_range(section, &reader, why);
	case BITMAP:
		return read_bitmap(section, &reader, why);
	case KEY_IDS:
		return read_key_ids(section, &reader, why);
	default:
		return ca_why_set(why, "part of unknown type %u in a section", type);
	}
}

static bool
read_certificates(struct ca_krl *krl, struct ca_reader *reader, struct ca_why *why)
{
	struct ca_bytes authority = ca_read_string(reader);
	struct ca_bytes reserved = ca_read_string(reader);
	struct ca_krl_section *section;

	if (reader->failed)
		return ca_why_set(why, "section of certificates is cut short");
	if (reserved.len > 0)
		return ca_why_set(why, "reserved field is not empty");
	if (authority.len > 0 && !check_plain_key(authority, why))
		return false;
	if (krl->sections.count == CA_KRL_MAX_SECTIONS)
		return ca_why_set(why, "more than %d sections", CA_KRL_MAX_SECTIONS);
	section = ca_krl_list_add(&krl->sections, sizeof(*section));
	if (section == NULL)
		return ca_why_set(why, "out of memory");
	section->authority = authority;
	while (reader->left > 0) {
		uint8_t type = ca_read_u8(reader);
		struct ca_bytes data = ca_read_string(reader);

		if (reader->failed)
			return ca_why_set(why, "section of certificates is cut short");
		if (!read_subsection(section, type, data, why))
			return false;
	}
	return true;
}

static bool
read_keys(struct ca_krl *krl, struct ca_reader *reader, struct ca_why *why)
{
	while (reader->left > 0) {
		struct ca_bytes blob = ca_read_string(reader);
		uint8_t *hash;

		if (reader->failed)
			return ca_why_set(why, "section of keys is cut short");
		if (!check_plain_key(blob, why))
			return false;
		hash = ca_krl_list_add(&krl->sha256, CA_SHA256_SIZE);
		if (hash == NULL)
			return ca_why_set(why, "out of memory");
		ca_sha256(blob.data, blob.len, hash);
	}
	return true;
}

static bool
read_hashes(struct ca_krl_list *list, size_t size, struct ca_reader *reader, struct ca_why *why)
{
	while (reader->left > 0) {
		struct ca_bytes hash = ca_read_string(reader);
		uint8_t *item;

		if (reader->failed || hash.len != size)
			return ca_why_set(why, "a hash has not the length of its kind");
		item = ca_krl_list_add(list, size);
		if (item == NULL)
			return ca_why_set(why, "out of memory");
		memcpy(item, hash.data, size);
	}
	return true;
}

static bool
read_section(struct ca_krl *krl, uint8_t type, struct ca_bytes data, struct ca_why *why)
{
	struct ca_reader reader = ca_reader_of(data.data, data.len);

	switch (type) {
	case CERTIFICATES:
		return read_certificates(krl, &reader, why);
	case KEYS:
		return read_keys(krl, &reader, why);
	case SHA1:
		return read_hashes(&krl->sha1, CA_SHA1_SIZE, &reader, why);
	case SHA256:
		return read_hashes(&krl->sha256, CA_SHA256_SIZE, &reader, why);
	default:
		return ca_why_set(why, "section of unknown type %u", type);
	}
}

static bool
read_header(struct ca_krl *krl, struct ca_reader *reader, struct ca_why *why)
{
	struct ca_bytes head = ca_read_bytes(reader, sizeof(magic));
	uint32_t format;
	uint64_t flags;
	struct ca_bytes reserved;

	if (reader->failed || memcmp(head.data, magic, sizeof(magic)) != 0)
		return ca_why_set(why, "not a revocation list");
	format = ca_read_u32(reader);
	if (!reader->failed && format != 1)
		return ca_why_set(why, "revocation list has unknown format %u", format);
	krl->number = ca_read_u64(reader);
	krl->generated = ca_read_u64(reader);
	flags = ca_read_u64(reader);
	reserved = ca_read_string(reader);
	(void)ca_read_string(reader); /* a comment for people */
	if (reader->failed)
		return ca_why_set(why, "revocation list is cut short");
	if (flags != 0 || reserved.len > 0)
		return ca_why_set(why, "flags or reserved field of the revocation list are set");
	return true;
}

static int
compare_ranges(const void *a, const void *b)
{
	const struct ca_krl_range *x = a, *y = b;

	return (x->lo > y->lo) - (x->lo < y->lo);
}

static int
compare_bitmaps(const void *a, const void *b)
{
	const struct ca_krl_bitmap *x = a, *y = b;

	return (x->lo > y->lo) - (x->lo < y->lo);
}

static void
sort_list(struct ca_krl_list *list, size_t item_size, int (*compare)(const void *, const void *))
{
	if (list->count > 1)
		qsort(list->items, list->count, item_size, compare);
}

/* Sorted and apart, so that a binary search finds the only candidate. */
static void
settle_ranges(struct ca_krl_list *list)
{
	struct ca_krl_range *ranges = list->items;
	size_t kept = 0;

	sort_list(list, sizeof(*ranges), compare_ranges);
	for (size_t i = 1; i < list->count; i++) {
		if (ranges[i].lo > ranges[kept].hi)
			ranges[++kept] = ranges[i];
		else if (ranges[i].hi > ranges[kept].hi)
			ranges[kept].hi = ranges[i].hi;
	}
	if (list->count > 0)
		list->count = kept + 1;
}

static void
settle(struct ca_krl *krl)
{
	struct ca_krl_section *sections = krl->sections.items;

	for (size_t i = 0; i < krl->sections.count; i++) {
		struct ca_krl_list *list = &sections[i].bitmaps;
		struct ca_krl_bitmap *bitmaps = list->items;
		uint64_t reach = 0;

		settle_ranges(&sections[i].ranges);
		sort_list(&sections[i].key_ids, sizeof(struct ca_bytes), ca_krl_compare_bytes);
		sort_list(list, sizeof(*bitmaps), compare_bitmaps);
		for (size_t j = 0; j < list->count; j++) {
			reach = bitmaps[j].hi > reach ? bitmaps[j].hi : reach;
			bitmaps[j].reach = reach;
		}
	}
	sort_list(&krl->sha256, CA_SHA256_SIZE, ca_krl_compare_sha256);
	sort_list(&krl->sha1, CA_SHA1_SIZE, ca_krl_compare_sha1);
}

bool
ca_krl_parse(struct ca_krl **out, const void *data, size_t len, struct ca_why *why)
{
	struct ca_krl *krl = NULL;
	struct ca_reader reader;
	bool ok = false;

	*out = NULL;
	if (len == 0) /* sshd 9.2 takes it for a list that revokes nothing */
		return ca_why_set(why, "revocation list is empty");
	if (len > CA_KRL_MAX)
		return ca_why_set(why, "revocation list is longer than %zu bytes", CA_KRL_MAX);
	krl = calloc(1, sizeof(*krl));
	if (krl == NULL || (krl->data = malloc(len)) == NULL) {
		ca_why_set(why, "out of memory");
		goto out;
	}
	memcpy(krl->data, data, len);
	reader = ca_reader_of(krl->data, len);
	if (!read_header(krl, &reader, why))
		goto out;
	while (reader.left > 0) {
		uint8_t type = ca_read_u8(&reader);
		struct ca_bytes section = ca_read_string(&reader);

		if (reader.failed) {
			ca_why_set(why, "revocation list is cut short, or something trails it");
			goto out;
		}
		if (!read_section(krl, type, section, why))
			goto out;
	}
	settle(krl);
	*out = krl;
	krl = NULL;
	ok = true;
out:
	ca_krl_free(krl);
	return ok;
}
