/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rooms.h - the processes of a post, each with one entry point that never returns
 * to its caller's work.
 *
 *   spawner   the process that was started; parent of the others, the only one with privilege
 *   clerk     single writer of the log, keeper of counts
 *   nursery   the keepers' ready template; forks a keeper for each connection
 *   listener  accepts; the doors' ready template; forks a door for each connection
 *
 * When clerk, nursery or listener dies, the spawner ends the post, every command included: a room
 * that is missing is never worked around. A keeper ends when its clerk, spawner or door socket
 * does; a door ends when its keeper's does; a command's tree ends when its keeper's socket does.
 *
 * A room finds itself with its final uid, non-dumpable, with a title, killed by the kernel when the
 * spawner dies (PR_SET_PDEATHSIG), every signal at its default and unblocked, and no descriptors
 * but those named here and 0, 1, 2.
 */
#ifndef BAS_ROOMS_H
#define BAS_ROOMS_H

#include <sys/types.h>

#include "bastion/config.h"

/*
 * All return the process's exit status. Descriptors are owned by the room.
 *
 * `parent` is a seqpacket socket to the spawner. Its end tells nursery and listener: take nothing
 * new (the listener closes its listening sockets and its nursery socket), live on until the last
 * child has ended, then return 0. So a reload starts a new pair beside the old one, and connections
 * go on with the policy that admitted them. It tells the clerk: end every session, log that, return
 * 0.
 */

/* parent: brings BAS_F_POLICY after a reload. nursery: brings a socket per keeper; its end
 * ends nothing, keepers live on. */
/* policy: JSON text of policy.loaded's fields, for the log and for status. */
struct bas_clerk_fds {
	int parent;
	int nursery;
	const char *policy;
};
int bas_clerk_run(const struct bas_config *config, const struct bas_clerk_fds *fds);

/* The end of `listener` means the same as that of `parent`, once its keepers are gone; before it
 * ends, `parent` may bring another one (BAS_F_LISTENER). gate: the host key's fingerprint; lives as
 * long as the room. */
struct bas_nursery_fds {
	int parent;
	int listener;
	int clerk;
	int spawner;
	const char *gate;
};
int bas_nursery_run(const struct bas_config *config, const struct bas_nursery_fds *fds);

/* host_key: readable, holds the text of the private key that config->host_key names (opened by the
 * one who may); not above 2: the file is opened by name. predecessor: a socket to the listener that
 * this one follows, which hands on what it counts; not above 2: there is none.
 *
 * The listener's own words to `parent` are BAS_F_CRASHED, also after it was retired; the answer to
 * the first is BAS_F_SUCCESSOR. */
struct bas_listener_fds {
	int parent;
	int nursery;
	int predecessor;
	const int *listening;
	size_t listening_count;
	int host_key;
};
int bas_listener_run(const struct bas_config *config, const struct bas_listener_fds *fds);

/* One connection. door: the control socket; status: one byte 'A' is written once
 * authenticated, and its end says that the connection is over. Forked by the nursery
 * (bas_keeper_run in keeper.h). */
struct bas_keeper_fds {
	int door;
	int status;
	int clerk;
	int spawner;
};

#endif
