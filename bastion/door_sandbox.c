/* SPDX-License-Identifier: Apache-2.0 */
/*
 * door_sandbox.c - the fence around a door: seccomp(2) by list, kill as the default.
 *
 * The list is what libssh and OpenSSL need once a connection is open. Opening, naming and
 * connecting fail instead of killing, because the Kerberos library behind libssh tries them when a
 * client names its method; nobody's typing shall look like a door that was broken into. The filter
 * is built once, so a connection pays for loading it only.
 */
#include "bastion/door.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

struct bas_sandbox {
	struct sock_fprog program;
};

static const int allowed[] = {
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(sendmsg),
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendto),
	SCMP_SYS(recvfrom),
	SCMP_SYS(shutdown),
	SCMP_SYS(close),
	SCMP_SYS(fcntl),
	SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt),
	SCMP_SYS(getrandom),
	SCMP_SYS(getpid),
	SCMP_SYS(futex),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(brk),
	SCMP_SYS(madvise),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(alarm),
	SCMP_SYS(setitimer),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

static const int denied[] = {
	SCMP_SYS(open),
	SCMP_SYS(openat),
	SCMP_SYS(access),
	SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2),
	SCMP_SYS(stat),
	SCMP_SYS(lstat),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(statx),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(socket),
	SCMP_SYS(connect),
	SCMP_SYS(uname),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(ioctl),
};

/* What AddressSanitizer does while it runs and when it reports. */
static const int sanitizer[] = {
	SCMP_SYS(sigaltstack),
	SCMP_SYS(gettid),
	SCMP_SYS(tgkill),
	SCMP_SYS(sched_yield),
	SCMP_SYS(prctl),
	SCMP_SYS(getrusage),
};

static bool
add_rules(scmp_filter_ctx filter)
{
	static const int mappers[] = { SCMP_SYS(mmap), SCMP_SYS(mprotect) };

	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0) != 0)
			return false;
	/* Memory, but none that can be executed. */
	for (size_t i = 0; i < sizeof(mappers) / sizeof(mappers[0]); i++)
		if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, mappers[i], 1,
			SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) != 0)
			return false;
	for (size_t i = 0; i < sizeof(denied) / sizeof(denied[0]); i++)
		if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), denied[i], 0) != 0)
			return false;
	for (size_t i = 0; SANITIZED && i < sizeof(sanitizer) / sizeof(sanitizer[0]); i++)
		if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, sanitizer[i], 0) != 0)
			return false;
	return true;
}

static bool
export_program(scmp_filter_ctx filter, struct sock_fprog *program)
{
	int fd = memfd_create("filter", MFD_CLOEXEC);
	off_t size;
	bool ok = false;

	if (fd < 0)
		return false;
	if (seccomp_export_bpf(filter, fd) != 0 || (size = lseek(fd, 0, SEEK_END)) <= 0 ||
	    (size_t)size / sizeof(struct sock_filter) > BPF_MAXINSNS)
		goto out;
	program->filter = malloc((size_t)size);
	if (program->filter == NULL || pread(fd, program->filter, (size_t)size, 0) != size)
		goto out;
	program->len = (unsigned short)((size_t)size / sizeof(struct sock_filter));
	ok = true;
out:
	close(fd);
	return ok;
}

bool
bas_sandbox_new(struct bas_sandbox **out, struct ca_why *why)
{
	struct bas_sandbox *sandbox = calloc(1, sizeof(*sandbox));
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);

	*out = NULL;
	/* A tree: the kernel runs the whole of it once for each system call there is, at every
	 * start. */
	if (sandbox == NULL || filter == NULL ||
	    seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2) != 0 || !add_rules(filter) ||
	    !export_program(filter, &sandbox->program)) {
		if (filter != NULL)
			seccomp_release(filter);
		bas_sandbox_free(sandbox);
		return ca_why_set(why, "the door's list of system calls cannot be built");
	}
	seccomp_release(filter);
	*out = sandbox;
	return true;
}

void
bas_sandbox_free(struct bas_sandbox *sandbox)
{
	if (sandbox == NULL)
		return;
	free(sandbox->program.filter);
	free(sandbox);
}

static bool
limit(int resource, rlim_t value)
{
	struct rlimit limit = { value, value };

	return setrlimit((__rlimit_resource_t)resource, &limit) == 0;
}

bool
bas_sandbox_enter(
    const struct bas_sandbox *sandbox, unsigned fds, size_t memory, struct ca_why *why)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return ca_why_set(why, "privileges cannot be given up: %s", strerror(errno));
	if (!limit(RLIMIT_CORE, 0) || !limit(RLIMIT_NPROC, 0) || !limit(RLIMIT_NOFILE, fds))
		return ca_why_set(why, "limits cannot be set: %s", strerror(errno));
	/* A sanitizer's shadow is memory without end, and its report may go to a file. */
	if (!SANITIZED && (!limit(RLIMIT_FSIZE, 0) || !limit(RLIMIT_DATA, memory)))
		return ca_why_set(why, "limits cannot be set: %s", strerror(errno));
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &sandbox->program, 0, 0) != 0)
		return ca_why_set(why, "seccomp: %s", strerror(errno));
	return true;
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
