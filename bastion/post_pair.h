/* SPDX-License-Identifier: Apache-2.0 */
/*
 * post_pair.h - the rooms of a post as processes: one clerk, and pairs of a nursery and a listener.
 */
#ifndef BAS_POST_PAIR_H
#define BAS_POST_PAIR_H

#include <stdbool.h>
#include <sys/types.h>

#include "bastion/config.h"
#include "bastion/listening.h"
#include "ca/why.h"

/* A nursery and a listener, joined to each other, both from one configuration. What is left of one
 * that was renewed is its listener alone. */
struct bas_pair {
	pid_t nursery, listener;	     /* 0: reaped, or never ours */
	int nursery_socket, listener_socket; /* the rooms' `parent`, or -1 */
	int host_key;			     /* -1: renewed */
	bool retired;
	struct bas_pair *next;
};

/*
 * Starts both. `clerk`: the nursery's socket to the clerk, borrowed. `predecessor`: the other end
 * of what the listener before is retired with, borrowed, or -1. The spawner's end of the nursery's
 * socket comes out in `*spawner`. NULL with a sentence: nothing was left running.
 */
struct bas_pair *bas_pair_start(const struct bas_config *config,
    const struct bas_listening *listening, int clerk, int predecessor, int *spawner,
    struct ca_why *why);
/* The same nursery with a listener that was executed anew; `old` is retired. NULL with a sentence:
 * no listener serves any more. */
struct bas_pair *bas_pair_renew(struct bas_pair *old, const struct bas_config *config,
    const struct bas_listening *listening, struct ca_why *why);
/* Nothing new; what is there lives on, and the rooms end after it. What the listener counts goes to
 * `successor`, borrowed, or -1. */
void bas_pair_retire(struct bas_pair *pair, int successor);
void bas_pair_free(struct bas_pair *pair); /* NULL is fine */
/* Kills both and frees. Whoever reaps children meets them as strangers. */
void bas_pair_undo(struct bas_pair *pair);

/* The clerk's pid, or -1. Both sockets stay the caller's. */
pid_t bas_post_start_clerk(
    const struct bas_config *config, pid_t parent, int socket, int nursery, const char *policy);
/* Fields of policy.loaded as JSON text: the file, its hash, where it listens. Caller frees. */
char *bas_post_policy(
    const char *config_path, const struct bas_listening *listening, struct ca_why *why);

CA_MUST_USE bool bas_post_socketpair(int pair[2], struct ca_why *why);
void bas_post_close_both(int pair[2]);
void bas_post_close(int *fd); /* -1 afterwards; -1 is fine */
/* One line on stderr. */
void bas_post_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
