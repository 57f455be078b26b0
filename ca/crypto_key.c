/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypto_key.c - public and private keys as OpenSSL takes them.
 *
 * Each key is handed to OpenSSL once: when it is read, but for public Ed25519 keys, of which most
 * are only compared. What OpenSSL leaves open is decided here, before anything else: canonical
 * Ed25519 (RFC 8032 section 5.1.7), RSA exponents, lengths.
 */
#include "ca/crypto_key.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "ca/crypto.h"

#define RSA_EXPONENT_MIN  65537
#define RSA_EXPONENT_BITS 64 /* what OpenSSL verifies with any modulus */

struct curve {
	enum ca_key_type type;
	const char *name;
	size_t coordinate; /* bytes */
	const EVP_MD *(*hash)(void);
};

static const struct curve curves[] = {
	{ CA_KEY_ECDSA_P256, "prime256v1", 32, EVP_sha256 },
	{ CA_KEY_ECDSA_P384, "secp384r1", 48, EVP_sha384 },
	{ CA_KEY_ECDSA_P521, "secp521r1", 66, EVP_sha512 },
	{ CA_KEY_SK_ECDSA_P256, "prime256v1", 32, EVP_sha256 },
};

static const struct curve *
curve_of(enum ca_key_type type)
{
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
		if (curves[i].type == type)
			return &curves[i];
	return NULL;
}

/* Takes over `evp`. libssh shares OpenSSL's error queue, so that nothing of ours stays in it. */
static bool
wrap(struct ca_pkey **out, enum ca_pkey_kind kind, EVP_PKEY *evp)
{
	struct ca_pkey *pkey = evp == NULL ? NULL : calloc(1, sizeof(*pkey));

	if (pkey == NULL) {
		ERR_clear_error();
		EVP_PKEY_free(evp);
		return false;
	}
	pkey->evp = evp;
	pkey->kind = kind;
	*out = pkey;
	return true;
}

/*
 * Whether little-endian `a` is below `b`, both of 32 bytes. Not constant in time:
 * for public values.
 */
static bool
is_below(const uint8_t *a, const uint8_t *b)
{
	for (size_t i = 32; i-- > 0;)
		if (a[i] != b[i])
			return a[i] < b[i];
	return false;
}

/*
 * A key of small order verifies the same signature over every message, so that whoever
 * enrols one vouches for nothing. These are the y coordinates of the eight such points.
 */
static bool
is_good_ed25519_point(const uint8_t *point)
{
	static const uint8_t p[32] = { 0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f };
	static const uint8_t small_order[][32] = {
		{ 0 },
		{ 1 },
		{ 0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		    0xff, 0xff, 0xff, 0xff, 0xff, 0x7f },
		{ 0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2,
		    0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38,
		    0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05 },
		{ 0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d,
		    0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7,
		    0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a },
	};
	uint8_t y[32];

	memcpy(y, point, sizeof(y));
	y[31] &= 0x7f; /* the top bit is the sign of x */
	for (size_t i = 0; i < sizeof(small_order) / sizeof(small_order[0]); i++)
		if (memcmp(y, small_order[i], sizeof(y)) == 0)
			return false;
	return is_below(y, p);
}

bool
ca_pkey_public_ed25519(struct ca_pkey **out, struct ca_bytes point, struct ca_why *why)
{
	struct ca_pkey *pkey;

	if (point.len != CA_ED25519_SIZE || !is_good_ed25519_point(point.data))
		return ca_why_set(why, "the Ed25519 key is not a good point of its curve");
	pkey = calloc(1, sizeof(*pkey));
	if (pkey == NULL)
		return ca_why_set(why, "out of memory");
	pkey->kind = CA_PKEY_ED25519;
	memcpy(pkey->point, point.data, sizeof(pkey->point));
	*out = pkey;
	return true;
}

/* Makes a key of `algorithm` of what is in `build`; NULL when that makes none. */
static EVP_PKEY *
key_from(OSSL_PARAM_BLD *build, const char *algorithm, int selection)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, algorithm, NULL);
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
	EVP_PKEY *evp = NULL;

	if (context == NULL || params == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
	    EVP_PKEY_fromdata(context, &evp, selection, params) != 1) {
		EVP_PKEY_free(evp);
		evp = NULL;
	}
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(context);
	return evp;
}

