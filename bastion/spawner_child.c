/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spawner_child.c - the init of one command's tree. pid_namespaces(7),
 * PR_SET_CHILD_SUBREAPER.
 */
#include "bastion/spawner_child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bastion/confine_parts.h"
#include "bastion/forwarder.h"
#include "bastion/title.h"

/* Descriptors of the init after bas_confine_keep. */
enum { KEPT_SOCKET, KEPT_IN, KEPT_OUT, KEPT_ERR, KEPT_PROGRAM, KEPT_FORWARDER, KEPT_COUNT };
#define KEPT_FIRST 3

struct init {
	int socket;
	int signals;
	pid_t main;
	bool namespace;
};

static _Noreturn void
die_with(int socket, const struct bas_report *report)
{
	(void)!send(socket, report, sizeof(*report), MSG_NOSIGNAL);
	_exit(0);
}

/* One child and the groups it may have forked into: a group is killed atomically, so that
 * forking faster than we look does not help. */
static void
kill_child(pid_t pid)
{
	pid_t group = getpgid(pid);

	if (group > 1 && group != getpgrp())
		kill(-group, SIGKILL);
	kill(pid, SIGKILL);
}

void
bas_children_kill(bool (*spared)(void *ctx, pid_t pid), void *ctx)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%ld/children", (long)syscall(SYS_gettid));
	for (;;) {
		FILE *list = fopen(path, "re");
		bool found = false;
		char number[16];

		if (list == NULL)
			return;
		while (fscanf(list, "%15s", number) == 1) {
			pid_t pid = (pid_t)strtol(number, NULL, 10);

			if (spared != NULL && spared(ctx, pid))
				continue;
			found = true;
			kill_child(pid);
			/* Waits for this one only: others' ends belong to the caller. */
			while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
				;
		}
		fclose(list);
		if (!found)
			return;
	}
}

static void
kill_tree(const struct init *init)
{
	if (init->namespace) {
		kill(-1, SIGKILL); /* everyone in the namespace but us, at once */
		while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
			;
		return;
	}
	bas_children_kill(NULL, NULL);
}

