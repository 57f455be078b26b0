/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signer.c - what all signers have in common: nothing leaves one that its own
 * public key does not verify (a fault in one RSA-CRT signature gives the key away, and an
 * agent answers what it likes).
 */
#include "ca/signer.h"

#include "ca/signer_kind.h"

const struct ca_key *
ca_signer_key(const struct ca_signer *signer)
{
	return signer->key;
}

bool
ca_signer_sign(
    struct ca_signer *signer, const void *data, size_t len, struct ca_buf *sig, struct ca_why *why)
{
	struct ca_buf made = { 0 };
	bool ok = false;

	if (!signer->kind->sign(signer, data, len, &made, why))
		goto out;
	if (!ca_key_verify(signer->key, data, len, made.data, made.len, NULL, why)) {
		ca_why_prefix(why, "the signer gave a bad signature");
		goto out;
	}
	ca_buf_put(sig, made.data, made.len);
	ok = ca_buf_ok(sig) || ca_why_set(why, "out of memory");
out:
	ca_buf_clear(&made);
	return ok;
}

void
ca_signer_free(struct ca_signer *signer)
{
	if (signer == NULL)
		return;
	ca_key_free(signer->key);
	signer->kind->free(signer);
}
