/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spawner_child.h - one command's process tree, under an init of its own.
 *
 * The init is the first process of a PID namespace where we may make one: its death makes the
 * kernel kill the tree. Elsewhere it is a sub-reaper, to which every daemon of the tree falls, and
 * which kills until none is left. It speaks to the spawner over one seqpacket socket, whose end
 * means: kill.
 */
#ifndef BAS_SPAWNER_CHILD_H
#define BAS_SPAWNER_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "bastion/confine.h"
#include "ca/why.h"

struct bas_child {
	pid_t init;
	pid_t forwarder; /* 0: it has none; ends with the init */
	int socket;	 /* owned; bas_child_report arrives here */
	bool namespace;	 /* killing the init kills all */
};

enum bas_report_kind { BAS_REPORT_STARTED = 1, BAS_REPORT_FAILED, BAS_REPORT_ENDED };

/* From the init to the spawner: one program on both sides, so the struct is the format. */
struct bas_report {
	enum bas_report_kind kind;
	int status;	   /* ENDED: as from waitpid, of the command itself */
	uint64_t cpu;	   /* ENDED: microseconds of the whole tree */
	struct ca_why why; /* FAILED */
};

/* Forks the init, which forks the command. The launch's descriptors stay the caller's; `parent` is
 * filled in by the init. */
CA_MUST_USE bool bas_child_start(struct bas_child *out, const struct bas_confinement *confinement,
    const struct bas_launch *launch, struct ca_why *why);
/* To the command's process group. */
void bas_child_signal(const struct bas_child *child, int number);
/* The whole tree, now. The init's end says that it is gone. */
void bas_child_kill(struct bas_child *child);

/*
 * Kills the calling process's children with their process groups, and theirs as they fall to it,
 * until there are none but those that `spared` knows (NULL: none is spared).
 */
void bas_children_kill(bool (*spared)(void *ctx, pid_t pid), void *ctx);

#endif
