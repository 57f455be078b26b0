/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_key.c - judges the host key's file. No .pub is needed beside it: the private file names its
 * public half, and is refused when the two do not belong together. The secret is wiped again here;
 * listeners read it from the descriptor.
 */
#include "bastion/host_key.h"

#include <unistd.h>

#include "ca/file.h"
#include "ca/private_key.h"

#define KEY_MAX ((size_t)64 << 10) /* bytes of the file */

static bool
judge(const struct ca_private_key *key, const char *path, struct ca_why *why)
{
	enum ca_key_type type = ca_key_type(key->key);

	if (key->secret != NULL)
		return true;
	if (type == CA_KEY_SK_ED25519 || type == CA_KEY_SK_ECDSA_P256)
		return ca_why_set(why, "'%s' is a FIDO key, which no server can have", path);
	return ca_why_set(why,
	    "'%s' has a passphrase, and nobody is there to type it: 'ssh-keygen -p -N \"\" -f "
	    "FILE' "
	    "takes it away",
	    path);
}

int
bas_host_key_open(
    const char *path, char fingerprint[static CA_FINGERPRINT_SIZE], struct ca_why *why)
{
	struct ca_private_key key = { 0 };
	struct ca_buf text = { 0 };
	int fd = ca_file_open_trusted(path, true, why);
	bool ok = false;

	if (fd >= 0 && ca_file_read_open(fd, path, KEY_MAX, &text, why)) {
		if (!ca_private_key_parse(&key, (const char *)text.data, text.len, why))
			ca_why_prefix(why, "'%s'", path);
		else if (judge(&key, path, why))
			ok = true;
	}
	if (ok)
		ca_key_fingerprint(key.key, fingerprint);
	else
		ca_why_prefix(why, "'host_key'");
	ca_private_key_clear(&key);
	ca_buf_clear(&text);
	if (!ok && fd >= 0)
		close(fd);
	return ok ? fd : -1;
}
