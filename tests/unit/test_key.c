/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_key.c - which public keys are taken.
 *
 * Bad keys are encoded here field by field; good ones come from ssh-keygen.
 */
#include "room.h"

#include "ca/crypto.h"
#include "ca/key.h"
#include "ca/text.h"

static void
assert_parses(const struct ca_buf *blob)
{
	struct ca_key *key = NULL;
	struct ca_why why = { "" };

	assert_true(ca_buf_ok(blob));
	if (!ca_key_parse(&key, blob->data, blob->len, &why))
		fail_msg("%s", why.text);
	assert_true(ca_bytes_equal(ca_key_blob(key), ca_buf_bytes(blob)));
	ca_key_free(key);
}

static void
assert_refused(const struct ca_buf *blob, const char *sentence)
{
	struct ca_key *key = NULL;
	struct ca_why why = { "" };

	assert_true(ca_buf_ok(blob));
	assert_false(ca_key_parse(&key, blob->data, blob->len, &why));
	assert_null(key);
	if (strstr(why.text, sentence) == NULL)
		fail_msg("'%s' does not say '%s'", why.text, sentence);
}

static struct ca_key *
load_key(const char *path)
{
	struct ca_key *key = NULL;
	struct ca_why why;

	if (!ca_key_load(&key, path, &why))
		fail_msg("%s", why.text);
	return key;
}

static void
every_type_of_ssh_keygen_is_read_and_has_its_fingerprint(void **state)
{
	static const enum ca_key_type types[] = { CA_KEY_ED25519, CA_KEY_ECDSA_P256,
		CA_KEY_ECDSA_P384, CA_KEY_ECDSA_P521, CA_KEY_RSA };
	char path[32], fingerprint[CA_FINGERPRINT_SIZE];

	(void)state;
	for (size_t i = 0; i < ROOM_TYPES; i++) {
		snprintf(path, sizeof(path), "key%zu.pub", i);
		struct ca_key *key = load_key(path);
		struct ca_buf file = room_read(path), line = { 0 };

		assert_int_equal(ca_key_type(key), types[i]);
		ca_key_put_line(&line, key);
		ca_buf_put_text(&line, " comment\n");
		assert_true(ca_bytes_equal(ca_buf_bytes(&line), ca_buf_bytes(&file)));
		ca_key_fingerprint(key, fingerprint);
		assert_true(room_run("ssh-keygen -lf %s | grep -qF '%s'", path, fingerprint));
		ca_buf_clear(&line);
		ca_buf_clear(&file);
		ca_key_free(key);
	}
}

static void
type_names_go_both_ways(void **state)
{
	enum ca_key_type found;

	(void)state;
	for (int type = CA_KEY_ED25519; type <= CA_KEY_SK_ECDSA_P256; type++)
		for (int cert = 0; cert < 2; cert++) {
			const char *name = cert ? ca_key_cert_type_name((enum ca_key_type)type)
						: ca_key_type_name((enum ca_key_type)type);
			struct ca_bytes bytes = { (const uint8_t *)name, strlen(name) };

			assert_true(ca_key_type_by_name(bytes, cert, &found));
			assert_int_equal(found, type);
			assert_false(ca_key_type_by_name(bytes, !cert, &found));
		}
	assert_false(
	    ca_key_type_by_name((struct ca_bytes){ (const uint8_t *)"ssh-dss", 7 }, false, &found));
}

static void
a_key_cut_anywhere_or_with_a_byte_behind_is_refused(void **state)
{
	char path[32];

	(void)state;
	for (size_t i = 0; i < ROOM_TYPES; i++) {
		snprintf(path, sizeof(path), "key%zu.pub", i);
		struct ca_key *key = load_key(path), *other = NULL;
		struct ca_bytes blob = ca_key_blob(key);
		struct ca_buf longer = { 0 };

		for (size_t len = 0; len < blob.len; len++)
			assert_false(ca_key_parse(&other, blob.data, len, NULL));
		ca_buf_put(&longer, blob.data, blob.len);
		ca_buf_put_u8(&longer, 0);
		assert_refused(&longer, "bytes follow the key");
		ca_buf_clear(&longer);
		ca_key_free(key);
	}
}

