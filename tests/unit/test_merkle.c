/* SPDX-License-Identifier: Apache-2.0 */
/* test_merkle.c - the tree gives the roots that RFC 9162 trees are known to have. */
#include "../../recorder/merkle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "ca/crypto.h"
#include "ca/text.h"

/* The classic eight leaves of the certificate transparency test suites. */
static const struct {
	const char *data;
	size_t len;
} leaves[] = {
	{ "", 0 },
	{ "\x00", 1 },
	{ "\x10", 1 },
	{ "\x20\x21", 2 },
	{ "\x30\x31", 2 },
	{ "\x40\x41\x42\x43", 4 },
	{ "\x50\x51\x52\x53\x54\x55\x56\x57", 8 },
	{ "\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16 },
};

static const char *const roots[] = {
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
	"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
	"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
	"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
	"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
	"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
	"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
	"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};

static void
roots_are_the_known_ones(void **state)
{
	struct rec_merkle tree = { 0 };

	(void)state;
	for (size_t i = 0; i <= 8; i++) {
		struct ca_buf hex = { 0 };
		uint8_t root[REC_HASH_SIZE], leaf[REC_HASH_SIZE];

		rec_merkle_root(&tree, root);
		ca_hex_encode(&hex, root, sizeof(root));
		assert_memory_equal(hex.data, roots[i], 64);
		ca_buf_clear(&hex);
		if (i == 8)
			break;
		rec_merkle_leaf(leaves[i].data, leaves[i].len, leaf);
		rec_merkle_add(&tree, leaf);
	}
}

/* RFC 9162 section 2.1.1, as it is written there. */
static void
root_by_definition(uint8_t (*hashes)[REC_HASH_SIZE], size_t n, uint8_t out[REC_HASH_SIZE])
{
	uint8_t node[1 + 2 * REC_HASH_SIZE] = { 1 };
	size_t k = 1;

	if (n == 1) {
		memcpy(out, hashes[0], REC_HASH_SIZE);
		return;
	}
	while (k * 2 < n)
		k *= 2;
	root_by_definition(hashes, k, node + 1);
	root_by_definition(hashes + k, n - k, node + 1 + REC_HASH_SIZE);
	ca_sha256(node, sizeof(node), out);
}

static void
roots_of_all_sizes_follow_the_definition(void **state)
{
	static uint8_t hashes[300][REC_HASH_SIZE];
	struct rec_merkle tree = { 0 };
	uint8_t root[REC_HASH_SIZE], wanted[REC_HASH_SIZE];

	(void)state;
	for (size_t i = 0; i < 300; i++) {
		rec_merkle_leaf(&i, sizeof(i), hashes[i]);
		rec_merkle_add(&tree, hashes[i]);
		rec_merkle_root(&tree, root);
		root_by_definition(hashes, i + 1, wanted);
		assert_memory_equal(root, wanted, sizeof(root));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(roots_are_the_known_ones),
		cmocka_unit_test(roots_of_all_sizes_follow_the_definition),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
