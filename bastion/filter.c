/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter.c - lists of system calls become a program for seccomp(2).
 */
#include "bastion/filter.h"

#include <errno.h>
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

static const struct bas_filter_rule basics[] = {
	{ .call = SCMP_SYS(read) },
	{ .call = SCMP_SYS(write) },
	{ .call = SCMP_SYS(sendmsg) },
	{ .call = SCMP_SYS(recvmsg) },
	{ .call = SCMP_SYS(poll) },
	{ .call = SCMP_SYS(ppoll) }, /* is poll(3) where there is no poll(2) */
	{ .call = SCMP_SYS(close) },
	/* memory, none of which can be executed */
	{ .call = SCMP_SYS(mmap), .how = BAS_FILTER_CLEAR, .arg = 2, .value = PROT_EXEC },
	{ .call = SCMP_SYS(mprotect), .how = BAS_FILTER_CLEAR, .arg = 2, .value = PROT_EXEC },
	{ .call = SCMP_SYS(munmap) },
	{ .call = SCMP_SYS(mremap) },
	{ .call = SCMP_SYS(brk) },
	{ .call = SCMP_SYS(madvise) },
	/* time, where the vDSO does not answer */
	{ .call = SCMP_SYS(clock_gettime) },
	{ .call = SCMP_SYS(gettimeofday) },
	{ .call = SCMP_SYS(time) },
	/* libc and OpenSSL */
	{ .call = SCMP_SYS(getrandom) },
	{ .call = SCMP_SYS(getpid) },
	{ .call = SCMP_SYS(futex) },
	{ .call = SCMP_SYS(restart_syscall) },
	{ .call = SCMP_SYS(rt_sigreturn) },
	{ .call = SCMP_SYS(exit) },
	{ .call = SCMP_SYS(exit_group) },
};
const struct bas_filter_list bas_filter_basics = BAS_FILTER_LIST(basics);

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
add_rule(scmp_filter_ctx filter, const struct bas_filter_rule *rule)
{
	switch (rule->how) {
	case BAS_FILTER_ALLOW:
		return seccomp_rule_add(filter, SCMP_ACT_ALLOW, rule->call, 0) == 0;
	case BAS_FILTER_EQUAL:
		return seccomp_rule_add(filter, SCMP_ACT_ALLOW, rule->call, 1,
			   SCMP_CMP(rule->arg, SCMP_CMP_MASKED_EQ, 0xffffffff, rule->value)) == 0;
	case BAS_FILTER_PAIR:
		return seccomp_rule_add(filter, SCMP_ACT_ALLOW, rule->call, 2,
			   SCMP_CMP(rule->arg, SCMP_CMP_MASKED_EQ, 0xffffffff, rule->value),
			   SCMP_CMP(rule->arg + 1, SCMP_CMP_MASKED_EQ, 0xffffffff, rule->next)) ==
		       0;
	case BAS_FILTER_CLEAR:
		return seccomp_rule_add(filter, SCMP_ACT_ALLOW, rule->call, 1,
			   SCMP_CMP(rule->arg, SCMP_CMP_MASKED_EQ, rule->value, 0)) == 0;
	case BAS_FILTER_DENY:
		return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), rule->call, 0) == 0;
	}
	return false;
}

static bool
add_rules(scmp_filter_ctx filter, const struct bas_filter_list *lists, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < lists[i].count; j++)
			if (!add_rule(filter, &lists[i].rules[j]))
				return false;
	for (size_t i = 0; SANITIZED && i < sizeof(sanitizer) / sizeof(sanitizer[0]); i++)
		if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, sanitizer[i], 0) != 0)
			return false;
	return true;
}

/* libseccomp writes to a descriptor; the kernel wants an array. */
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
bas_filter_init(
    struct bas_filter *out, const struct bas_filter_list *lists, size_t count, struct ca_why *why)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	bool ok;

	*out = (struct bas_filter){ .program = { .filter = NULL } };
	/* A tree instead of a chain: the calls that come most cost as little as the others. */
	ok = filter != NULL && seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2) == 0 &&
	     add_rules(filter, lists, count) && export_program(filter, &out->program);
	seccomp_release(filter);
	if (ok)
		return true;
	bas_filter_clear(out);
	return ca_why_set(why, "the list of system calls cannot be built");
}

void
bas_filter_clear(struct bas_filter *filter)
{
	free(filter->program.filter);
	filter->program.filter = NULL;
}

bool
bas_filter_load(const struct bas_filter *filter, struct ca_why *why)
{
	return (filter->program.filter != NULL && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
		   prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter->program, 0, 0) == 0) ||
	       ca_why_set(why, "seccomp: %s", strerror(errno));
}

bool
bas_filter_limit(int resource, uint64_t value)
{
	struct rlimit limit;

	if (getrlimit((__rlimit_resource_t)resource, &limit) != 0)
		return false;
	if (limit.rlim_max == RLIM_INFINITY || limit.rlim_max > value)
		limit.rlim_max = value;
	limit.rlim_cur = limit.rlim_max;
	return setrlimit((__rlimit_resource_t)resource, &limit) == 0;
}
