/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.h - what a keeper claims for a certificate it has judged: the payload of
 * BAS_F_SESSION, which the clerk turns into a session or a refusal.
 *
 * The clerk logs its answer (session.open, session.join, session.denied) with the claim's fields
 * before it gives it. It keeps the key parts, to ask a later KRL about a live session.
 */
#ifndef BAS_SESSION_H
#define BAS_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "ca/buf.h"
#include "ca/judge.h"
#include "ca/why.h"

#define BAS_SESSION_ID_MAX 64 /* bytes of a session id, without the NUL */

/* Strings borrowed; after a parse they lie inside the payload or are NUL-terminated in
 * `storage`. */
struct bas_claim {
	uint8_t statement_hash[32]; /* counts sessions; identity: the certificate's hash */
	uint8_t cert_hash[32];	    /* pins the window to one certificate */
	enum ca_admits admits;
	uint64_t serial;
	struct ca_bytes authority;	    /* key blob */
	struct ca_bytes key;		    /* key blob, the subject's */
	const char *key_id;		    /* hostile text */
	uint64_t valid_after, valid_before; /* seconds since the epoch, of the certificate */
	uint64_t not_after;		    /* until when counts stick; identity: valid_before */
	uint32_t sessions;		    /* allowed by the statement; identity: 0, no limit */
	uint64_t output; /* bytes a session of the role may carry out; UINT64_MAX: no limit */
	/* A JSON object for the log: grant, identity, key_id, key, authority (fingerprints),
	 * environment, role, source, approvers (array), command, reason, statement_hash, cert_hash
	 * (hex). Raw values. */
	const char *fields;
	char *storage; /* owned by a parsed claim */
};

/* In this order: 32 bytes, 32 bytes, u8, u64, string, string, string, u64, u64, u64, u32, u64,
 * string. */
void bas_claim_encode(struct ca_buf *out, const struct bas_claim *claim);
/* Reads a whole payload; the blobs stay inside it. Caller clears `out`. */
CA_MUST_USE bool bas_claim_parse(struct bas_claim *out, struct ca_bytes payload);
void bas_claim_clear(struct bas_claim *claim);

#endif
