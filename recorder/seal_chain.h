/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seal_chain.h - all seals of one recording, oldest first, as they lie in its files.
 */
#ifndef REC_SEAL_CHAIN_H
#define REC_SEAL_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ca/key.h"
#include "ca/why.h"
#include "recorder/seal.h"
#include "signed_file.h"

/* A seal a minute for two months. */
#define REC_CHAIN_MAX 90000

struct rec_chain_link {
	struct rec_seal seal;
	uint8_t hash[32]; /* SHA-256 of its text */
	struct rec_signed file;
	bool kept; /* it is in <name>.seals */
};

struct rec_chain {
	struct rec_chain_link *links;
	size_t count;
	uint64_t kept_bytes; /* length of the whole seals in <name>.seals */
};

/*
 * Reads <name>.seals and the newest pair. A last seal in <name>.seals that a crash cut is
 * left out. An empty chain is no failure. `repair` as for rec_signed_load.
 */
CA_MUST_USE bool rec_chain_load(
    struct rec_chain *out, int folder_fd, const char *name, bool repair, struct ca_why *why);
void rec_chain_clear(struct rec_chain *chain);
/* The newest, or NULL. */
const struct rec_chain_link *rec_chain_last(const struct rec_chain *chain);

/*
 * Whether the seals hang together: numbers, hashes, sizes and states; and whether each was
 * signed by a key that `seal_key` certified for this session and `environment` (NULL: any
 * environment, for a recording whose header never reached the disk).
 */
CA_MUST_USE bool rec_chain_check(const struct rec_chain *chain, const char *name,
    const char *environment, const struct ca_key *seal_key, struct ca_why *why);

/*
 * Whether the first bytes of `fd` are what each seal says. `bytes` is how many there are; all of
 * them are hashed into `hash`.
 */
CA_MUST_USE bool rec_chain_check_bytes(const struct rec_chain *chain, const char *name, int fd,
    uint64_t bytes, uint8_t hash[static 32], struct ca_why *why);

/*
 * Stores a seal durably: the one before goes behind the others in <name>.seals, then the
 * new pair takes its place. `before` is NULL for the first, or when it is kept already.
 */
CA_MUST_USE bool rec_chain_store(int folder_fd, const char *name, const struct rec_signed *before,
    const struct rec_signed *seal, struct ca_why *why);

/* The session of a recording's name: what stands before the last dot; its length, or 0. */
size_t rec_name_session(const char *name);
/* <session>.<n> of plain characters. */
bool rec_name_is_valid(const char *name);

#endif
