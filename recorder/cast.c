/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cast.c - events and header as lines of asciicast v2.
 *
 * Two properties carry the rest: the lines give every byte back (a text that could not
 * hold its bytes is followed by them in a `B`), and a byte is in the lines as soon as it
 * was given (what waits for the rest of its character is there in a `p`).
 */
#include "recorder/cast.h"

#include <string.h>

#include "ca/text.h"
#include "json_text.h"

#define TIME_SIZE 32

/* Microseconds as seconds with six decimals; gives the length. */
static size_t
format_time(uint64_t time, char out[static TIME_SIZE])
{
	char digits[TIME_SIZE];
	size_t n = 0, len = 0;

	do {
		if (n == 6)
			digits[n++] = '.';
		digits[n++] = (char)('0' + time % 10);
		time /= 10;
	} while (time != 0 || n < 8);
	while (n > 0)
		out[len++] = digits[--n];
	return len;
}

/* `[time,"code","` */
static void
put_front(struct ca_buf *out, uint64_t time, char code)
{
	const char back[] = { ',', '"', code, '"', ',', '"' };
	char front[TIME_SIZE + 8];
	size_t n = 1;

	front[0] = '[';
	n += format_time(time, front + 1);
	memcpy(front + n, back, sizeof(back));
	ca_buf_put(out, front, n + sizeof(back));
}

/* One event that is a line, and the `B` behind it when its text is not exact. */
static void
put_line(struct ca_buf *out, uint64_t time, char code, const uint8_t *data, size_t len)
{
	bool exact;

	put_front(out, time, code);
	exact = rec_json_put_text(out, data, len);
	ca_buf_put(out, "\"]\n", 3);
	if (exact)
		return;
	put_front(out, time, 'B');
	ca_base64_encode(out, data, len);
	ca_buf_put(out, "\"]\n", 3);
}

/* Which of the held sequences belongs to `code`; -1: its text comes whole. */
static int
stream_of(char code)
{
	switch (code) {
	case 'o':
		return 0;
	case 'e':
		return 1;
	case 'i':
		return 2;
	default:
		return -1;
	}
}

/*
 * Completes what is held back of the stream with the first bytes of `data`, and writes it
 * if it now is a character or can no longer become one. Gives how many bytes it took.
 */
static size_t
put_held(
    struct rec_cast_encoder *encoder, int stream, struct ca_buf *out, const struct rec_event *event)
{
	uint8_t *held = encoder->held[stream];
	size_t n = encoder->held_len[stream], taken = 0;

	while (n > 0 && taken < event->len && rec_json_incomplete(held, n) == n) {
		/* a byte that ends the hope begins something of its own */
		if ((event->data[taken] & 0xc0) != 0x80)
			break;
		held[n++] = event->data[taken++];
	}
	if (taken < event->len || rec_json_incomplete(held, n) != n) {
		put_line(out, encoder->last, event->code, held, n);
		n = 0;
	}
	encoder->held_len[stream] = (uint8_t)n;
	return taken;
}

static void
put_stream(
    struct rec_cast_encoder *encoder, int stream, struct ca_buf *out, const struct rec_event *event)
{
	uint8_t *held = encoder->held[stream];
	size_t start = 0, tail = 0;

	if (encoder->held_len[stream] > 0 && event->len > 0)
		start = put_held(encoder, stream, out, event);
	if (start < event->len) {
		tail = rec_json_incomplete(event->data + start, event->len - start);
		memcpy(held, event->data + event->len - tail, tail);
		encoder->held_len[stream] = (uint8_t)tail;
	}
	if (event->len - start > tail)
		put_line(out, encoder->last, event->code, event->data + start,
		    event->len - start - tail);
	if (encoder->held_len[stream] == 0 || event->len == 0)
		return;
	put_front(out, encoder->last, 'p');
	ca_buf_put_u8(out, (uint8_t)event->code);
	ca_base64_encode(out, held, encoder->held_len[stream]);
	ca_buf_put(out, "\"]\n", 3);
}

void
rec_cast_put_event(
    struct rec_cast_encoder *encoder, struct ca_buf *out, const struct rec_event *event)
{
	int stream = stream_of(event->code);
	struct rec_event piece = *event;
	size_t left = event->len;

	if (event->time > encoder->last)
		encoder->last = event->time;
	do {
		piece.len = left < REC_EVENT_MAX ? left : REC_EVENT_MAX;
		if (stream < 0)
			put_line(out, encoder->last, piece.code, piece.data, piece.len);
		else
			put_stream(encoder, stream, out, &piece);
		left -= piece.len;
		if (left > 0)
			piece.data += piece.len;
	} while (left > 0);
}

void
rec_cast_put_rest(struct rec_cast_encoder *encoder, struct ca_buf *out, uint64_t time)
{
	static const char codes[] = { 'o', 'e', 'i' };

	if (time > encoder->last)
		encoder->last = time;
	for (int i = 0; i < 3; i++) {
		if (encoder->held_len[i] > 0)
			put_line(
			    out, encoder->last, codes[i], encoder->held[i], encoder->held_len[i]);
		encoder->held_len[i] = 0;
	}
}

static void
put_member(struct ca_buf *out, const char *name, const char *value)
{
	if (value == NULL)
		return;
	if (out->len > 0 && out->data[out->len - 1] != '{')
		ca_buf_put_u8(out, ',');
	ca_buf_printf(out, "\"%s\":\"", name);
	rec_json_put_text(out, value, strlen(value));
	ca_buf_put_u8(out, '"');
}

void
rec_cast_put_header(struct ca_buf *out, const struct rec_header *header)
{
	ca_buf_printf(out, "{\"version\":2,\"width\":%u,\"height\":%u,\"timestamp\":%lld",
	    header->width, header->height, (long long)header->timestamp);
	put_member(out, "command", header->command);
	put_member(out, "title", header->title);
	if (header->term != NULL) {
		ca_buf_put_text(out, ",\"env\":{");
		put_member(out, "TERM", header->term);
		ca_buf_put_u8(out, '}');
	}
	ca_buf_put_text(out, ",\"postern\":{");
	put_member(out, "recording", header->recording);
	put_member(out, "identity", header->identity);
	put_member(out, "key_id", header->key_id);
	put_member(out, "environment", header->environment);
	put_member(out, "role", header->role);
	put_member(out, "reason", header->reason);
	put_member(out, "source", header->source);
	put_member(out, "confinement", header->confinement);
	put_member(out, "approvers", header->approvers);
	if (out->len > 0 && out->data[out->len - 1] != '{')
		ca_buf_put_u8(out, ',');
	ca_buf_printf(out, "\"grant\":%llu,\"terminal\":%s}}\n", (unsigned long long)header->grant,
	    header->terminal ? "true" : "false");
}
