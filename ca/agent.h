/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent.h - a client of ssh-agent (RFC 9987): list keys, sign.
 */
#ifndef CA_AGENT_H
#define CA_AGENT_H

#include <stdbool.h>
#include <stddef.h>

#include "ca/buf.h"
#include "ca/key.h"
#include "ca/why.h"

struct ca_agent; /* a connection */

/* `path` NULL: $SSH_AUTH_SOCK. */
CA_MUST_USE bool ca_agent_connect(struct ca_agent **out, const char *path, struct ca_why *why);
void ca_agent_free(struct ca_agent *agent);

/* The plain keys it holds, others left out. Caller frees each and the array. */
CA_MUST_USE bool ca_agent_list(
    struct ca_agent *agent, struct ca_key ***keys, size_t *count, struct ca_why *why);
/*
 * Appends an SSH signature blob of the one algorithm that we take for this key; whether
 * it holds is for the caller to see. Connects anew if the agent was started again.
 */
CA_MUST_USE bool ca_agent_sign(struct ca_agent *agent, const struct ca_key *key, const void *data,
    size_t len, struct ca_buf *sig, struct ca_why *why);

#endif
