/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crashes.c - counting doors that died, by the address they served.
 *
 * A door dies by a signal when someone tries to break into it, and hardly otherwise. Each death
 * costs whoever tries a layout that was guessed in vain; this makes the next try wait, too.
 */
#include "bastion/crashes.h"

#include <string.h>

#define RECORD (16 + 4 + 8 + 8) /* bytes of an entry */

static const struct bas_crash *
find(const struct bas_crashes *crashes, const uint8_t address[static 16])
{
	for (size_t i = 0; i < BAS_CRASHES_MAX; i++)
		if (crashes->list[i].count > 0 &&
		    memcmp(crashes->list[i].address, address, 16) == 0)
			return &crashes->list[i];
	return NULL;
}

/* A free one, else the one that was quiet longest; whoever is refused counts as not quiet. */
static struct bas_crash *
take_place(struct bas_crashes *crashes, const uint8_t address[static 16])
{
	struct bas_crash *best = &crashes->list[0];

	for (size_t i = 0; i < BAS_CRASHES_MAX && best->count > 0; i++) {
		struct bas_crash *each = &crashes->list[i];

		if (each->count == 0 || each->until < best->until ||
		    (each->until == best->until && each->last < best->last))
			best = each;
	}
	*best = (struct bas_crash){ .count = 0 };
	memcpy(best->address, address, 16);
	return best;
}

uint64_t
bas_crashes_note(struct bas_crashes *crashes, const uint8_t address[static 16], uint64_t now)
{
	struct bas_crash *crash = (struct bas_crash *)find(crashes, address);
	uint64_t seconds = BAS_CRASHES_FIRST;

	if (crash == NULL)
		crash = take_place(crashes, address);
	/* Quiet for a whole window since the last one, and since it was let in again. */
	if (now > crash->last + BAS_CRASHES_WINDOW && now > crash->until + BAS_CRASHES_WINDOW)
		crash->count = 0;
	crash->last = now;
	if (crash->count < UINT32_MAX)
		crash->count++;
	if (crash->count <= BAS_CRASHES_FREE)
		return 0;
	for (uint32_t i = BAS_CRASHES_FREE + 1; i < crash->count && seconds < BAS_CRASHES_LONG; i++)
		seconds *= 2;
	if (seconds > BAS_CRASHES_LONG)
		seconds = BAS_CRASHES_LONG;
	crash->until = now + seconds;
	return seconds;
}

bool
bas_crashes_refuses(
    const struct bas_crashes *crashes, const uint8_t address[static 16], uint64_t now)
{
	const struct bas_crash *crash = find(crashes, address);

	return crash != NULL && now < crash->until;
}

void
bas_crashes_encode(const struct bas_crashes *crashes, struct ca_buf *out)
{
	for (size_t i = 0; i < BAS_CRASHES_MAX; i++) {
		const struct bas_crash *crash = &crashes->list[i];

		if (crash->count == 0)
			continue;
		ca_buf_put(out, crash->address, 16);
		ca_buf_put_u32(out, crash->count);
		ca_buf_put_u64(out, crash->last);
		ca_buf_put_u64(out, crash->until);
	}
}

bool
bas_crashes_parse(struct bas_crashes *out, struct ca_bytes bytes)
{
	struct ca_reader reader = ca_reader_of(bytes.data, bytes.len);
	size_t count = bytes.len / RECORD;

	*out = (struct bas_crashes){ .list = { { .count = 0 } } };
	if (bytes.len % RECORD != 0 || count > BAS_CRASHES_MAX)
		return false;
	for (size_t i = 0; i < count; i++) {
		struct ca_bytes address = ca_read_bytes(&reader, 16);

		if (address.len == 16)
			memcpy(out->list[i].address, address.data, 16);
		out->list[i].count = ca_read_u32(&reader);
		out->list[i].last = ca_read_u64(&reader);
		out->list[i].until = ca_read_u64(&reader);
	}
	return ca_reader_done(&reader);
}
