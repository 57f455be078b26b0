/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buf.c - the wire buffer (RFC 4251 section 5).
 *
 * Growing copies and wipes the old block instead of realloc, so that a secret
 * never stays behind in freed memory.
 */
#include "ca/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
ca_buf_clear(struct ca_buf *buf)
{
	if (buf->data != NULL) {
		explicit_bzero(buf->data, buf->size);
		free(buf->data);
	}
	*buf = (struct ca_buf){ 0 };
}

void
ca_buf_reset(struct ca_buf *buf)
{
	buf->len = 0;
	buf->failed = false;
}

bool
ca_buf_ok(const struct ca_buf *buf)
{
	return !buf->failed;
}

struct ca_bytes
ca_buf_bytes(const struct ca_buf *buf)
{
	return (struct ca_bytes){ buf->data, buf->len };
}

static bool
make_room(struct ca_buf *buf, size_t len)
{
	size_t size = buf->size > 0 ? buf->size : 256;
	uint8_t *data;

	if (buf->failed || len > CA_BUF_MAX - buf->len)
		return false;
	if (buf->len + len <= buf->size)
		return true;
	while (size < buf->len + len)
		size *= 2;
	if ((data = malloc(size)) == NULL)
		return false;
	if (buf->data != NULL) {
		memcpy(data, buf->data, buf->len);
		explicit_bzero(buf->data, buf->size);
		free(buf->data);
	}
	buf->data = data;
	buf->size = size;
	return true;
}

uint8_t *
ca_buf_grow(struct ca_buf *buf, size_t len)
{
	uint8_t *place;

	if (!make_room(buf, len)) {
		buf->failed = true;
		return NULL;
	}
	place = buf->data + buf->len;
	buf->len += len;
	return place;
}

void
ca_buf_put(struct ca_buf *buf, const void *data, size_t len)
{
	uint8_t *place;

	if (len > 0 && (place = ca_buf_grow(buf, len)) != NULL)
		memcpy(place, data, len);
}

void
ca_buf_put_u8(struct ca_buf *buf, uint8_t value)
{
	ca_buf_put(buf, &value, 1);
}

void
ca_buf_put_u32(struct ca_buf *buf, uint32_t value)
{
	uint8_t wire[4];

	for (unsigned i = 0; i < 4; i++)
		wire[i] = (uint8_t)(value >> (24 - 8 * i));
	ca_buf_put(buf, wire, sizeof wire);
}

void
ca_buf_put_u64(struct ca_buf *buf, uint64_t value)
{
	ca_buf_put_u32(buf, (uint32_t)(value >> 32));
	ca_buf_put_u32(buf, (uint32_t)value);
}

void
ca_buf_put_string(struct ca_buf *buf, const void *data, size_t len)
{
	if (len > UINT32_MAX) {
		buf->failed = true;
		return;
	}
	ca_buf_put_u32(buf, (uint32_t)len);
	ca_buf_put(buf, data, len);
}

void
ca_buf_put_cstring(struct ca_buf *buf, const char *text)
{
	ca_buf_put_string(buf, text, strlen(text));
}

void
ca_buf_put_mpint(struct ca_buf *buf, const uint8_t *data, size_t len)
{
	bool sign;

	while (len > 0 && data[0] == 0) {
		data++;
		len--;
	}
	if (len >= UINT32_MAX) {
		buf->failed = true;
		return;
	}
	sign = len > 0 && (data[0] & 0x80) != 0;
	ca_buf_put_u32(buf, (uint32_t)(len + sign));
	if (sign)
		ca_buf_put_u8(buf, 0);
	ca_buf_put(buf, data, len);
}

void
ca_buf_put_text(struct ca_buf *buf, const char *text)
{
	ca_buf_put(buf, text, strlen(text));
}

void
ca_buf_printf(struct ca_buf *buf, const char *format, ...)
{
	va_list args, again;
	int len;

	va_start(args, format);
	va_copy(again, args);
	len = vsnprintf(NULL, 0, format, args);
	if (len < 0 || !make_room(buf, (size_t)len + 1)) {
		buf->failed = true;
	} else {
		vsnprintf((char *)buf->data + buf->len, (size_t)len + 1, format, again);
		buf->len += (size_t)len;
	}
	va_end(again);
	va_end(args);
}
