/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_text.c - any bytes as the inside of a JSON string (RFC 8259 section 7, RFC 3629).
 *
 * Every byte a session prints passes here before it is released, so plain ASCII is copied in
 * blocks. Room for the worst case is made once, up front: the loops below write without asking, at
 * most six bytes for each byte read, and a wide store may touch what lies behind: sixteen bytes, or
 * thirty-two where as many are still to be read.
 */
#include "json_text.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define WIDE  16
#define BLOCK 64
#define WORST 6 /* \u001f */

static const uint8_t replacement[] = { 0xef, 0xbf, 0xbd }; /* U+FFFD */

/* Needs escaping or a closer look: not a plain ASCII character. */
static bool
is_special(uint8_t c)
{
	return c < 0x20 || c >= 0x7f || c == '"' || c == '\\' || c == '<';
}

/* What stands for each special ASCII character; `len` 0: itself. Eight bytes, stored as one. */
struct escape {
	char text[7];
	uint8_t len;
};

#define SHORT(c)  .text = "\\" c, .len = 2
#define LONG(hex) .text = "\\u00" hex, .len = 6

static const struct escape escapes[0x80] = {
	{ LONG("00") },
	{ LONG("01") },
	{ LONG("02") },
	{ LONG("03") },
	{ LONG("04") },
	{ LONG("05") },
	{ LONG("06") },
	{ LONG("07") },
	{ SHORT("b") },
	{ SHORT("t") },
	{ SHORT("n") },
	{ LONG("0b") },
	{ SHORT("f") },
	{ SHORT("r") },
	{ LONG("0e") },
	{ LONG("0f") },
	{ LONG("10") },
	{ LONG("11") },
	{ LONG("12") },
	{ LONG("13") },
	{ LONG("14") },
	{ LONG("15") },
	{ LONG("16") },
	{ LONG("17") },
	{ LONG("18") },
	{ LONG("19") },
	{ LONG("1a") },
	{ LONG("1b") },
	{ LONG("1c") },
	{ LONG("1d") },
	{ LONG("1e") },
	{ LONG("1f") },
	['"'] = { SHORT("\"") },
	['\\'] = { SHORT("\\") },
	['<'] = { LONG("3c") },
	[0x7f] = { LONG("7f") },
};

static uint8_t *
put_ascii(uint8_t *to, uint8_t c)
{
	memcpy(to, &escapes[c], sizeof(escapes[c]));
	return to + escapes[c].len;
}

/* Copies plain bytes until a special one or the end; gives how many. */
#ifdef __SSE2__
/* Which of sixteen bytes are special, a bit each. */
static unsigned
find_special(__m128i v)
{
	/* signed: below 0x20 are the controls and everything from 0x80 up */
	__m128i bad = _mm_cmplt_epi8(v, _mm_set1_epi8(0x20));

	bad = _mm_or_si128(bad, _mm_cmpeq_epi8(v, _mm_set1_epi8('"')));
	bad = _mm_or_si128(bad, _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
	bad = _mm_or_si128(bad, _mm_cmpeq_epi8(v, _mm_set1_epi8('<')));
	bad = _mm_or_si128(bad, _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f)));
	return (unsigned)_mm_movemask_epi8(bad);
}

static __m128i
load_wide(const uint8_t *from)
{
	return _mm_loadu_si128((const __m128i *)(const void *)from);
}

static void
copy_gap(uint8_t *to, const uint8_t *from, size_t len)
{
	size_t done = 0;

	do {
		_mm_storeu_si128((__m128i *)(void *)(to + done), load_wide(from + done));
		_mm_storeu_si128(
		    (__m128i *)(void *)(to + done + WIDE), load_wide(from + done + WIDE));
		done += 2 * WIDE;
	} while (done < len);
}

static size_t
copy_plain(uint8_t *to, const uint8_t *from, size_t len)
{
	size_t done = 0;

	for (; len - done >= WIDE; done += WIDE) {
		__m128i v = load_wide(from + done);
		unsigned special = find_special(v);

		_mm_storeu_si128((__m128i *)(void *)(to + done), v);
		if (special != 0)
			return done + (size_t)__builtin_ctz(special);
	}
	for (; done < len && !is_special(from[done]); done++)
		to[done] = from[done];
	return done;
}

