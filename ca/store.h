/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.h - the authority's state: people, environments, requests, approvals,
 * certificates, revocations, in one SQLite database.
 *
 * The database remembers; it decides nothing. Who an engineer or an approver is stands in two
 * files that it cannot change. Every change is made inside a transaction that takes the
 * write lock at its beginning (ca_store_begin), so that what was read is still true when it is
 * written.
 */
#ifndef CA_STORE_H
#define CA_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ca/buf.h"
#include "ca/why.h"

struct ca_store;

/* `create`: make it when there is none, else that is an error. Waits up to 10 s for others. */
CA_MUST_USE bool ca_store_open(
    struct ca_store **out, const char *path, bool create, struct ca_why *why);
void ca_store_close(struct ca_store *store);

CA_MUST_USE bool ca_store_begin(struct ca_store *store, struct ca_why *why);
CA_MUST_USE bool ca_store_commit(struct ca_store *store, struct ca_why *why);
void ca_store_rollback(struct ca_store *store); /* fine without a transaction */

/* ---- environments and people ---- */

struct ca_environment {
	char *name;
	struct ca_buf gate_key; /* public key blob of the gate's host key */
	char *relay;		/* host name or NULL */
};
CA_MUST_USE bool ca_store_put_environment(struct ca_store *store, const char *name,
    struct ca_bytes gate_key, const char *relay, int64_t now, struct ca_why *why);
/* `*found` tells whether there is one. Caller clears. */
CA_MUST_USE bool ca_store_environment(struct ca_store *store, const char *name,
    struct ca_environment *out, bool *found, struct ca_why *why);
void ca_environment_clear(struct ca_environment *environment);

CA_MUST_USE bool ca_store_put_person(struct ca_store *store, const char *name, const char *role,
    bool disabled, int64_t now, struct ca_why *why);
CA_MUST_USE bool ca_store_is_disabled(
    struct ca_store *store, const char *name, bool *disabled, struct ca_why *why);

/* ---- requests ---- */

enum ca_request_state {
	CA_STATE_PENDING,
	CA_STATE_ISSUED,
	CA_STATE_DENIED,
	CA_STATE_CANCELLED,
	CA_STATE_DONE,
	CA_STATE_REVOKED,
};
const char *ca_request_state_name(enum ca_request_state state);

struct ca_request {
	uint64_t grant;
	enum ca_request_state state;
	int64_t asked;
	int64_t expires; /* a pending one ends here by itself */
	int64_t not_after;
	int64_t valid_before; /* of the certificate, 0 while there is none */
	struct ca_buf statement;
	char *ended_by;	 /* or NULL */
	char *ended_why; /* or NULL */
};
void ca_request_clear(struct ca_request *request);

/* Takes the next grant number; never one that was used. Inside a transaction. */
CA_MUST_USE bool ca_store_next_grant(struct ca_store *store, uint64_t *grant, struct ca_why *why);
CA_MUST_USE bool ca_store_put_request(struct ca_store *store, const struct ca_request *request,
    const char *engineer, struct ca_why *why);
CA_MUST_USE bool ca_store_request(struct ca_store *store, uint64_t grant, struct ca_request *out,
    bool *found, struct ca_why *why);
CA_MUST_USE bool ca_store_set_state(struct ca_store *store, uint64_t grant,
    enum ca_request_state state, const char *by, const char *reason, struct ca_why *why);
/* How many of this engineer's requests are pending at `now`. */
CA_MUST_USE bool ca_store_count_pending(
    struct ca_store *store, const char *engineer, int64_t now, uint64_t *count, struct ca_why *why);

enum ca_list { CA_LIST_OPEN, CA_LIST_PENDING, CA_LIST_LIVE, CA_LIST_ALL };
typedef bool ca_request_visitor(void *ctx, const struct ca_request *request, struct ca_why *why);
/* Oldest first. OPEN is pending and live together. */
CA_MUST_USE bool ca_store_each_request(struct ca_store *store, enum ca_list which, int64_t now,
    ca_request_visitor *visit, void *ctx, struct ca_why *why);

/* ---- approvals ---- */

typedef bool ca_approval_visitor(
    void *ctx, const char *name, int64_t made, struct ca_bytes sig, struct ca_why *why);
/* One vote a name; a second is refused. */
CA_MUST_USE bool ca_store_put_approval(struct ca_store *store, uint64_t grant, const char *name,
    struct ca_bytes sig, int64_t now, struct ca_why *why);
CA_MUST_USE bool ca_store_each_approval(struct ca_store *store, uint64_t grant,
    ca_approval_visitor *visit, void *ctx, struct ca_why *why);

/* ---- certificates and revocations ---- */

/* `*found` false: none yet. Caller clears `blob`. */
CA_MUST_USE bool ca_store_certificate(
    struct ca_store *store, uint64_t grant, struct ca_buf *blob, bool *found, struct ca_why *why);
CA_MUST_USE bool ca_store_put_certificate(struct ca_store *store, uint64_t grant,
    struct ca_bytes blob, int64_t valid_before, int64_t now, struct ca_why *why);
/* Identity certificates count in a sequence of their own. Gives the serial. */
CA_MUST_USE bool ca_store_next_identity(
    struct ca_store *store, const char *name, int64_t now, uint64_t *serial, struct ca_why *why);
CA_MUST_USE bool ca_store_put_identity(struct ca_store *store, uint64_t serial,
    struct ca_bytes blob, int64_t valid_before, struct ca_why *why);
/* Revokes every identity certificate of `name` that is valid beyond `now`. */
CA_MUST_USE bool ca_store_revoke_identities(
    struct ca_store *store, const char *name, int64_t now, struct ca_why *why);
/* Stays until `until`. */
CA_MUST_USE bool ca_store_revoke_grant(
    struct ca_store *store, uint64_t grant, int64_t until, int64_t now, struct ca_why *why);
/* Ascending serials of what is revoked and not yet past; caller frees `*serials`. `identity`
 * chooses the sequence. */
CA_MUST_USE bool ca_store_revoked(struct ca_store *store, bool identity, int64_t now,
    uint64_t **serials, size_t *count, struct ca_why *why);
CA_MUST_USE bool ca_store_next_krl(
    struct ca_store *store, int64_t now, uint64_t *number, struct ca_why *why);

#endif
