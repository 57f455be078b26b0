/* SPDX-License-Identifier: Apache-2.0 */
/*
 * private_key.h - OpenSSH's private key files (PROTOCOL.key). We read those that
 * have no passphrase, and write Ed25519 ones.
 */
#ifndef CA_PRIVATE_KEY_H
#define CA_PRIVATE_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ca/buf.h"
#include "ca/crypto_key.h"
#include "ca/key.h"
#include "ca/why.h"

struct ca_private_key {
	struct ca_key *key;
	struct ca_pkey *secret; /* NULL when only an agent can sign: a passphrase, or a FIDO key */
};

/* Caller clears `out`, after a failure too. That the halves belong together is proven by signing.
 */
CA_MUST_USE bool ca_private_key_parse(
    struct ca_private_key *out, const char *text, size_t len, struct ca_why *why);
void ca_private_key_clear(struct ca_private_key *key);

/* Appends the file's text. */
void ca_private_key_put_ed25519(struct ca_buf *out, const uint8_t seed[static CA_ED25519_SIZE],
    const struct ca_key *key, const char *comment);

#endif