/*
 * Blocks of ASCII: where the special ones are is found for a whole block before any is written, so
 * that one does not wait for the other. Stops before a block that has more than ASCII, and before
 * the end.
 */
static const uint8_t *
put_blocks(uint8_t **to, const uint8_t *p, const uint8_t *end)
{
	uint8_t *o = *to;

	while (end - p >= BLOCK + 2 * WIDE) {
		uint64_t special = 0;
		unsigned beyond = 0;
		size_t done = 0;

		for (unsigned i = 0; i < BLOCK; i += WIDE) {
			__m128i v = load_wide(p + i);

			special |= (uint64_t)find_special(v) << i;
			beyond |= (unsigned)_mm_movemask_epi8(v);
		}
		if (beyond != 0)
			break;
		for (; special != 0; special &= special - 1) {
			size_t at = (size_t)__builtin_ctzll(special);

			copy_gap(o, p + done, at - done);
			o = put_ascii(o + (at - done), p[at]);
			done = at + 1;
		}
		copy_gap(o, p + done, BLOCK - done);
		o += BLOCK - done;
		p += BLOCK;
	}
	*to = o;
	return p;
}
#else
/* The high bit of each byte of the result tells whether that byte of `x` is zero. */
static uint64_t
zero_bytes(uint64_t x)
{
	return (x - 0x0101010101010101u) & ~x & 0x8080808080808080u;
}

static size_t
copy_plain(uint8_t *to, const uint8_t *from, size_t len)
{
	const uint64_t ones = 0x0101010101010101u;
	size_t done = 0;

	for (; len - done >= sizeof(uint64_t); done += sizeof(uint64_t)) {
		uint64_t v, bad;

		memcpy(&v, from + done, sizeof(v));
		bad = (v | (v - 0x20 * ones)) & 0x80 * ones;
		bad |= zero_bytes(v ^ '"' * ones) | zero_bytes(v ^ '\\' * ones);
		bad |= zero_bytes(v ^ '<' * ones) | zero_bytes(v ^ 0x7f * ones);
		if (bad != 0)
			break;
		memcpy(to + done, &v, sizeof(v));
	}
	for (; done < len && !is_special(from[done]); done++)
		to[done] = from[done];
	return done;
}

static const uint8_t *
put_blocks(uint8_t **to, const uint8_t *p, const uint8_t *end)
{
	(void)to;
	(void)end;
	return p;
}
#endif

static uint8_t *
put_unicode(uint8_t *to, unsigned c)
{
	static const char hex[] = "0123456789abcdef";

	to[0] = '\\';
	to[1] = 'u';
	to[2] = (uint8_t)hex[c >> 12 & 15];
	to[3] = (uint8_t)hex[c >> 8 & 15];
	to[4] = (uint8_t)hex[c >> 4 & 15];
	to[5] = (uint8_t)hex[c & 15];
	return to + 6;
}

static bool
is_tail(uint8_t c)
{
	return (c & 0xc0) == 0x80;
}

/*
 * Length of the well-formed sequence at `p` (RFC 3629 section 4), 0 if there is none.
 * Overlong forms, surrogates and what is above U+10FFFF show in the second byte.
 */
static size_t
sequence(const uint8_t *p, size_t len)
{
	uint8_t c = p[0];

	if (c < 0xc2 || c > 0xf4 || len < 2 || !is_tail(p[1]))
		return 0;
	if (c < 0xe0)
		return 2;
	if ((c == 0xe0 && p[1] < 0xa0) || (c == 0xed && p[1] > 0x9f) || len < 3 || !is_tail(p[2]))
		return 0;
	if (c < 0xf0)
		return 3;
	if ((c == 0xf0 && p[1] < 0x90) || (c == 0xf4 && p[1] > 0x8f) || len < 4 || !is_tail(p[3]))
		return 0;
	return 4;
}

/*
 * The same as a table, for characters that are copied as they are: by the first byte, how many
 * bytes, and from where to where the second may go. Left out, and so left to sequence(): what is
 * escaped, and U+2000 to U+203F for the sake of two of them.
 */
struct lead {
	uint8_t len, low, above_low;
};

