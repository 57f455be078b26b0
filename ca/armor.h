/* SPDX-License-Identifier: Apache-2.0 */
/*
 * armor.h - bytes as text between `-----BEGIN LABEL-----` and `-----END LABEL-----`,
 * as OpenSSH writes private keys and signatures.
 */
#ifndef CA_ARMOR_H
#define CA_ARMOR_H

#include <stdbool.h>
#include <stddef.h>

#include "ca/buf.h"
#include "ca/why.h"

/* Appends lines of 70 characters. */
void ca_armor_put(struct ca_buf *out, const char *label, const void *data, size_t len);
/*
 * Appends the bytes. Lines may have any length but none and may end in CRLF; nothing
 * stands before the first line, and nothing but one line end after the last.
 */
CA_MUST_USE bool ca_armor_read(
    struct ca_buf *out, const char *label, const char *text, size_t len, struct ca_why *why);

#endif
