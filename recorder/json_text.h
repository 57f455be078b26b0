/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_text.h - any bytes as the inside of a JSON string, fast.
 *
 * Escaped: C0, DEL, C1, `"`, `\`, `<` (the text may stand in a page), U+2028 and U+2029 (it may
 * stand in a script). All other characters stay as they are; bytes that are no UTF-8 become U+FFFD.
 */
#ifndef REC_JSON_TEXT_H
#define REC_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ca/buf.h"

/*
 * Appends `data` without quotes. False when a U+FFFD had to stand in, that is, when the text
 * does not give the bytes back.
 */
bool rec_json_put_text(struct ca_buf *out, const void *data, size_t len);
/* How many bytes at the end (0 to 3) begin a character that more bytes could complete. */
size_t rec_json_incomplete(const uint8_t *data, size_t len);

#endif