/* OpenSSL checks that the point is on the curve as it reads it; cofactors are 1. */
static bool
make_ecdsa(struct ca_pkey **out, enum ca_key_type type, struct ca_bytes point, const BIGNUM *d)
{
	const struct curve *curve = curve_of(type);
	int selection = d == NULL ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEYPAIR;
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	bool ok = false;

	if (build == NULL || curve == NULL || point.len != 1 + 2 * curve->coordinate ||
	    point.data[0] != POINT_CONVERSION_UNCOMPRESSED)
		goto out;
	if (OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, curve->name, 0) !=
		1 ||
	    OSSL_PARAM_BLD_push_octet_string(
		build, OSSL_PKEY_PARAM_PUB_KEY, point.data, point.len) != 1 ||
	    (d != NULL && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, d) != 1))
		goto out;
	ok = wrap(out, CA_PKEY_ECDSA, key_from(build, "EC", selection));
	if (ok) {
		(*out)->hash = curve->hash();
		(*out)->size = curve->coordinate;
	}
out:
	OSSL_PARAM_BLD_free(build);
	ERR_clear_error();
	return ok;
}

bool
ca_pkey_public_ecdsa(
    struct ca_pkey **out, enum ca_key_type type, struct ca_bytes point, struct ca_why *why)
{
	if (!make_ecdsa(out, type, point, NULL))
		return ca_why_set(why, "the ECDSA key is not an uncompressed point of its curve");
	return true;
}

/* A modulus below 2048 bits is broken, an exponent of 1 signs without a private key. */
static bool
check_rsa(const BIGNUM *n, const BIGNUM *e, struct ca_why *why)
{
	int bits = BN_num_bits(n);

	if (bits < CA_KEY_RSA_MIN_BITS || bits > CA_KEY_RSA_MAX_BITS)
		return ca_why_set(why, "an RSA key has to have %d to %d bits, this one has %d",
		    CA_KEY_RSA_MIN_BITS, CA_KEY_RSA_MAX_BITS, bits);
	if (!BN_is_odd(n))
		return ca_why_set(why, "the RSA key's modulus is even");
	if (!BN_is_odd(e) || BN_num_bits(e) > RSA_EXPONENT_BITS ||
	    BN_get_word(e) < RSA_EXPONENT_MIN)
		return ca_why_set(why,
		    "an RSA key's exponent has to be odd, at least %d and below 2^%d",
		    RSA_EXPONENT_MIN, RSA_EXPONENT_BITS);
	return true;
}

static bool
make_rsa(struct ca_pkey **out, OSSL_PARAM_BLD *build, const BIGNUM *n, const BIGNUM *e,
    int selection, struct ca_why *why)
{
	if (!check_rsa(n, e, why))
		return false;
	if (OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) != 1 ||
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) != 1 ||
	    !wrap(out, CA_PKEY_RSA, key_from(build, "RSA", selection)))
		return ca_why_set(why, "cannot set up the RSA key");
	(*out)->size = (size_t)BN_num_bytes(n);
	return true;
}

/* NULL too when the number is longer than any key of ours has one. */
static BIGNUM *
number(struct ca_bytes bytes)
{
	if (bytes.data == NULL || bytes.len > CA_KEY_RSA_MAX_BITS / 8 + 1)
		return NULL;
	return BN_bin2bn(bytes.data, (int)bytes.len, NULL);
}

bool
ca_pkey_public_rsa(struct ca_pkey **out, struct ca_bytes n, struct ca_bytes e, struct ca_why *why)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	BIGNUM *modulus = number(n);
	BIGNUM *exponent = number(e);
	bool ok = false;

	if (build == NULL || modulus == NULL || exponent == NULL)
		ca_why_set(why, "the RSA key has a number that is too long");
	else
		ok = make_rsa(out, build, modulus, exponent, EVP_PKEY_PUBLIC_KEY, why);
	BN_free(exponent);
	BN_free(modulus);
	OSSL_PARAM_BLD_free(build);
	return ok;
}

bool
ca_pkey_private_ed25519(struct ca_pkey **out, const uint8_t seed[static CA_ED25519_SIZE],
    uint8_t point[static CA_ED25519_SIZE], struct ca_why *why)
{
	EVP_PKEY *evp = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, CA_ED25519_SIZE);
	size_t len = CA_ED25519_SIZE;

	if (evp != NULL && EVP_PKEY_get_raw_public_key(evp, point, &len) != 1) {
		EVP_PKEY_free(evp);
		evp = NULL;
	}
	if (!wrap(out, CA_PKEY_ED25519, evp))
		return ca_why_set(why, "cannot set up the Ed25519 key");
	return true;
}

/* Kept in memory that OpenSSL wipes, and copied by it to such memory only. */
static BIGNUM *
secret_number(struct ca_bytes bytes)
{
	BIGNUM *n = BN_secure_new();

	if (n == NULL || bytes.data == NULL || bytes.len > CA_KEY_RSA_MAX_BITS / 8 + 1 ||
	    BN_bin2bn(bytes.data, (int)bytes.len, n) == NULL) {
		BN_clear_free(n);
		return NULL;
	}
	BN_set_flags(n, BN_FLG_CONSTTIME);
	return n;
}

