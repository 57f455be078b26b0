/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypto.c - SHA-2 and random bytes.
 *
 * Looking an algorithm up costs OpenSSL 3 more than hashing a log line with it,
 * so that each is fetched once and one-shot hashes share one context. There are
 * no threads in any of our processes.
 */
#include "ca/crypto.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "ca/crypto_key.h"

struct ca_sha256 {
	EVP_MD_CTX *running;
};

static EVP_MD *sha256_method;
static EVP_MD *sha512_method;
static EVP_MD_CTX *one_shot;

/* Hashing fails only for want of memory or of the algorithm itself: nothing to go on with. */
static void
require(bool ok)
{
	if (!ok)
		abort();
}

static const EVP_MD *
method_of(EVP_MD **method, const char *name)
{
	if (*method == NULL) {
		*method = EVP_MD_fetch(NULL, name, NULL);
		require(*method != NULL);
	}
	return *method;
}

static EVP_MD_CTX *
shared_context(void)
{
	if (one_shot == NULL) {
		one_shot = EVP_MD_CTX_new();
		require(one_shot != NULL);
	}
	return one_shot;
}

static void
hash_once(const EVP_MD *method, const void *data, size_t len, uint8_t *out)
{
	EVP_MD_CTX *context = shared_context();

	require(EVP_DigestInit_ex2(context, method, NULL) == 1 &&
		EVP_DigestUpdate(context, data, len) == 1 &&
		EVP_DigestFinal_ex(context, out, NULL) == 1);
}

void
ca_sha256(const void *data, size_t len, uint8_t out[static CA_SHA256_SIZE])
{
	hash_once(method_of(&sha256_method, "SHA256"), data, len, out);
}

void
ca_sha512(const void *data, size_t len, uint8_t out[static CA_SHA512_SIZE])
{
	hash_once(method_of(&sha512_method, "SHA512"), data, len, out);
}

struct ca_sha256 *
ca_sha256_new(void)
{
	struct ca_sha256 *hash = calloc(1, sizeof(*hash));

	require(hash != NULL);
	hash->running = EVP_MD_CTX_new();
	require(hash->running != NULL &&
		EVP_DigestInit_ex2(hash->running, method_of(&sha256_method, "SHA256"), NULL) == 1);
	return hash;
}

void
ca_sha256_update(struct ca_sha256 *hash, const void *data, size_t len)
{
	require(EVP_DigestUpdate(hash->running, data, len) == 1);
}

void
ca_sha256_peek(const struct ca_sha256 *hash, uint8_t out[static CA_SHA256_SIZE])
{
	EVP_MD_CTX *copy = shared_context();

	require(EVP_MD_CTX_copy_ex(copy, hash->running) == 1 &&
		EVP_DigestFinal_ex(copy, out, NULL) == 1);
}

void
ca_sha256_free(struct ca_sha256 *hash)
{
	if (hash == NULL)
		return;
	EVP_MD_CTX_free(hash->running);
	free(hash);
}

void
ca_random(void *out, size_t len)
{
	uint8_t *next = out;

	while (len > 0) {
		ssize_t n = getrandom(next, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		require(n > 0);
		next += n;
		len -= (size_t)n;
	}
}

void
ca_wipe(void *secret, size_t len)
{
	OPENSSL_cleanse(secret, len);
}

void
ca_crypto_warm(void)
{
	uint8_t out[CA_SHA512_SIZE];

	ca_sha256("", 0, out);
	ca_sha512("", 0, out);
	ca_sha1("", 0, out);
	/* The two generators that OpenSSL seeds at first use. */
	require(RAND_bytes(out, sizeof(out)) == 1 && RAND_priv_bytes(out, sizeof(out)) == 1);
	require(ca_pkey_warm());
	ca_wipe(out, sizeof(out));
}
