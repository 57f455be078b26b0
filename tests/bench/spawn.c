/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spawn.c - what confinement costs: `true` by plain fork and exec, and through the launcher at each
 * level, by turns. Prints a level and its median in microseconds a line; levels that are not
 * reached are left out.
 *
 *   spawn [COUNT]
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bastion/confine_parts.h"
#include "bastion/spawner_child.h"

#define PROGRAM "/usr/bin/true"
#define USER	64003

enum { PLAIN, BASIC, HIGH, WAYS };

static char *const words[] = { (char *)(uintptr_t)PROGRAM, NULL };
static char *const variables[] = { NULL };

static void
require(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "spawn: %s\n", what);
	exit(1);
}

static double
microseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void
await_end(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0)
		require(errno == EINTR, "no child");
}

static double
run_plain(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		execve(PROGRAM, words, variables);
		_exit(127);
	}
	require(pid > 0, "fork");
	await_end(pid);
	return microseconds();
}

/* Gives the time at which its end was known; the init is waited for, but off the clock. */
static double
run_held(const struct bas_confinement *level)
{
	double end;
	const struct bas_command command = { .name = "true" };
	const struct bas_role role = { .name = "bench", .uid = USER, .gid = USER };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct bas_launch launch = { .role = &role,
		.command = &command,
		.argv = words,
		.envp = variables,
		.fds = { null, null, null } };
	struct bas_child child;
	struct bas_report report;
	struct ca_why why = { .text = "" };

	launch.program = bas_confine_program(PROGRAM, &role, &why);
	require(launch.program >= 0, why.text);
	require(bas_child_start(&child, level, &launch, &why), why.text);
	do
		require(recv(child.socket, &report, sizeof(report), 0) == (ssize_t)sizeof(report),
		    "no report");
	while (report.kind == BAS_REPORT_STARTED);
	end = microseconds();
	require(report.kind == BAS_REPORT_ENDED, report.why.text);
	await_end(child.init);
	close(child.socket);
	close(launch.program);
	close(null);
	return end;
}

static int
compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

int
main(int argc, char **argv)
{
	size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 400;
	struct ca_why why = { .text = "" };
	const struct bas_confinement *best = bas_confine_best(&why);
	double *took[WAYS];

	require(best != NULL && count > 0, why.text);
	for (int way = PLAIN; way < WAYS; way++)
		require((took[way] = calloc(count, sizeof(double))) != NULL, "out of memory");
	for (size_t i = 0; i < count; i++) {
		for (int way = PLAIN; way < WAYS; way++) {
			double start = microseconds();

			took[way][i] =
			    -start + (way == PLAIN
					     ? run_plain()
					     : run_held(way == BASIC ? &bas_confine_basic : best));
		}
	}
	for (int way = PLAIN; way < WAYS; way++) {
		const char *name = way == PLAIN	  ? "plain"
				   : way == BASIC ? "basic"
						  : bas_level_name(best->level);

		qsort(took[way], count, sizeof(double), compare);
		if (way != HIGH || best != &bas_confine_basic)
			printf("%s %.0f\n", name, took[way][count / 2]);
		free(took[way]);
	}
	return 0;
}
