/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypto_signature.c - signing and verifying with the keys of crypto_key.c.
 *
 * One signature has one spelling, but for ECDSA's inherent pair (r, s) and (r, n - s): Ed25519's S
 * is below the group's order (RFC 8032 section 5.1.7), RSA's has the modulus's length (RFC 8017
 * section 8.2.2), mpints are minimal.
 */
#include "ca/crypto_key.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "ca/crypto.h"

#define DER_MAX 160 /* of an ECDSA signature: two numbers of 67 bytes and their headers */

/* Whether the second half, little-endian, is below the order of the group. */
static bool
is_canonical_ed25519(const uint8_t *sig)
{
	static const uint8_t order[32] = { 0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6,
		0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 0x10 };
	const uint8_t *s = sig + 32;

	for (size_t i = 32; i-- > 0;)
		if (s[i] != order[i])
			return s[i] < order[i];
	return false;
}

/* `hash` NULL: the algorithm's own (Ed25519). */
static bool
verify_raw(const struct ca_pkey *pkey, const EVP_MD *hash, const void *data, size_t len,
    const uint8_t *sig, size_t sig_len)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool ok = context != NULL &&
		  EVP_DigestVerifyInit(context, NULL, hash, NULL, pkey->evp) == 1 &&
		  EVP_DigestVerify(context, sig, sig_len, data, len) == 1;

	EVP_MD_CTX_free(context);
	if (!ok)
		ERR_clear_error();
	return ok;
}

/* From mpint r, mpint s to the DER that OpenSSL takes, which also checks their range. */
static bool
verify_ecdsa(const struct ca_pkey *pkey, const void *data, size_t len, struct ca_bytes sig)
{
	struct ca_reader reader = ca_reader_of(sig.data, sig.len);
	struct ca_bytes r = ca_read_mpint(&reader);
	struct ca_bytes s = ca_read_mpint(&reader);
	ECDSA_SIG *pair = NULL;
	unsigned char der[DER_MAX], *end = der;
	BIGNUM *r_number = NULL, *s_number = NULL;
	bool ok = false;

	if (!ca_reader_done(&reader) || r.len == 0 || s.len == 0 || r.len > pkey->size ||
	    s.len > pkey->size)
		return false;
	pair = ECDSA_SIG_new();
	r_number = BN_bin2bn(r.data, (int)r.len, NULL);
	s_number = BN_bin2bn(s.data, (int)s.len, NULL);
	if (pair == NULL || r_number == NULL || s_number == NULL ||
	    ECDSA_SIG_set0(pair, r_number, s_number) != 1)
		goto out;
	r_number = s_number = NULL;
	int der_len = i2d_ECDSA_SIG(pair, &end);

	ok = der_len > 0 && verify_raw(pkey, pkey->hash, data, len, der, (size_t)der_len);
out:
	BN_free(s_number);
	BN_free(r_number);
	ECDSA_SIG_free(pair);
	return ok;
}

/* Any 32 bytes make a key for OpenSSL; which ones are good was decided when it was read. */
static bool
make_ready(struct ca_pkey *pkey)
{
	if (pkey->evp == NULL)
		pkey->evp = EVP_PKEY_new_raw_public_key(
		    EVP_PKEY_ED25519, NULL, pkey->point, sizeof(pkey->point));
	if (pkey->evp == NULL)
		ERR_clear_error();
	return pkey->evp != NULL;
}

bool
ca_pkey_verify(struct ca_pkey *pkey, bool sha512, const void *data, size_t len, struct ca_bytes sig)
{
	switch (pkey->kind) {
	case CA_PKEY_ED25519:
		return sig.len == CA_ED25519_SIGNATURE_SIZE && is_canonical_ed25519(sig.data) &&
		       make_ready(pkey) && verify_raw(pkey, NULL, data, len, sig.data, sig.len);
	case CA_PKEY_ECDSA:
		return verify_ecdsa(pkey, data, len, sig);
	case CA_PKEY_RSA:
		return sig.len == pkey->size &&
		       verify_raw(pkey, sha512 ? EVP_sha512() : EVP_sha256(), data, len, sig.data,
			   sig.len);
	}
	return false;
}

