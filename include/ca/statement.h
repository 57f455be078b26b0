/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statement.h - what is approved, byte for byte: the canonical text of a request.
 *
 * One text for one meaning: parsing accepts exactly the bytes that encoding
 * writes. Lines `name value` LF in a fixed order, at most 4,096 bytes.
 */
#ifndef CA_STATEMENT_H
#define CA_STATEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ca/buf.h"
#include "ca/key.h"
#include "ca/why.h"

#define CA_STATEMENT_MAX	  4096
#define CA_STATEMENT_MAX_SPAN	  (7 * 86400) /* not-after less not-before, seconds */
#define CA_STATEMENT_MAX_SESSIONS 100

struct ca_statement {
	const char *authority;	 /* fingerprint of the CA key, "SHA256:..." */
	uint64_t grant;		 /* 1 to INT64_MAX */
	const char *engineer;	 /* a name (ca_text_is_name) */
	const char *key;	 /* fingerprint of the engineer's key */
	const char *environment; /* a name, not front, relay or gate */
	const char *gate;	 /* fingerprint of the gate's host key */
	const char *relay;	 /* host name: letters, digits, '.', '-'; or NULL */
	const char *role;	 /* a name */
	const char *command;	 /* one exact command line, printable ASCII, or NULL */
	const char *source;	 /* comma list of CIDR blocks (address.h), or NULL */
	bool terminal;
	uint32_t sessions;  /* 1 to CA_STATEMENT_MAX_SESSIONS */
	uint32_t duration;  /* seconds, 1 to CA_STATEMENT_MAX_SPAN */
	int64_t not_before; /* seconds since the epoch */
	int64_t not_after;
	const char *reason; /* UTF-8 without control, format and separator characters */
	char *storage;	    /* owned by a parsed statement: behind the strings */
};

/* Caller clears `out` (ca_statement_clear), which owns a copy of the text. */
CA_MUST_USE bool ca_statement_parse(
    struct ca_statement *out, const void *text, size_t len, struct ca_why *why);
void ca_statement_clear(struct ca_statement *statement);
/* Appends the text; refuses what parsing would refuse. */
CA_MUST_USE bool ca_statement_encode(
    struct ca_buf *out, const struct ca_statement *statement, struct ca_why *why);
/* Every rule but the size of the whole; the sentence names the line that breaks one. */
CA_MUST_USE bool ca_statement_check(const struct ca_statement *statement, struct ca_why *why);

#endif
