/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_krl_hostile.c - revocation lists that are wrong in one place each, and odd ones
 * that are right.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <string.h>

#include "ca/krl.h"
#include "ca/text.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct ca_why why;

static struct ca_krl *
parse(const struct ca_buf *buf)
{
	struct ca_krl *krl = NULL;

	if (!ca_krl_parse(&krl, buf->data, buf->len, &why))
		fail_msg("%s", why.text);
	return krl;
}

static bool
has_serial(const struct ca_krl *krl, uint64_t serial)
{
	return ca_krl_revokes(krl, NULL, serial, NULL, NULL);
}

static void
put_header(struct ca_buf *out)
{
	ca_buf_put(out, "SSHKRL\n", 8);
	ca_buf_put_u32(out, 1);
	ca_buf_put_u64(out, 5);
	ca_buf_put_u64(out, 6);
	ca_buf_put_u64(out, 0);
	ca_buf_put_u32(out, 0);
	ca_buf_put_cstring(out, "comment");
}

#define B(literal)                                              \
	{                                                       \
		(const uint8_t *)(literal), sizeof(literal) - 1 \
	}
#define SERIAL_9 "\0\0\0\0\0\0\0\011"
#define ANY	 "\0\0\0\0\0\0\0\0" /* any authority, reserved */

static const struct {
	const char *name;
	uint8_t type;
	struct ca_bytes data;
	const char *says;
} hostile[] = {
	{ "section 0", 0, B(""), "unknown type 0" },
	{ "signature section", 4, B("\0\0\0\0"), "unknown type 4" },
	{ "extension section", 255, B("\0\0\0\001x\0\0\0\0\0"), "unknown type 255" },
	{ "certificates without authority", 1, B(""), "cut short" },
	{ "certificates without reserved", 1, B("\0\0\0\0"), "cut short" },
	{ "reserved set", 1, B("\0\0\0\0\0\0\0\001x"), "reserved" },
	{ "authority cut short", 1, B("\0\0\0\001x\0\0\0\0"), "cut short" },
	{ "authority that is only a type", 1, B("\0\0\0\013\0\0\0\007ssh-rsa\0\0\0\0"),
	    "cut short" },
	{ "authority that is a certificate", 1,
	    B("\0\0\0\045\0\0\0\040ssh-ed25519-cert-v01@openssh.com\0\0\0\0\0"), "certificate is" },
	{ "part of unknown type", 1, B(ANY "\044\0\0\0\0"), "unknown type 36" },
	{ "extension part", 1, B(ANY "\071\0\0\0\0"), "unknown type 57" },
	{ "part cut short", 1, B(ANY "\040\0\0\0\011" SERIAL_9), "cut short" },
	{ "part without length", 1, B(ANY "\040"), "cut short" },
	{ "serial cut short", 1, B(ANY "\040\0\0\0\007\0\0\0\0\0\0\1"), "cut short" },
	{ "serial 0", 1, B(ANY "\040\0\0\0\010\0\0\0\0\0\0\0\0"), "serial 0" },
	{ "range from 0", 1, B(ANY "\041\0\0\0\020\0\0\0\0\0\0\0\0" SERIAL_9), "serial 0" },
	{ "range backwards", 1, B(ANY "\041\0\0\0\020" SERIAL_9 "\0\0\0\0\0\0\0\010"),
	    "ends before it begins" },
	{ "range of one number", 1, B(ANY "\041\0\0\0\010" SERIAL_9), "not two numbers" },
	{ "range of three numbers", 1, B(ANY "\041\0\0\0\030" SERIAL_9 SERIAL_9 SERIAL_9),
	    "not two numbers" },
	{ "bitmap of nothing", 1, B(ANY "\042\0\0\0\014" SERIAL_9 "\0\0\0\0"), "bitmap is empty" },
	{ "bitmap without bits", 1, B(ANY "\042\0\0\0\010" SERIAL_9), "offset and a number" },
	{ "bitmap with serial 0", 1, B(ANY "\042\0\0\0\015\0\0\0\0\0\0\0\0\0\0\0\001\003"),
	    "serial 0" },
	{ "negative bitmap", 1, B(ANY "\042\0\0\0\015" SERIAL_9 "\0\0\0\001\200"),
	    "offset and a number" },
	{ "bitmap with a zero in front", 1, B(ANY "\042\0\0\0\016" SERIAL_9 "\0\0\0\002\0\001"),
	    "offset and a number" },
	{ "bitmap past the highest serial", 1,
	    B(ANY "\042\0\0\0\015\377\377\377\377\377\377\377\377\0\0\0\001\002"),
	    "past the highest" },
	{ "bitmap and a byte", 1, B(ANY "\042\0\0\0\016" SERIAL_9 "\0\0\0\001\001\0"),
	    "offset and a number" },
	{ "key id cut short", 1, B(ANY "\043\0\0\0\005\0\0\0\002x"), "cut short" },
	{ "key id with a NUL", 1, B(ANY "\043\0\0\0\006\0\0\0\002x\0"), "NUL" },
	{ "key cut short", 2, B("\0\0\0\013\0\0\0\013ssh-rsa"), "cut short" },
	{ "empty key", 2, B("\0\0\0\0"), "cut short" },
	{ "certificate in the place of a key", 2,
	    B("\0\0\0\045\0\0\0\040ssh-ed25519-cert-v01@openssh.com\0"), "certificate is" },
	{ "SHA-1 of 19 bytes", 3, B("\0\0\0\0231234567890123456789"), "length of its kind" },
	{ "SHA-256 in the place of SHA-1", 3, B("\0\0\0\04012345678901234567890123456789012"),
	    "length of its kind" },
	{ "SHA-256 of 31 bytes", 5, B("\0\0\0\0371234567890123456789012345678901"),
	    "length of its kind" },
	{ "hash without length", 5, B("\0\0\0"), "length of its kind" },
};

