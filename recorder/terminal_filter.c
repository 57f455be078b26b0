/* SPDX-License-Identifier: Apache-2.0 */
/*
 * terminal_filter.c - a terminal's parser (ECMA-48 5.4, xterm ctlseqs) that keeps what paints.
 *
 * What is not listed here is not passed.
 */
#include "terminal_filter.h"

#include <stdbool.h>
#include <string.h>

#include "ca/text.h"

#define ESC 0x1b

/* Final bytes of control sequences without private marker or intermediate that only paint. */
static const char painting[] = "ABCDEFGHIJKLMPSTXZ@`abdefghlmrsu";
/* DECSET numbers: reverse, origin, wrap, blink, cursor, the alternate screens, synchronised output.
 */
static const char *const modes[] = { "5", "6", "7", "12", "25", "47", "1047", "1048", "1049",
	"2026" };

static bool
is_allowed_mode(const char *text, size_t len)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (strlen(modes[i]) == len && memcmp(modes[i], text, len) == 0)
			return true;
	return false;
}

/* `?1049;1000h`: each number is judged for itself. */
static void
put_modes(struct ca_buf *out, const char *numbers, size_t len, char final)
{
	const char *end = numbers + len;

	while (numbers < end) {
		const char *stop = memchr(numbers, ';', (size_t)(end - numbers));

		if (stop == NULL)
			stop = end;
		if (is_allowed_mode(numbers, (size_t)(stop - numbers)))
			ca_buf_printf(out, "\x1b[?%.*s%c", (int)(stop - numbers), numbers, final);
		numbers = stop + 1;
	}
}

static bool
is_numbers(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (strchr("0123456789;:", text[i]) == NULL || text[i] == '\0')
			return false;
	return true;
}

/* A whole control sequence is in filter->sequence, its final byte last. */
static void
put_sequence(struct rec_terminal_filter *filter, struct ca_buf *out)
{
	const char *text = (const char *)filter->sequence;
	size_t len = filter->len - 1;
	char final = text[len];

	if (len > 0 && text[0] == '?' && is_numbers(text + 1, len - 1)) {
		if (final == 'h' || final == 'l')
			put_modes(out, text + 1, len - 1, final);
		else if (final == 'J' || final == 'K')
			ca_buf_printf(out, "\x1b[%.*s%c", (int)len, text, final);
		return;
	}
	/* the cursor's shape is the one sequence with an intermediate */
	if (final == 'q' && len > 0 && text[len - 1] == ' ' && is_numbers(text, len - 1))
		ca_buf_printf(out, "\x1b[%.*sq", (int)len, text);
	else if (is_numbers(text, len) && strchr(painting, final) != NULL)
		ca_buf_printf(out, "\x1b[%.*s%c", (int)len, text, final);
}

static void
take_csi(struct rec_terminal_filter *filter, struct ca_buf *out, uint8_t c)
{
	if (c >= 0x20 && c <= 0x7e) {
		if (filter->len < sizeof(filter->sequence))
			filter->sequence[filter->len] = c;
		filter->len++;
		if (c < 0x40)
			return;
		if (filter->len <= sizeof(filter->sequence))
			put_sequence(filter, out);
	} else if (c < 0x20 && c != 0x18 && c != 0x1a) {
		return; /* a control inside a sequence acts at once on a terminal; here it is
			   dropped */
	}
	filter->state = REC_FILTER_TEXT;
}

static void
take_escape(struct rec_terminal_filter *filter, struct ca_buf *out, uint8_t c)
{
	filter->state = REC_FILTER_TEXT;
	switch (c) {
	case '[':
		filter->state = REC_FILTER_CSI;
		filter->len = 0;
		break;
	case ']':
	case 'P':
	case '_':
	case '^':
	case 'X':
		filter->state = REC_FILTER_STRING;
		break;
	case '(':
	case ')':
	case '*':
	case '+':
	case '#':
		filter->state = REC_FILTER_CHARSET;
		filter->sequence[0] = c;
		break;
	case '7':
	case '8':
	case 'D':
	case 'E':
	case 'H':
	case 'M':
	case 'c':
		ca_buf_printf(out, "\x1b%c", c);
		break;
	default:
		break;
	}
}

static void
take_charset(struct rec_terminal_filter *filter, struct ca_buf *out, uint8_t c)
{
	filter->state = REC_FILTER_TEXT;
	/* US, UK, line drawing; and the alignment test */
	if (filter->sequence[0] == '#' ? c == '8' : c == 'A' || c == 'B' || c == '0')
		ca_buf_printf(out, "\x1b%c%c", filter->sequence[0], c);
}

static void
take_string(struct rec_terminal_filter *filter, uint8_t c)
{
	bool ended = c == 0x07 || c == 0x18 || c == 0x1a ||
		     (c == '\\' && filter->state == REC_FILTER_STRING_ESCAPE);

	if (c == ESC)
		filter->state = REC_FILTER_STRING_ESCAPE;
	else
		filter->state = ended ? REC_FILTER_TEXT : REC_FILTER_STRING;
}

/* Text up to the next control; gives how many bytes it took. */
static size_t
put_text(struct ca_buf *out, const uint8_t *data, size_t len)
{
	size_t done = 0;
	uint32_t c;

	while (done < len && data[done] >= 0x20) {
		size_t n = data[done] == 0x7f ? 0 : ca_text_utf8_next(data + done, len - done, &c);

		if (n == 0) {
			if (data[done] != 0x7f)
				ca_buf_put_text(out, "\xef\xbf\xbd");
			n = 1;
		} else if (c < 0x80 || c > 0x9f) {
			ca_buf_put(out, data + done, n);
		}
		done += n;
	}
	return done;
}

void
rec_terminal_filter_put(
    struct rec_terminal_filter *filter, struct ca_buf *out, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len;) {
		uint8_t c = data[i];

		if (filter->state == REC_FILTER_TEXT && c >= 0x20) {
			i += put_text(out, data + i, len - i);
			continue;
		}
		i++;
		if (filter->state == REC_FILTER_STRING ||
		    filter->state == REC_FILTER_STRING_ESCAPE) {
			take_string(filter, c);
		} else if (c == ESC) {
			filter->state = REC_FILTER_ESCAPE;
		} else if (filter->state == REC_FILTER_ESCAPE) {
			take_escape(filter, out, c);
		} else if (filter->state == REC_FILTER_CHARSET) {
			take_charset(filter, out, c);
		} else if (filter->state == REC_FILTER_CSI) {
			take_csi(filter, out, c);
		} else if (c >= 0x07 && c <= 0x0f) {
			ca_buf_put_u8(out, c); /* bell, back, tab, line ends, shifts */
		}
	}
}
