/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signed_file.h - a small text and its SSHSIG beside it: NAME and NAME.sig.
 *
 * Two files cannot be replaced at once. Both are written as NAME.tmp and NAME.sig.tmp and
 * synced, then the signature is renamed, then the text: whenever a crash comes, the
 * signature in place belongs to the text in place or to the one in NAME.tmp.
 */
#ifndef REC_SIGNED_FILE_H
#define REC_SIGNED_FILE_H

#include <stdbool.h>

#include "ca/buf.h"
#include "ca/cert.h"
#include "ca/signer.h"
#include "ca/sshsig.h"
#include "ca/why.h"

#define REC_SIGNED_MAX ((size_t)64 << 10) /* bytes of either file */

/* Zero-initialised is empty. */
struct rec_signed {
	struct ca_buf text;
	struct ca_buf armor;
};

void rec_signed_clear(struct rec_signed *file);
/* Signs file->text into file->armor. `cert` may be NULL. */
CA_MUST_USE bool rec_signed_sign(struct rec_signed *file, const char *ns, struct ca_signer *signer,
    const struct ca_cert *cert, struct ca_why *why);
/* Durable when it returns true. */
CA_MUST_USE bool rec_signed_store(
    const struct rec_signed *file, int folder_fd, const char *name, struct ca_why *why);
/*
 * Reads the pair that belongs together. `*found` is false, and the result true, when there is
 * none. The signature holds over the text by the key that is in it; whose key
 * that is stays the caller's question. `repair`: also finish a rename that a crash left.
 * `sig` (may be NULL) is the parsed signature; caller frees.
 */
CA_MUST_USE bool rec_signed_load(struct rec_signed *file, int folder_fd, const char *name,
    const char *ns, bool repair, struct ca_sshsig **sig, bool *found, struct ca_why *why);
/* The signature in file->armor, checked over file->text. */
CA_MUST_USE bool rec_signed_check(
    const struct rec_signed *file, const char *ns, struct ca_sshsig **sig, struct ca_why *why);

#endif
