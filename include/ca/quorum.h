/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quorum.h - how many approvals, from which groups of approvers, a role needs.
 */
#ifndef CA_QUORUM_H
#define CA_QUORUM_H

#include <stdbool.h>
#include <stddef.h>

#include "ca/allowed_signers.h"
#include "ca/why.h"

#define CA_QUORUM_MAX_GROUPS   8
#define CA_QUORUM_MAX_PATTERNS 16

struct ca_quorum_group {
	const char *of[CA_QUORUM_MAX_PATTERNS]; /* patterns of names; `*` does not match `@` */
	size_t of_count;
	unsigned need; /* 1 or more */
};

/* Plain data, strings borrowed from the configuration. */
struct ca_quorum {
	struct ca_quorum_group groups[CA_QUORUM_MAX_GROUPS];
	size_t group_count;
};

/*
 * Whether it makes sense against this approvers file: every group can be reached, no
 * listed name is in two groups. A configuration error otherwise.
 */
CA_MUST_USE bool ca_quorum_check(
    const struct ca_quorum *quorum, const struct ca_allowed_signers *approvers, struct ca_why *why);
/* Whether these distinct names reach it; the sentence says what is missing. */
CA_MUST_USE bool ca_quorum_reached(
    const struct ca_quorum *quorum, const char *const *names, size_t count, struct ca_why *why);

#endif
