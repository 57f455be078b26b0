/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seal.h - a signed statement of a recording's bytes.
 *
 * A text that `sha256sum -c --strict` accepts, signed as SSHSIG in namespace
 * seal@postern by a session's key, which the post's seal key certifies (principal
 * seal@<environment>). Seals chain: each names the hash of the one before.
 * Files: <name>.seal and <name>.seal.sig, the newest; the ones before it are
 * kept appended in <name>.seals, each text followed by its signature.
 *
 * Checked with stock tools:
 *   ssh-keygen -Y verify -f allowed -I seal@acme-prod -n seal@postern -s NAME.seal.sig < NAME.seal
 *   sha256sum -c --strict NAME.seal         (open: head -c BYTES NAME.cast | sha256sum)
 * where `allowed` holds: seal@acme-prod cert-authority,namespaces="seal@postern" <seal key>
 */
#ifndef REC_SEAL_H
#define REC_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ca/buf.h"
#include "ca/cert.h"
#include "ca/signer.h"
#include "ca/why.h"

/*
 * Open and closed: signed by the session's key. Recovered: the session's key died with its keeper,
 * so recovery certified a fresh one for the same session.
 */
enum rec_seal_state { REC_SEAL_OPEN, REC_SEAL_CLOSED, REC_SEAL_RECOVERED };
const char *rec_seal_state_name(enum rec_seal_state state);

struct rec_seal {
	const char *recording; /* <session>.<n> */
	enum rec_seal_state state;
	uint64_t sequence; /* from 1 */
	uint64_t bytes;	   /* how much of the .cast it covers */
	uint8_t hash[32];  /* SHA-256 of those bytes */
	bool has_previous;
	uint8_t previous[32]; /* SHA-256 of the seal before */
	int64_t sealed;	      /* seconds since the epoch */
	char *storage;	      /* owned by a parsed seal */
};

void rec_seal_encode(struct ca_buf *out, const struct rec_seal *seal);
CA_MUST_USE bool rec_seal_parse(
    struct rec_seal *out, const char *text, size_t len, struct ca_why *why);
void rec_seal_clear(struct rec_seal *seal);

/* Certifies a session's public key: principal seal@<environment>, key id `session <id>`, valid from
 * `now` less a minute, forever. `serial` is not 0 and below 2^63; those above are recovery's. */
CA_MUST_USE bool rec_seal_certify(struct ca_cert **out, const struct ca_key *session_key,
    const char *environment, const char *session, uint64_t serial, int64_t now,
    struct ca_signer *seal_key, struct ca_why *why);

#endif
