/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ssh_parts.h - what the files over libssh share: the connection and its channels.
 *
 * ssh_server.c owns the connection, ssh_auth.c its authentication, ssh_channel.c its channels.
 * Not for anyone else: the door sees ssh_server.h.
 */
#ifndef BAS_SSH_PARTS_H
#define BAS_SSH_PARTS_H

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h>

#include "bastion/ssh_server.h"

#define BAS_SSH_QUEUE_MAX 64 /* messages that wait for one answer */

struct bas_ssh_queue {
	ssh_message messages[BAS_SSH_QUEUE_MAX];
	size_t first, count;
};

struct bas_ssh_channel {
	struct bas_ssh *ssh;
	ssh_channel channel;
	struct ssh_channel_callbacks_struct callbacks;
	void *owner;
	struct bas_ssh_queue requests;
	bool later;	    /* the first request was sent on, its answer is to come */
	bool remote_closed; /* the client's CLOSE came */
	bool told;	    /* and the owner knows */
	bool local_closed;  /* ours is to be sent */
	bool close_sent;
	size_t unread;
	struct bas_ssh_channel *next;
};

struct bas_ssh {
	ssh_session session;
	const struct bas_ssh_calls *calls;
	void *owner;
	struct ssh_counter_struct socket_counter, packet_counter;
	uint64_t drained_bytes; /* read when libssh's list was last seen empty */
	bool keys_exchanged, service, authenticated, broken, drained;
	unsigned auth_requests, auth_limit;
	struct bas_ssh_queue auth;
	ssh_message kept; /* the last authentication request, answered or not */
	bool auth_waits;  /* not yet answered */
	bool proven;
	struct ca_buf shown; /* banners already sent, as wire strings */
	uint64_t in_mark, out_mark;
	int64_t silent_since;	  /* ms; 0: not silent */
	const char *channel_kind; /* what the log said of the channel that is being opened */
	struct bas_ssh_channel *channels;
};

/* False when it is full. */
CA_MUST_USE bool bas_ssh_queue_put(struct bas_ssh_queue *queue, ssh_message message);
ssh_message bas_ssh_queue_take(struct bas_ssh_queue *queue);
void bas_ssh_queue_clear(struct bas_ssh_queue *queue);
int64_t bas_ssh_now_ms(void);

/* Both take the message over. */
void bas_ssh_auth_take(struct bas_ssh *ssh, ssh_message message);
void bas_ssh_channel_take(struct bas_ssh *ssh, ssh_message message);
void bas_ssh_channel_open(struct bas_ssh *ssh, ssh_message message);
/* After every message: what came so far was not dropped. */
void bas_ssh_auth_mark(struct bas_ssh *ssh);
/* Refuses what libssh has dropped. */
void bas_ssh_auth_break_silence(struct bas_ssh *ssh);
/* Milliseconds until that is due; -1: it is not. */
int bas_ssh_auth_timeout(const struct bas_ssh *ssh);
/* Sends what closes, tells owners of what was closed. True when it did something. */
bool bas_ssh_channels_close(struct bas_ssh *ssh);
/* While libssh's list of messages is empty: frees what both sides have closed. */
void bas_ssh_channels_reap(struct bas_ssh *ssh);

/* So that forked connections share what the first one costs. */
void bas_ssh_warm(struct bas_ssh_host *host);

#endif
