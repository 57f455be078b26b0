/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clerk_lease.c - what a session may carry out, lent to its connections in pieces.
 *
 * A connection may release what it was lent without asking, so that output waits for us once in a
 * lease and not once in a chunk. At any time the bytes that were carried out and those that are
 * lent are together no more than the limit. When nothing is left to lend, what others hold and do
 * not use is called back before anybody is told that the limit is reached; so it is met to the
 * byte, however many connections there are.
 */
#include "bastion/clerk.h"

#define LEASE_MAX ((uint64_t)1 << 20) /* bytes, unless more are asked for at once */

static uint64_t
lent_to(const struct bas_peer *peer)
{
	return peer->allowed - peer->carried;
}

static uint64_t
left_to_lend(const struct bas_clerk *clerk, const struct bas_live *session)
{
	uint64_t taken = session->output;

	for (const struct bas_peer *peer = clerk->peers; peer != NULL; peer = peer->next)
		if (peer->session == session)
			taken += lent_to(peer);
	return taken < session->output_max ? session->output_max - taken : 0;
}

/* No more than half of what is left, so that the next connection need not wait for this one. */
static void
lend(struct bas_peer *peer, uint64_t left, uint64_t need)
{
	uint64_t lease = left / 2 < LEASE_MAX ? left / 2 : LEASE_MAX;

	if (lease < need)
		lease = need < left ? need : left;
	peer->allowed = peer->carried + lease;
}

static void
answer_lease(struct bas_clerk *clerk, struct bas_peer *peer)
{
	struct ca_buf payload = { 0 };

	peer->need = 0;
	ca_buf_put_u64(&payload, peer->allowed);
	bas_clerk_answer(clerk, peer, BAS_F_LEASED, &payload);
}

/* False: nobody holds anything. Who waits for a lease has given back his own. */
static bool
call_back(struct bas_clerk *clerk, const struct bas_live *session)
{
	bool any = false;

	for (struct bas_peer *peer = clerk->peers; peer != NULL; peer = peer->next) {
		if (peer->session != session || lent_to(peer) == 0)
			continue;
		any = true;
		if (!peer->recalled)
			bas_clerk_answer(clerk, peer, BAS_F_RECALL, &(struct ca_buf){ 0 });
		peer->recalled = true;
	}
	return any;
}

/* Answers those who wait, as far as that can be done now. */
static void
serve(struct bas_clerk *clerk, const struct bas_live *session)
{
	for (struct bas_peer *peer = clerk->peers; peer != NULL; peer = peer->next) {
		uint64_t left;

		if (peer->session != session || peer->need == 0)
			continue;
		left = left_to_lend(clerk, session);
		if (left == 0 && call_back(clerk, session))
			return;
		lend(peer, left, peer->need);
		answer_lease(clerk, peer);
	}
}

void
bas_clerk_lease_first(struct bas_clerk *clerk, struct bas_peer *peer)
{
	if (peer->session->output_max == UINT64_MAX)
		peer->allowed = UINT64_MAX;
	else
		lend(peer, left_to_lend(clerk, peer->session), 0);
}

static void
count(struct bas_peer *peer, uint64_t carried)
{
	if (peer->session != NULL && __builtin_add_overflow(peer->session->output,
					 carried - peer->carried, &peer->session->output))
		peer->session->output = UINT64_MAX;
	peer->carried = carried;
}

bool
bas_clerk_lease_count(struct bas_peer *peer, uint64_t carried)
{
	if (carried < peer->carried || carried > peer->allowed)
		return false;
	count(peer, carried);
	return true;
}

bool
bas_clerk_lease(struct bas_clerk *clerk, struct bas_peer *peer, struct ca_reader *reader)
{
	uint64_t carried = ca_read_u64(reader), need = ca_read_u64(reader);

	if (!ca_reader_done(reader) || peer->session_id[0] == '\0' || peer->need != 0 ||
	    peer->allowed == UINT64_MAX || !bas_clerk_lease_count(peer, carried))
		return false;
	peer->allowed = carried;
	peer->need = need;
	peer->recalled = false;
	if (peer->session != NULL)
		serve(clerk, peer->session);
	else if (need != 0)
		answer_lease(clerk, peer);
	return true;
}

void
bas_clerk_lease_refuse(struct bas_clerk *clerk, struct bas_peer *peer)
{
	if (peer->need != 0)
		answer_lease(clerk, peer);
}

void
bas_clerk_lease_return(struct bas_clerk *clerk, struct bas_peer *peer)
{
	/* How much of it a run that nobody ended has carried out, nobody can say. */
	if (peer->runs != NULL && peer->allowed != UINT64_MAX)
		count(peer, peer->allowed);
	peer->allowed = peer->carried;
	peer->need = 0;
	serve(clerk, peer->session);
}
