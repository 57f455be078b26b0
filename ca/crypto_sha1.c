/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypto_sha1.c - SHA-1, which only old revocation lists still ask for.
 */
#include <stdlib.h>

#include <openssl/evp.h>

#include "ca/crypto.h"

void
ca_sha1(const void *data, size_t len, uint8_t out[static CA_SHA1_SIZE])
{
	if (EVP_Digest(data, len, out, NULL, EVP_sha1(), NULL) != 1)
		abort();
}
