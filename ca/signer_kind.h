/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signer_kind.h - what each kind of signer has to offer, and the private ssh-agent
 * that a key with a passphrase is handed to.
 */
#ifndef CA_SIGNER_KIND_H
#define CA_SIGNER_KIND_H

#include <stdbool.h>
#include <stddef.h>

#include "ca/signer.h"

struct ca_signer_kind {
	/* Appends an SSH signature blob, which the caller verifies. */
	bool (*sign)(struct ca_signer *signer, const void *data, size_t len, struct ca_buf *sig,
	    struct ca_why *why);
	/* Wipes and frees all, `signer` too, but signer->key. */
	void (*free)(struct ca_signer *signer);
};

/* The first member of each kind's own struct. */
struct ca_signer {
	const struct ca_signer_kind *kind;
	struct ca_key *key; /* owned */
};

/*
 * An ssh-agent of our own, behind a socket in a folder that only we may enter. It dies with
 * the process that started it (and when it is freed); a fork of that process may use it no longer
 * than that.
 */
struct ca_private_agent;

CA_MUST_USE bool ca_private_agent_start(struct ca_private_agent **out, struct ca_why *why);
/* Runs ssh-add, which asks for the passphrase on the terminal or through SSH_ASKPASS. */
CA_MUST_USE bool ca_private_agent_add(
    struct ca_private_agent *agent, const char *key_path, struct ca_why *why);
const char *ca_private_agent_socket(const struct ca_private_agent *agent);
void ca_private_agent_free(struct ca_private_agent *agent);

/* Signer with `key` in the agent at `path`; takes over `own` (may be NULL), after a failure too. */
CA_MUST_USE bool ca_signer_agent_take(struct ca_signer **out, const char *path,
    const struct ca_key *key, struct ca_private_agent *own, struct ca_why *why);

#endif
