/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spawner_request.h - the payload of BAS_F_SPAWN, read and checked against the configuration.
 */
#ifndef BAS_SPAWNER_REQUEST_H
#define BAS_SPAWNER_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bastion/config.h"
#include "ca/buf.h"
#include "ca/why.h"

#define BAS_SPAWN_ARGS	    512
#define BAS_SPAWN_VARIABLES 64

struct bas_spawn_request {
	uint32_t tag;
	char *role;
	char *command;
	char *argv[BAS_SPAWN_ARGS + 1];	     /* NULL-terminated */
	char *envp[BAS_SPAWN_VARIABLES + 1]; /* NULL-terminated */
	bool terminal;
};

/* False: not of the shape in frame.h, or over a bound. Caller clears `out` either way. */
CA_MUST_USE bool bas_spawn_request_parse(struct bas_spawn_request *out, struct ca_bytes payload);
void bas_spawn_request_clear(struct bas_spawn_request *request);
/*
 * Whether the configuration has this command in this role, the program is its own, a terminal is
 * what it has one for, and every variable is one that a command may have.
 */
CA_MUST_USE bool bas_spawn_request_check(const struct bas_spawn_request *request,
    const struct bas_config *config, const struct bas_role **role,
    const struct bas_command **command, struct ca_why *why);

/* BAS_F_SPAWNED: `pid` is 0 when it failed, `why` then says how. */
void bas_spawn_answer_put(struct ca_buf *out, uint32_t tag, pid_t pid, const struct ca_why *why);
/* BAS_F_GONE: a status as from waitpid, processor time in microseconds. */
void bas_spawn_end_put(struct ca_buf *out, uint32_t tag, int status, uint64_t cpu);

#endif
