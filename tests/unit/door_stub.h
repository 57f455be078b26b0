/* SPDX-License-Identifier: Apache-2.0 */
/*
 * door_stub.h - what stands behind a door in its tests: a nursery that forks, for each connection,
 * a keeper that lets the user `ok` in and runs whatever line it gets.
 *
 * The line `END words` ends the connection with these words, `REFUSE` is refused without starting.
 * What the door told is appended to a file, one line each.
 */
#ifndef TEST_DOOR_STUB_H
#define TEST_DOOR_STUB_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utmp.h>

#include "bastion/frame.h"

#define STUB_CHANNELS 64

struct stub_channel {
	bool used, terminal;
	uint32_t id;
	unsigned columns, rows;
	pid_t pid;
	int master;
};

struct stub {
	int door, status, signals;
	const char *log;
	struct stub_channel channels[STUB_CHANNELS];
	uint8_t buf[BAS_FRAME_MAX];
};

__attribute__((format(printf, 2, 3))) static void
stub_log(struct stub *stub, const char *format, ...)
{
	char line[512];
	va_list args;
	int len, fd = open(stub->log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

	va_start(args, format);
	len = vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	if (len < 0 || (size_t)len > sizeof(line) - 2)
		len = sizeof(line) - 2;
	line[len++] = '\n';
	if (write(fd, line, (size_t)len) != len)
		abort();
	close(fd);
}

static struct stub_channel *
stub_find(struct stub *stub, uint32_t id)
{
	for (size_t i = 0; i < STUB_CHANNELS; i++)
		if (stub->channels[i].used && stub->channels[i].id == id)
			return &stub->channels[i];
	return NULL;
}

/* The door is gone, and with it everything that runs. */
static void
stub_leave(struct stub *stub)
{
	for (size_t i = 0; i < STUB_CHANNELS; i++)
		if (stub->channels[i].used && stub->channels[i].pid > 0)
			kill(-stub->channels[i].pid, SIGKILL);
	stub_log(stub, "gone");
	_exit(0);
}

static void
stub_send(struct stub *stub, enum bas_frame_type type, struct ca_buf *payload, const int *fds,
    size_t count)
{
	if (!bas_frame_send(stub->door, type, payload, fds, count))
		stub_leave(stub);
	ca_buf_clear(payload);
}

static void
stub_exit(struct stub *stub, uint32_t id, uint32_t status, const char *signal)
{
	struct ca_buf payload = { 0 };

	ca_buf_put_u32(&payload, id);
	ca_buf_put_u32(&payload, status);
	ca_buf_put_cstring(&payload, signal);
	stub_send(stub, BAS_F_EXIT, &payload, NULL, 0);
}

/* Copies between a terminal and the door's socket until the terminal is gone, then exits like its
 * command. */
static void
stub_relay(int master, int io, pid_t command)
{
	char buf[4096];
	int status;
	struct pollfd fds[] = { { master, POLLIN, 0 }, { io, POLLIN, 0 } };

	for (;;) {
		ssize_t got;

		poll(fds, 2, -1);
		if (fds[0].revents != 0) {
			got = read(master, buf, sizeof(buf));
			if (got <= 0 || write(io, buf, (size_t)got) != got)
				break;
		}
		if (fds[1].revents != 0) {
			got = read(io, buf, sizeof(buf));
			if (got <= 0)
				fds[1].fd = -1;
			else if (write(master, buf, (size_t)got) != got)
				break;
		}
	}
	waitpid(command, &status, 0);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

static void
stub_child(struct stub_channel *channel, const char *line, int slave, int io, int errors)
{
	sigset_t none;
	pid_t pid;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setpgid(0, 0);
	if (channel->terminal) {
		pid = fork();
		if (pid > 0) {
			close(slave);
			close(errors);
			stub_relay(channel->master, io, pid);
		}
		close(channel->master);
		login_tty(slave);
	} else {
		dup2(io, 0);
		dup2(io, 1);
		dup2(errors, 2);
	}
	close_range(3, ~0U, 0);
	signal(SIGPIPE, SIG_DFL);
	execl("/bin/sh", "sh", "-c", *line == '\0' ? "echo shell" : line, (char *)NULL);
	_exit(127);
}

static void
stub_exec(struct stub *stub, struct stub_channel *channel, const char *line)
{
	struct ca_buf payload = { 0 };
	struct winsize size = { .ws_col = (unsigned short)channel->columns,
		.ws_row = (unsigned short)channel->rows };
	int io[2], errors[2], slave = -1;

	if (strncmp(line, "END ", 4) == 0) {
		ca_buf_put_cstring(&payload, line + 4);
		stub_send(stub, BAS_F_END, &payload, NULL, 0);
		return;
	}
	if (strcmp(line, "REFUSE") == 0) {
		stub_exit(stub, channel->id, 126, "");
		return;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, io) != 0 ||
	    pipe2(errors, O_CLOEXEC) != 0)
		abort();
	if (channel->terminal && openpty(&channel->master, &slave, NULL, NULL, &size) != 0)
		abort();
	channel->pid = fork();
	if (channel->pid == 0)
		stub_child(channel, line, slave, io[1], errors[1]);
	ca_buf_put_u32(&payload, channel->id);
	stub_send(stub, BAS_F_STARTED, &payload, (int[]){ io[0], errors[0] }, 2);
	close(io[0]);
	close(io[1]);
	close(errors[0]);
	close(errors[1]);
	if (slave >= 0)
		close(slave);
}

static void
stub_auth(struct stub *stub, struct ca_reader *reader)
{
	struct ca_buf payload = { 0 };
	uint8_t proven = ca_read_u8(reader);
	char *user = ca_read_cstring(reader);
	struct ca_bytes blob = ca_read_string(reader);
	bool ok = strcmp(user, "ok") == 0;

	if (!ca_reader_done(reader))
		abort();
	stub_log(stub, "auth %u %s %.*s", proven, user, blob.data[3], (const char *)blob.data + 4);
	ca_buf_put_u8(&payload, ok);
	ca_buf_put_cstring(&payload, ok ? "" : "the stub does not know you\n");
	stub_send(stub, BAS_F_VERDICT, &payload, NULL, 0);
	if (ok && proven == 1 && write(stub->status, "A", 1) != 1)
		abort();
	free(user);
}

static void
stub_channel_frame(struct stub *stub, enum bas_frame_type type, struct ca_reader *reader)
{
	uint32_t id = ca_read_u32(reader);
	struct stub_channel *channel = stub_find(stub, id);
	struct ca_buf payload = { 0 };
	struct winsize size;
	char *text = NULL;

	if (type == BAS_F_PTY || type == BAS_F_EXEC || type == BAS_F_SIGNAL)
		text = ca_read_cstring(reader);
	if (channel == NULL && type != BAS_F_CLOSE)
		abort();
	if (type == BAS_F_PTY || type == BAS_F_RESIZE) {
		channel->columns = ca_read_u32(reader);
		channel->rows = ca_read_u32(reader);
	}
	if (!ca_reader_done(reader))
		abort();
	if (type == BAS_F_EXEC) {
		stub_exec(stub, channel, text);
	} else if (type == BAS_F_SIGNAL) {
		stub_log(stub, "signal %s", text);
		if (strcmp(text, "TERM") == 0)
			kill(-channel->pid, SIGTERM);
	} else if (type == BAS_F_PTY) {
		channel->terminal = strcmp(text, "none") != 0;
		stub_log(stub, "pty %s %ux%u", text, channel->columns, channel->rows);
		ca_buf_put_u32(&payload, id);
		ca_buf_put_u8(&payload, channel->terminal);
		stub_send(stub, BAS_F_PTY_REPLY, &payload, NULL, 0);
	} else if (type == BAS_F_RESIZE) {
		size = (struct winsize){ .ws_col = (unsigned short)channel->columns,
			.ws_row = (unsigned short)channel->rows };
		ioctl(channel->master, TIOCSWINSZ, &size);
	} else if (channel != NULL && channel->pid == 0) {
		channel->used = false;
	} else if (channel != NULL) {
		stub_log(stub, "closed");
		kill(-channel->pid, SIGKILL);
	}
	free(text);
}

static void
stub_frame(struct stub *stub, const struct bas_frame *frame)
{
	struct ca_reader reader = ca_reader_of(frame->payload.data, frame->payload.len);
	char *kind;

	switch (frame->type) {
	case BAS_F_AUTH:
		stub_auth(stub, &reader);
		break;
	case BAS_F_OPEN:
		for (size_t i = 0; i < STUB_CHANNELS; i++)
			if (!stub->channels[i].used) {
				stub->channels[i] = (struct stub_channel){
					.used = true, .id = ca_read_u32(&reader), .master = -1
				};
				return;
			}
		abort();
	case BAS_F_REFUSED:
		kind = ca_read_cstring(&reader);
		stub_log(stub, "refused %s", kind);
		free(kind);
		break;
	default:
		stub_channel_frame(stub, frame->type, &reader);
		break;
	}
}

static void
stub_reap(struct stub *stub)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	while (read(stub->signals, &info, sizeof(info)) > 0)
		continue;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (size_t i = 0; i < STUB_CHANNELS; i++) {
			struct stub_channel *channel = &stub->channels[i];

			if (!channel->used || channel->pid != pid)
				continue;
			stub_exit(stub, channel->id,
			    WIFEXITED(status) ? (uint32_t)WEXITSTATUS(status) : 0,
			    WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status)) : "");
			if (channel->master >= 0)
				close(channel->master);
			channel->used = false;
		}
}

