/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confine_inside.h - what the confined program of test_confine.c tries: each attempt prints one
 * word, "done" or the name of the error that the kernel gave.
 */
#ifndef TESTS_CONFINE_INSIDE_H
#define TESTS_CONFINE_INSIDE_H

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static inline void
inside_say(long result)
{
	puts(result < 0 ? strerrorname_np(errno) : "done");
}

static inline void
inside_exec(const char *path)
{
	char *const argv[] = { (char *)(uintptr_t)path, NULL };
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		execve(path, argv, NULL);
		inside_say(-1);
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (!WIFEXITED(status))
		puts("killed");
}

/* A filter of one's own whose listener would let an exec go on. */
static inline void
inside_listener(void)
{
	struct sock_filter ask[] = {
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
	};
	struct sock_fprog program = { 1, ask };

	inside_say(syscall(
	    SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program));
}

static inline void
inside_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);
	char byte;

	if (fd >= 0 && (flags & O_ACCMODE) == O_RDONLY && !(flags & O_DIRECTORY))
		inside_say(read(fd, &byte, 1));
	else if (fd >= 0 && !(flags & O_DIRECTORY))
		inside_say(write(fd, "x", 1));
	else
		inside_say(fd);
}

static inline void
inside_connect(const char *host, const char *port)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char text[64];
	ssize_t got;

	to.sin_port = htons((uint16_t)atoi(port));
	inet_pton(AF_INET, host, &to.sin_addr);
	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0) {
		inside_say(-1);
		return;
	}
	(void)!write(fd, "ping", 4);
	shutdown(fd, SHUT_WR);
	got = read(fd, text, sizeof(text) - 1);
	text[got < 0 ? 0 : got] = '\0';
	puts(got > 0 ? text : "nothing");
}

/* Whom it sees; itself is one. */
static inline void
inside_processes(void)
{
	DIR *folder = opendir("/proc");
	struct dirent *entry;
	int count = 0;

	while (folder != NULL && (entry = readdir(folder)) != NULL)
		count += entry->d_name[0] >= '1' && entry->d_name[0] <= '9';
	printf("%d\n", count);
}

static inline void
inside_fork(int wanted)
{
	int made = 0;

	for (pid_t pid; made < wanted && (pid = fork()) >= 0; made++)
		if (pid == 0) {
			pause();
			_exit(0);
		}
	printf("%d\n", made);
}

static inline void
inside_fill(const char *path)
{
	static char block[1 << 20];
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	unsigned long megabytes = 0;

	memset(block, 'x', sizeof(block));
	while (fd >= 0 && megabytes < 4096 &&
	       write(fd, block, sizeof(block)) == (ssize_t)sizeof(block))
		megabytes++;
	printf("%lu\n", megabytes);
}

static inline void
inside_map(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0700);

	if (fd < 0 || ftruncate(fd, 4096) != 0)
		inside_say(-1);
	else
		inside_say(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED
			       ? -1
			       : 0);
}

static inline void
inside_call(const char *name, char **more)
{
	long number = strtol(name, NULL, 0);
	long arguments[4] = { 0 };

	for (int i = 0; i < 4 && more[i] != NULL; i++)
		arguments[i] = strtol(more[i], NULL, 0);
	inside_say(syscall(number, arguments[0], arguments[1], arguments[2], arguments[3]));
}

static inline void
inside_status(void)
{
	char line[256];
	FILE *file = fopen("/proc/self/status", "re");

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		fputs(line, stdout);
}

/* What argv[1] names, with argv[2] and on. Returns the exit status. */
static inline int
inside(char **argv)
{
	const char *what = argv[1], *one = argv[1] == NULL ? NULL : argv[2];

	if (strcmp(what, "exec") == 0)
		inside_exec(one);
	else if (strcmp(what, "listener") == 0)
		inside_listener();
	else if (strcmp(what, "read") == 0)
		inside_open(one, O_RDONLY);
	else if (strcmp(what, "list") == 0)
		inside_open(one, O_RDONLY | O_DIRECTORY);
	else if (strcmp(what, "write") == 0)
		inside_open(one, O_WRONLY);
	else if (strcmp(what, "make") == 0)
		inside_open(one, O_WRONLY | O_CREAT | O_EXCL);
	else if (strcmp(what, "chmod") == 0)
		inside_say(chmod(one, (mode_t)strtoul(argv[3], NULL, 8)));
	else if (strcmp(what, "touch") == 0)
		inside_say(utimensat(AT_FDCWD, one, NULL, 0));
	else if (strcmp(what, "truncate") == 0)
		inside_say(truncate(one, 0));
	else if (strcmp(what, "unlink") == 0)
		inside_say(unlink(one));
	else if (strcmp(what, "connect") == 0)
		inside_connect(one, argv[3]);
	else if (strcmp(what, "processes") == 0)
		inside_processes();
	else if (strcmp(what, "kill") == 0)
		inside_say(kill(atoi(one), 0));
	else if (strcmp(what, "ptrace") == 0)
		inside_say(ptrace(PTRACE_SEIZE, atoi(one), NULL, NULL));
	else if (strcmp(what, "fork") == 0)
		inside_fork(atoi(one));
	else if (strcmp(what, "fill") == 0)
		inside_fill(one);
	else if (strcmp(what, "map") == 0)
		inside_map(one);
	else if (strcmp(what, "socket") == 0)
		inside_say(socket(atoi(one), SOCK_DGRAM, argv[3] == NULL ? 0 : atoi(argv[3])));
	else if (strcmp(what, "ioctl") == 0)
		inside_say(ioctl(0, strtoul(one, NULL, 0), "x"));
	else if (strcmp(what, "call") == 0)
		inside_call(one, argv + 3);
	else if (strcmp(what, "status") == 0)
		inside_status();
	else
		return 2;
	return 0;
}

#endif
