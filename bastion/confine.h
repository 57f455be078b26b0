/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confine.h - how a command is held: one interface, an implementation per level.
 *
 * A role states the least level it accepts; what this machine and version do not reach is refused
 * with a sentence, never worked around.
 */
#ifndef BAS_CONFINE_H
#define BAS_CONFINE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "bastion/config.h"
#include "ca/why.h"

/* One command about to be executed. Everything borrowed. */
struct bas_launch {
	const struct bas_role *role;
	const struct bas_command *command;
	char *const *argv; /* argv[0] is the command's program */
	char *const *envp; /* the whole environment */
	bool terminal;	   /* fds[0] is the slave of a terminal, to become the controlling one */
	int fds[3];	   /* its stdin, stdout, stderr; all above 2 */
	int program;	   /* from bas_confine_program; a level with a root opens it again inside */
	pid_t parent;	   /* whose death kills it */
	uid_t uid;	   /* the service's, for a user namespace */
	gid_t gid;
	unsigned beside; /* commands of the same user that run already */
};

struct bas_confinement {
	enum bas_level level;
	int namespaces; /* of the init: flags of clone(2) */
	/* In the init, which is the first process in its namespaces: makes them what the command
	 * will find. `forwarder`: see forwarder.h. NULL: there are none. */
	bool (*enter)(struct bas_launch *launch, int forwarder, struct ca_why *why);
	/* In the fresh process, after bas_confine_descriptors: gives up everything the level
	 * demands. False with a sentence: the process must exit, it may be half confined. */
	bool (*apply)(const struct bas_launch *launch, struct ca_why *why);
};

/* Descriptors of the fresh process beside 0 to 2; both are gone with the exec. */
#define BAS_CONFINE_PROGRAM 3
#define BAS_CONFINE_REPORT  4 /* where a sentence goes */

/* Confines nothing but descriptors and session. For tests; no configuration chooses it. */
extern const struct bas_confinement bas_confine_none;
extern const struct bas_confinement bas_confine_basic;
extern const struct bas_confinement bas_confine_kernel;
extern const struct bas_confinement bas_confine_full;

/*
 * The highest level that this machine lets us reach, found by trying, once: who is forked later has
 * the answer of the process that was started. NULL with a sentence when not even basic is.
 */
const struct bas_confinement *bas_confine_best(struct ca_why *why);
/* Why it is not a higher one; empty at level full. */
const char *bas_confine_missing(void);
/* The sentence for a role that accepts no level as low as this one. False. */
bool bas_confine_refuse(const struct bas_role *role, enum bas_level level, struct ca_why *why);
/* Its level, for status and recordings. */
CA_MUST_USE bool bas_confine_reach(enum bas_level *out, struct ca_why *why);
/* Whether `confinement` is what the role accepts, and the role's user is one that we can and may
 * become. */
CA_MUST_USE bool bas_confine_check(
    const struct bas_confinement *confinement, const struct bas_role *role, struct ca_why *why);
/* Whether the level can hold what the command's lists ask for. */
CA_MUST_USE bool bas_confine_check_command(const struct bas_confinement *confinement,
    const struct bas_command *command, struct ca_why *why);
/* Whether `execute` lists programs: a folder in it holds libraries only. */
bool bas_confine_has_helpers(const struct bas_confine *confine);

/*
 * Opens the program to execute: a regular file of root's or ours that nobody else can write. What
 * is opened here is what runs, whatever happens to the path. A script (`#!`) is refused: its
 * interpreter would open the path again. -1 with a sentence.
 */
CA_MUST_USE int bas_confine_program(
    const char *path, const struct bas_role *role, struct ca_why *why);

/* Executes BAS_CONFINE_PROGRAM. Returns only when that failed, with a sentence. */
void bas_confine_exec(const struct bas_launch *launch, struct ca_why *why);

/* Renumbers `fds` to first, first + 1, ..., close-on-exec, and closes everything above them. */
CA_MUST_USE bool bas_confine_keep(int *fds, size_t count, int first, struct ca_why *why);
/* stdin, stdout, stderr, program and `report` become 0 to 4; closes all else. */
CA_MUST_USE bool bas_confine_descriptors(
    const struct bas_launch *launch, int report, struct ca_why *why);
/* Own session, with the terminal on stdin as its controlling one. */
CA_MUST_USE bool bas_confine_session(const struct bas_launch *launch, struct ca_why *why);
/* Default handlers, nothing blocked. */
void bas_confine_signals(void);

#endif
