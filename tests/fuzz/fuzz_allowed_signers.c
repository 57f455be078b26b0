/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_allowed_signers.c - files that say who is who, and the answers they give.
 */
#include <stdlib.h>

#include "ca/allowed_signers.h"
#include "ca/sshsig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
read_as(const uint8_t *data, size_t len, const char *ns)
{
	struct ca_allowed_signers *signers = NULL;
	struct ca_why why;

	if (!ca_allowed_signers_parse(&signers, "file", (const char *)data, len, ns, &why))
		return;
	for (size_t i = 0; i < signers->count; i++) {
		const struct ca_allowed_signer *entry = &signers->entries[i];
		const char *name =
		    ca_allowed_signers_name_of(signers, entry->key, entry->valid_after);

		if (!ca_allowed_signers_lists(signers, entry->name, entry->key) ||
		    (name == NULL) != entry->is_authority ||
		    entry->valid_before <= entry->valid_after)
			abort();
	}
	ca_allowed_signers_free(signers);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	read_as(data, len, CA_NAMESPACE_GRANT);
	read_as(data, len, NULL);
	return 0;
}
