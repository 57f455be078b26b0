/* SPDX-License-Identifier: Apache-2.0 */
/*
 * no_landlock.c - runs a program as on a kernel without Landlock: its calls answer ENOSYS.
 *
 * As root the filter is set with CAP_SYS_ADMIN and not with no_new_privs, which a gate that changes
 * user must not begin with. seccomp(2), landlock(7).
 */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	static const char *const calls[] = { "landlock_create_ruleset", "landlock_add_rule",
		"landlock_restrict_self" };
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	if (argc < 2 || filter == NULL) {
		fprintf(stderr, "usage: no_landlock PROGRAM [ARGUMENT...]\n");
		return 2;
	}
	if (seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, geteuid() != 0) != 0)
		goto failed;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS),
			seccomp_syscall_resolve_name(calls[i]), 0) != 0)
			goto failed;
	if (seccomp_load(filter) != 0)
		goto failed;
	seccomp_release(filter);
	execvp(argv[1], argv + 1);
failed:
	fprintf(stderr, "no_landlock: %s: %s\n", argv[1], strerror(errno));
	return 127;
}
