/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signer.h - who signs: a private key in a file, a fresh key in memory, or an
 * ssh-agent (RFC 9987), behind one interface.
 *
 * An unencrypted OpenSSH private key file is read by us. One with a passphrase
 * is never decrypted here: it is handed to an ssh-agent that lives as long as
 * the signer, and ssh-add asks for the passphrase on the terminal (or through SSH_ASKPASS).
 * So is a FIDO key's. That agent ends with the process that loaded the key, even when it is
 * killed: a fork of that process cannot go on signing after it.
 */
#ifndef CA_SIGNER_H
#define CA_SIGNER_H

#include <stdbool.h>
#include <stddef.h>

#include "ca/buf.h"
#include "ca/key.h"
#include "ca/why.h"

struct ca_signer;

/* A private key file; asks for a passphrase on the terminal if it has one. */
CA_MUST_USE bool ca_signer_load(struct ca_signer **out, const char *path, struct ca_why *why);
/* The key `key` in the agent behind the socket at `path` (NULL: $SSH_AUTH_SOCK). */
CA_MUST_USE bool ca_signer_agent(
    struct ca_signer **out, const char *path, const struct ca_key *key, struct ca_why *why);
/* A fresh Ed25519 key that exists in this process's memory only. */
CA_MUST_USE bool ca_signer_generate(struct ca_signer **out, struct ca_why *why);
/* A fresh unencrypted Ed25519 key file (mode 0600) and its .pub; refuses to overwrite. */
CA_MUST_USE bool ca_signer_create_file(const char *path, const char *comment, struct ca_why *why);
void ca_signer_free(struct ca_signer *signer); /* wipes; ends its agent if it has one */

/* Borrowed; lives as long as the signer. */
const struct ca_key *ca_signer_key(const struct ca_signer *signer);
/* Appends an SSH signature blob; RSA signs with rsa-sha2-512. The result is
 * verified before it is given out. */
CA_MUST_USE bool ca_signer_sign(
    struct ca_signer *signer, const void *data, size_t len, struct ca_buf *sig, struct ca_why *why);

/* The plain keys an agent holds, for choosing one. Caller frees each and the array. */
CA_MUST_USE bool ca_agent_keys(
    const char *path, struct ca_key ***keys, size_t *count, struct ca_why *why);

#endif
