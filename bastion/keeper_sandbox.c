/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper_sandbox.c - what a keeper may ask of the kernel.
 *
 * Files: what recording needs, and the terminals' master. No sockets but pairs, no execution, no
 * new process, no change of identity, no signal, no executable memory. Whatever is not listed kills
 * the process; its recordings keep what was released. The filter is compiled once, in the nursery
 * (seccomp(2)), whose fence also says which files (fence.c).
 */
#include "bastion/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "bastion/filter.h"

#define FDS_OWN 32 /* sockets, timers, the folder, a recording's seal while it is written */
#define FDS_RUN 12 /* of one run, with those that are just being handed over */

static struct bas_filter filter;

#define FCNTL(command)                                                                         \
	{                                                                                      \
		.call = SCMP_SYS(fcntl), .how = BAS_FILTER_EQUAL, .arg = 1, .value = (command) \
	}
#define IOCTL(request)                                                                         \
	{                                                                                      \
		.call = SCMP_SYS(ioctl), .how = BAS_FILTER_EQUAL, .arg = 1, .value = (request) \
	}

static const struct bas_filter_rule calls[] = {
	/* streams */
	{ .call = SCMP_SYS(pipe2) },
	{ .call = SCMP_SYS(socketpair), .how = BAS_FILTER_EQUAL, .arg = 0, .value = AF_UNIX },
	{ .call = SCMP_SYS(setsockopt),
	    .how = BAS_FILTER_PAIR,
	    .arg = 1,
	    .value = SOL_SOCKET,
	    .next = SO_SNDBUF },
	FCNTL(F_GETFL),
	FCNTL(F_SETFL),
	FCNTL(F_SETPIPE_SZ),
	FCNTL(F_DUPFD_CLOEXEC),
	/* terminals */
	IOCTL(TIOCSPTLCK),
	IOCTL(TIOCGPTPEER),
	IOCTL(TIOCSWINSZ),
	IOCTL(TCGETS),
	IOCTL(TCSETS),
	/* recordings and seals */
	{ .call = SCMP_SYS(openat) },
	{ .call = SCMP_SYS(fstat) },
	{ .call = SCMP_SYS(newfstatat) },
	{ .call = SCMP_SYS(fsync) },
	{ .call = SCMP_SYS(fdatasync) },
	{ .call = SCMP_SYS(sync_file_range) },
	{ .call = SCMP_SYS(ftruncate) },
	{ .call = SCMP_SYS(fchmod) },
	{ .call = SCMP_SYS(renameat) },
	{ .call = SCMP_SYS(unlinkat) },
	FCNTL(F_OFD_SETLK),
	/* time */
	{ .call = SCMP_SYS(timerfd_create) },
	{ .call = SCMP_SYS(timerfd_settime) },
};
const struct bas_filter_list bas_keeper_calls = BAS_FILTER_LIST(calls);

bool
bas_keeper_sandbox_prepare(struct ca_why *why)
{
	const struct bas_filter_list lists[] = { bas_filter_basics, bas_keeper_calls };

	bas_filter_clear(&filter);
	return bas_filter_init(&filter, lists, sizeof(lists) / sizeof(lists[0]), why) ||
	       ca_why_prefix(why, "keeper");
}

bool
bas_keeper_sandbox_enter(unsigned channels, struct ca_why *why)
{
	/* Runs of closed channels are still ending while new ones begin. */
	uint64_t descriptors = FDS_OWN + (uint64_t)channels * 2 * FDS_RUN;

	if (prctl(PR_SET_DUMPABLE, 0) != 0 || !bas_filter_limit(RLIMIT_CORE, 0) ||
	    !bas_filter_limit(RLIMIT_NPROC, 0) || !bas_filter_limit(RLIMIT_NOFILE, descriptors))
		return ca_why_set(why, "sandbox: %s", strerror(errno));
	return bas_filter_load(&filter, why);
}