static uint64_t
cpu_of_children(void)
{
	struct rusage usage;

	if (getrusage(RUSAGE_CHILDREN, &usage) != 0)
		return 0;
	return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
	       (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* Reaps who ended; true when the command itself did. */
static bool
reap(const struct init *init, int *status)
{
	bool ended = false;
	int one;
	pid_t pid;

	while ((pid = waitpid(-1, &one, WNOHANG)) > 0) {
		if (pid != init->main)
			continue;
		*status = one;
		ended = true;
	}
	return ended;
}

static _Noreturn void
watch(struct init *init)
{
	struct pollfd wait[2] = {
		{ .fd = init->socket, .events = POLLIN },
		{ .fd = init->signals, .events = POLLIN },
	};
	struct bas_report report = { .kind = BAS_REPORT_ENDED };
	struct signalfd_siginfo info;
	uint8_t number;

	for (;;) {
		if (poll(wait, 2, -1) < 0 && errno != EINTR)
			break;
		if (wait[1].revents != 0) {
			(void)!read(init->signals, &info, sizeof(info));
			if (reap(init, &report.status)) {
				kill_tree(init);
				report.cpu = cpu_of_children();
				die_with(init->socket, &report);
			}
		}
		if (wait[0].revents != 0) {
			ssize_t got = recv(init->socket, &number, 1, MSG_DONTWAIT);

			if (got == 1)
				kill(-init->main, number);
			else if (got == 0 || errno != EAGAIN)
				break;
		}
	}
	/* The spawner gave the command up, or is gone. */
	kill_tree(init);
	_exit(0);
}

/* Executes, or writes the sentence into the report pipe. */
static _Noreturn void
run_command(const struct bas_confinement *confinement, const struct bas_launch *launch, int report)
{
	struct ca_why why = { .text = "" };

	if (bas_confine_descriptors(launch, report, &why)) {
		report = BAS_CONFINE_REPORT;
		if (confinement->apply(launch, &why))
			bas_confine_exec(launch, &why);
	}
	(void)!write(report, &why, sizeof(why));
	_exit(127);
}

/* What the init needs from here on is to signal and to wait. */
static void
drop_privileges(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (geteuid() == 0) {
		data[0].effective = 1U << CAP_KILL;
		data[0].permitted = 1U << CAP_KILL;
	}
	(void)syscall(SYS_capset, &head, data);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* Dies with the spawner: at once in a namespace (whose end kills the tree); elsewhere it lives to
 * kill. */
static bool
tie_to_spawner(const struct init *init)
{
	struct pollfd wait = { .fd = init->socket, .events = POLLIN };

	if (!init->namespace)
		return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0;
	return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && poll(&wait, 1, 0) >= 0 &&
	       (wait.revents & POLLHUP) == 0;
}

static bool
open_signals(struct init *init)
{
	sigset_t all;

	sigfillset(&all);
	if (sigprocmask(SIG_SETMASK, &all, NULL) != 0)
		return false;
	sigemptyset(&all);
	sigaddset(&all, SIGCHLD);
	init->signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	return init->signals >= 0;
}

static bool
start_command(struct init *init, const struct bas_confinement *confinement,
    struct bas_launch *launch, struct ca_why *why)
{
	int report[2];
	bool ok;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, report) != 0)
		return ca_why_set(why, "socket: %s", strerror(errno));
	launch->parent = getpid();
	init->main = fork();
	if (init->main < 0)
		return ca_why_set(why, "fork: %s", strerror(errno));
	if (init->main == 0)
		run_command(confinement, launch, report[1]);
	close(report[1]);
	for (int i = 0; i < 3; i++)
		close(launch->fds[i]);
	close(launch->program);
	drop_privileges();
	ok = bas_once_await(report[0], init->main, why);
	close(report[0]);
	return ok;
}

static _Noreturn void
run_init(const struct bas_confinement *confinement, const struct bas_launch *borrowed, int socket,
    int forwarder, bool namespace)
{
	struct bas_launch launch = *borrowed;
	struct bas_report report = { .kind = BAS_REPORT_FAILED };
	struct init init = { .namespace = namespace };
	int kept[KEPT_COUNT] = { socket, launch.fds[0], launch.fds[1], launch.fds[2],
		launch.program, forwarder };

	if (!bas_confine_keep(
		kept, forwarder < 0 ? KEPT_FORWARDER : KEPT_COUNT, KEPT_FIRST, &report.why))
		_exit(1);
	init.socket = kept[KEPT_SOCKET];
	memcpy(launch.fds, kept + KEPT_IN, sizeof(launch.fds));
	launch.program = kept[KEPT_PROGRAM];
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	bas_title_set("init of %s/%s", launch.role->name, launch.command->name);
	if (!tie_to_spawner(&init) || !open_signals(&init)) {
		ca_why_set(&report.why, "the command's init: %s", strerror(errno));
		die_with(init.socket, &report);
	}
	if (confinement->enter != NULL &&
	    !confinement->enter(&launch, kept[KEPT_FORWARDER], &report.why))
		die_with(init.socket, &report);
	if (!start_command(&init, confinement, &launch, &report.why)) {
		kill_tree(&init);
		die_with(init.socket, &report);
	}
	report.kind = BAS_REPORT_STARTED;
	if (send(init.socket, &report, sizeof(report), MSG_NOSIGNAL) < 0) {
		kill_tree(&init);
		_exit(0);
	}
	watch(&init);
}

/* As fork(), but the child is the first process of its namespaces. Below the levels that have them
 * a PID namespace is taken where we may. */
static pid_t
fork_init(const struct bas_confinement *confinement, bool *namespace)
{
	int flags = confinement->namespaces;
	pid_t pid;

	*namespace = flags != 0 || geteuid() == 0;
	if (*namespace) {
		pid = (pid_t)syscall(
		    SYS_clone, SIGCHLD | (flags != 0 ? flags : CLONE_NEWPID), 0, 0, 0, 0);
		if (pid >= 0 || flags != 0 || (errno != EPERM && errno != EINVAL))
			return pid;
		*namespace = false; /* root without CAP_SYS_ADMIN, or a kernel without them */
	}
	return fork();
}

bool
bas_child_start(struct bas_child *out, const struct bas_confinement *confinement,
    const struct bas_launch *borrowed, struct ca_why *why)
{
	struct bas_launch launch = *borrowed;
	int pair[2], forwarder = -1;
	bool namespace;
	pid_t pid;

	*out = (struct bas_child){ .socket = -1 };
	launch.uid = geteuid();
	launch.gid = getegid();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return ca_why_set(why, "socket: %s", strerror(errno));
	if (confinement->enter != NULL &&
	    !bas_forwarder_start(&launch, &forwarder, &out->forwarder, why))
		goto fail;
	pid = fork_init(confinement, &namespace);
	if (pid == 0)
		run_init(confinement, &launch, pair[1], forwarder, namespace);
	if (forwarder >= 0)
		close(forwarder);
	if (pid < 0) {
		ca_why_set(why,
		    confinement->namespaces != 0 ? "namespaces cannot be made: %s" : "fork: %s",
		    strerror(errno));
		goto fail;
	}
	close(pair[1]);
	out->init = pid;
	out->socket = pair[0];
	out->namespace = namespace;
	return true;
fail:
	close(pair[0]);
	close(pair[1]);
	return false;
}

void
bas_child_signal(const struct bas_child *child, int number)
{
	uint8_t byte = (uint8_t)number;

	if (child->socket >= 0)
		(void)!send(child->socket, &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void
bas_child_kill(struct bas_child *child)
{
	if (child->namespace) {
		kill(child->init, SIGKILL);
	} else if (child->socket >= 0) {
		shutdown(child->socket, SHUT_WR);
		kill(child->init, SIGCONT); /* a tree of its own user may have stopped it */
	}
}
