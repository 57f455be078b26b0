/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_statement.c - statements from outside: what is read writes the same bytes again.
 */
#include <stdlib.h>
#include <string.h>

#include "ca/statement.h"
#include "ca/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct ca_statement statement;
	struct ca_buf again = { 0 };
	struct ca_why why = { 0 };

	if (!ca_statement_parse(&statement, data, len, &why)) {
		/* the sentence is for a terminal, whatever the input was */
		if (why.text[0] == '\0' || !ca_text_is_utf8(why.text, strlen(why.text)))
			abort();
		for (const char *next = why.text; *next != '\0'; next++)
			if ((unsigned char)*next < 0x20 || *next == 0x7f)
				abort();
		return 0;
	}
	if (!ca_statement_encode(&again, &statement, &why) || again.len != len ||
	    memcmp(again.data, data, len) != 0)
		abort();
	ca_buf_clear(&again);
	ca_statement_clear(&statement);
	return 0;
}
