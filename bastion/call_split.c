/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call_split.c - from bytes to words and back.
 */
#include "call_split.h"

#include <string.h>

static bool
is_blank(char byte)
{
	return byte == ' ' || byte == '\t';
}

static size_t
count_blanks(const struct bas_line *line)
{
	size_t blanks = 0;
	while (blanks < line->left && is_blank(line->next[blanks]))
		blanks++;
	return blanks;
}

/* One byte of a word: literal bytes go to `out`, quotes change `quote` (0 outside). */
static bool
take_byte(struct bas_line *line, struct ca_buf *out, char *quote, struct ca_why *why)
{
	char byte = *line->next;
	bool escapes = false;

	if (byte == '\\' && *quote == 0)
		escapes = true;
	else if (byte == '\\' && *quote == '"' && line->left > 1)
		escapes = line->next[1] == '"' || line->next[1] == '\\';
	if (escapes) {
		line->next++;
		if (--line->left == 0)
			return ca_why_set(why, "the line ends in a backslash");
		byte = *line->next;
	}
	if ((unsigned char)byte < ' ' || byte == 0x7f)
		return ca_why_set(why, "the line contains the control character 0x%02x",
		    (unsigned)(unsigned char)byte);
	if (!escapes && *quote == 0 && (byte == '\'' || byte == '"'))
		*quote = byte;
	else if (!escapes && *quote != 0 && byte == *quote)
		*quote = 0;
	else
		ca_buf_put_u8(out, (uint8_t)byte);
	line->next++;
	line->left--;
	return true;
}

enum bas_word
bas_line_word(struct bas_line *line, struct ca_buf *out, struct ca_why *why)
{
	char quote = 0;
	size_t blanks = count_blanks(line);

	ca_buf_reset(out);
	line->next += blanks;
	line->left -= blanks;
	if (line->left == 0)
		return BAS_WORD_NONE;
	while (line->left > 0 && (quote != 0 || !is_blank(*line->next)))
		if (!take_byte(line, out, &quote, why))
			return BAS_WORD_BROKEN;
	if (quote != 0) {
		ca_why_set(why, "the quote %c is not closed", quote);
		return BAS_WORD_BROKEN;
	}
	ca_buf_put_u8(out, 0);
	if (!ca_buf_ok(out)) {
		ca_why_set(why, "out of memory");
		return BAS_WORD_BROKEN;
	}
	out->len--;
	return BAS_WORD_OK;
}

bool
bas_line_has_option(const struct bas_line *line)
{
	size_t blanks = count_blanks(line);
	return line->left - blanks >= 2 && memcmp(line->next + blanks, "--", 2) == 0;
}

struct ca_bytes
bas_line_rest(const struct bas_line *line)
{
	if (count_blanks(line) == line->left)
		return (struct ca_bytes){ 0 };
	/* a word ends at a blank or at the line's end, so there is one here */
	return (struct ca_bytes){ (const uint8_t *)line->next + 1, line->left - 1 };
}

void
bas_word_put(struct ca_buf *out, const char *word)
{
	if (*word != 0 && strpbrk(word, " '\"\\") == NULL) {
		ca_buf_put_text(out, word);
		return;
	}
	const char *quote = strchr(word, '\'') == NULL ? "'" : "\"";
	ca_buf_put_text(out, quote);
	for (; *word != 0; word++) {
		if (*quote == '"' && (*word == '"' || *word == '\\'))
			ca_buf_put_u8(out, '\\');
		ca_buf_put_u8(out, (uint8_t)*word);
	}
	ca_buf_put_text(out, quote);
}