static void
types_that_are_not_listed_and_certificates_are_refused(void **state)
{
	struct ca_buf blob = { 0 };

	(void)state;
	ca_buf_put_cstring(&blob, "ssh-dss");
	assert_refused(&blob, "'ssh-dss' is not one of those");
	ca_buf_reset(&blob);
	ca_buf_put_cstring(&blob, "ssh-ed25519\033[2J");
	assert_refused(&blob, "\\x1b[2J");
	ca_buf_reset(&blob);
	ca_buf_put_cstring(&blob, "ssh-ed25519-cert-v01@openssh.com");
	assert_refused(&blob, "certificate where a plain key is wanted");
	ca_buf_clear(&blob);
}

static void
a_line_has_one_type_one_key_and_nothing_else(void **state)
{
	struct ca_buf file = room_read("key0.pub"), text = { 0 };
	const char *line = (const char *)file.data;
	struct ca_key *key = NULL;
	struct ca_why why;

	(void)state;
	assert_true(ca_key_parse_line(&key, line, &why));
	ca_key_free(key);
	key = NULL;
	assert_false(ca_key_parse_line(&key, "", &why));
	assert_false(ca_key_parse_line(&key, "ssh-ed25519", &why));
	assert_false(ca_key_parse_line(&key, line + strlen("ssh-ed25519 "), &why));
	ca_buf_printf(&text, " %s", line);
	assert_false(ca_key_parse_line(&key, (const char *)text.data, &why));
	ca_buf_reset(&text);
	ca_buf_printf(&text, "ssh-rsa%s", line + strlen("ssh-ed25519"));
	assert_false(ca_key_parse_line(&key, (const char *)text.data, &why));
	assert_non_null(strstr(why.text, "not the one that stands in front"));
	ca_buf_reset(&text);
	ca_buf_printf(&text, "%s%s", line, line);
	assert_false(ca_key_parse_line(&key, (const char *)text.data, &why));
	assert_non_null(strstr(why.text, "more than one line"));
	ca_buf_reset(&text);
	ca_buf_put(&text, file.data, file.len - 1);
	ca_buf_put(&text, "\0\n", 2);
	room_write("nul.pub", text.data, text.len, 0600);
	assert_false(ca_key_load(&key, "nul.pub", &why));
	assert_non_null(strstr(why.text, "NUL"));
	assert_false(ca_key_load(&key, "missing.pub", &why));
	ca_buf_clear(&text);
	ca_buf_clear(&file);
}

static void
put_ed25519(struct ca_buf *out, const uint8_t *point, size_t len)
{
	ca_buf_reset(out);
	ca_buf_put_cstring(out, "ssh-ed25519");
	ca_buf_put_string(out, point, len);
}

static void
an_ed25519_key_that_signs_for_everybody_is_refused(void **state)
{
	static const char *const small_order[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		/* and other spellings of the same */
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	};
	struct ca_buf point = { 0 }, blob = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(small_order) / sizeof(small_order[0]); i++)
		for (int sign = 0; sign < 2; sign++) {
			ca_buf_reset(&point);
			assert_true(ca_hex_decode(&point, small_order[i], 64));
			point.data[31] |= (uint8_t)(sign << 7);
			put_ed25519(&blob, point.data, point.len);
			assert_refused(&blob, "not a good point");
		}
	ca_buf_clear(&blob);
	ca_buf_clear(&point);
}

static void
an_ed25519_key_is_canonical_and_has_32_bytes(void **state)
{
	uint8_t point[33];
	struct ca_buf blob = { 0 };

	(void)state;
	memset(point, 0xff, sizeof(point));
	point[31] = 0x7f;
	point[0] = 0xeb; /* p - 2, the last y that is no point of small order */
	put_ed25519(&blob, point, 32);
	assert_parses(&blob);
	point[0] = 0xef; /* p + 2 */
	put_ed25519(&blob, point, 32);
	assert_refused(&blob, "not a good point");
	point[0] = 0xeb;
	put_ed25519(&blob, point, 31);
	assert_refused(&blob, "not a good point");
	put_ed25519(&blob, point, 33);
	assert_refused(&blob, "not a good point");
	ca_buf_clear(&blob);
}

static void
put_ecdsa(struct ca_buf *out, const char *curve, const uint8_t *point, size_t len)
{
	ca_buf_reset(out);
	ca_buf_put_cstring(out, "ecdsa-sha2-nistp256");
	ca_buf_put_cstring(out, curve);
	ca_buf_put_string(out, point, len);
}

