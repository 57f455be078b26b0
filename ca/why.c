/* SPDX-License-Identifier: Apache-2.0 */
/*
 * why.c - the sentence for a person, safe to show wherever it ends up.
 */
#include "ca/why.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "ca/buf.h"
#include "ca/text.h"

/* Escapes, and cuts what does not fit at a character's border. */
static void
store(struct ca_why *why, const char *raw)
{
	struct ca_buf safe = { 0 };
	size_t len;

	ca_text_escape_line(&safe, raw, strlen(raw));
	if (!ca_buf_ok(&safe)) {
		snprintf(why->text, sizeof why->text, "out of memory");
		ca_buf_clear(&safe);
		return;
	}
	len = safe.len < sizeof why->text ? safe.len : sizeof why->text - 1;
	while (len > 0 && len < safe.len && (safe.data[len] & 0xc0) == 0x80)
		len--;
	if (len > 0)
		memcpy(why->text, safe.data, len);
	why->text[len] = '\0';
	ca_buf_clear(&safe);
}

bool(ca_why_set)(struct ca_why *why, const char *format, ...)
{
	char raw[CA_WHY_SIZE];
	va_list args;

	if (why == NULL)
		return false;
	va_start(args, format);
	vsnprintf(raw, sizeof raw, format, args);
	va_end(args);
	store(why, raw);
	return false;
}

bool(ca_why_prefix)(struct ca_why *why, const char *format, ...)
{
	char where[CA_WHY_SIZE / 2], raw[2 * CA_WHY_SIZE];
	va_list args;

	if (why == NULL)
		return false;
	va_start(args, format);
	vsnprintf(where, sizeof where, format, args);
	va_end(args);
	snprintf(raw, sizeof raw, "%s: %s", where, why->text);
	store(why, raw);
	return false;
}
