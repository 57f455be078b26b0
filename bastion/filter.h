/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter.h - what a room may ask of the kernel: lists of system calls for seccomp(2), and files for
 * landlock(7).
 *
 * What no list names kills the process. Each room's lists are in its own file, with why; the one
 * that all rooms share is here.
 */
#ifndef BAS_FILTER_H
#define BAS_FILTER_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ca/why.h"

enum bas_filter_how {
	BAS_FILTER_ALLOW,
	BAS_FILTER_EQUAL, /* when the low 32 bits of argument `arg` are `value` */
	BAS_FILTER_PAIR,  /* and those of the argument behind it `next` */
	BAS_FILTER_CLEAR, /* when argument `arg` has no bit of `value` */
	BAS_FILTER_DENY,  /* EACCES instead of death */
};

struct bas_filter_rule {
	int call; /* SCMP_SYS(name) */
	enum bas_filter_how how;
	unsigned arg;
	uint64_t value, next;
};

/* One of the lists of a filter; BAS_FILTER_LIST makes it of an array. */
struct bas_filter_list {
	const struct bas_filter_rule *rules;
	size_t count;
};
#define BAS_FILTER_LIST(array)                              \
	{                                                   \
		(array), sizeof(array) / sizeof((array)[0]) \
	}

/* Bytes, waiting, memory that cannot be executed, time, the end. */
extern const struct bas_filter_list bas_filter_basics;

/* A filter ready to be loaded, inherited by every process forked after. */
struct bas_filter {
	struct sock_fprog program;
};
/* Built once, for building takes longer than a login may. */
CA_MUST_USE bool bas_filter_init(
    struct bas_filter *out, const struct bas_filter_list *lists, size_t count, struct ca_why *why);
void bas_filter_clear(struct bas_filter *filter);
/* For good, for this process and its children; no new privileges. */
CA_MUST_USE bool bas_filter_load(const struct bas_filter *filter, struct ca_why *why);

/* RLIMIT_x, soft and hard; not above what is there. */
CA_MUST_USE bool bas_filter_limit(int resource, uint64_t value);

/*
 * From here on no file can be opened, made or executed but below `folder` (a descriptor; -1: none)
 * and the terminals' devices when `terminals`; no TCP port be bound or connected; no process
 * outside be signalled. As far as this kernel has landlock(7), which is the second fence here.
 */
CA_MUST_USE bool bas_files_keep(int folder, bool terminals, struct ca_why *why);

#endif
