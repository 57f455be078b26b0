/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forwarder.c - the process: what it may, whom it connects to.
 *
 * Names are looked up once, before the system call list holds; every address that a name gives is
 * looked at, so that none leads to a metadata service.
 */
#include "bastion/forwarder.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bastion/confine_parts.h"
#include "bastion/destination.h"
#include "bastion/forwarder_relay.h"
#include "bastion/title.h"

#define CONTROL 3

bool
bas_forwarder_give(int forwarder, int listening)
{
	struct ca_why why;
	int copy = dup(listening);

	/* The same message as a listener of another kind: one byte and one descriptor. */
	if (copy < 0)
		return false;
	if (bas_once_hand_over(forwarder, copy, &why))
		return true;
	close(copy);
	return false;
}

static int
receive_one(void)
{
	char byte;
	struct iovec data = { .iov_base = &byte, .iov_len = 1 };
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr message = { .msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room) };
	struct cmsghdr *head;
	int fd = -1;

	if (recvmsg(CONTROL, &message, MSG_CMSG_CLOEXEC) == 1 &&
	    (head = CMSG_FIRSTHDR(&message)) != NULL && head->cmsg_type == SCM_RIGHTS &&
	    head->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(head), sizeof(int));
	return fd;
}

/* Leaves an entry without addresses when there are none: its connections are closed at once. */
static void
look_up(struct bas_way *way, const char *text)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
	char host[BAS_DESTINATION_HOST], port[8];

	snprintf(port, sizeof(port), "%u", (unsigned)bas_destination_port(text));
	if (!bas_destination_host(text, host) || getaddrinfo(host, port, &hints, &list) != 0)
		return;
	for (struct addrinfo *one = list; one != NULL; one = one->ai_next) {
		if (way->count == BAS_WAY_ADDRESSES || one->ai_addrlen > sizeof(way->to[0]) ||
		    bas_destination_is_metadata(one->ai_addr))
			continue;
		memcpy(&way->to[way->count], one->ai_addr, one->ai_addrlen);
		way->len[way->count++] = one->ai_addrlen;
	}
	freeaddrinfo(list);
}

/* After looking up names. */
static const int calls[] = { SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(accept4), SCMP_SYS(socket),
	SCMP_SYS(connect), SCMP_SYS(getsockopt), SCMP_SYS(recvfrom), SCMP_SYS(sendto),
	SCMP_SYS(shutdown), SCMP_SYS(close), SCMP_SYS(exit_group), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(restart_syscall) };

static bool
enter_list(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	bool ok = filter != NULL;

	for (size_t i = 0; ok && i < sizeof(calls) / sizeof(calls[0]); i++)
		ok = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0) == 0;
#ifndef __SANITIZE_ADDRESS__ /* whose own calls are not ours to list */
	ok = ok && seccomp_load(filter) == 0;
#endif
	return ok; /* the filter's memory goes with the process */
}

static bool
drop_rights(const struct bas_launch *launch)
{
	const struct rlimit none = { 0, 0 };
	struct ca_why why;

	if (geteuid() == 0 &&
	    (!bas_user_drop_bounding(&why) || !bas_user_become(launch->role, &why)))
		return false;
	return bas_user_drop_capabilities(&why) && bas_user_tie(launch->parent, &why) &&
	       prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 && setrlimit(RLIMIT_CORE, &none) == 0 &&
	       setrlimit(RLIMIT_FSIZE, &none) == 0;
}

static _Noreturn void
run(const struct bas_launch *launch, int control)
{
	const struct bas_confine *confine = &launch->command->confine;
	struct bas_way *ways = calloc(confine->connect_count, sizeof(*ways));
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int kept[] = { null, null, null, control };
	struct ca_why why;

	bas_confine_signals();
	if (ways == NULL || null < 0 || !bas_confine_keep(kept, 4, 0, &why) || !drop_rights(launch))
		_exit(1);
	bas_title_set("forwarder of %s/%s", launch->role->name, launch->command->name);
	for (size_t i = 0; i < confine->connect_count; i++) {
		ways[i].listening = receive_one();
		if (ways[i].listening < 0)
			_exit(1);
	}
	for (size_t i = 0; i < confine->connect_count; i++)
		look_up(&ways[i], confine->connect[i]);
	if (enter_list())
		bas_forwarder_relay(ways, confine->connect_count, CONTROL);
	_exit(0);
}

bool
bas_forwarder_start(const struct bas_launch *launch, int *init, pid_t *pid, struct ca_why *why)
{
	struct bas_launch own = *launch;
	int pair[2];

	*init = -1;
	*pid = 0;
	if (launch->command->confine.connect_count == 0)
		return true;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return ca_why_set(why, "socket: %s", strerror(errno));
	own.parent = getpid();
	*pid = fork();
	if (*pid == 0)
		run(&own, pair[1]);
	close(pair[1]);
	if (*pid < 0) {
		ca_why_set(why, "fork: %s", strerror(errno));
		close(pair[0]);
		*pid = 0;
		return false;
	}
	*init = pair[0];
	return true;
}