static void
stub_keeper(int door, int status, const char *log)
{
	struct stub *stub = calloc(1, sizeof(*stub));
	struct bas_frame frame;
	sigset_t set;

	stub->door = door;
	stub->status = status;
	stub->log = log;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	stub->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	for (;;) {
		struct pollfd fds[] = { { door, POLLIN, 0 }, { stub->signals, POLLIN, 0 } };

		poll(fds, 2, -1);
		if (fds[1].revents != 0)
			stub_reap(stub);
		if (fds[0].revents == 0)
			continue;
		if (bas_frame_receive(door, &frame, stub->buf) != BAS_FRAME_OK)
			break;
		stub_frame(stub, &frame);
	}
	stub_leave(stub);
}

/* Never returns. */
static void
stub_nursery(int listener, const char *log)
{
	uint8_t *buf = malloc(BAS_FRAME_MAX);
	struct bas_frame frame;

	signal(SIGCHLD, SIG_IGN);
	while (bas_frame_receive(listener, &frame, buf) == BAS_FRAME_OK) {
		if (frame.type != BAS_F_CONNECTION || frame.fd_count != 2)
			abort();
		if (fork() == 0) {
			signal(SIGCHLD, SIG_DFL);
			close(listener);
			stub_keeper(frame.fds[0], frame.fds[1], log);
		}
		bas_frame_close_fds(&frame);
	}
	_exit(0);
}

#endif
