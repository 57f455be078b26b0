/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock_preload.c - clocks that a test can set: preloaded into a gate, it adds to what the kernel
 * says the offsets that stand in the file $POSTERN_TEST_CLOCK, two 64-bit numbers of seconds: of
 * the wall clock, and of the boot clock (a suspend).
 *
 * The file is mapped once, so a process that may open nothing sees a change at once. The kernel's
 * timers know nothing of it: whoever shall notice has to look at the clock.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *offsets; /* wall, boot */

__attribute__((constructor)) static void
map_offsets(void)
{
	const char *path = getenv("POSTERN_TEST_CLOCK");
	int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	void *map = fd < 0 ? MAP_FAILED : mmap(NULL, 16, PROT_READ, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED)
		abort();
	offsets = map;
	close(fd);
}

int
clock_gettime(clockid_t clock, struct timespec *out)
{
	long result = syscall(SYS_clock_gettime, clock, out);

	if (result == 0 && offsets != NULL && clock == CLOCK_REALTIME)
		out->tv_sec += offsets[0];
	else if (result == 0 && offsets != NULL && clock == CLOCK_BOOTTIME)
		out->tv_sec += offsets[1];
	return (int)result;
}

time_t
time(time_t *out)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (out != NULL)
		*out = now.tv_sec;
	return now.tv_sec;
}

int
gettimeofday(struct timeval *restrict out, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	out->tv_sec = now.tv_sec;
	out->tv_usec = now.tv_nsec / 1000;
	return 0;
}
