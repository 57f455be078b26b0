/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_seal.c - seals and checkpoints: what is accepted has one spelling. */
#include <stdlib.h>
#include <string.h>

#include "../../recorder/log_scan.h"
#include "recorder/seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
must_equal(const struct ca_buf *text, const uint8_t *data, size_t len)
{
	if (text->len != len || memcmp(text->data, data, len) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct rec_checkpoint checkpoint;
	struct ca_buf text = { 0 };
	struct rec_seal seal;

	if (rec_seal_parse(&seal, (const char *)data, len, NULL)) {
		rec_seal_encode(&text, &seal);
		must_equal(&text, data, len);
		rec_seal_clear(&seal);
	}
	ca_buf_reset(&text);
	if (rec_checkpoint_parse(&checkpoint, (const char *)data, len, NULL)) {
		rec_checkpoint_encode(&text, checkpoint.origin, checkpoint.size, checkpoint.root);
		must_equal(&text, data, len);
	}
	ca_buf_clear(&text);
	return 0;
}
