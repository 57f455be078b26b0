/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confine_parts.h - what the levels are made of; used by confine*.c and the init.
 *
 * Order in the command's process: session and limits, own user, no privileges, tied to its parent,
 * Landlock, system calls, exec. Each step takes away what only the steps before it needed.
 */
#ifndef BAS_CONFINE_PARTS_H
#define BAS_CONFINE_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bastion/confine.h"
#include "ca/why.h"

/* "confinement: WHAT: errno's text". False. */
bool bas_confine_failed(const char *what, struct ca_why *why);

/* ---- confine_limits.c: setrlimit(2) */
CA_MUST_USE bool bas_limits_set(const struct bas_command *command, struct ca_why *why);
/* RLIMIT_NPROC counts the user's processes within its user namespace: as many commands as run
 * `beside` may each have theirs, and `running` are nobody's. After the change of user. */
CA_MUST_USE bool bas_limits_set_processes(
    const struct bas_confine *confine, unsigned beside, unsigned running, struct ca_why *why);
/* What the calling process's user runs already. */
unsigned bas_limits_count_processes(void);

/* ---- confine_user.c: capabilities(7), credentials(7) */
/* Every later exec starts without capabilities. Needs CAP_SETPCAP, so comes first. */
CA_MUST_USE bool bas_user_drop_bounding(struct ca_why *why);
CA_MUST_USE bool bas_user_become(const struct bas_role *role, struct ca_why *why);
CA_MUST_USE bool bas_user_drop_capabilities(struct ca_why *why);
/* PDEATHSIG, which a change of user clears, and no new privileges. */
CA_MUST_USE bool bas_user_tie(pid_t parent, struct ca_why *why);

/* ---- confine_calls.c: seccomp(2) */
/* Compiles the filters, once a process; what is forked later has them. */
CA_MUST_USE bool bas_calls_prepare(struct ca_why *why);
/*
 * From here on the list holds. `helpers`: exec is left to Landlock; else the next exec waits for
 * whoever holds `listener` (owned by the caller), and when that is closed all are refused.
 */
CA_MUST_USE bool bas_calls_enter(bool helpers, int *listener, struct ca_why *why);
/*
 * No socket of the UNIX family from here on, pairs excepted: neither a mount that is read-only nor
 * Landlock keeps anyone from connecting to a socket that lies in a listed folder.
 */
CA_MUST_USE bool bas_calls_refuse_local(struct ca_why *why);

/* ---- confine_once.c: seccomp_unotify(2) */
/* Hands the listener to the init over the report socket. */
CA_MUST_USE bool bas_once_hand_over(int report, int listener, struct ca_why *why);
/* Waits at the init's end of the report socket until the program runs; lets `pid` execute
 * BAS_CONFINE_PROGRAM, and nothing and nobody else. False with the command's sentence or ours. */
CA_MUST_USE bool bas_once_await(int report, pid_t pid, struct ca_why *why);

/* ---- confine_landlock.c: landlock(7) */
/* 0: this kernel has none, or it is switched off. */
int bas_landlock_abi(void);
/* For tests: as if the kernel were an older one. */
void bas_landlock_limit(int abi);
/* Files as the layout has them; what is executed: the program, its helpers and their loaders. */
CA_MUST_USE bool bas_landlock_enter(
    const struct bas_launch *launch, bool own_root, struct ca_why *why);

/* ---- confine_loader.c: elf(5) */
/* The loader that an executable names (PT_INTERP). False: none, or no ELF file. */
bool bas_loader_of(int fd, char *out, size_t size);

/* ---- confine_root.c: mount_namespaces(7) */
/* Builds the command's root in the calling process's own mount namespace and enters it. */
CA_MUST_USE bool bas_root_enter(const struct bas_launch *launch, bool full, struct ca_why *why);

/* ---- confine_space.c: namespaces(7), user_namespaces(7) */
/* In the init, first of all: its user namespace's maps unless `full`, loopback, listening sockets
 * of `connect` (given to `forwarder`), root; `launch->program` is opened again inside. */
CA_MUST_USE bool bas_space_enter(
    struct bas_launch *launch, bool full, int forwarder, struct ca_why *why);

#endif
