/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buf.h - the wire buffer: bytes in SSH encoding (RFC 4251 section 5).
 *
 * Both sides are sticky: after the first failure every further call does
 * nothing (a put) or gives zero (a get), so a format reads as a schema and is
 * checked once at its end. Buffers are wiped when they are cleared.
 */
#ifndef CA_BUF_H
#define CA_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ca/why.h"

/* Borrowed bytes. */
struct ca_bytes {
	const uint8_t *data;
	size_t len;
};

/* A growing buffer. Zero-initialised is valid and empty. */
struct ca_buf {
	uint8_t *data; /* owned; may be NULL while empty */
	size_t len;    /* bytes in use */
	size_t size;   /* bytes allocated */
	bool failed;   /* out of memory, or over CA_BUF_MAX */
};

#define CA_BUF_MAX ((size_t)128 << 20)

void ca_buf_clear(struct ca_buf *buf); /* wipes, frees, back to empty */
void ca_buf_reset(struct ca_buf *buf); /* empties, keeps the memory, forgets a failure */
CA_MUST_USE bool ca_buf_ok(const struct ca_buf *buf);
struct ca_bytes ca_buf_bytes(const struct ca_buf *buf); /* borrowed until the next put */

/* Gives `len` writable bytes at the end, or NULL after a failure. */
uint8_t *ca_buf_grow(struct ca_buf *buf, size_t len);
void ca_buf_put(struct ca_buf *buf, const void *data, size_t len);
void ca_buf_put_u8(struct ca_buf *buf, uint8_t value);
void ca_buf_put_u32(struct ca_buf *buf, uint32_t value);
void ca_buf_put_u64(struct ca_buf *buf, uint64_t value);
void ca_buf_put_string(struct ca_buf *buf, const void *data, size_t len);
void ca_buf_put_cstring(struct ca_buf *buf, const char *text);
/* `data` is a non-negative big-endian number, leading zeros allowed. */
void ca_buf_put_mpint(struct ca_buf *buf, const uint8_t *data, size_t len);
/* Bytes as they are, no length prefix. */
void ca_buf_put_text(struct ca_buf *buf, const char *text);
void ca_buf_printf(struct ca_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A reader over borrowed bytes. */
struct ca_reader {
	const uint8_t *next;
	size_t left;
	bool failed; /* something asked for was not there */
};

struct ca_reader ca_reader_of(const void *data, size_t len);
uint8_t ca_read_u8(struct ca_reader *reader);
uint32_t ca_read_u32(struct ca_reader *reader);
uint64_t ca_read_u64(struct ca_reader *reader);
/* Exactly `len` bytes; .data is NULL after a failure. */
struct ca_bytes ca_read_bytes(struct ca_reader *reader, size_t len);
struct ca_bytes ca_read_string(struct ca_reader *reader);
/* A non-negative minimal mpint; gives the bytes without a sign byte. */
struct ca_bytes ca_read_mpint(struct ca_reader *reader);
/* A string without NUL, copied and terminated; caller frees. NULL after a failure. */
CA_MUST_USE char *ca_read_cstring(struct ca_reader *reader);
/* Nothing failed and nothing is left. */
CA_MUST_USE bool ca_reader_done(const struct ca_reader *reader);

bool ca_bytes_equal(struct ca_bytes a, struct ca_bytes b);
bool ca_bytes_is(struct ca_bytes bytes, const char *text);

#endif
