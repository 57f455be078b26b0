/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lower.c - runs a program as on a machine that cannot change a root: a gate started by it reaches
 * level basic.
 *
 *   lower COMMAND...
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <seccomp.h>

int
main(int argc, char **argv)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	if (argc < 2 || filter == NULL ||
	    seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, geteuid() != 0) != 0 ||
	    seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(pivot_root), 0) != 0 ||
	    seccomp_load(filter) != 0) {
		fprintf(stderr, "usage: lower COMMAND...\n");
		return 2;
	}
	seccomp_release(filter);
	execvp(argv[1], argv + 1);
	return 127;
}
