/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_krl.c - revocation lists from outside, read and asked.
 *
 * The seeds were made by stock tools (`ssh-keygen -k -s CA.pub SPEC`), one for each kind
 * of section; vector.krl is the golden vector.
 */
#include <stdlib.h>

#include "ca/krl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* The authority that the golden vector names. */
static const char authority_line[] =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4";

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct ca_key *key;
	struct ca_krl *krl = NULL;
	struct ca_why why;

	if (key == NULL && !ca_key_parse_line(&key, authority_line, &why))
		abort();
	if (!ca_krl_parse(&krl, data, len, &why))
		return 0;
	for (uint64_t serial = 1; serial < 70; serial++)
		(void)ca_krl_revokes(krl, key, serial, "bob@corp", NULL);
	for (unsigned bit = 1; bit < 64; bit++)
		(void)ca_krl_revokes(krl, NULL, UINT64_MAX >> bit, "", key);
	/* Not numbered: nothing but its key or its authority's revokes it. */
	if (ca_krl_revokes(krl, key, 0, NULL, NULL) != ca_krl_revokes_key(krl, key))
		abort();
	ca_krl_free(krl);
	return 0;
}
