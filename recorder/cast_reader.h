/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cast_reader.h - events out of a recording, whoever wrote it and wherever it breaks off.
 *
 * Reads asciicast v2, ours and others'. An event's data are the bytes as they were: a `B`
 * behind it is folded in, a `p` that no event completed is given at the end. Memory is bounded by
 * the longest line that is accepted.
 */
#ifndef REC_CAST_READER_H
#define REC_CAST_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ca/why.h"
#include "recorder/cast.h"
#include "sink.h"

enum rec_read {
	REC_READ_MORE, /* something was read */
	REC_READ_END,  /* the file ended behind a whole line */
	REC_READ_CUT,  /* it ended within a line, which is left out */
	REC_READ_BAD,  /* the sentence says what and in which line */
};

struct rec_cast_reader;

/* Reads `fd` (borrowed) from where it stands. Aborts nothing: NULL when out of memory. */
struct rec_cast_reader *rec_cast_reader_new(int fd);
void rec_cast_reader_free(struct rec_cast_reader *reader);

/* Line 1, first and once. The strings live as long as the reader. */
CA_MUST_USE enum rec_read rec_cast_reader_header(
    struct rec_cast_reader *reader, struct rec_header *header, struct ca_why *why);
/* The next event; its data live until the next call. Repeats its last answer at the end. */
CA_MUST_USE enum rec_read rec_cast_reader_next(
    struct rec_cast_reader *reader, struct rec_event *event, struct ca_why *why);
/* The line that the last event stood on. */
uint64_t rec_cast_reader_line(const struct rec_cast_reader *reader);

/* Everything, header and end included, into a sink. `*cut` (may be NULL): the last line was not
 * whole. */
CA_MUST_USE bool rec_cast_pump(int fd, struct rec_sink *sink, bool *cut, struct ca_why *why);

#endif
