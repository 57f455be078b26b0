/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merkle.c - a Merkle tree that only grows (RFC 9162 section 2.1.1), kept as its frontier.
 *
 * The number of roots kept is the number of one bits in the size, so adding a leaf is
 * the carry of adding one.
 */
#include "merkle.h"

#include <string.h>

#include "ca/crypto.h"

static size_t
count_roots(uint64_t size)
{
	return (size_t)__builtin_popcountll(size);
}

void
rec_merkle_leaf(const void *data, size_t len, uint8_t out[static REC_HASH_SIZE])
{
	struct ca_sha256 *hash = ca_sha256_new();

	ca_sha256_update(hash, "\x00", 1);
	ca_sha256_update(hash, data, len);
	ca_sha256_peek(hash, out);
	ca_sha256_free(hash);
}

static void
hash_node(const uint8_t left[static REC_HASH_SIZE], const uint8_t right[static REC_HASH_SIZE],
    uint8_t out[static REC_HASH_SIZE])
{
	uint8_t node[1 + 2 * REC_HASH_SIZE] = { 0x01 };

	memcpy(node + 1, left, REC_HASH_SIZE);
	memcpy(node + 1 + REC_HASH_SIZE, right, REC_HASH_SIZE);
	ca_sha256(node, sizeof(node), out);
}

void
rec_merkle_add(struct rec_merkle *tree, const uint8_t leaf[static REC_HASH_SIZE])
{
	size_t count = count_roots(tree->size);
	uint8_t hash[REC_HASH_SIZE];

	memcpy(hash, leaf, sizeof(hash));
	for (uint64_t rest = tree->size; rest & 1; rest >>= 1)
		hash_node(tree->roots[--count], hash, hash);
	memcpy(tree->roots[count], hash, sizeof(hash));
	tree->size++;
}

void
rec_merkle_root(const struct rec_merkle *tree, uint8_t out[static REC_HASH_SIZE])
{
	size_t count = count_roots(tree->size);

	if (count == 0) {
		ca_sha256("", 0, out);
		return;
	}
	memcpy(out, tree->roots[--count], REC_HASH_SIZE);
	while (count > 0)
		hash_node(tree->roots[--count], out, out);
}