static bool
sign_raw(const struct ca_pkey *pkey, const EVP_MD *hash, const void *data, size_t len, uint8_t *sig,
    size_t *sig_len)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool ok = context != NULL &&
		  EVP_DigestSignInit(context, NULL, hash, NULL, pkey->evp) == 1 &&
		  EVP_DigestSign(context, sig, sig_len, data, len) == 1;

	EVP_MD_CTX_free(context);
	if (!ok)
		ERR_clear_error();
	return ok;
}

static void
put_number(struct ca_buf *out, const BIGNUM *number)
{
	uint8_t bytes[DER_MAX / 2];
	int len = BN_num_bytes(number);

	if (len > (int)sizeof(bytes) || BN_bn2bin(number, bytes) != len)
		out->failed = true;
	else
		ca_buf_put_mpint(out, bytes, (size_t)len);
}

static bool
sign_ecdsa(const struct ca_pkey *pkey, const void *data, size_t len, struct ca_buf *sig)
{
	uint8_t der[DER_MAX];
	const unsigned char *next = der;
	size_t der_len = sizeof(der);
	ECDSA_SIG *pair = NULL;

	if (!sign_raw(pkey, pkey->hash, data, len, der, &der_len))
		return false;
	pair = d2i_ECDSA_SIG(NULL, &next, (long)der_len);
	if (pair == NULL)
		return false;
	put_number(sig, ECDSA_SIG_get0_r(pair));
	put_number(sig, ECDSA_SIG_get0_s(pair));
	ECDSA_SIG_free(pair);
	return ca_buf_ok(sig);
}

bool
ca_pkey_sign(const struct ca_pkey *pkey, const void *data, size_t len, struct ca_buf *sig)
{
	size_t size = pkey->kind == CA_PKEY_RSA ? pkey->size : CA_ED25519_SIGNATURE_SIZE;
	size_t made = size;
	uint8_t *place;

	if (pkey->kind == CA_PKEY_ECDSA)
		return sign_ecdsa(pkey, data, len, sig);
	place = ca_buf_grow(sig, size);
	return place != NULL &&
	       sign_raw(pkey, pkey->kind == CA_PKEY_RSA ? EVP_sha512() : NULL, data, len, place,
		   &made) &&
	       made == size;
}

/* Signs and verifies with a new key of `algorithm`. */
static bool
warm_pair(const char *algorithm, const char *curve, const EVP_MD *hash)
{
	struct ca_pkey pkey = { .evp = curve == NULL ? EVP_PKEY_Q_keygen(NULL, NULL, algorithm)
						     : EVP_EC_gen(curve) };
	uint8_t sig[DER_MAX];
	size_t len = sizeof(sig);
	bool ok = pkey.evp != NULL && sign_raw(&pkey, hash, "warm", 4, sig, &len) &&
		  verify_raw(&pkey, hash, "warm", 4, sig, len);

	EVP_PKEY_free(pkey.evp);
	return ok;
}

/* A key pair for RSA takes too long to make: a modulus of noise loads all that verifying needs. */
static bool
warm_rsa(void)
{
	static const uint8_t exponent[] = { 1, 0, 1 };
	uint8_t modulus[CA_KEY_RSA_MIN_BITS / 8];
	uint8_t sig[sizeof(modulus)] = { 1 };
	struct ca_pkey *pkey = NULL;

	memset(modulus, 0xa5, sizeof(modulus));
	if (!ca_pkey_public_rsa(&pkey, (struct ca_bytes){ modulus, sizeof(modulus) },
		(struct ca_bytes){ exponent, sizeof(exponent) }, NULL))
		return false;
	for (int sha512 = 0; sha512 < 2; sha512++)
		if (ca_pkey_verify(
			pkey, sha512 != 0, "warm", 4, (struct ca_bytes){ sig, sizeof(sig) }))
			break;
	ca_pkey_free(pkey);
	return true;
}

bool
ca_pkey_warm(void)
{
	return warm_pair("ED25519", NULL, NULL) && warm_pair("EC", "prime256v1", EVP_sha256()) &&
	       warm_pair("EC", "secp384r1", EVP_sha384()) &&
	       warm_pair("EC", "secp521r1", EVP_sha512()) && warm_rsa();
}
