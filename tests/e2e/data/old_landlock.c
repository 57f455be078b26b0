/* SPDX-License-Identifier: Apache-2.0 */
/*
 * old_landlock.c - preloaded, it makes a kernel's Landlock look like that of Linux 5.19, which is
 * ABI 2: what came later (truncate, TCP, ioctl, scopes, flags) is refused as that kernel refuses
 * it. landlock(7).
 */
#include <dlfcn.h>
#include <errno.h>
#include <linux/landlock.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OLD_ABI	   2
#define OLD_RIGHTS ((1ULL << 14) - 1) /* up to LANDLOCK_ACCESS_FS_REFER */

typedef long call(long number, ...);

static long
refuse(int error)
{
	errno = error;
	return -1;
}

/* struct landlock_ruleset_attr had one field then; the kernel takes a longer one whose rest is 0.
 */
static int
is_known(const uint64_t *attr, unsigned long size)
{
	if ((attr[0] & ~OLD_RIGHTS) != 0)
		return EINVAL;
	for (unsigned long i = 1; i < size / sizeof(*attr); i++)
		if (attr[i] != 0)
			return E2BIG;
	return 0;
}

/* glibc has no wrappers of its own for these calls. */
long
syscall(long number, ...)
{
	call *real = (call *)dlsym(RTLD_NEXT, "syscall");
	unsigned long a[6];
	va_list list;
	int error;

	va_start(list, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(list, unsigned long);
	va_end(list);
	if (number == SYS_landlock_create_ruleset) {
		if (a[0] == 0 && a[2] == LANDLOCK_CREATE_RULESET_VERSION)
			return OLD_ABI;
		if (a[2] != 0)
			return refuse(EINVAL);
		if ((error = is_known((const uint64_t *)a[0], a[1])) != 0)
			return refuse(error);
	}
	if (number == SYS_landlock_add_rule && a[1] != LANDLOCK_RULE_PATH_BENEATH)
		return refuse(EINVAL);
	if (number == SYS_landlock_restrict_self && a[1] != 0)
		return refuse(EINVAL);
	return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
