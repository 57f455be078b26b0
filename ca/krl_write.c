/* SPDX-License-Identifier: Apache-2.0 */
/*
 * krl_write.c - writes a revocation list (PROTOCOL.krl): serials of one
 * authority and whole keys.
 *
 * No bitmaps: stock readers stop at 16384 bits, and one unreadable list locks
 * everybody out. Serials are a sequence, so runs make ranges and the rest a list.
 */
#include <string.h>

#include "ca/krl.h"

#define MIN_RUN 3 /* a range costs 21 bytes, a serial in the list 8 */

/* How many serials from `serials` on follow each other without a gap. */
static size_t
run_length(const uint64_t *serials, size_t count)
{
	size_t n = 1;

	while (n < count && serials[n] == serials[n - 1] + 1)
		n++;
	return n;
}

static void
put_part(struct ca_buf *out, uint8_t type, struct ca_buf *data)
{
	ca_buf_put_u8(out, type);
	ca_buf_put_string(out, data->data, data->len);
	out->failed = out->failed || data->failed;
	ca_buf_clear(data);
}

static void
put_serials(struct ca_buf *out, const struct ca_krl_spec *spec)
{
	struct ca_bytes authority = ca_key_blob(spec->authority);
	struct ca_buf section = { 0 }, single = { 0 };

	ca_buf_put_string(&section, authority.data, authority.len);
	ca_buf_put_string(&section, NULL, 0); /* reserved */
	for (size_t i = 0, n; i < spec->serial_count; i += n) {
		struct ca_buf range = { 0 };

		n = run_length(spec->serials + i, spec->serial_count - i);
		if (n < MIN_RUN) {
			for (size_t j = 0; j < n; j++)
				ca_buf_put_u64(&single, spec->serials[i + j]);
			continue;
		}
		ca_buf_put_u64(&range, spec->serials[i]);
		ca_buf_put_u64(&range, spec->serials[i + n - 1]);
		put_part(&section, 0x21, &range);
	}
	if (single.len > 0)
		put_part(&section, 0x20, &single);
	put_part(out, 1, &section);
}

static void
put_keys(struct ca_buf *out, const struct ca_krl_spec *spec)
{
	struct ca_buf section = { 0 };

	for (size_t i = 0; i < spec->key_count; i++) {
		struct ca_bytes blob = ca_key_blob(spec->keys[i]);

		ca_buf_put_string(&section, blob.data, blob.len);
	}
	put_part(out, 2, &section);
}

static bool
check_spec(const struct ca_krl_spec *spec, struct ca_why *why)
{
	if (spec->serial_count > 0 && spec->authority == NULL)
		return ca_why_set(why, "serials without their authority");
	if (spec->serial_count > 0 && spec->serials[0] == 0)
		return ca_why_set(why, "serial 0 cannot be revoked");
	for (size_t i = 1; i < spec->serial_count; i++)
		if (spec->serials[i] <= spec->serials[i - 1])
			return ca_why_set(why, "serials are not ascending");
	return true;
}

/* Reads it again: every serial and key that was asked for is revoked by it. */
static bool
check_result(const struct ca_buf *buf, const struct ca_krl_spec *spec, struct ca_why *why)
{
	struct ca_krl *krl = NULL;
	bool ok;

	if (!ca_krl_parse(&krl, buf->data, buf->len, why))
		return false;
	ok = ca_krl_number(krl) == spec->number && ca_krl_generated(krl) == spec->generated;
	for (size_t i = 0; ok && i < spec->serial_count; i++)
		ok = ca_krl_revokes(krl, spec->authority, spec->serials[i], NULL, NULL);
	for (size_t i = 0; ok && i < spec->key_count; i++)
		ok = ca_krl_revokes_key(krl, spec->keys[i]);
	ca_krl_free(krl);
	return ok || ca_why_set(why, "revocation list does not read as it was written");
}

bool
ca_krl_encode(struct ca_buf *out, const struct ca_krl_spec *spec, struct ca_why *why)
{
	struct ca_buf buf = { 0 };
	bool ok = false;

	if (!check_spec(spec, why))
		return false;
	ca_buf_put(&buf, "SSHKRL\n", 8); /* its NUL belongs to it */
	ca_buf_put_u32(&buf, 1);
	ca_buf_put_u64(&buf, spec->number);
	ca_buf_put_u64(&buf, spec->generated);
	ca_buf_put_u64(&buf, 0);	  /* flags */
	ca_buf_put_string(&buf, NULL, 0); /* reserved */
	ca_buf_put_cstring(&buf, spec->comment != NULL ? spec->comment : "");
	if (spec->serial_count > 0)
		put_serials(&buf, spec);
	if (spec->key_count > 0)
		put_keys(&buf, spec);
	if (!ca_buf_ok(&buf)) {
		ca_why_set(why, "revocation list is too long");
		goto out;
	}
	if (!check_result(&buf, spec, why))
		goto out;
	ca_buf_put(out, buf.data, buf.len);
	ok = ca_buf_ok(out) || ca_why_set(why, "out of memory");
out:
	ca_buf_clear(&buf);
	return ok;
}