bool
ca_pkey_private_ecdsa(struct ca_pkey **out, enum ca_key_type type, struct ca_bytes point,
    struct ca_bytes d, struct ca_why *why)
{
	BIGNUM *secret = secret_number(d);
	bool ok = secret != NULL && make_ecdsa(out, type, point, secret);

	BN_clear_free(secret);
	return ok || ca_why_set(why, "cannot set up the ECDSA key");
}

/* d mod (prime - 1): with it, signing costs a quarter. */
static BIGNUM *
crt_exponent(const BIGNUM *d, const BIGNUM *prime, BN_CTX *context)
{
	BIGNUM *less_one = BN_secure_new();
	BIGNUM *result = BN_secure_new();

	if (less_one == NULL || result == NULL || BN_copy(less_one, prime) == NULL ||
	    BN_sub_word(less_one, 1) != 1 || BN_is_zero(less_one) ||
	    BN_mod(result, d, less_one, context) != 1) {
		BN_clear_free(result);
		result = NULL;
	}
	BN_clear_free(less_one);
	return result;
}

/* p q = n and q iqmp = 1 mod p: a wrong one would cost no signature (OpenSSL mends it), but time.
 */
static bool
is_consistent_rsa(const BIGNUM *n, const BIGNUM *p, const BIGNUM *q, const BIGNUM *iqmp)
{
	BN_CTX *context = BN_CTX_secure_new();
	BIGNUM *product = BN_secure_new();
	bool ok = context != NULL && product != NULL && p != NULL && q != NULL && iqmp != NULL &&
		  n != NULL && BN_mul(product, p, q, context) == 1 && BN_cmp(product, n) == 0 &&
		  BN_mod_mul(product, q, iqmp, p, context) == 1 && BN_is_one(product);

	BN_clear_free(product);
	BN_CTX_free(context);
	return ok;
}

enum { RSA_D, RSA_P, RSA_Q, RSA_DP, RSA_DQ, RSA_QINV, RSA_SECRETS };

static bool
push_rsa_secrets(OSSL_PARAM_BLD *build, BIGNUM *const secrets[static RSA_SECRETS])
{
	static const char *const names[RSA_SECRETS] = {
		[RSA_D] = OSSL_PKEY_PARAM_RSA_D,
		[RSA_P] = OSSL_PKEY_PARAM_RSA_FACTOR1,
		[RSA_Q] = OSSL_PKEY_PARAM_RSA_FACTOR2,
		[RSA_DP] = OSSL_PKEY_PARAM_RSA_EXPONENT1,
		[RSA_DQ] = OSSL_PKEY_PARAM_RSA_EXPONENT2,
		[RSA_QINV] = OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
	};

	for (size_t i = 0; i < RSA_SECRETS; i++)
		if (secrets[i] == NULL || OSSL_PARAM_BLD_push_BN(build, names[i], secrets[i]) != 1)
			return false;
	return true;
}

bool
ca_pkey_private_rsa(struct ca_pkey **out, const struct ca_pkey_rsa *parts, struct ca_why *why)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	BN_CTX *context = BN_CTX_secure_new();
	BIGNUM *n = number(parts->n);
	BIGNUM *e = number(parts->e);
	BIGNUM *secrets[RSA_SECRETS] = { [RSA_D] = secret_number(parts->d),
		[RSA_P] = secret_number(parts->p),
		[RSA_Q] = secret_number(parts->q),
		[RSA_QINV] = secret_number(parts->iqmp) };
	bool ok = false;

	if (context != NULL && secrets[RSA_D] != NULL && secrets[RSA_P] != NULL &&
	    secrets[RSA_Q] != NULL) {
		secrets[RSA_DP] = crt_exponent(secrets[RSA_D], secrets[RSA_P], context);
		secrets[RSA_DQ] = crt_exponent(secrets[RSA_D], secrets[RSA_Q], context);
	}
	if (build == NULL || e == NULL ||
	    !is_consistent_rsa(n, secrets[RSA_P], secrets[RSA_Q], secrets[RSA_QINV]) ||
	    !push_rsa_secrets(build, secrets))
		ca_why_set(why, "the RSA private key is damaged");
	else
		ok = make_rsa(out, build, n, e, EVP_PKEY_KEYPAIR, why);
	for (size_t i = 0; i < RSA_SECRETS; i++)
		BN_clear_free(secrets[i]);
	BN_free(e);
	BN_free(n);
	BN_CTX_free(context);
	OSSL_PARAM_BLD_free(build);
	ERR_clear_error();
	return ok;
}

void
ca_pkey_free(struct ca_pkey *pkey)
{
	if (pkey == NULL)
		return;
	EVP_PKEY_free(pkey->evp);
	free(pkey);
}
