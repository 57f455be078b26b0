/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record.c - the recorder alone: a command in a terminal, recorded, then shown.
 *
 *   record FOLDER NAME COMMAND...     makes FOLDER/NAME.cast and its seals
 *
 * The part that `asciinema rec`, `script` and `tlog-rec` play for a person at a terminal, done with
 * the library as a keeper does it: each read is one event, written before it is shown, synced
 * each second, sealed at the end. The terminal is drained after the command has ended.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "ca/file.h"
#include "ca/signer.h"
#include "recorder/recording.h"
#include "recorder/seal.h"

#define CHUNK 65536

struct recorder {
	struct ca_signer *seal_key, *session_key;
	struct ca_cert *cert;
	struct rec_recording *recording;
	uint64_t begun; /* CLOCK_MONOTONIC, microseconds */
	uint64_t next;	/* when to tick */
	struct ca_why why;
};

static void
require(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "record: %s\n", what);
	exit(1);
}

static uint64_t
monotonic(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void
open_recording(struct recorder *r, const char *folder, const char *name, const char *command)
{
	struct rec_header header = {
		.width = 80,
		.height = 24,
		.timestamp = time(NULL),
		.command = command,
		.recording = name,
		.identity = "alice@vendor.example",
		.environment = "acme-prod",
		.role = "diagnostics",
		.grant = 42,
		.terminal = true,
	};
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	require(fd >= 0, "no such folder");
	require(
	    ca_signer_generate(&r->seal_key, &r->why) &&
		ca_signer_generate(&r->session_key, &r->why) &&
		rec_seal_certify(&r->cert, ca_signer_key(r->session_key), "acme-prod", name, 42,
		    time(NULL), r->seal_key, &r->why) &&
		rec_recording_open(&r->recording, fd, &header, r->session_key, r->cert, &r->why),
	    r->why.text);
	close(fd);
	r->begun = monotonic();
}

static void
close_recording(struct recorder *r, int status)
{
	uint8_t hash[32];
	char exit[16];

	snprintf(exit, sizeof(exit), "%d", status);
	require(rec_recording_close(
		    r->recording, monotonic() - r->begun, exit, time(NULL), hash, &r->why),
	    r->why.text);
	rec_recording_free(r->recording);
	ca_cert_free(r->cert);
	ca_signer_free(r->session_key);
	ca_signer_free(r->seal_key);
}

/* Like the others': the terminal outside passes bytes as they are while one runs inside. */
static void
make_raw(int fd)
{
	struct termios mode;

	if (tcgetattr(fd, &mode) != 0)
		return;
	cfmakeraw(&mode);
	(void)tcsetattr(fd, TCSANOW, &mode);
}

static pid_t
start(char **argv, int *master)
{
	struct winsize size = { .ws_row = 24, .ws_col = 80 };
	pid_t pid = forkpty(master, NULL, NULL, &size);

	require(pid >= 0, "no terminal");
	if (pid == 0) {
		execvp(argv[0], argv);
		_exit(127);
	}
	return pid;
}

static void
record_chunk(struct recorder *r, const uint8_t *data, size_t len)
{
	uint64_t now = monotonic();
	const struct rec_event event = {
		.time = now - r->begun, .code = 'o', .data = data, .len = len
	};

	require(rec_recording_event(r->recording, &event, &r->why), r->why.text);
	require(ca_write_all(STDOUT_FILENO, data, len), "cannot show what was recorded");
	require(rec_recording_tick(r->recording, now, time(NULL), &r->next, &r->why), r->why.text);
}

/* Gives false at the end: a terminal whose other side is closed gives what it holds, then EIO. */
static bool
gather(int master, uint8_t chunk[static CHUNK], size_t *len)
{
	struct pollfd wait = { .fd = master, .events = POLLIN };
	ssize_t n;

	require(poll(&wait, 1, -1) == 1, "the terminal cannot be waited for");
	*len = 0;
	while (*len < CHUNK && (n = read(master, chunk + *len, CHUNK - *len)) > 0)
		*len += (size_t)n;
	require(*len > 0 || errno == EIO || errno == EAGAIN, "the terminal cannot be read");
	return *len > 0 || errno == EAGAIN;
}

static void
copy(struct recorder *r, int master)
{
	static uint8_t chunk[CHUNK];
	size_t len;

	require(fcntl(master, F_SETFL, O_NONBLOCK) == 0, "the terminal cannot be set");
	while (gather(master, chunk, &len))
		if (len > 0)
			record_chunk(r, chunk, len);
}

int
main(int argc, char **argv)
{
	struct recorder r = { 0 };
	int master, status;
	pid_t pid;

	if (argc < 4) {
		fprintf(stderr, "usage: record FOLDER NAME COMMAND...\n");
		return 2;
	}
	open_recording(&r, argv[1], argv[2], argv[3]);
	make_raw(STDIN_FILENO);
	pid = start(argv + 3, &master);
	copy(&r, master);
	require(waitpid(pid, &status, 0) == pid, "the command is gone");
	status = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
	close_recording(&r, status);
	return status;
}
