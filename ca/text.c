/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.c - text that came from outside: UTF-8, escaping, names, patterns.
 */
#include "ca/text.h"

#include <stdlib.h>
#include <string.h>

/* Unicode general categories Cc, Cf, Cs, Co, Zl and Zp; planes 15 and 16 as a whole. */
static const struct range {
	uint32_t first, last;
} controls[] = {
	{ 0x0000, 0x001f },
	{ 0x007f, 0x009f },
	{ 0x00ad, 0x00ad },
	{ 0x0600, 0x0605 },
	{ 0x061c, 0x061c },
	{ 0x06dd, 0x06dd },
	{ 0x070f, 0x070f },
	{ 0x0890, 0x0891 },
	{ 0x08e2, 0x08e2 },
	{ 0x180e, 0x180e },
	{ 0x200b, 0x200f },
	{ 0x2028, 0x202e },
	{ 0x2060, 0x206f },
	{ 0xd800, 0xf8ff },
	{ 0xfeff, 0xfeff },
	{ 0xfff9, 0xfffb },
	{ 0x110bd, 0x110bd },
	{ 0x110cd, 0x110cd },
	{ 0x13430, 0x1343f },
	{ 0x1bca0, 0x1bca3 },
	{ 0x1d173, 0x1d17a },
	{ 0xe0001, 0xe0001 },
	{ 0xe0020, 0xe007f },
	{ 0xf0000, 0x10ffff },
};

bool
ca_text_is_control(uint32_t codepoint)
{
	for (size_t i = 0; i < sizeof controls / sizeof controls[0]; i++)
		if (codepoint >= controls[i].first && codepoint <= controls[i].last)
			return true;
	return false;
}

/* RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF. */
size_t
ca_text_utf8_next(const uint8_t *data, size_t len, uint32_t *codepoint)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t value;
	size_t size;

	if (len == 0)
		return 0;
	if (data[0] < 0x80) {
		*codepoint = data[0];
		return 1;
	}
	size = data[0] >= 0xf0 ? 4 : data[0] >= 0xe0 ? 3 : 2;
	if (data[0] < 0xc2 || data[0] > 0xf4 || size > len)
		return 0;
	value = data[0] & (0x7fU >> size);
	for (size_t i = 1; i < size; i++) {
		if ((data[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (data[i] & 0x3f);
	}
	if (value < least[size] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return 0;
	*codepoint = value;
	return size;
}

bool
ca_text_is_utf8(const void *data, size_t len)
{
	const uint8_t *next = data;
	uint32_t codepoint;

	while (len > 0) {
		size_t size = ca_text_utf8_next(next, len, &codepoint);

		if (size == 0)
			return false;
		next += size;
		len -= size;
	}
	return true;
}

static void
escape_one(struct ca_buf *out, const uint8_t *data, size_t size, uint32_t codepoint, bool backslash)
{
	if (size == 0)
		ca_buf_printf(out, "\\x%02x", data[0]);
	else if (codepoint == '\n')
		ca_buf_put_text(out, "\\n");
	else if (codepoint == '\t')
		ca_buf_put_text(out, "\\t");
	else if (codepoint == '\r')
		ca_buf_put_text(out, "\\r");
	else if (codepoint == '\\' && backslash)
		ca_buf_put_text(out, "\\\\");
	else if (!ca_text_is_control(codepoint))
		ca_buf_put(out, data, size);
	else if (codepoint < 0x80)
		ca_buf_printf(out, "\\x%02x", (unsigned)codepoint);
	else
		ca_buf_printf(out, "\\u{%04x}", (unsigned)codepoint);
}

static void
escape(struct ca_buf *out, const void *data, size_t len, bool backslash)
{
	const uint8_t *next = data;

	while (len > 0) {
		uint32_t codepoint = 0;
		size_t size = ca_text_utf8_next(next, len, &codepoint);
		size_t taken = size > 0 ? size : 1;

		escape_one(out, next, size, codepoint, backslash);
		next += taken;
		len -= taken;
	}
}

void
ca_text_escape(struct ca_buf *out, const void *data, size_t len)
{
	escape(out, data, len, true);
}

void
ca_text_escape_line(struct ca_buf *out, const void *data, size_t len)
{
	escape(out, data, len, false);
}

/* Hands the buffer's bytes over as a terminated string. */
static char *
take_string(struct ca_buf *buf)
{
	char *text;

	ca_buf_put_u8(buf, 0);
	if (!ca_buf_ok(buf)) {
		ca_buf_clear(buf);
		return NULL;
	}
	text = (char *)buf->data;
	*buf = (struct ca_buf){ 0 };
	return text;
}

char *
ca_text_escaped(const void *data, size_t len)
{
	struct ca_buf buf = { 0 };

	ca_text_escape(&buf, data, len);
	return take_string(&buf);
}

char *
ca_text_lossy(const void *data, size_t len)
{
	struct ca_buf buf = { 0 };
	const uint8_t *next = data;
	uint32_t codepoint;

	while (len > 0) {
		size_t size = ca_text_utf8_next(next, len, &codepoint);

		if (size == 0) {
			ca_buf_put_text(&buf, "\xef\xbf\xbd");
			size = 1;
		} else {
			ca_buf_put(&buf, next, size);
		}
		next += size;
		len -= size;
	}
	return take_string(&buf);
}

bool
ca_text_is_printable_ascii(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text < 0x20 || *text > 0x7e)
			return false;
	return true;
}

/* Backtracks to the last `*` only, so the time is bounded by the product of the lengths. */
bool
ca_text_match(const char *pattern, const char *name)
{
	const char *star = NULL, *resume = NULL;

	while (*name != '\0') {
		if (*pattern == '*') {
			star = ++pattern;
			resume = name;
		} else if (*pattern == *name || (*pattern == '?' && *name != '@')) {
			pattern++;
			name++;
		} else if (star != NULL && *resume != '@') {
			pattern = star;
			name = ++resume;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

bool
ca_text_is_name(const char *text)
{
	static const char allowed[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@+-";
	size_t len = strlen(text);

	return len >= 1 && len <= 64 && strspn(text, allowed) == len && text[0] != '-' &&
	       text[0] != '.';
}
