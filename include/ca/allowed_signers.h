/* SPDX-License-Identifier: Apache-2.0 */
/*
 * allowed_signers.h - who is who: OpenSSH's allowed_signers format, narrowed.
 *
 * One plain name a line (no pattern, no list), options cert-authority,
 * namespaces="..." (exactly the one that the file is read for), valid-after and
 * valid-before with Z. A name may have several lines. A bad line is an error with its
 * number, never skipped; so is one key under two names, or as a person's and as an
 * authority's. A cert-authority line's name may be a pattern (`*@acme.example`): it
 * vouches for the name it matches that the signer's certificate lists.
 *
 * ssh-keygen reads every such file, and finds the same people; it finds more where it
 * looks less (a `*` of its matches `@`, and it overlooks a certificate's critical options).
 */
#ifndef CA_ALLOWED_SIGNERS_H
#define CA_ALLOWED_SIGNERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ca/key.h"
#include "ca/sshsig.h"
#include "ca/why.h"

#define CA_ALLOWED_SIGNER_NAME_MAX 64

struct ca_allowed_signer {
	char *name;
	struct ca_key *key;
	bool is_authority;    /* cert-authority */
	int64_t valid_after;  /* first second, or INT64_MIN */
	int64_t valid_before; /* last second (inclusive), or INT64_MAX */
	unsigned line;
};

struct ca_allowed_signers {
	struct ca_allowed_signer *entries;
	size_t count;
};

/* `path` is for messages only. `ns` is the namespace each line has to state, or
 * NULL for a file that is no list of signers of messages (engineers), where no line may. */
CA_MUST_USE bool ca_allowed_signers_parse(struct ca_allowed_signers **out, const char *path,
    const char *text, size_t len, const char *ns, struct ca_why *why);
CA_MUST_USE bool ca_allowed_signers_load(
    struct ca_allowed_signers **out, const char *path, const char *ns, struct ca_why *why);
void ca_allowed_signers_free(struct ca_allowed_signers *signers);

/* The name that `key` is listed for now; NULL when it is not (or only as an authority). */
const char *ca_allowed_signers_name_of(
    const struct ca_allowed_signers *signers, const struct ca_key *key, int64_t now);
/*
 * Who made `sig` (already verified), at `now`: a listed key, or a certificate under a
 * cert-authority line whose pattern matches exactly one of its principals. The certificate
 * is a user's, valid now, without critical options, and its key not listed for someone else.
 * `name` is a heap string, caller frees.
 */
CA_MUST_USE bool ca_allowed_signers_identify(const struct ca_allowed_signers *signers,
    const struct ca_sshsig *sig, int64_t now, char **name, struct ca_why *why);
/* Whether `name` has a line with `key`, valid or not. */
bool ca_allowed_signers_lists(
    const struct ca_allowed_signers *signers, const char *name, const struct ca_key *key);

#endif
