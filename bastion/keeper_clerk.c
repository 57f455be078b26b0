/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper_clerk.c - questions to the clerk, and what it says unasked.
 *
 * One question at a time, and the keeper waits: nothing that follows may become visible before the
 * answer. The wait ends with the grace time or the window, so a clerk that hangs lengthens neither.
 */
#include "bastion/keeper.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Its own buffer: the frame that raised the question is still being read from the other. */
static uint8_t answer[BAS_FRAME_MAX];

static void
lose_clerk(struct bas_keeper *keeper)
{
	keeper->clerk_lost = true;
	bas_keeper_end(keeper, 0, "session ended: the log is gone");
}

static void
take_kill(struct bas_keeper *keeper, const struct bas_frame *frame)
{
	struct ca_reader reader = ca_reader_of(frame->payload.data, frame->payload.len);
	char *sentence;

	(void)ca_read_u32(&reader); /* the clerk has logged the reason */
	sentence = ca_read_cstring(&reader);
	if (!ca_reader_done(&reader) || sentence == NULL) {
		lose_clerk(keeper);
	} else if (!keeper->killed) {
		keeper->killed = true;
		snprintf(keeper->kill_sentence, sizeof(keeper->kill_sentence),
		    "session ended: %.480s", sentence);
	}
	free(sentence);
}

static uint64_t
answer_limit(const struct bas_keeper *keeper)
{
	switch (keeper->state) {
	case BAS_KEEPER_LOGIN:
		return keeper->grace_at;
	case BAS_KEEPER_OPEN:
		return keeper->deadline;
	default:
		return keeper->ending_at;
	}
}

bool
bas_keeper_wait_clerk(struct bas_keeper *keeper, short events)
{
	struct pollfd polls[3] = { { .fd = keeper->fds.clerk, .events = events },
		{ .fd = keeper->fds.door }, { .fd = keeper->fds.spawner } };
	nfds_t count = keeper->state == BAS_KEEPER_LOGIN ? 3 : 1;

	for (;;) {
		uint64_t now = bas_clock_boot(), limit = answer_limit(keeper);
		int ready;

		if (now >= limit)
			return false;
		limit = (limit - now) / (BAS_SECOND / 1000) + 1;
		ready = poll(polls, count, limit > 60000 ? 60000 : (int)limit);
		if (ready < 0 && errno != EINTR)
			return false;
		if (ready <= 0)
			continue;
		for (nfds_t i = 1; i < count; i++)
			if (polls[i].revents != 0)
				return false;
		return true;
	}
}

static bool
send_clerk(struct bas_keeper *keeper, enum bas_frame_type type, const struct ca_buf *payload)
{
	while (!bas_frame_send(keeper->fds.clerk, type, payload, NULL, 0))
		if (errno != EAGAIN || !bas_keeper_wait_clerk(keeper, POLLOUT))
			return false;
	return true;
}

/* From here on what we did not use is not ours any more. */
static void
put_lease(struct bas_keeper *keeper, struct ca_buf *payload, uint64_t need)
{
	keeper->allowed = keeper->carried;
	ca_buf_put_u64(payload, keeper->carried);
	ca_buf_put_u64(payload, need);
}

static bool
take_recall(struct bas_keeper *keeper)
{
	struct ca_buf payload = { 0 };
	bool ok;

	put_lease(keeper, &payload, 0);
	ok = send_clerk(keeper, BAS_F_LEASE, &payload);
	ca_buf_clear(&payload);
	return ok;
}

bool
bas_keeper_ask(struct bas_keeper *keeper, enum bas_frame_type type, const struct ca_buf *payload,
    enum bas_frame_type want, enum bas_frame_type other, struct bas_frame *reply)
{
	if (keeper->clerk_lost || !send_clerk(keeper, type, payload))
		goto lost;
	for (;;) {
		enum bas_frame_result result = bas_frame_receive(keeper->fds.clerk, reply, answer);

		if (result == BAS_FRAME_AGAIN) {
			if (!bas_keeper_wait_clerk(keeper, POLLIN))
				goto lost;
			continue;
		}
		if (result != BAS_FRAME_OK)
			goto lost;
		if (reply->type == want || reply->type == other)
			return true;
		bas_frame_close_fds(reply);
		if (keeper->killed && reply->type == BAS_F_RUN_REPLY)
			continue; /* its question was given up */
		if (reply->type == BAS_F_RECALL) {
			/* A question for a lease has given all back already. */
			if (type != BAS_F_LEASE && !take_recall(keeper))
				goto lost;
			continue;
		}
		if (reply->type != BAS_F_KILL)
			goto lost;
		take_kill(keeper, reply);
		/* A session that is over gets no answer to a run. */
		if (keeper->clerk_lost || type == BAS_F_RUN)
			return false;
	}
lost:
	lose_clerk(keeper);
	return false;
}

/* False: nothing is left, or it does not matter any more. */
static bool
ask_lease(struct bas_keeper *keeper, uint64_t need)
{
	struct ca_buf payload = { 0 };
	struct bas_frame reply;
	struct ca_reader reader;
	uint64_t allowed;
	bool ok;

	put_lease(keeper, &payload, need);
	ok = bas_keeper_ask(keeper, BAS_F_LEASE, &payload, BAS_F_LEASED, BAS_F_LEASED, &reply);
	ca_buf_clear(&payload);
	if (!ok)
		return false;
	reader = ca_reader_of(reply.payload.data, reply.payload.len);
	allowed = ca_read_u64(&reader);
	if (!ca_reader_done(&reader) || allowed < keeper->carried) {
		lose_clerk(keeper);
		return false;
	}
	keeper->allowed = allowed;
	return allowed > keeper->carried;
}

size_t
bas_keeper_take_output(struct bas_keeper *keeper, size_t len)
{
	size_t taken = 0;

	do {
		uint64_t left = keeper->allowed - keeper->carried;
		size_t take = left < len - taken ? (size_t)left : len - taken;

		keeper->carried += take;
		taken += take;
	} while (taken < len && ask_lease(keeper, len - taken));
	return taken;
}

bool
bas_keeper_acknowledged(
    struct bas_keeper *keeper, enum bas_frame_type type, const struct ca_buf *payload)
{
	struct bas_frame reply;
	struct ca_reader reader;
	bool ok;

	if (!bas_keeper_ask(keeper, type, payload, BAS_F_LOGGED, BAS_F_LOGGED, &reply))
		return false;
	reader = ca_reader_of(reply.payload.data, reply.payload.len);
	ok = ca_read_u8(&reader) == 1;
	return ca_reader_done(&reader) && ok;
}

void
bas_keeper_clerk_frame(struct bas_keeper *keeper)
{
	struct bas_frame frame;

	switch (bas_frame_receive(keeper->fds.clerk, &frame, answer)) {
	case BAS_FRAME_AGAIN:
		return;
	case BAS_FRAME_OK:
		bas_frame_close_fds(&frame);
		if (frame.type == BAS_F_KILL) {
			take_kill(keeper, &frame);
			return;
		}
		if (frame.type == BAS_F_RECALL && take_recall(keeper))
			return;
		break;
	default:
		break;
	}
	lose_clerk(keeper);
}
