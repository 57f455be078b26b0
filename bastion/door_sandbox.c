/* SPDX-License-Identifier: Apache-2.0 */
/*
 * door_sandbox.c - the fence around a door: seccomp(2) by list, kill as the default.
 *
 * The list is what libssh and OpenSSL ask for once a connection is open, as strace(1) sees it while
 * the tests run. Opening, naming and connecting fail instead of killing, because the Kerberos
 * library behind libssh tries them when a client names its method; nobody's typing shall look like
 * a door that was broken into. The filter is built once, so a connection pays for loading it only.
 */
#include "bastion/door.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bastion/filter.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

struct bas_sandbox {
	struct bas_filter filter;
};

static const struct bas_filter_rule allowed[] = {
	{ .call = SCMP_SYS(sendto) }, { .call = SCMP_SYS(recvfrom) },
	{ .call = SCMP_SYS(shutdown) },
	{ .call = SCMP_SYS(fcntl), .how = BAS_FILTER_EQUAL, .arg = 1, .value = F_GETFL },
	{ .call = SCMP_SYS(fcntl), .how = BAS_FILTER_EQUAL, .arg = 1, .value = F_SETFL },
	{ .call = SCMP_SYS(getsockopt) }, /* whether the client still answers */
	{ .call = SCMP_SYS(setsockopt),
	    .how = BAS_FILTER_PAIR,
	    .arg = 1,
	    .value = IPPROTO_TCP,
	    .next = TCP_QUICKACK },
	{ .call = SCMP_SYS(alarm) }, /* against libssh 0.10's endless loop; its default is to end */
};
const struct bas_filter_list bas_door_calls = BAS_FILTER_LIST(allowed);

#define DENY(name)                                             \
	{                                                      \
		.call = SCMP_SYS(name), .how = BAS_FILTER_DENY \
	}
static const struct bas_filter_rule denied[] = {
	DENY(open),
	DENY(openat),
	DENY(access),
	DENY(faccessat),
	DENY(faccessat2),
	DENY(stat),
	DENY(lstat),
	DENY(fstat),
	DENY(newfstatat),
	DENY(statx),
	DENY(readlink),
	DENY(readlinkat),
	DENY(socket),
	DENY(connect),
	DENY(uname),
	DENY(getuid),
	DENY(geteuid),
	DENY(ioctl),
};
const struct bas_filter_list bas_door_denied = BAS_FILTER_LIST(denied);

bool
bas_sandbox_new(struct bas_sandbox **out, struct ca_why *why)
{
	const struct bas_filter_list lists[] = { bas_filter_basics, bas_door_calls,
		bas_door_denied };
	struct bas_sandbox *sandbox = calloc(1, sizeof(*sandbox));

	*out = NULL;
	if (sandbox == NULL)
		return ca_why_set(why, "out of memory");
	if (!bas_filter_init(&sandbox->filter, lists, sizeof(lists) / sizeof(lists[0]), why)) {
		bas_sandbox_free(sandbox);
		return ca_why_prefix(why, "door");
	}
	*out = sandbox;
	return true;
}

void
bas_sandbox_free(struct bas_sandbox *sandbox)
{
	if (sandbox == NULL)
		return;
	bas_filter_clear(&sandbox->filter);
	free(sandbox);
}

bool
bas_sandbox_enter(
    const struct bas_sandbox *sandbox, unsigned fds, size_t memory, struct ca_why *why)
{
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return ca_why_set(why, "privileges cannot be given up: %s", strerror(errno));
	if (!bas_filter_limit(RLIMIT_CORE, 0) || !bas_filter_limit(RLIMIT_NPROC, 0) ||
	    !bas_filter_limit(RLIMIT_NOFILE, fds))
		return ca_why_set(why, "limits cannot be set: %s", strerror(errno));
	/* A sanitizer's shadow is memory without end, and its report may go to a file. */
	if (!SANITIZED &&
	    (!bas_filter_limit(RLIMIT_FSIZE, 0) || !bas_filter_limit(RLIMIT_DATA, memory)))
		return ca_why_set(why, "limits cannot be set: %s", strerror(errno));
	return bas_filter_load(&sandbox->filter, why);
}

void
bas_sandbox_close_others(int a, int b)
{
	unsigned low = (unsigned)(a < b ? a : b), high = (unsigned)(a < b ? b : a);

	if (low > 3)
		(void)close_range(3, low - 1, 0);
	if (high > low + 1)
		(void)close_range(low + 1, high - 1, 0);
	(void)close_range(high + 1, ~0U, 0);
}
