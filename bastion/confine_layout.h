/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confine_layout.h - what a command's root consists of, before anything is mounted.
 *
 * Paths in it are canonical: no part of them is a symbolic link. Links on the way to what was
 * listed are nodes of their own, so that the path as it was written leads there inside too.
 */
#ifndef BAS_CONFINE_LAYOUT_H
#define BAS_CONFINE_LAYOUT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bastion/confine.h"
#include "ca/why.h"

#define BAS_LAYOUT_MAX 320 /* nodes */

enum bas_node_kind {
	BAS_NODE_LINK,	    /* `text` is where it points */
	BAS_NODE_BIND,	    /* of the same path outside */
	BAS_NODE_COPY,	    /* of a small file: its text as of now */
	BAS_NODE_TEXT,	    /* a file with `text` in it */
	BAS_NODE_TEMPORARY, /* an empty folder in memory, with a size */
	BAS_NODE_PROC, /* of the command's own PID namespace; `whole`: with the machine's figures */
};

struct bas_node {
	enum bas_node_kind kind;
	bool folder; /* a bind's; what it is mounted on */
	bool whole;
	uint64_t attributes; /* a bind's: MOUNT_ATTR_* */
	const char *path;
	const char *text;
	int tree; /* while it is built */
};

struct bas_layout {
	struct bas_node nodes[BAS_LAYOUT_MAX]; /* parents before what is below them */
	size_t count;
	uint64_t temporary; /* bytes of /tmp */
	bool full;
	char room[64 << 10];
	size_t used;
};

/* What is the same for every command: looked at once, before the first fork. */
CA_MUST_USE bool bas_layout_prepare(struct ca_why *why);
/*
 * Adds everything that `launch` names; reads links and kinds of files outside, opens nothing. For a
 * process that was forked for this launch: there is one layout in each. NULL with a sentence.
 */
struct bas_layout *bas_layout_make(const struct bas_launch *launch, bool full, struct ca_why *why);
/* Whether what the node stands on belongs to a bound folder above it. */
bool bas_layout_is_inside(const struct bas_layout *layout, size_t index);

#endif