static const struct lead leads[0x100] = {
	[0x20 ... 0x21] = { 1, 0, 0xff },
	[0x23 ... 0x3b] = { 1, 0, 0xff },
	[0x3d ... 0x5b] = { 1, 0, 0xff },
	[0x5d ... 0x7e] = { 1, 0, 0xff },
	[0xc2] = { 2, 0xa0, 0x1f },
	[0xc3 ... 0xdf] = { 2, 0x80, 0x3f },
	[0xe0] = { 3, 0xa0, 0x1f },
	[0xe1] = { 3, 0x80, 0x3f },
	[0xe2] = { 3, 0x81, 0x3e },
	[0xe3 ... 0xec] = { 3, 0x80, 0x3f },
	[0xed] = { 3, 0x80, 0x1f },
	[0xee ... 0xef] = { 3, 0x80, 0x3f },
	[0xf0] = { 4, 0x90, 0x2f },
	[0xf1 ... 0xf3] = { 4, 0x80, 0x3f },
	[0xf4] = { 4, 0x80, 0x0f },
};

/*
 * Copies characters of mixed length without a branch on their length, which no processor could
 * foretell. Stops before what the table leaves out, the last bytes, and four of plain ASCII.
 */
static const uint8_t *
copy_mixed(uint8_t **to, const uint8_t *p, const uint8_t *end)
{
	uint8_t *o = *to;

	while (end - p >= 4 && ((p[0] | p[1] | p[2] | p[3]) & 0x80) != 0) {
		const struct lead *lead = &leads[p[0]];
		bool bad = (uint8_t)(p[1] - lead->low) > lead->above_low;

		bad |= (lead->len > 2) & !is_tail(p[2]);
		bad |= (lead->len > 3) & !is_tail(p[3]);
		if (bad | (lead->len == 0))
			break;
		memcpy(o, p, 4);
		o += lead->len;
		p += lead->len;
	}
	*to = o;
	return p;
}

/* One character beyond ASCII, or one byte that is none. */
static const uint8_t *
put_wide(uint8_t **to, const uint8_t *p, const uint8_t *end, bool *exact)
{
	size_t n = sequence(p, (size_t)(end - p));

	if (n == 2 && p[0] == 0xc2 && p[1] < 0xa0) {
		*to = put_unicode(*to, p[1]); /* C1 */
	} else if (n == 3 && p[0] == 0xe2 && p[1] == 0x80 && (p[2] & 0xfe) == 0xa8) {
		*to = put_unicode(*to, 0x2000u | (p[2] & 0x3fu));
	} else if (n > 0) {
		memcpy(*to, p, n);
		*to += n;
	} else {
		memcpy(*to, replacement, sizeof(replacement));
		*to += sizeof(replacement);
		*exact = false;
		n = 1;
	}
	return p + n;
}

bool
rec_json_put_text(struct ca_buf *out, const void *data, size_t len)
{
	const uint8_t *p = data, *end;
	size_t before = out->len, n = WIDE;
	bool exact = true;
	uint8_t *o;

	if (len == 0 || (o = ca_buf_grow(out, len * WORST + WIDE)) == NULL)
		return true; /* the buffer remembers */
	end = p + len;
	while (p < end) {
		if (n >= WIDE) /* else it is no stretch of ASCII */
			p = put_blocks(&o, p, end);
		n = copy_plain(o, p, (size_t)(end - p));
		o += n;
		p += n;
		if (p < end && *p < 0x80) {
			o = put_ascii(o, *p++);
		} else if (p < end) {
			p = copy_mixed(&o, p, end);
			if (p < end && *p >= 0x80)
				p = put_wide(&o, p, end, &exact);
		}
	}
	out->len = before + (size_t)(o - (out->data + before));
	return exact;
}

size_t
rec_json_incomplete(const uint8_t *data, size_t len)
{
	for (size_t n = 1; n <= 3 && n <= len; n++) {
		const uint8_t *p = data + len - n;
		uint8_t full[4] = { p[0], 0x80, 0x80, 0x80 };

		if (is_tail(*p))
			continue;
		/* the bytes there are, completed in the one way or the other that is allowed */
		for (size_t i = 1; i < n; i++)
			full[i] = p[i];
		if (n == 1 && (p[0] == 0xe0 || p[0] == 0xf0))
			full[1] = 0xa0;
		return sequence(full, 4) > n ? n : 0;
	}
	return 0;
}
