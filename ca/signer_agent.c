/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signer_agent.c - the signer whose key is in an ssh-agent: the user's, one in
 * front of a token, or our own for a key with a passphrase.
 */
#include "ca/signer.h"

#include <stdlib.h>

#include "ca/agent.h"
#include "ca/signer_kind.h"

struct agent_signer {
	struct ca_signer signer;
	struct ca_agent *agent;
	struct ca_private_agent *own; /* or NULL */
};

static bool
sign_with_agent(
    struct ca_signer *signer, const void *data, size_t len, struct ca_buf *sig, struct ca_why *why)
{
	struct agent_signer *self = (struct agent_signer *)signer;

	return ca_agent_sign(self->agent, signer->key, data, len, sig, why);
}

static void
free_agent_signer(struct ca_signer *signer)
{
	struct agent_signer *self = (struct agent_signer *)signer;

	ca_agent_free(self->agent);
	ca_private_agent_free(self->own);
	free(self);
}

static const struct ca_signer_kind agent_kind = { sign_with_agent, free_agent_signer };

static bool
find_key(struct ca_agent *agent, const struct ca_key *key, struct ca_key **out, struct ca_why *why)
{
	char fingerprint[CA_FINGERPRINT_SIZE];
	struct ca_key **keys = NULL;
	size_t count = 0;

	if (!ca_agent_list(agent, &keys, &count, why))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (*out == NULL && ca_key_equal(keys[i], key))
			*out = ca_key_ref(keys[i]);
		ca_key_free(keys[i]);
	}
	free(keys);
	if (*out != NULL)
		return true;
	ca_key_fingerprint(key, fingerprint);
	return ca_why_set(why, "ssh-agent does not hold the key '%s'", fingerprint);
}

bool
ca_signer_agent_take(struct ca_signer **out, const char *path, const struct ca_key *key,
    struct ca_private_agent *own, struct ca_why *why)
{
	struct agent_signer *self = calloc(1, sizeof(*self));

	if (self == NULL) {
		ca_private_agent_free(own);
		return ca_why_set(why, "out of memory");
	}
	self->signer.kind = &agent_kind;
	self->own = own;
	if (!ca_agent_connect(&self->agent, path, why) ||
	    !find_key(self->agent, key, &self->signer.key, why)) {
		ca_signer_free(&self->signer);
		return false;
	}
	*out = &self->signer;
	return true;
}

bool
ca_signer_agent(
    struct ca_signer **out, const char *path, const struct ca_key *key, struct ca_why *why)
{
	return ca_signer_agent_take(out, path, key, NULL, why);
}
