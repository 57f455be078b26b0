/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_sshsig.c - signatures from outside, in armor or as a blob.
 *
 * The seeds are signatures over "hello" LF that stock tools made
 * (`ssh-keygen -Y sign -n grant@postern -f KEY`), two of them without their armor,
 * and one with a certificate.
 */
#include <stdlib.h>
#include <string.h>

#include "ca/sshsig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
use_blob(const uint8_t *data, size_t len)
{
	struct ca_sshsig *sig = NULL;
	struct ca_presence presence;
	struct ca_why why;

	if (!ca_sshsig_parse(&sig, data, len, &why))
		return;
	if (sig->key == NULL || sig->namespace[0] == '\0')
		abort();
	if (ca_sshsig_verify(sig, sig->namespace, "hello\n", 6, &presence, &why) &&
	    ca_sshsig_verify(sig, "another", "hello\n", 6, &presence, &why))
		abort();
	if (ca_sshsig_verify(sig, sig->namespace, "hellO\n", 6, &presence, &why))
		abort();
	ca_sshsig_free(sig);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct ca_buf blob = { 0 }, armor = { 0 }, again = { 0 };

	use_blob(data, len);
	if (ca_sshsig_dearmor(&blob, (const char *)data, len, NULL)) {
		use_blob(blob.data, blob.len);
		ca_sshsig_armor(&armor, blob.data, blob.len);
		if (!ca_sshsig_dearmor(&again, (const char *)armor.data, armor.len, NULL) ||
		    !ca_bytes_equal(ca_buf_bytes(&blob), ca_buf_bytes(&again)))
			abort();
	}
	ca_buf_clear(&again);
	ca_buf_clear(&armor);
	ca_buf_clear(&blob);
	return 0;
}
