/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypto_key.h - the mathematics of keys, without SSH's names: key.c and
 * the signers are built on it.
 *
 * Numbers are big-endian bytes without a sign byte, points uncompressed. A FIDO
 * type stands for its curve. A signature is what SSH puts into the string behind the
 * algorithm's name: 64 bytes, or mpint r and mpint s, or as many bytes as the modulus has.
 */
#ifndef CA_CRYPTO_KEY_H
#define CA_CRYPTO_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ca/buf.h"
#include "ca/key.h"
#include "ca/why.h"

#define CA_ED25519_SIZE		  32 /* of a seed, and of a public key */
#define CA_ED25519_SIGNATURE_SIZE 64

enum ca_pkey_kind { CA_PKEY_ED25519, CA_PKEY_ECDSA, CA_PKEY_RSA };

/* A public or a private key. The types are OpenSSL's. */
struct ca_pkey {
	struct evp_pkey_st *evp; /* NULL: made of `point` by the first verification */
	enum ca_pkey_kind kind;
	uint8_t point[CA_ED25519_SIZE]; /* of a public Ed25519 key */
	const struct evp_md_st *hash;	/* ECDSA's */
	size_t size;			/* bytes of a coordinate, or of RSA's modulus */
};

/* Refuses a point that is not encoded canonically or has a small order. */
CA_MUST_USE bool ca_pkey_public_ed25519(
    struct ca_pkey **out, struct ca_bytes point, struct ca_why *why);
/* Refuses a point that is compressed, or not on the curve. */
CA_MUST_USE bool ca_pkey_public_ecdsa(
    struct ca_pkey **out, enum ca_key_type type, struct ca_bytes point, struct ca_why *why);
/* Refuses what the rules of key.h refuse. */
CA_MUST_USE bool ca_pkey_public_rsa(
    struct ca_pkey **out, struct ca_bytes n, struct ca_bytes e, struct ca_why *why);

/* Gives the public key too. */
CA_MUST_USE bool ca_pkey_private_ed25519(struct ca_pkey **out,
    const uint8_t seed[static CA_ED25519_SIZE], uint8_t point[static CA_ED25519_SIZE],
    struct ca_why *why);
CA_MUST_USE bool ca_pkey_private_ecdsa(struct ca_pkey **out, enum ca_key_type type,
    struct ca_bytes point, struct ca_bytes d, struct ca_why *why);

struct ca_pkey_rsa {
	struct ca_bytes n, e, d, iqmp, p, q;
};

CA_MUST_USE bool ca_pkey_private_rsa(
    struct ca_pkey **out, const struct ca_pkey_rsa *parts, struct ca_why *why);

void ca_pkey_free(struct ca_pkey *pkey);

/* `sha512` is for RSA alone; every other key has one hash of its own. Says no more than
 * whether the signature holds. */
CA_MUST_USE bool ca_pkey_verify(
    struct ca_pkey *pkey, bool sha512, const void *data, size_t len, struct ca_bytes sig);
/* Appends the signature; RSA with SHA-512. */
CA_MUST_USE bool ca_pkey_sign(
    const struct ca_pkey *pkey, const void *data, size_t len, struct ca_buf *sig);

/* Uses each algorithm once (ca_crypto_warm). */
CA_MUST_USE bool ca_pkey_warm(void);

#endif
