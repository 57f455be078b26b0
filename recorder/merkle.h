/* SPDX-License-Identifier: Apache-2.0 */
/* merkle.h - the tree of RFC 9162 section 2.1 over SHA-256, as far as a writer needs it. */
#ifndef REC_MERKLE_H
#define REC_MERKLE_H

#include <stddef.h>
#include <stdint.h>

#define REC_HASH_SIZE 32

/* The roots of the perfect trees that make up a tree of `size` leaves, largest first. */
struct rec_merkle {
	uint64_t size;
	uint8_t roots[64][REC_HASH_SIZE];
};

void rec_merkle_leaf(const void *data, size_t len, uint8_t out[static REC_HASH_SIZE]);
void rec_merkle_add(struct rec_merkle *tree, const uint8_t leaf[static REC_HASH_SIZE]);
void rec_merkle_root(const struct rec_merkle *tree, uint8_t out[static REC_HASH_SIZE]);

#endif
