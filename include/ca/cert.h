/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cert.h - OpenSSH certificates (draft-ietf-sshm-cert).
 *
 * Three questions, three functions, in this order: is it a certificate
 * (ca_cert_parse), did its authority sign it (ca_cert_verify), is it good here
 * and now (ca_judge in judge.h). Parsed is not trusted, trusted is not permitted.
 *
 * Stricter than sshd: no NUL in key id, principal, option name or the value of
 * a critical option (values of extensions are bytes: ours hold binary ones),
 * options sorted, unique and each of the right shape, no empty principal, at most
 * 64 of them, no trailing byte, RSA rules of key.h for the subject and for the
 * authority, no SHA-1. A list of no principals parses; nobody is then named.
 */
#ifndef CA_CERT_H
#define CA_CERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ca/buf.h"
#include "ca/key.h"
#include "ca/signer.h"
#include "ca/why.h"

#define CA_CERT_MAX	       65536 /* bytes of a blob */
#define CA_CERT_MAX_PRINCIPALS 64
#define CA_CERT_MAX_OPTIONS    32 /* in each of the two lists */
#define CA_CERT_FOREVER	       UINT64_MAX

enum ca_cert_type { CA_CERT_USER = 1, CA_CERT_HOST = 2 };

/* One critical option or extension. */
struct ca_cert_option {
	const char *name;      /* printable ASCII */
	bool has_value;	       /* false: a flag, whose data is empty */
	struct ca_bytes value; /* unwrapped content of the string in the string */
};

struct ca_cert {
	struct ca_key *key;	  /* the subject's */
	struct ca_key *authority; /* plain; a certificate is refused */
	uint64_t serial;
	enum ca_cert_type type;
	const char *key_id; /* no NUL; may be hostile text */
	const char *principals[CA_CERT_MAX_PRINCIPALS];
	size_t principal_count;
	uint64_t valid_after; /* seconds since the epoch; valid iff after <= now < before */
	uint64_t valid_before;
	struct ca_cert_option critical[CA_CERT_MAX_OPTIONS];
	size_t critical_count;
	struct ca_cert_option extensions[CA_CERT_MAX_OPTIONS];
	size_t extension_count;
	struct ca_bytes blob;	   /* the whole certificate; owned */
	size_t signed_len;	   /* how much of it is signed */
	struct ca_bytes signature; /* inside blob */
	char *texts;		   /* owned storage behind the strings */
};

/* Copies `blob`. Caller frees `*out`. Says nothing of trust. */
CA_MUST_USE bool ca_cert_parse(
    struct ca_cert **out, const void *blob, size_t len, struct ca_why *why);
/* `type base64 [comment]`, as in a -cert.pub file; may end with one LF. */
CA_MUST_USE bool ca_cert_parse_line(struct ca_cert **out, const char *line, struct ca_why *why);
void ca_cert_free(struct ca_cert *cert);
/* Whether cert->authority signed it. */
CA_MUST_USE bool ca_cert_verify(const struct ca_cert *cert, struct ca_why *why);

/* NULL when there is none of that name. */
const struct ca_cert_option *ca_cert_critical(const struct ca_cert *cert, const char *name);
const struct ca_cert_option *ca_cert_extension(const struct ca_cert *cert, const char *name);
bool ca_cert_has_principal(const struct ca_cert *cert, const char *name);
void ca_cert_hash(const struct ca_cert *cert, uint8_t out[static 32]); /* SHA-256 of the blob */
/* `type base64 comment` LF */
void ca_cert_put_line(struct ca_buf *out, const struct ca_cert *cert, const char *comment);

/*
 * What goes into a new certificate; all borrowed. Options in any order. Narrower than
 * what parses: serial not 0, key id and principals (at least one, no pattern, no blank)
 * printable ASCII of 1 to 256 characters, standard options in their own list only.
 */
struct ca_cert_spec {
	const struct ca_key *key;
	uint64_t serial;
	enum ca_cert_type type;
	const char *key_id;
	const char *const *principals;
	size_t principal_count;
	uint64_t valid_after, valid_before;
	const struct ca_cert_option *critical;
	size_t critical_count;
	const struct ca_cert_option *extensions;
	size_t extension_count;
	const uint8_t *nonce; /* 32 bytes, or NULL for random ones (golden vectors give it) */
};

/* Builds, signs, and parses the result again before giving it out. */
CA_MUST_USE bool ca_cert_sign(struct ca_cert **out, const struct ca_cert_spec *spec,
    struct ca_signer *signer, struct ca_why *why);

#endif
