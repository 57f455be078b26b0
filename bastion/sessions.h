/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sessions.h - the clerk's table: which sessions live, and how often and by which certificate
 * each grant was opened. Pure: no clock, no file, no log; replaying the log rebuilds it.
 */
#ifndef BAS_SESSIONS_H
#define BAS_SESSIONS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bastion/session.h"
#include "ca/judge.h"
#include "ca/key.h"
#include "ca/krl.h"
#include "ca/why.h"

/* The last second that has a text; "forever" in a certificate lies behind it. */
#define BAS_TIME_MAX INT64_C(253402300799)

/* A grant that was opened, or seen revoked. Sticks until not_after is past. */
struct bas_count {
	uint8_t statement_hash[32];
	uint8_t cert_hash[32]; /* of the certificate that opened it first */
	uint64_t serial;
	uint32_t opened;    /* sessions so far; 0: only seen revoked */
	int64_t window_end; /* pinned: seconds since the epoch */
	int64_t not_after;
	bool revoked;
	struct bas_count *next;
};

struct bas_live {
	char id[BAS_SESSION_ID_MAX + 1];
	enum ca_admits admits;
	uint64_t serial; /* of the certificate: a grant's number */
	uint8_t statement_hash[32];
	uint8_t cert_hash[32];
	char *role;
	char *identity;
	char *key_id; /* hostile text */
	struct ca_key *authority;
	struct ca_key *key;
	int64_t opened;
	int64_t end; /* when its window is over */
	unsigned connections;
	int64_t idle_since;  /* when `connections` became 0 */
	uint32_t recordings; /* how many were begun */
	uint64_t output;     /* bytes carried out so far */
	uint64_t output_max; /* UINT64_MAX: no limit */
	struct bas_live *next;
};

struct bas_sessions; /* zero-initialised is not valid: bas_sessions_new */

CA_MUST_USE bool bas_sessions_new(struct bas_sessions **out, struct ca_why *why);
void bas_sessions_free(struct bas_sessions *table);

/*
 * What the table says to a claim now. CA_ADMITTED with `*join` set: the live session to join; with
 * NULL: a new one may be opened. Changes nothing.
 */
CA_MUST_USE enum ca_reason bas_sessions_decide(const struct bas_sessions *table,
    const struct bas_claim *claim, const char *role, int64_t now, struct bas_live **join,
    struct ca_why *why);
/* Counts one more session of the claim's statement; the first pins certificate and window. NULL:
 * out of memory. */
CA_MUST_USE struct bas_count *bas_sessions_count(
    struct bas_sessions *table, const struct bas_claim *claim);
/* Opens and counts; one connection. What decide allowed. `identity` is for people. NULL: out of
 * memory, or a key in the claim that is none; nothing was counted. */
CA_MUST_USE struct bas_live *bas_sessions_open(struct bas_sessions *table,
    const struct bas_claim *claim, const char *role, const char *identity, int64_t now,
    struct ca_why *why);
void bas_sessions_join(struct bas_live *session);
void bas_sessions_leave(struct bas_live *session, int64_t now); /* a connection is gone */
/* Frees it; its count stays. */
void bas_sessions_end(struct bas_sessions *table, struct bas_live *session);
struct bas_live *bas_sessions_find(const struct bas_sessions *table, const char *id);
struct bas_live *bas_sessions_first(const struct bas_sessions *table); /* then ->next */

enum bas_end { BAS_END_NOT, BAS_END_WINDOW, BAS_END_LINGER };
/* Whether it is over at `now`. */
enum bas_end bas_live_is_over(const struct bas_live *session, int64_t now, unsigned linger);
/* The earliest time at which one may be over; INT64_MAX when none can. */
int64_t bas_sessions_next(const struct bas_sessions *table, unsigned linger);

/* The customer's word against grants of this number: sticky. False when it was said before, or out
 * of memory. */
CA_MUST_USE bool bas_sessions_refuse(struct bas_sessions *table, uint64_t grant);
bool bas_sessions_is_refused(const struct bas_sessions *table, uint64_t grant);
/* Revoked once is revoked until not_after, also when a later list forgets it. */
CA_MUST_USE bool bas_sessions_revoke(
    struct bas_sessions *table, const uint8_t statement_hash[static 32], int64_t not_after);
/* Forgets counts whose not_after is past and that no session uses. */
void bas_sessions_prune(struct bas_sessions *table, int64_t now);

/*
 * One entry of the log, oldest first: session.open counts, session.revoked and grant.refused-here
 * stick, as does a grant.refused whose refusal is `revoked`. An entry that ought to count and
 * cannot be read is an error. Sessions are not revived.
 */
CA_MUST_USE bool bas_sessions_replay(
    struct bas_sessions *table, const char *event, const json_t *entry, struct ca_why *why);
/* The members of session.open that replay reads, beside the claim's own fields. */
CA_MUST_USE bool bas_live_put_fields(
    const struct bas_live *session, const struct bas_claim *claim, json_t *fields);

#endif
