/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sshsig.h - signatures over messages, as `ssh-keygen -Y sign` makes them
 * (PROTOCOL.sshsig).
 *
 * Version 1, empty reserved field, sha512 or sha256, no trailing byte; RSA only
 * with SHA-2. The key may be a certificate; who may sign is allowed_signers.h.
 */
#ifndef CA_SSHSIG_H
#define CA_SSHSIG_H

#include <stdbool.h>
#include <stddef.h>

#include "ca/buf.h"
#include "ca/cert.h"
#include "ca/key.h"
#include "ca/signer.h"
#include "ca/why.h"

#define CA_SSHSIG_MAX 65536 /* bytes of a blob */

/* Namespaces; one key is never good for two of them. */
#define CA_NAMESPACE_GRANT	"grant@postern"
#define CA_NAMESPACE_SEAL	"seal@postern"
#define CA_NAMESPACE_CHECKPOINT "checkpoint@postern"
#define CA_NAMESPACE_KRL	"krl@postern"

struct ca_sshsig {
	struct ca_key *key;   /* the key that signed: for a certificate, its subject */
	struct ca_cert *cert; /* or NULL */
	char *namespace;
	bool sha256;		   /* false: sha512 */
	struct ca_bytes signature; /* SSH signature blob, inside blob */
	struct ca_bytes blob;	   /* owned */
};

CA_MUST_USE bool ca_sshsig_parse(
    struct ca_sshsig **out, const void *blob, size_t len, struct ca_why *why);
void ca_sshsig_free(struct ca_sshsig *sig);
/* Whether the signature holds over `message` in namespace `ns` by sig->key.
 * A certificate's own signature is verified too. `presence` may be NULL. */
CA_MUST_USE bool ca_sshsig_verify(const struct ca_sshsig *sig, const char *ns, const void *message,
    size_t len, struct ca_presence *presence, struct ca_why *why);
/* Appends the blob. `cert` is embedded instead of the plain key when not NULL. */
CA_MUST_USE bool ca_sshsig_sign(struct ca_signer *signer, const struct ca_cert *cert,
    const char *ns, const void *message, size_t len, struct ca_buf *out, struct ca_why *why);

/* The text form, `-----BEGIN SSH SIGNATURE-----`. Reading takes CRLF and nothing after the end. */
void ca_sshsig_armor(struct ca_buf *out, const void *blob, size_t len);
CA_MUST_USE bool ca_sshsig_dearmor(
    struct ca_buf *out, const char *text, size_t len, struct ca_why *why);

#endif
