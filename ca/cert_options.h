/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cert_options.h - the two option lists of a certificate, as packed bytes and
 * as struct ca_cert_option (draft-ietf-sshm-cert, sections on critical options
 * and extensions).
 */
#ifndef CA_CERT_OPTIONS_H
#define CA_CERT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "ca/buf.h"
#include "ca/cert.h"
#include "ca/why.h"

/*
 * Reads one packed list into at most CA_CERT_MAX_OPTIONS `options`. Names are
 * copied to `*texts`, which moves behind them; values stay inside `packed`.
 */
CA_MUST_USE bool ca_cert_options_read(struct ca_bytes packed, bool critical,
    struct ca_cert_option *options, size_t *count, char **texts, struct ca_why *why);

/* What reading lets pass as unknown and no authority may write: a standard
 * option in the list where it means nothing, text that would not survive. */
CA_MUST_USE bool ca_cert_options_check_issue(
    const struct ca_cert_option *options, size_t count, bool critical, struct ca_why *why);

/* Appends the packed list, sorted, as a string. For lists that passed the check. */
void ca_cert_options_put(struct ca_buf *out, const struct ca_cert_option *options, size_t count);

/* Copies `bytes` as a C string to `*texts` and moves that on; false for a NUL inside. */
CA_MUST_USE bool ca_cert_text_keep(const char **out, struct ca_bytes bytes, char **texts);

#endif