static void
assert_refused(const char *name, const struct ca_buf *buf, const char *says)
{
	struct ca_krl *krl = NULL;

	if (ca_krl_parse(&krl, buf->data, buf->len, &why))
		fail_msg("taken: %s", name);
	assert_null(krl);
	if (strstr(why.text, says) == NULL)
		fail_msg("%s: the sentence is '%s'", name, why.text);
}

static void
each_hostile_section_is_refused_with_its_sentence(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(hostile); i++) {
		struct ca_buf buf = { 0 };

		put_header(&buf);
		ca_buf_put_u8(&buf, hostile[i].type);
		ca_buf_put_string(&buf, hostile[i].data.data, hostile[i].data.len);
		assert_refused(hostile[i].name, &buf, hostile[i].says);
		ca_buf_clear(&buf);
	}
}

static void
a_damaged_header_is_refused(void **state)
{
	struct ca_buf good = { 0 }, none = { 0 };
	struct ca_krl *krl;

	(void)state;
	assert_refused("an empty file", &none, "is empty");
	put_header(&good);
	krl = parse(&good);
	assert_false(has_serial(krl, 1));
	ca_krl_free(krl);
	for (size_t len = 1; len < good.len; len++) {
		struct ca_buf cut = { good.data, len, len, false };

		assert_refused("a byte missing", &cut, len < 8 ? "not a revocation" : "cut short");
	}
	for (size_t at = 0; at < 12; at++) { /* magic and format */
		good.data[at] ^= 1;
		assert_refused(
		    "magic or format", &good, at < 8 ? "not a revocation" : "unknown format");
		good.data[at] ^= 1;
	}
	for (size_t at = 28; at < 36; at++) {
		good.data[at] ^= 1;
		assert_refused("flags", &good, "flags or reserved");
		good.data[at] ^= 1;
	}
	ca_buf_put_u8(&good, 0);
	assert_refused("a byte behind it", &good, "trails");
	ca_buf_clear(&good);
}

static void
a_reserved_field_in_the_header_is_refused(void **state)
{
	struct ca_buf buf = { 0 };

	(void)state;
	put_header(&buf);
	buf.len = 36;
	ca_buf_put_cstring(&buf, "reserved");
	ca_buf_put_cstring(&buf, "comment");
	assert_refused("reserved", &buf, "flags or reserved");
	ca_buf_clear(&buf);
}

