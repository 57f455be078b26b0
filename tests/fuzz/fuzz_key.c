/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_key.c - public keys from outside: a blob, or a line of a .pub file.
 *
 * The seeds are .pub files of stock `ssh-keygen -t TYPE`, two of them as blobs.
 */
#include <stdlib.h>
#include <string.h>

#include "ca/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Whatever is accepted has one spelling. */
static void
use_key(struct ca_key *key)
{
	struct ca_bytes blob = ca_key_blob(key);
	struct ca_buf line = { 0 };
	struct ca_key *again = NULL;
	struct ca_presence presence;

	ca_key_put_line(&line, key);
	ca_buf_put_u8(&line, 0);
	if (!ca_key_parse_line(&again, (const char *)line.data, NULL) || !ca_key_equal(key, again))
		abort();
	if (ca_key_verify(key, "data", 4, blob.data, blob.len, &presence, NULL))
		abort();
	ca_key_free(again);
	ca_buf_clear(&line);
	ca_key_free(key);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct ca_key *key = NULL;
	char *line = malloc(len + 1);

	if (line == NULL)
		abort();
	if (len > 0)
		memcpy(line, data, len);
	line[len] = '\0';
	if (ca_key_parse(&key, data, len, NULL)) {
		if (!ca_bytes_equal(ca_key_blob(key), (struct ca_bytes){ data, len }))
			abort();
		use_key(key);
	}
	if (ca_key_parse_line(&key, line, NULL))
		use_key(key);
	free(line);
	return 0;
}
