/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reader.c - the reading side of the wire buffer (RFC 4251 section 5).
 */
#include "ca/buf.h"

#include <stdlib.h>
#include <string.h>

struct ca_reader
ca_reader_of(const void *data, size_t len)
{
	return (struct ca_reader){ data, len, false };
}

struct ca_bytes
ca_read_bytes(struct ca_reader *reader, size_t len)
{
	/* A zero-length read gives a pointer too: only a failure gives NULL. */
	static const uint8_t nothing[1];
	struct ca_bytes bytes;

	if (reader->failed || len > reader->left) {
		reader->failed = true;
		return (struct ca_bytes){ NULL, 0 };
	}
	bytes.data = len > 0 ? reader->next : nothing;
	bytes.len = len;
	if (len > 0)
		reader->next += len;
	reader->left -= len;
	return bytes;
}

static uint64_t
read_number(struct ca_reader *reader, size_t len)
{
	struct ca_bytes bytes = ca_read_bytes(reader, len);
	uint64_t value = 0;

	for (size_t i = 0; i < bytes.len; i++)
		value = value << 8 | bytes.data[i];
	return value;
}

uint8_t
ca_read_u8(struct ca_reader *reader)
{
	return (uint8_t)read_number(reader, 1);
}

uint32_t
ca_read_u32(struct ca_reader *reader)
{
	return (uint32_t)read_number(reader, 4);
}

uint64_t
ca_read_u64(struct ca_reader *reader)
{
	return read_number(reader, 8);
}

struct ca_bytes
ca_read_string(struct ca_reader *reader)
{
	uint32_t len = ca_read_u32(reader);

	return ca_read_bytes(reader, len);
}

struct ca_bytes
ca_read_mpint(struct ca_reader *reader)
{
	struct ca_bytes bytes = ca_read_string(reader);

	if (reader->failed || bytes.len == 0)
		return bytes;
	/* Negative, or a zero byte that no sign bit behind it asks for. */
	if ((bytes.data[0] & 0x80) != 0 ||
	    (bytes.data[0] == 0 && (bytes.len == 1 || (bytes.data[1] & 0x80) == 0))) {
		reader->failed = true;
		return (struct ca_bytes){ NULL, 0 };
	}
	if (bytes.data[0] == 0) {
		bytes.data++;
		bytes.len--;
	}
	return bytes;
}

char *
ca_read_cstring(struct ca_reader *reader)
{
	struct ca_bytes bytes = ca_read_string(reader);
	char *text = NULL;

	if (reader->failed || memchr(bytes.data, 0, bytes.len) != NULL ||
	    (text = malloc(bytes.len + 1)) == NULL) {
		reader->failed = true;
		return NULL;
	}
	memcpy(text, bytes.data, bytes.len);
	text[bytes.len] = '\0';
	return text;
}

bool
ca_reader_done(const struct ca_reader *reader)
{
	return !reader->failed && reader->left == 0;
}

bool
ca_bytes_equal(struct ca_bytes a, struct ca_bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool
ca_bytes_is(struct ca_bytes bytes, const char *text)
{
	return ca_bytes_equal(bytes, (struct ca_bytes){ (const uint8_t *)text, strlen(text) });
}
