/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cast.h - asciicast v2 with our additions, as bytes (FORMATS: asciicast).
 *
 * Event codes: o output, i input, r resize, m marker, x exit status, and ours,
 * with string data so that every player ignores them:
 *   e  stderr
 *   h  hidden input: how many bytes, decimal
 *   B  the raw bytes, in base64, of the event on the line before, whose text could not hold them
 *   p  a code and, in base64, the bytes of that stream which do not make a character yet; the
 *      next event of that code begins with them, so they count only where there is none
 * Nothing is ever kept in memory only: what is held back from the text is in a `p`.
 */
#ifndef REC_CAST_H
#define REC_CAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ca/buf.h"
#include "ca/why.h"

/* Bytes of one event; a longer one is written as several of the same time. */
#define REC_EVENT_MAX ((size_t)128 << 10)
/* Bytes of a line, its LF included: six for one, and room for time and code. */
#define REC_LINE_MAX (REC_EVENT_MAX * 6 + 128)

/* One event in a stream; data borrowed. Times never decrease. */
struct rec_event {
	uint64_t time; /* microseconds since the recording began */
	char code;
	const uint8_t *data; /* the bytes as they were; may be invalid UTF-8 */
	size_t len;
};

/* Line 1. Strings borrowed, may hold anything; NULL is left out. */
struct rec_header {
	unsigned width, height; /* cells; 80 x 24 without a terminal */
	int64_t timestamp;	/* seconds since the epoch */
	const char *command;	/* the line as it was judged */
	const char *title;
	const char *term;
	/* ours, in the object "postern" */
	const char *recording; /* <session>.<n> */
	const char *identity;  /* alice@vendor.example */
	const char *key_id;
	uint64_t grant; /* 0: an identity certificate */
	const char *environment;
	const char *role;
	const char *reason;
	const char *source;	 /* address of the client */
	const char *confinement; /* level reached */
	const char *approvers;	 /* names, comma list */
	bool terminal;
};

/* Turns events into lines. Zero-initialised is ready. */
struct rec_cast_encoder {
	uint64_t last;	    /* time of the last event written */
	uint8_t held[3][4]; /* incomplete UTF-8 sequences of o, e, i */
	uint8_t held_len[3];
};

void rec_cast_put_header(struct ca_buf *out, const struct rec_header *header);
/* Appends whole lines: none, one, or several. */
void rec_cast_put_event(
    struct rec_cast_encoder *encoder, struct ca_buf *out, const struct rec_event *event);
/* What is still held back, as events at `time`. */
void rec_cast_put_rest(struct rec_cast_encoder *encoder, struct ca_buf *out, uint64_t time);

#endif
