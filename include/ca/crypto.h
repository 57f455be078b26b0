/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypto.h - the primitives the floors above need: SHA-2 and random bytes.
 * Keys and signatures are in key.h and signer.h. OpenSSL is behind
 * ca/crypto*.c and nowhere else.
 */
#ifndef CA_CRYPTO_H
#define CA_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ca/why.h"

#define CA_SHA256_SIZE 32
#define CA_SHA512_SIZE 64

#define CA_SHA1_SIZE 20

struct ca_sha256; /* a running hash */

void ca_sha256(const void *data, size_t len, uint8_t out[static CA_SHA256_SIZE]);
void ca_sha512(const void *data, size_t len, uint8_t out[static CA_SHA512_SIZE]);
/* For fingerprints in revocation lists only; no signature uses it. */
void ca_sha1(const void *data, size_t len, uint8_t out[static CA_SHA1_SIZE]);

/* Aborts when out of memory; hashing itself cannot fail. */
struct ca_sha256 *ca_sha256_new(void);
void ca_sha256_update(struct ca_sha256 *hash, const void *data, size_t len);
/* The hash of everything so far; more may follow. */
void ca_sha256_peek(const struct ca_sha256 *hash, uint8_t out[static CA_SHA256_SIZE]);
void ca_sha256_free(struct ca_sha256 *hash);

/* From the kernel; aborts when there are none. */
void ca_random(void *out, size_t len);

/* Overwrites a secret; the compiler may not leave it out. */
void ca_wipe(void *secret, size_t len);

/*
 * Makes the library load now whatever it would load at first use: its
 * configuration, each hash, curve and signature algorithm, its seeded generator.
 * For a process that forks, or that is about to close its sandbox; afterwards hashing,
 * reading keys, verifying and signing open no file. Signing with ECDSA and RSA goes on
 * needing getrandom (and getpid, to notice a fork). Aborts when something is missing.
 */
void ca_crypto_warm(void);

#endif
