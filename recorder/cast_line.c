/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cast_line.c - reads one event line (asciicast v2; RFC 8259 for numbers and strings).
 *
 * By hand, because a recording has millions of these lines and each has the same shape.
 */
#include "cast_line.h"

#include <string.h>

#include "ca/text.h"

#define SECONDS_MAX  UINT64_C(1000000000) /* thirty years is a broken clock */
#define EXPONENT_MAX 18

struct cursor {
	const uint8_t *next, *end;
};

static bool
take(struct cursor *c, char wanted)
{
	while (c->next < c->end && (*c->next == ' ' || *c->next == '\t' || *c->next == '\r'))
		c->next++;
	if (c->next == c->end || *c->next != (uint8_t)wanted)
		return false;
	c->next++;
	return true;
}

static bool
is_digit(const struct cursor *c)
{
	return c->next < c->end && *c->next >= '0' && *c->next <= '9';
}

/* Python writes a ten-thousandth as 1e-04, so there may be a negative exponent. */
static bool
take_exponent(struct cursor *c, unsigned *out)
{
	unsigned value = 0;

	*out = 0;
	if (c->next == c->end || (*c->next | 0x20) != 'e')
		return true;
	c->next++;
	if (c->next == c->end || *c->next++ != '-' || !is_digit(c))
		return false;
	for (; is_digit(c); c->next++)
		value = value > EXPONENT_MAX ? value : value * 10 + (unsigned)(*c->next - '0');
	*out = value;
	return value <= EXPONENT_MAX;
}

/* Seconds, as microseconds; what is finer is cut off. */
static bool
take_time(struct cursor *c, uint64_t *out)
{
	uint64_t value = 0;
	unsigned exponent, scale = 6;

	while (c->next < c->end && *c->next == ' ')
		c->next++;
	if (!is_digit(c))
		return false;
	for (; is_digit(c); c->next++) {
		value = value * 10 + (uint64_t)(*c->next - '0');
		if (value > SECONDS_MAX)
			return false;
	}
	if (c->next < c->end && *c->next == '.') {
		c->next++;
		if (!is_digit(c))
			return false;
		for (; is_digit(c); c->next++) {
			if (scale == 0)
				continue;
			value = value * 10 + (uint64_t)(*c->next - '0');
			scale--;
		}
	}
	for (; scale > 0; scale--)
		value *= 10;
	if (!take_exponent(c, &exponent))
		return false;
	for (; exponent > 0; exponent--)
		value /= 10;
	*out = value;
	return true;
}

static bool
take_hex(struct cursor *c, uint32_t *out)
{
	uint32_t value = 0;

	if (c->end - c->next < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		uint8_t d = *c->next++;

		if (d >= '0' && d <= '9')
			value = value << 4 | (uint32_t)(d - '0');
		else if ((d | 0x20) >= 'a' && (d | 0x20) <= 'f')
			value = value << 4 | (uint32_t)((d | 0x20) - 'a' + 10);
		else
			return false;
	}
	*out = value;
	return true;
}

static void
put_utf8(struct ca_buf *out, uint32_t c)
{
	uint8_t bytes[4];
	size_t n = 0;

	if (c < 0x80)
		bytes[n++] = (uint8_t)c;
	else if (c < 0x800)
		bytes[n++] = (uint8_t)(0xc0 | c >> 6);
	else if (c < 0x10000)
		bytes[n++] = (uint8_t)(0xe0 | c >> 12);
	else {
		bytes[n++] = (uint8_t)(0xf0 | c >> 18);
		bytes[n++] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
	}
	if (c >= 0x800)
		bytes[n++] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
	if (c >= 0x80)
		bytes[n++] = (uint8_t)(0x80 | (c & 0x3f));
	ca_buf_put(out, bytes, n);
}

/* Behind `\u`. */
static bool
take_unicode(struct cursor *c, struct ca_buf *out)
{
	uint32_t high, low;

	if (!take_hex(c, &high))
		return false;
	if (high >= 0xd800 && high <= 0xdfff) {
		if (high > 0xdbff || c->end - c->next < 6 || c->next[0] != '\\' ||
		    c->next[1] != 'u')
			return false;
		c->next += 2;
		if (!take_hex(c, &low) || low < 0xdc00 || low > 0xdfff)
			return false;
		high = 0x10000 + ((high & 0x3ff) << 10 | (low & 0x3ff));
	}
	put_utf8(out, high);
	return true;
}

/* Behind the backslash. */
static bool
take_escape(struct cursor *c, struct ca_buf *out)
{
	static const char names[] = "\"\\/nrtbf", values[] = "\"\\/\n\r\t\b\f";
	const char *at;

	if (c->next == c->end || *c->next == '\0')
		return false;
	if (*c->next == 'u') {
		c->next++;
		return take_unicode(c, out);
	}
	at = strchr(names, *c->next++);
	if (at == NULL)
		return false;
	ca_buf_put_u8(out, (uint8_t)values[at - names]);
	return true;
}

static bool
take_text(struct cursor *c, struct ca_buf *out)
{
	ca_buf_reset(out);
	if (!take(c, '"'))
		return false;
	for (;;) {
		const uint8_t *run = c->next;

		while (c->next < c->end && *c->next >= 0x20 && *c->next != '"' && *c->next != '\\')
			c->next++;
		if (c->next > run) {
			if (!ca_text_is_utf8(run, (size_t)(c->next - run)))
				return false;
			ca_buf_put(out, run, (size_t)(c->next - run));
		}
		if (c->next == c->end || *c->next < 0x20)
			return false;
		if (*c->next++ == '"')
			return ca_buf_ok(out);
		if (!take_escape(c, out))
			return false;
	}
}

bool
rec_cast_line_parse(struct rec_cast_line *out, const char *text, size_t len, struct ca_why *why)
{
	struct cursor c = { (const uint8_t *)text, (const uint8_t *)text + len };

	if (!take(&c, '[') || !take_time(&c, &out->time))
		return ca_why_set(why, "no event: it does not begin with '[' and a time");
	if (!take(&c, ',') || !take_text(&c, &out->data))
		return ca_why_set(why, "event has no code");
	out->code = out->data.len == 1 && out->data.data[0] > 0x20 && out->data.data[0] < 0x7f
			? (char)out->data.data[0]
			: '?';
	if (!take(&c, ',') || !take_text(&c, &out->data))
		return ca_why_set(why, "event's data is no string of valid text");
	if (!take(&c, ']') || (c.next < c.end && *c.next != '\r') || c.end - c.next > 1)
		return ca_why_set(why, "event has something behind its data");
	return true;
}
