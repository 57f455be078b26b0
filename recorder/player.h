/* SPDX-License-Identifier: Apache-2.0 */
/*
 * player.h - replays a recording in its own time.
 *
 * Keys: space pauses and goes on, `.` shows the next event, `]` or `+` plays faster, `[` or `-`
 * slower, `q` and ctrl-C end it.
 */
#ifndef REC_PLAYER_H
#define REC_PLAYER_H

#include <stdbool.h>
#include <stdint.h>

#include "ca/why.h"
#include "sink.h"
#include "terminal.h"

#define REC_SPEED_MIN 0.0625
#define REC_SPEED_MAX 64.0

struct rec_player {
	int fd;			       /* the recording */
	struct rec_sink *sink;	       /* where it is shown */
	struct rec_terminal *terminal; /* whose keys are heard, or NULL */
	int signal_fd;		       /* signals that end it */
	double speed;		       /* 1: as it was */
	uint64_t idle; /* no pause is longer, in microseconds; UINT64_MAX: as it was */
	/* out */
	int signal; /* that ended it, or 0 */
	bool cut;   /* the recording's last line was not whole */
};

/* True at the end and when a key or a signal ended it. */
CA_MUST_USE bool rec_player_run(struct rec_player *player, struct ca_why *why);

#endif
