/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key.h - public keys and signatures made by them.
 *
 * Ed25519, ECDSA P-256/384/521, RSA of at least 2048 bits with SHA-2, and the
 * two FIDO types (PROTOCOL.u2f). Stricter than sshd: RSA exponents are odd, at least
 * 65537 and below 2^64, ECDSA points are on their curve and uncompressed, Ed25519 keys are
 * canonical and not of small order (any of those signs for everybody), mpints minimal,
 * Ed25519 signatures canonical (S < L), RSA signatures as long as the modulus, nothing
 * trails. An Ed25519 point off the curve is found by its first signature only, which never holds.
 */
#ifndef CA_KEY_H
#define CA_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ca/buf.h"
#include "ca/why.h"

enum ca_key_type {
	CA_KEY_ED25519,
	CA_KEY_ECDSA_P256,
	CA_KEY_ECDSA_P384,
	CA_KEY_ECDSA_P521,
	CA_KEY_RSA,
	CA_KEY_SK_ED25519,
	CA_KEY_SK_ECDSA_P256,
};

#define CA_KEY_RSA_MIN_BITS 2048
#define CA_KEY_RSA_MAX_BITS 16384
/* "SHA256:" and 43 characters */
#define CA_FINGERPRINT_SIZE 51

/* What a FIDO signature says about how it was made; zero for other keys. */
struct ca_presence {
	bool is_sk;
	uint8_t flags; /* 0x01 user present, 0x04 user verified */
	uint32_t counter;
};

struct ca_key; /* immutable */

/* A plain public key blob; a certificate blob is refused. Caller frees `*out`. */
CA_MUST_USE bool ca_key_parse(
    struct ca_key **out, const void *blob, size_t len, struct ca_why *why);
/* `type base64 [comment]`, one line, as in a .pub file. */
CA_MUST_USE bool ca_key_parse_line(struct ca_key **out, const char *line, struct ca_why *why);
/* A file with exactly one such line. */
CA_MUST_USE bool ca_key_load(struct ca_key **out, const char *path, struct ca_why *why);
/* Another reference to the same key; freed like the first. */
struct ca_key *ca_key_ref(struct ca_key *key);
void ca_key_free(struct ca_key *key);

enum ca_key_type ca_key_type(const struct ca_key *key);
const char *ca_key_type_name(enum ca_key_type type);	  /* "ssh-ed25519" */
const char *ca_key_cert_type_name(enum ca_key_type type); /* "ssh-ed25519-cert-v01@openssh.com" */
/* 0 when the name is that of no listed key type (certificate names: `cert` true). */
CA_MUST_USE bool ca_key_type_by_name(struct ca_bytes name, bool cert, enum ca_key_type *out);
struct ca_bytes ca_key_blob(const struct ca_key *key);
void ca_key_fingerprint(const struct ca_key *key, char out[static CA_FINGERPRINT_SIZE]);
/* SHA-256 of the blob. */
void ca_key_hash(const struct ca_key *key, uint8_t out[static 32]);
bool ca_key_equal(const struct ca_key *a, const struct ca_key *b);
/* `type base64` without a line end. */
void ca_key_put_line(struct ca_buf *out, const struct ca_key *key);

/* Reads the key-type specific fields of a key or certificate body (FORMATS: table 1.3);
 * for ca/cert.c. Leaves `reader` behind them. */
CA_MUST_USE bool ca_key_read_body(
    struct ca_key **out, enum ca_key_type type, struct ca_reader *reader, struct ca_why *why);
/* Writes them. */
void ca_key_put_body(struct ca_buf *out, const struct ca_key *key);

/*
 * `sig` is an SSH signature blob (algorithm name and fields). RSA: rsa-sha2-512
 * or rsa-sha2-256 only. `presence` may be NULL.
 */
CA_MUST_USE bool ca_key_verify(const struct ca_key *key, const void *data, size_t len,
    const void *sig, size_t sig_len, struct ca_presence *presence, struct ca_why *why);

#endif
