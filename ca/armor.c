/* SPDX-License-Identifier: Apache-2.0 */
/*
 * armor.c - base64 between two dashed lines (the shape of RFC 7468, with
 * OpenSSH's width of 70).
 */
#include "ca/armor.h"

#include <stdio.h>
#include <string.h>

#include "ca/text.h"

#define WIDTH	   70
#define DASHED_MAX 64

void
ca_armor_put(struct ca_buf *out, const char *label, const void *data, size_t len)
{
	struct ca_buf base64 = { 0 };

	ca_base64_encode(&base64, data, len);
	out->failed = out->failed || !ca_buf_ok(&base64);
	ca_buf_printf(out, "-----BEGIN %s-----\n", label);
	for (size_t i = 0; i < base64.len; i += WIDTH) {
		ca_buf_put(out, base64.data + i, base64.len - i < WIDTH ? base64.len - i : WIDTH);
		ca_buf_put_u8(out, '\n');
	}
	ca_buf_printf(out, "-----END %s-----\n", label);
	ca_buf_clear(&base64);
}

/* The next line without its end; .data is NULL when there is none left. */
static struct ca_bytes
next_line(struct ca_reader *reader)
{
	const uint8_t *end = reader->left > 0 ? memchr(reader->next, '\n', reader->left) : NULL;
	struct ca_bytes line = { reader->left > 0 ? reader->next : NULL, reader->left };

	if (end != NULL)
		line.len = (size_t)(end - reader->next);
	reader->next += line.len + (end != NULL);
	reader->left -= line.len + (end != NULL);
	if (line.len > 0 && line.data[line.len - 1] == '\r')
		line.len--;
	return line;
}

bool
ca_armor_read(
    struct ca_buf *out, const char *label, const char *text, size_t len, struct ca_why *why)
{
	struct ca_reader reader = ca_reader_of(text, len);
	struct ca_buf base64 = { 0 };
	struct ca_bytes line;
	char begin[DASHED_MAX], end[DASHED_MAX];
	bool ok = false;

	snprintf(begin, sizeof(begin), "-----BEGIN %s-----", label);
	snprintf(end, sizeof(end), "-----END %s-----", label);
	if (!ca_bytes_is(next_line(&reader), begin))
		return ca_why_set(why, "the first line is not '%s'", begin);
	for (line = next_line(&reader); line.len > 0 && !ca_bytes_is(line, end);
	     line = next_line(&reader))
		ca_buf_put(&base64, line.data, line.len);
	if (!ca_bytes_is(line, end))
		ca_why_set(why, "the line '%s' is missing", end);
	else if (reader.left > 0)
		ca_why_set(why, "something follows the line '%s'", end);
	else if (!ca_buf_ok(&base64) ||
		 !ca_base64_decode(out, (const char *)base64.data, base64.len))
		ca_why_set(why, "the lines between '%s' and '%s' are not base64", begin, end);
	else
		ok = true;
	ca_buf_clear(&base64);
	return ok;
}
