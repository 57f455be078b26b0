/* SPDX-License-Identifier: Apache-2.0 */
/*
 * allowed_signers_line.h - one line of an allowed_signers file.
 */
#ifndef CA_ALLOWED_SIGNERS_LINE_H
#define CA_ALLOWED_SIGNERS_LINE_H

#include <stdbool.h>

#include "ca/allowed_signers.h"
#include "ca/why.h"

/*
 * Reads `line` (without its end; is written to). A blank line or a comment leaves
 * entry->name NULL. Caller frees entry->name and entry->key, after a failure too.
 */
CA_MUST_USE bool ca_allowed_signer_read(
    struct ca_allowed_signer *entry, char *line, const char *ns, struct ca_why *why);

#endif
