/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.h - text that came from outside, and the few notations we write.
 *
 * Hostile text stays text: whatever is shown on a terminal, in a log line or
 * in a sentence goes through ca_text_escape first.
 */
#ifndef CA_TEXT_H
#define CA_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ca/buf.h"
#include "ca/why.h"

/*
 * Appends `data` so that it is safe on a terminal and stays on one line:
 * printable characters as they are, everything else (C0, DEL, C1, Cf, Cs, Co, Zl, Zp,
 * bidi controls, invalid UTF-8) as \n, \t, \r, \\, \xNN (a byte) or \u{NNNN}.
 */
void ca_text_escape(struct ca_buf *out, const void *data, size_t len);
/* The same, but a backslash stays a single one: for our own sentences, which may hold
 * text that was escaped already. */
void ca_text_escape_line(struct ca_buf *out, const void *data, size_t len);
/* ca_text_escape as a heap string; caller frees. NULL when out of memory. */
CA_MUST_USE char *ca_text_escaped(const void *data, size_t len);

/* Decodes one character: its length 1 to 4, or 0 when the bytes are not UTF-8. */
size_t ca_text_utf8_next(const uint8_t *data, size_t len, uint32_t *codepoint);
bool ca_text_is_utf8(const void *data, size_t len);
/* Cc, Cf, Cs, Co, Zl, Zp: what a reason may not contain. */
bool ca_text_is_control(uint32_t codepoint);
/* All bytes 0x20 to 0x7e. */
bool ca_text_is_printable_ascii(const char *text);
/* UTF-8 in, UTF-8 out, invalid bytes as U+FFFD; heap string, caller frees. */
CA_MUST_USE char *ca_text_lossy(const void *data, size_t len);

/*
 * One name matched against a pattern: `*` any run without '@', `?` one
 * character but '@'. Exact otherwise.
 */
bool ca_text_match(const char *pattern, const char *name);

/* Names of ours. 1 to 64 of [A-Za-z0-9._@+-], not beginning with '-' or '.'. */
bool ca_text_is_name(const char *text);

/* Decimal without sign or leading zeros, at most `max`. */
CA_MUST_USE bool ca_text_to_u64(const char *text, uint64_t max, uint64_t *out);

/* RFC 3339 in UTC with Z, seconds: 2026-11-21T18:00:00Z. Years 1970 to 9999. */
#define CA_TIME_SIZE 32
void ca_time_format(int64_t time, char out[static CA_TIME_SIZE]);
CA_MUST_USE bool ca_time_parse(const char *text, int64_t *out);
/* `90`, `90s`, `30m`, `1h`, `1h30m`, `7d`: seconds, at least 1. */
CA_MUST_USE bool ca_duration_parse(const char *text, uint32_t *out);
/* `1h 30m`, `45s`: for people. */
void ca_duration_format(int64_t seconds, char out[static CA_TIME_SIZE]);
/* `16M`, `512K`, `1G`, `4096`: bytes. */
CA_MUST_USE bool ca_size_parse(const char *text, uint64_t *out);

/* RFC 4648 section 4, with padding; decoding is strict and takes no white space. */
void ca_base64_encode(struct ca_buf *out, const void *data, size_t len);
CA_MUST_USE bool ca_base64_decode(struct ca_buf *out, const char *text, size_t len);
void ca_hex_encode(struct ca_buf *out, const void *data, size_t len);
CA_MUST_USE bool ca_hex_decode(struct ca_buf *out, const char *text, size_t len);

#endif