static void
an_ecdsa_key_is_an_uncompressed_point_of_its_own_curve(void **state)
{
	struct ca_key *key = load_key("key1.pub");
	struct ca_bytes good = ca_key_blob(key);
	struct ca_buf blob = { 0 };
	uint8_t point[66] = { 0 };

	(void)state;
	memcpy(point, good.data + good.len - 65, 65);
	put_ecdsa(&blob, "nistp256", point, 65);
	assert_parses(&blob);
	put_ecdsa(&blob, "nistp384", point, 65);
	assert_refused(&blob, "curve is not 'nistp256'");
	point[64] ^= 1;
	put_ecdsa(&blob, "nistp256", point, 65);
	assert_refused(&blob, "not an uncompressed point");
	point[64] ^= 1;
	point[0] = (uint8_t)(2 + (point[64] & 1));
	put_ecdsa(&blob, "nistp256", point, 33);
	assert_refused(&blob, "not an uncompressed point");
	point[0] = (uint8_t)(6 + (point[64] & 1)); /* hybrid */
	put_ecdsa(&blob, "nistp256", point, 65);
	assert_refused(&blob, "not an uncompressed point");
	point[0] = 0; /* infinity */
	put_ecdsa(&blob, "nistp256", point, 1);
	assert_refused(&blob, "not an uncompressed point");
	point[0] = 4;
	put_ecdsa(&blob, "nistp256", point, 66);
	assert_refused(&blob, "not an uncompressed point");
	put_ecdsa(&blob, "nistp256", point, 0);
	assert_refused(&blob, "not an uncompressed point");
	ca_buf_clear(&blob);
	ca_key_free(key);
}

/* An RSA key with an odd modulus of `bits` bits, of no known factors. */
static void
put_rsa(struct ca_buf *out, uint64_t exponent, size_t bits)
{
	uint8_t modulus[CA_KEY_RSA_MAX_BITS / 8 + 1], e[8];
	size_t len = (bits + 7) / 8;

	memset(modulus, 0xa5, len);
	modulus[0] = (uint8_t)(1 << ((bits - 1) % 8));
	for (size_t i = 0; i < 8; i++)
		e[i] = (uint8_t)(exponent >> (56 - 8 * i));
	ca_buf_reset(out);
	ca_buf_put_cstring(out, "ssh-rsa");
	ca_buf_put_mpint(out, e, sizeof(e));
	ca_buf_put_mpint(out, modulus, len);
}

static void
an_rsa_key_has_2048_to_16384_bits(void **state)
{
	struct ca_buf blob = { 0 };

	(void)state;
	put_rsa(&blob, 65537, 2048);
	assert_parses(&blob);
	put_rsa(&blob, 65537, 16384);
	assert_parses(&blob);
	put_rsa(&blob, 65537, 1024);
	assert_refused(&blob, "this one has 1024");
	put_rsa(&blob, 65537, 2047);
	assert_refused(&blob, "this one has 2047");
	put_rsa(&blob, 65537, 16385);
	assert_refused(&blob, "this one has 16385");
	ca_buf_clear(&blob);
}

static void
an_rsa_exponent_is_odd_and_neither_small_nor_huge(void **state)
{
	static const uint64_t bad[] = { 0, 1, 2, 3, 65535, 65536, 65538, UINT64_MAX - 1 };
	static const uint8_t too_long[] = { 1, 0, 0, 0, 0, 0, 0, 0, 1 };
	struct ca_buf blob = { 0 }, good = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put_rsa(&blob, bad[i], 2048);
		assert_refused(&blob, "exponent has to be odd");
	}
	put_rsa(&good, UINT64_MAX, 2048);
	assert_parses(&good);
	ca_buf_reset(&blob);
	ca_buf_put_cstring(&blob, "ssh-rsa");
	ca_buf_put_mpint(&blob, too_long, sizeof(too_long));
	ca_buf_put(&blob, good.data + 24, good.len - 24); /* name 11, exponent 4 + 9 */
	assert_refused(&blob, "exponent has to be odd");
	ca_buf_clear(&good);
	ca_buf_clear(&blob);
}

