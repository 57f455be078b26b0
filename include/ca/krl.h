/* SPDX-License-Identifier: Apache-2.0 */
/*
 * krl.h - OpenSSH key revocation lists (PROTOCOL.krl).
 *
 * Reads every section that stock ssh-keygen writes, refuses what it does not
 * know, an empty file and anything that trails. Writes serial lists, ranges and keys.
 */
#ifndef CA_KRL_H
#define CA_KRL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ca/buf.h"
#include "ca/cert.h"
#include "ca/key.h"
#include "ca/why.h"

#define CA_KRL_MAX ((size_t)64 << 20)

struct ca_krl; /* immutable after parsing */

CA_MUST_USE bool ca_krl_parse(
    struct ca_krl **out, const void *data, size_t len, struct ca_why *why);
void ca_krl_free(struct ca_krl *krl);
uint64_t ca_krl_number(const struct ca_krl *krl);    /* krl_version */
uint64_t ca_krl_generated(const struct ca_krl *krl); /* seconds since the epoch */

/* A certificate: by serial, key id, its key, or its authority's key. */
bool ca_krl_revokes_cert(const struct ca_krl *krl, const struct ca_cert *cert, struct ca_why *why);
/* The same by parts, for a session that outlived its certificate's bytes. */
bool ca_krl_revokes(const struct ca_krl *krl, const struct ca_key *authority, uint64_t serial,
    const char *key_id, const struct ca_key *key);
bool ca_krl_revokes_key(const struct ca_krl *krl, const struct ca_key *key);

/* What goes into a new KRL; all borrowed. */
struct ca_krl_spec {
	uint64_t number;
	uint64_t generated;
	const char *comment;
	const struct ca_key *authority; /* of the serials */
	const uint64_t *serials;	/* ascending, no zero */
	size_t serial_count;
	const struct ca_key *const *keys;
	size_t key_count;
};

/* Appends the KRL and reads it again before giving it out. */
CA_MUST_USE bool ca_krl_encode(
    struct ca_buf *out, const struct ca_krl_spec *spec, struct ca_why *why);

#endif
