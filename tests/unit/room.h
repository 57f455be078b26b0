/* SPDX-License-Identifier: Apache-2.0 */
/*
 * room.h - a folder of its own for a test program, and stock tools run in it.
 */
#ifndef TESTS_ROOM_H
#define TESTS_ROOM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/buf.h"
#include "ca/file.h"

static char room_root[PATH_MAX]; /* the source tree, where the program was started */
static char room_folder[] = "/tmp/postern-test-XXXXXX";

/* Group set-up: enters the new folder. */
static int
room_enter(void **state)
{
	(void)state;
	return getcwd(room_root, sizeof(room_root)) == NULL || mkdtemp(room_folder) == NULL ||
	       chdir(room_folder) != 0;
}

static int
room_remove(const char *path, const struct stat *st, int type, struct FTW *place)
{
	(void)st, (void)type, (void)place;
	return remove(path);
}

static int
room_leave(void **state)
{
	(void)state;
	return chdir("/") != 0 || nftw(room_folder, room_remove, 16, FTW_DEPTH | FTW_PHYS) != 0;
}

/* Whether a command ended with 0; its output goes to the file `output`. */
__attribute__((format(printf, 1, 2), unused)) static bool
room_run(const char *format, ...)
{
	char command[2048], whole[2400];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	snprintf(whole, sizeof(whole), "{ %s ; } >output 2>&1", command);
	return system(whole) == 0;
}

/* The content of a file, with a NUL behind it; the caller clears it. */
__attribute__((unused)) static struct ca_buf
room_read(const char *path)
{
	struct ca_buf text = { 0 };
	struct ca_why why;

	if (!ca_file_read(path, 1 << 20, &text, &why))
		fail_msg("%s", why.text);
	return text;
}

__attribute__((unused)) static void
room_write(const char *path, const void *data, size_t len, mode_t mode)
{
	int fd;

	/* Not ca_file_write, whose syncs a test can do without. */
	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, mode), 0);
	assert_true(ca_write_all(fd, data, len));
	close(fd);
}

/* A key of each type that ssh-keygen makes without a token. */
static const char *const room_types[] = { "ed25519", "ecdsa -b 256", "ecdsa -b 384", "ecdsa -b 521",
	"rsa -b 2048" };

#define ROOM_TYPES (sizeof(room_types) / sizeof(room_types[0]))

/* Makes them as key0, key1, ... in the folder that was entered. */
__attribute__((unused)) static int
room_make_keys(void **state)
{
	if (room_enter(state) != 0)
		return 1;
	for (size_t i = 0; i < ROOM_TYPES; i++)
		if (!room_run("ssh-keygen -q -t %s -N '' -C comment -f key%zu", room_types[i], i))
			return 1;
	return 0;
}

#endif
