/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink.h - where the events of a recording go.
 *
 * Recording, replaying, showing and checking differ in the sink alone. A call takes
 * everything or fails; after a failure a sink takes nothing more. `header` comes once and
 * first, `end` once and last.
 *
 *   file      the stored recording: lines of asciicast      (sink_file.c)
 *   terminal  the events' bytes as they are, for a terminal (sink_terminal.c)
 *   text      what was printed, with nothing in it that acts on a terminal (sink_text.c)
 *   check     whether header and events are what a recorder writes (sink_check.c)
 */
#ifndef REC_SINK_H
#define REC_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ca/crypto.h"
#include "ca/why.h"
#include "recorder/cast.h"

struct rec_sink;

struct rec_sink_ops {
	bool (*header)(struct rec_sink *sink, const struct rec_header *header, struct ca_why *why);
	bool (*event)(struct rec_sink *sink, const struct rec_event *event, struct ca_why *why);
	/* What was held back goes out, as of `time`. */
	bool (*end)(struct rec_sink *sink, uint64_t time, struct ca_why *why);
	void (*free)(struct rec_sink *sink);
};

struct rec_sink {
	const struct rec_sink_ops *ops;
};

/*
 * Lines of asciicast to `fd` (borrowed), one write(2) for each call. The counts and the
 * running hash are of the bytes in the file; after a failed write the file is cut back to them.
 */
struct rec_sink_file {
	struct rec_sink sink;
	int fd;
	const char *name; /* for sentences; borrowed */
	struct rec_cast_encoder encoder;
	struct ca_buf lines;
	struct ca_sha256 *hash;
	uint64_t bytes;
	uint64_t started; /* up to here the kernel was asked to begin writing out */
	bool failed;
};
void rec_sink_file_init(struct rec_sink_file *file, int fd, const char *name);

/*
 * Bytes to `fd` (borrowed): `o`, and `e` unless `only_output`; resizes are left to the person. NULL
 * when out of memory, like the ones below.
 */
struct rec_sink *rec_sink_terminal_new(int fd, bool only_output);
/* Lines of text to `fd`: no control characters but LF and tab; stderr, input and markers are named.
 */
struct rec_sink *rec_sink_text_new(int fd);
/* Refuses what a recorder would not have written; the sentence says which event. */
struct rec_sink *rec_sink_check_new(const char *name);

#endif
