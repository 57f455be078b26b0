/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_play.c - replays a recording on the terminal, and gives the terminal back whatever happens.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cast_reader.h"
#include "player.h"
#include "program.h"
#include "sink.h"
#include "terminal.h"

/* What would end the program comes as bytes instead; stopping it would keep the terminal. */
static int
open_signals(sigset_t *set)
{
	static const int ending[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

	sigemptyset(set);
	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
		sigaddset(set, ending[i]);
	signal(SIGTSTP, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, set, NULL) != 0)
		return -1;
	return signalfd(-1, set, SFD_CLOEXEC);
}

/* Says so when the recording needs more room than there is. */
static void
compare_sizes(int fd)
{
	struct rec_cast_reader *reader = rec_cast_reader_new(fd);
	struct rec_header header;
	struct winsize size;

	if (reader != NULL && rec_cast_reader_header(reader, &header, NULL) == REC_READ_MORE &&
	    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && header.terminal &&
	    (header.width > size.ws_col || header.height > size.ws_row))
		fprintf(stderr, "postern-recorder: recorded at %ux%u, this terminal is %ux%u\n",
		    header.width, header.height, size.ws_col, size.ws_row);
	rec_cast_reader_free(reader);
	(void)lseek(fd, 0, SEEK_SET);
}

static bool
play(struct rec_program *program, struct rec_player *player, struct ca_why *why)
{
	struct rec_terminal terminal;
	bool ok = false;

	if (isatty(STDOUT_FILENO) && isatty(STDIN_FILENO)) {
		compare_sizes(player->fd);
		if (!rec_terminal_borrow(&terminal, STDIN_FILENO, STDOUT_FILENO, why))
			return false;
		player->terminal = &terminal;
	}
	player->speed = program->speed;
	player->idle = program->idle < 0 ? UINT64_MAX : (uint64_t)(program->idle * 1e6);
	ok = rec_player_run(player, why);
	if (player->terminal != NULL)
		rec_terminal_return(player->terminal);
	player->terminal = NULL;
	return ok;
}

int
rec_cmd_play(struct rec_program *program)
{
	struct ca_why why = { "" };
	struct rec_player player = { 0 };
	sigset_t set;
	int status;
	bool ok;

	player.fd = rec_open_recording(program, program->argv[0], &status);
	if (player.fd < 0)
		return status;
	player.signal_fd = open_signals(&set);
	player.sink = rec_sink_terminal_new(STDOUT_FILENO);
	if (player.signal_fd < 0 || player.sink == NULL) {
		ca_why_set(&why, "cannot begin: %s", strerror(errno));
		ok = false;
	} else {
		ok = play(program, &player, &why);
	}
	if (player.sink != NULL)
		player.sink->ops->free(player.sink);
	if (player.signal_fd >= 0)
		close(player.signal_fd);
	close(player.fd);
	if (!ok)
		return rec_fail(REC_REFUSED, &why);
	if (player.cut)
		fputs("postern-recorder: the last line is not whole and was left out\n", stderr);
	/* whoever started us sees by what we ended */
	if (player.signal != 0) {
		signal(player.signal, SIG_DFL);
		sigprocmask(SIG_UNBLOCK, &set, NULL);
		raise(player.signal);
	}
	return REC_DONE;
}
