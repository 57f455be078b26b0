/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink.h - where the events of a recording go.
 *
 * Recording, replaying, showing and checking differ in the sink alone. A call takes
 * everything or fails; after a failure a sink takes nothing more. `header` comes once and
 * first, `end` once and last.
 *
 *   file      the stored recording: lines of asciicast      (sink_file.c)
 *   terminal  what paints on a terminal, and nothing else   (sink_terminal.c)
 *   raw       the bytes as they were, for files             (sink_terminal.c)
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
 * Output and stderr to `fd` (borrowed), painting and nothing else (terminal_filter.h); resizes are
 * left to the person. NULL when out of memory, like the ones below.
 */
struct rec_sink *rec_sink_terminal_new(int fd);
/* Output to `out`, stderr to `err`, byte for byte; -1: dropped. Not for a terminal. */
struct rec_sink *rec_sink_raw_new(int out, int err);
/* Output and stderr as lines to `fd`, without control characters but LF and tab. */
struct rec_sink *rec_sink_text_new(int fd);
/* Refuses what a recorder would not have written; the sentence says which event. */
struct rec_sink *rec_sink_check_new(const char *name);

#endif
