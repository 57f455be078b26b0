/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_key_verify.c - which signatures hold, and that there is no second spelling of one.
 */
#include "room.h"

#include "ca/crypto.h"
#include "ca/crypto_key.h"
#include "ca/key.h"
#include "ca/signer.h"
#include "ca/text.h"

static struct ca_key *
load_key(const char *path)
{
	struct ca_key *key = NULL;
	struct ca_why why;

	if (!ca_key_load(&key, path, &why))
		fail_msg("%s", why.text);
	return key;
}

/* A signature over "data" by the private key in `path`. */
static struct ca_signer *
sign_data(const char *path, struct ca_buf *sig)
{
	struct ca_signer *signer = NULL;
	struct ca_why why;

	if (!ca_signer_load(&signer, path, &why) || !ca_signer_sign(signer, "data", 4, sig, &why))
		fail_msg("%s", why.text);
	return signer;
}

static bool
holds(const struct ca_signer *signer, const struct ca_buf *sig)
{
	return ca_key_verify(ca_signer_key(signer), "data", 4, sig->data, sig->len, NULL, NULL);
}

static void
every_bit_of_a_signature_counts(void **state)
{
	char path[32];

	(void)state;
	for (size_t i = 0; i < ROOM_TYPES; i++) {
		struct ca_buf sig = { 0 };
		struct ca_signer *signer;

		snprintf(path, sizeof(path), "key%zu", i);
		signer = sign_data(path, &sig);
		assert_true(holds(signer, &sig));
		for (size_t bit = 0; bit < 8 * sig.len; bit++) {
			sig.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
			if (holds(signer, &sig))
				fail_msg("%s: bit %zu of the signature does not count", path, bit);
			sig.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		for (size_t len = 0; len < sig.len; len++)
			assert_false(ca_key_verify(
			    ca_signer_key(signer), "data", 4, sig.data, len, NULL, NULL));
		assert_false(
		    ca_key_verify(ca_signer_key(signer), "dat", 3, sig.data, sig.len, NULL, NULL));
		ca_buf_put_u8(&sig, 0);
		assert_false(holds(signer, &sig));
		ca_buf_clear(&sig);
		ca_signer_free(signer);
	}
}

static void
an_ed25519_signature_with_s_plus_the_order_is_refused(void **state)
{
	static const uint8_t order[32] = { 0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6,
		0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10 };
	struct ca_buf sig = { 0 };
	struct ca_signer *signer = sign_data("key0", &sig);
	uint8_t *s = sig.data + sig.len - 32;
	unsigned carry = 0;

	(void)state;
	for (size_t i = 0; i < 32; i++) {
		carry += (unsigned)s[i] + order[i];
		s[i] = (uint8_t)carry;
		carry >>= 8;
	}
	assert_false(holds(signer, &sig));
	memcpy(s, order, sizeof(order)); /* S = L, one past the limit */
	assert_false(holds(signer, &sig));
	ca_buf_clear(&sig);
	ca_signer_free(signer);
}

static void
put_ecdsa_signature(struct ca_buf *out, const void *r, size_t r_len, const void *s, size_t s_len)
{
	struct ca_buf pair = { 0 };

	ca_buf_put_string(&pair, r, r_len);
	ca_buf_put_string(&pair, s, s_len);
	ca_buf_reset(out);
	ca_buf_put_cstring(out, "ecdsa-sha2-nistp256");
	ca_buf_put_string(out, pair.data, pair.len);
	ca_buf_clear(&pair);
}

static void
an_ecdsa_signature_is_two_minimal_numbers_within_the_order(void **state)
{
	static const uint8_t order[] = { 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3,
		0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51 };
	struct ca_buf sig = { 0 }, bad = { 0 }, padded = { 0 };
	struct ca_signer *signer = sign_data("key1", &sig);
	struct ca_reader reader = ca_reader_of(sig.data, sig.len), inner;

	(void)state;
	ca_read_string(&reader);
	struct ca_bytes pair = ca_read_string(&reader);

	inner = ca_reader_of(pair.data, pair.len);
	struct ca_bytes r = ca_read_string(&inner), s = ca_read_string(&inner);

	put_ecdsa_signature(&bad, r.data, r.len, s.data, s.len);
	assert_true(holds(signer, &bad));
	put_ecdsa_signature(&bad, "", 0, s.data, s.len);
	assert_false(holds(signer, &bad));
	put_ecdsa_signature(&bad, r.data, r.len, "", 0);
	assert_false(holds(signer, &bad));
	put_ecdsa_signature(&bad, order, sizeof(order), s.data, s.len);
	assert_false(holds(signer, &bad));
	put_ecdsa_signature(&bad, r.data, r.len, order, sizeof(order));
	assert_false(holds(signer, &bad));
	put_ecdsa_signature(&bad, "\xff", 1, s.data, s.len); /* negative */
	assert_false(holds(signer, &bad));
	ca_buf_put_u8(&padded, 0);
	ca_buf_put(&padded, r.data, r.len);
	put_ecdsa_signature(&bad, padded.data, padded.len, s.data, s.len);
	assert_false(holds(signer, &bad));
	ca_buf_reset(&padded);
	ca_buf_put(&padded, pair.data, pair.len);
	ca_buf_put_u8(&padded, 0);
	ca_buf_reset(&bad);
	ca_buf_put_cstring(&bad, "ecdsa-sha2-nistp256");
	ca_buf_put_string(&bad, padded.data, padded.len);
	assert_false(holds(signer, &bad));
	ca_buf_clear(&padded);
	ca_buf_clear(&bad);
	ca_buf_clear(&sig);
	ca_signer_free(signer);
}

/* The signature of `sig` under another algorithm's name. */
static void
rename_algorithm(struct ca_buf *out, const struct ca_buf *sig, const char *name)
{
	struct ca_reader reader = ca_reader_of(sig->data, sig->len);

	ca_read_string(&reader);
	ca_buf_reset(out);
	ca_buf_put_cstring(out, name);
	ca_buf_put(out, reader.next, reader.left);
}

static void
an_algorithm_that_is_not_the_keys_is_refused_by_name(void **state)
{
	struct ca_buf sig = { 0 }, other = { 0 };
	struct ca_signer *rsa = sign_data("key4", &sig);
	struct ca_why why = { "" };

	(void)state;
	rename_algorithm(&other, &sig, "ssh-rsa");
	assert_false(
	    ca_key_verify(ca_signer_key(rsa), "data", 4, other.data, other.len, NULL, &why));
	assert_non_null(strstr(why.text, "algorithm 'ssh-rsa' is not one for"));
	rename_algorithm(&other, &sig, "rsa-sha2-256"); /* allowed, but this one is not it */
	assert_false(
	    ca_key_verify(ca_signer_key(rsa), "data", 4, other.data, other.len, NULL, &why));
	assert_non_null(strstr(why.text, "does not hold"));
	rename_algorithm(&other, &sig, "ssh-ed25519");
	assert_false(holds(rsa, &other));
	rename_algorithm(&other, &sig, "rsa-sha2-512-cert-v01@openssh.com");
	assert_false(holds(rsa, &other));
	ca_buf_clear(&other);
	ca_buf_clear(&sig);
	ca_signer_free(rsa);
}

static void
an_rsa_signature_with_sha256_is_taken(void **state)
{
	struct ca_key *key = load_key("key4.pub");
	struct ca_buf sig = { 0 }, blob = { 0 };

	(void)state;
	assert_true(room_run("cp key4 key4.pem && ssh-keygen -q -p -m PEM -N '' -f key4.pem"
			     " && printf data >data"
			     " && openssl dgst -sha256 -sign key4.pem -out data.sig data"));
	sig = room_read("data.sig");
	ca_buf_put_cstring(&blob, "rsa-sha2-256");
	ca_buf_put_string(&blob, sig.data, sig.len);
	assert_true(ca_key_verify(key, "data", 4, blob.data, blob.len, NULL, NULL));
	ca_buf_clear(&blob);
	ca_buf_clear(&sig);
	ca_key_free(key);
}

static void
an_rsa_signature_is_as_long_as_the_modulus(void **state)
{
	struct ca_buf sig = { 0 }, other = { 0 };
	struct ca_signer *rsa = sign_data("key4", &sig);
	const uint8_t *raw = sig.data + sig.len - 256;
	uint8_t longer[257] = { 0 };

	(void)state;
	memcpy(longer + 1, raw, 256);
	ca_buf_put_cstring(&other, "rsa-sha2-512");
	ca_buf_put_string(&other, longer, 257);
	assert_false(holds(rsa, &other));
	/* Until one has a zero in front, which RFC 8332 would let a verifier put back. */
	uint32_t counter = 0;

	for (raw = sig.data + sig.len - 256; raw[0] != 0; raw = sig.data + sig.len - 256) {
		ca_buf_reset(&sig);
		counter++;
		assert_true(ca_signer_sign(rsa, &counter, sizeof(counter), &sig, NULL));
	}
	ca_buf_reset(&other);
	ca_buf_put_cstring(&other, "rsa-sha2-512");
	ca_buf_put_string(&other, raw, 256);
	assert_true(ca_key_verify(
	    ca_signer_key(rsa), &counter, sizeof(counter), other.data, other.len, NULL, NULL));
	ca_buf_reset(&other);
	ca_buf_put_cstring(&other, "rsa-sha2-512");
	ca_buf_put_string(&other, raw + 1, 255);
	assert_false(ca_key_verify(
	    ca_signer_key(rsa), &counter, sizeof(counter), other.data, other.len, NULL, NULL));
	ca_buf_clear(&other);
	ca_buf_clear(&sig);
	ca_signer_free(rsa);
}

/* A FIDO key and a signature over "data" by it, as an authenticator makes them (PROTOCOL.u2f). */
static struct ca_key *
sign_as_authenticator(enum ca_key_type type, const struct ca_presence *presence, struct ca_buf *sig)
{
	uint8_t seed[32] = { 7 }, point[32], hash[32];
	struct ca_buf blob = { 0 }, message = { 0 }, raw = { 0 };
	struct ca_pkey *secret = NULL;
	struct ca_key *key = NULL;
	struct ca_why why;

	ca_buf_put_cstring(&blob, ca_key_type_name(type));
	if (type == CA_KEY_SK_ED25519) {
		assert_true(ca_pkey_private_ed25519(&secret, seed, point, &why));
		ca_buf_put_string(&blob, point, sizeof(point));
	} else {
		static const uint8_t one[] = { 1 };
		struct ca_buf generator = { 0 };

		/* The private number 1 belongs to the curve's generator. */
		assert_true(ca_hex_decode(&generator,
		    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
		    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
		    130));
		assert_true(ca_pkey_private_ecdsa(&secret, type, ca_buf_bytes(&generator),
		    (struct ca_bytes){ one, sizeof(one) }, &why));
		ca_buf_put_cstring(&blob, "nistp256");
		ca_buf_put_string(&blob, generator.data, generator.len);
		ca_buf_clear(&generator);
	}
	ca_buf_put_cstring(&blob, "ssh:test");
	assert_true(ca_key_parse(&key, blob.data, blob.len, &why));
	ca_sha256("ssh:test", 8, hash);
	ca_buf_put(&message, hash, sizeof(hash));
	ca_buf_put_u8(&message, presence->flags);
	ca_buf_put_u32(&message, presence->counter);
	ca_sha256("data", 4, hash);
	ca_buf_put(&message, hash, sizeof(hash));
	assert_true(ca_pkey_sign(secret, message.data, message.len, &raw));
	ca_buf_put_cstring(sig, ca_key_type_name(type));
	ca_buf_put_string(sig, raw.data, raw.len);
	ca_buf_put_u8(sig, presence->flags);
	ca_buf_put_u32(sig, presence->counter);
	ca_pkey_free(secret);
	ca_buf_clear(&raw);
	ca_buf_clear(&message);
	ca_buf_clear(&blob);
	return key;
}

static void
a_fido_signature_says_who_was_present_and_cannot_be_made_to_lie(void **state)
{
	static const struct ca_presence cases[] = { { true, 0x01, 1 }, { true, 0x05, UINT32_MAX },
		{ true, 0x00, 7 } };

	(void)state;
	for (int type = CA_KEY_SK_ED25519; type <= CA_KEY_SK_ECDSA_P256; type++)
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			struct ca_presence found = { 0 };
			struct ca_buf sig = { 0 };
			struct ca_key *key =
			    sign_as_authenticator((enum ca_key_type)type, &cases[i], &sig);

			assert_true(ca_key_verify(key, "data", 4, sig.data, sig.len, &found, NULL));
			assert_true(found.is_sk);
			assert_int_equal(found.flags, cases[i].flags);
			assert_int_equal(found.counter, cases[i].counter);
			for (size_t bit = 8 * (sig.len - 5); bit < 8 * sig.len; bit++) {
				sig.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
				assert_false(
				    ca_key_verify(key, "data", 4, sig.data, sig.len, &found, NULL));
				assert_false(found.is_sk);
				sig.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
			}
			for (size_t cut = 1; cut <= 6; cut++)
				assert_false(ca_key_verify(
				    key, "data", 4, sig.data, sig.len - cut, &found, NULL));
			ca_buf_put_u8(&sig, 0);
			assert_false(
			    ca_key_verify(key, "data", 4, sig.data, sig.len, &found, NULL));
			ca_buf_clear(&sig);
			ca_key_free(key);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_bit_of_a_signature_counts),
		cmocka_unit_test(an_ed25519_signature_with_s_plus_the_order_is_refused),
		cmocka_unit_test(an_ecdsa_signature_is_two_minimal_numbers_within_the_order),
		cmocka_unit_test(an_algorithm_that_is_not_the_keys_is_refused_by_name),
		cmocka_unit_test(an_rsa_signature_with_sha256_is_taken),
		cmocka_unit_test(an_rsa_signature_is_as_long_as_the_modulus),
		cmocka_unit_test(a_fido_signature_says_who_was_present_and_cannot_be_made_to_lie),
	};

	return cmocka_run_group_tests(tests, room_make_keys, room_leave);
}
