/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_private_key.c - private key files: as text, or the bytes inside.
 *
 * The seeds are keys of stock `ssh-keygen -t TYPE -N ''` (one with a passphrase), made for
 * this and used nowhere.
 */
#include "ca/armor.h"
#include "ca/private_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
use_text(const char *text, size_t len)
{
	struct ca_private_key key = { 0 };
	struct ca_buf sig = { 0 };
	struct ca_why why;

	if (ca_private_key_parse(&key, text, len, &why) && key.secret != NULL &&
	    ca_pkey_sign(key.secret, "data", 4, &sig))
		(void)!ca_pkey_verify(key.secret, true, "data", 4, ca_buf_bytes(&sig));
	ca_buf_clear(&sig);
	ca_private_key_clear(&key);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct ca_buf text = { 0 };

	use_text((const char *)data, len);
	/* A fuzzer does not get far through base64. */
	ca_armor_put(&text, "OPENSSH PRIVATE KEY", data, len);
	use_text((const char *)text.data, text.len);
	ca_buf_clear(&text);
	return 0;
}