static void
an_rsa_modulus_is_odd_positive_and_minimal(void **state)
{
	struct ca_buf good = { 0 }, blob = { 0 };

	(void)state;
	put_rsa(&good, 65537, 2048);
	good.data[good.len - 1] ^= 1;
	assert_refused(&good, "modulus is even");
	good.data[good.len - 1] ^= 1;

	size_t start = 11 + 4 + 3; /* the modulus: u32 length, 00, 256 bytes */

	ca_buf_put(&blob, good.data, start);
	ca_buf_put_string(&blob, good.data + start + 5, 256); /* without its sign byte: negative */
	assert_refused(&blob, "cut short, negative or not minimal");
	ca_buf_reset(&blob);
	ca_buf_put(&blob, good.data, start);
	ca_buf_put_u32(&blob, 258);
	ca_buf_put_u8(&blob, 0);
	ca_buf_put(&blob, good.data + start + 4, 257);
	assert_refused(&blob, "cut short, negative or not minimal");
	ca_buf_reset(&blob);
	ca_buf_put_cstring(&blob, "ssh-rsa");
	ca_buf_put_string(&blob, "\0\1\0\1", 4);
	ca_buf_put(&blob, good.data + start, good.len - start);
	assert_refused(&blob, "cut short, negative or not minimal");
	ca_buf_clear(&blob);
	ca_buf_clear(&good);
}

static void
put_sk(struct ca_buf *out, const void *application, size_t len)
{
	uint8_t point[32];

	memset(point, 0xff, sizeof(point));
	point[31] = 0x7f;
	point[0] = 0xeb;
	ca_buf_reset(out);
	ca_buf_put_cstring(out, "sk-ssh-ed25519@openssh.com");
	ca_buf_put_string(out, point, sizeof(point));
	ca_buf_put_string(out, application, len);
}

static void
a_fido_keys_application_is_short_printable_ascii(void **state)
{
	char longest[256];
	struct ca_buf blob = { 0 };

	(void)state;
	memset(longest, 'a', sizeof(longest));
	put_sk(&blob, "ssh:", 4);
	assert_parses(&blob);
	put_sk(&blob, longest, 255);
	assert_parses(&blob);
	put_sk(&blob, longest, 256);
	assert_refused(&blob, "1 to 255 bytes");
	put_sk(&blob, "", 0);
	assert_refused(&blob, "1 to 255 bytes");
	put_sk(&blob, "ssh:\0", 5);
	assert_refused(&blob, "printable ASCII");
	put_sk(&blob, "ssh:\x1b", 5);
	assert_refused(&blob, "printable ASCII");
	ca_buf_clear(&blob);
}

static void
a_reference_keeps_a_key_alive(void **state)
{
	struct ca_key *key = load_key("key0.pub"), *other = load_key("key1.pub");
	struct ca_key *again = ca_key_ref(key);
	uint8_t hash[32], expected[32];

	(void)state;
	ca_key_free(key);
	assert_true(ca_key_equal(again, again));
	assert_false(ca_key_equal(again, other));
	ca_key_hash(again, hash);
	ca_sha256(ca_key_blob(again).data, ca_key_blob(again).len, expected);
	assert_memory_equal(hash, expected, sizeof(hash));
	ca_key_free(other);
	ca_key_free(again);
	ca_key_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_of_ssh_keygen_is_read_and_has_its_fingerprint),
		cmocka_unit_test(type_names_go_both_ways),
		cmocka_unit_test(a_key_cut_anywhere_or_with_a_byte_behind_is_refused),
		cmocka_unit_test(types_that_are_not_listed_and_certificates_are_refused),
		cmocka_unit_test(a_line_has_one_type_one_key_and_nothing_else),
		cmocka_unit_test(an_ed25519_key_that_signs_for_everybody_is_refused),
		cmocka_unit_test(an_ed25519_key_is_canonical_and_has_32_bytes),
		cmocka_unit_test(an_ecdsa_key_is_an_uncompressed_point_of_its_own_curve),
		cmocka_unit_test(an_rsa_key_has_2048_to_16384_bits),
		cmocka_unit_test(an_rsa_exponent_is_odd_and_neither_small_nor_huge),
		cmocka_unit_test(an_rsa_modulus_is_odd_positive_and_minimal),
		cmocka_unit_test(a_fido_keys_application_is_short_printable_ascii),
		cmocka_unit_test(a_reference_keeps_a_key_alive),
	};

	return cmocka_run_group_tests(tests, room_make_keys, room_leave);
}
