/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_cat.c - what was printed in a recording: as safe text, or as bytes where no terminal reads
 * them. */
#include <stdio.h>
#include <unistd.h>

#include "cast_reader.h"
#include "program.h"
#include "sink.h"

int
rec_cmd_cat(struct rec_program *program)
{
	struct ca_why why = { "" };
	struct rec_sink *sink;
	bool cut = false, ok;
	int status, fd;

	if (program->raw && isatty(STDOUT_FILENO)) {
		ca_why_set(&why, "raw bytes are not written to a terminal");
		return rec_fail(REC_REFUSED, &why);
	}
	fd = rec_open_recording(program, program->argv[0], &status);
	if (fd < 0)
		return status;
	sink = program->raw
		   ? rec_sink_raw_new(STDOUT_FILENO, isatty(STDERR_FILENO) ? -1 : STDERR_FILENO)
		   : rec_sink_text_new(STDOUT_FILENO);
	ok = sink != NULL ? rec_cast_pump(fd, sink, &cut, &why) : ca_why_set(&why, "out of memory");
	if (sink != NULL)
		sink->ops->free(sink);
	close(fd);
	if (!ok)
		return rec_fail(REC_REFUSED, &why);
	if (cut)
		fputs("postern-recorder: the last line is not whole and was left out\n", stderr);
	return REC_DONE;
}