static void
sections_are_taken_up_to_their_limit(void **state)
{
	struct ca_bytes any = B(ANY);
	struct ca_buf buf = { 0 };
	struct ca_krl *krl;

	(void)state;
	put_header(&buf);
	for (int i = 0; i < 1024; i++) {
		ca_buf_put_u8(&buf, 1);
		ca_buf_put_string(&buf, any.data, any.len);
	}
	krl = parse(&buf);
	ca_krl_free(krl);
	ca_buf_put_u8(&buf, 1);
	ca_buf_put_string(&buf, any.data, any.len);
	assert_refused("one section too many", &buf, "more than 1024 sections");
	ca_buf_clear(&buf);
}

static void
overlaps_repetitions_and_disorder_are_taken(void **state)
{
	static const uint64_t ranges[][2] = { { 50, 60 }, { 1, 10 }, { 5, 20 }, { 7, 8 },
		{ 60, 60 }, { 55, 70 }, { UINT64_MAX, UINT64_MAX } };
	static const uint64_t bitmaps[][2] = { { 100, 0xff }, { 90, 0x01 }, { 104, 0xff },
		{ 95, 0x8001 } };
	struct ca_buf part = { 0 }, buf = { 0 };
	struct ca_krl *krl;

	(void)state;
	ca_buf_put_u64(&part, 0); /* any authority, reserved */
	for (size_t i = 0; i < COUNT(ranges); i++) {
		ca_buf_put_u8(&part, 0x21);
		ca_buf_put_u32(&part, 16);
		ca_buf_put_u64(&part, ranges[i][0]);
		ca_buf_put_u64(&part, ranges[i][1]);
	}
	for (size_t i = 0; i < COUNT(bitmaps); i++) {
		uint8_t bits[2] = { (uint8_t)(bitmaps[i][1] >> 8), (uint8_t)bitmaps[i][1] };
		struct ca_buf map = { 0 };

		ca_buf_put_u64(&map, bitmaps[i][0]);
		ca_buf_put_mpint(&map, bits, 2);
		ca_buf_put_u8(&part, 0x22);
		ca_buf_put_string(&part, map.data, map.len);
		ca_buf_clear(&map);
	}
	put_header(&buf);
	ca_buf_put_u8(&buf, 1);
	ca_buf_put_string(&buf, part.data, part.len);
	krl = parse(&buf);
	for (uint64_t serial = 0; serial < 130; serial++) {
		bool in = (serial >= 1 && serial <= 20) || (serial >= 50 && serial <= 70) ||
			  serial == 90 || serial == 95 || (serial >= 100 && serial <= 111);

		if (has_serial(krl, serial) != in)
			fail_msg("serial %llu", (unsigned long long)serial);
	}
	assert_true(has_serial(krl, UINT64_MAX));
	ca_krl_free(krl);
	ca_buf_clear(&part);
	ca_buf_clear(&buf);
}

static void
every_flipped_bit_reads_as_something_or_is_refused(void **state)
{
	json_t *root = json_load_file("tests/data/vectors.json", 0, NULL);
	const char *hex = json_string_value(json_object_get(json_object_get(root, "krl"), "hex"));
	struct ca_buf buf = { 0 };

	(void)state;
	assert_true(ca_hex_decode(&buf, hex, strlen(hex)));
	for (size_t bit = 0; bit < buf.len * 8; bit++) {
		struct ca_krl *krl = NULL;

		buf.data[bit / 8] = (uint8_t)(buf.data[bit / 8] ^ 1U << bit % 8);
		if (ca_krl_parse(&krl, buf.data, buf.len, &why))
			(void)has_serial(krl, 5);
		ca_krl_free(krl);
		buf.data[bit / 8] = (uint8_t)(buf.data[bit / 8] ^ 1U << bit % 8);
	}
	for (size_t len = 0; len < buf.len; len++) {
		struct ca_krl *krl = NULL;

		/* Whole sections less is a list too; its signature is what keeps it whole. */
		if (len != 50)
			assert_false(ca_krl_parse(&krl, buf.data, len, &why));
		ca_krl_free(krl);
	}
	ca_buf_clear(&buf);
	json_decref(root);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_hostile_section_is_refused_with_its_sentence),
		cmocka_unit_test(a_damaged_header_is_refused),
		cmocka_unit_test(a_reserved_field_in_the_header_is_refused),
		cmocka_unit_test(sections_are_taken_up_to_their_limit),
		cmocka_unit_test(overlaps_repetitions_and_disorder_are_taken),
		cmocka_unit_test(every_flipped_bit_reads_as_something_or_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
