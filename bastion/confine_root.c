/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confine_root.c - mounts what the layout says, and makes it the root. mount_namespaces(7),
 * open_tree(2), mount_setattr(2), pivot_root(2).
 *
 * In the init, before the command's process exists. What is bound is opened without following links
 * and mounted by descriptor: who may write a listed folder cannot lead us elsewhere meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bastion/confine_layout.h"
#include "bastion/confine_parts.h"

#define ROOT_BYTES "16777216" /* copies of settings, and nothing else */
#define ROOT_FILES "2048"
#define COPY_MAX   ((size_t)4 << 20)
#define PRIVATE	   (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

static bool
failed_at(const char *path, struct ca_why *why)
{
	return ca_why_set(why, "confinement: '%s': %s", path, strerror(errno));
}

static int
open_beneath(int folder, const char *path, uint64_t flags)
{
	struct open_how how = { .flags = flags | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS };

	return (int)syscall(SYS_openat2, folder, path, &how, sizeof(how));
}

/* ---- file systems of our own, not yet mounted anywhere */

struct option {
	const char *name, *value;
};

static int
make_file_system(const char *type, const struct option *options, unsigned attributes)
{
	int context = fsopen(type, FSOPEN_CLOEXEC), fd = -1;
	bool ok = context >= 0;

	for (; ok && options->name != NULL; options++)
		ok = fsconfig(context, FSCONFIG_SET_STRING, options->name, options->value, 0) == 0;
	if (ok && fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		fd = fsmount(context, FSMOUNT_CLOEXEC, attributes);
	if (context >= 0)
		close(context);
	return fd;
}

static int
make_temporary(uint64_t bytes)
{
	char size[24];
	const struct option options[] = { { "size", size }, { "nr_inodes", "16384" },
		{ "mode", "1777" }, { NULL, NULL } };

	snprintf(size, sizeof(size), "%" PRIu64, bytes);
	return make_file_system("tmpfs", options, PRIVATE);
}

static int
make_proc(bool whole)
{
	const struct option options[] = { { "hidepid", "invisible" }, { "subset", "pid" },
		{ NULL, NULL } };
	const struct option figures[] = { { "hidepid", "invisible" }, { NULL, NULL } };

	return make_file_system("proc", whole ? figures : options, PRIVATE | MOUNT_ATTR_RDONLY);
}

/* ---- what is taken from outside, before the new root covers the old */

/* -1 without an error: gone since the layout was made. */
static bool
open_tree_of(struct bas_node *node, struct ca_why *why)
{
	struct mount_attr attributes = { .attr_set = node->attributes };
	int fd = open_beneath(AT_FDCWD, node->path, O_PATH);
	/* Locked mounts cannot be left behind; those of /proc may be. */
	unsigned below = strcmp(node->path, "/proc") == 0 ? 0 : AT_RECURSIVE;

	if (fd < 0)
		return errno == ENOENT || errno == ELOOP || failed_at(node->path, why);
	node->tree = open_tree(fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | below);
	close(fd);
	if (node->tree < 0 || mount_setattr(node->tree, "", AT_EMPTY_PATH | below, &attributes,
				  sizeof(attributes)) != 0)
		return failed_at(node->path, why);
	return true;
}

static bool
open_trees(struct bas_layout *layout, struct ca_why *why)
{
	for (size_t i = 0; i < layout->count; i++) {
		struct bas_node *node = &layout->nodes[i];

		if (node->kind == BAS_NODE_BIND && !open_tree_of(node, why))
			return false;
		if (node->kind == BAS_NODE_COPY)
			node->tree = open_beneath(AT_FDCWD, node->path, O_RDONLY | O_NONBLOCK);
	}
	return true;
}

/* ---- the new root, reached by its descriptor */

static bool
make_folders(int root, const char *path)
{
	char part[PATH_MAX];

	for (const char *slash = path; (slash = strchr(slash, '/')) != NULL; slash++) {
		memcpy(part, path, (size_t)(slash - path));
		part[slash - path] = '\0';
		if (mkdirat(root, part, 0755) != 0 && errno != EEXIST)
			return false;
	}
	return true;
}

static bool
write_file(int root, const char *path, const char *text, int from)
{
	int fd = openat(root, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);
	size_t len = text == NULL ? 0 : strlen(text), left = COPY_MAX;
	bool ok = fd >= 0 && write(fd, text, len) == (ssize_t)len;
	ssize_t got = 1;

	while (ok && from >= 0 && left > 0 && got > 0) {
		got = sendfile(fd, from, NULL, left);
		if (got > 0)
			left -= (size_t)got;
	}
	if (fd >= 0)
		close(fd);
	return ok && got >= 0;
}

static bool
attach(int root, const char *path, int tree)
{
	int on = open_beneath(root, path, O_PATH);
	bool ok = on >= 0 && move_mount(tree, "", on, "",
				 MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) == 0;

	if (on >= 0)
		close(on);
	return ok;
}

static bool
make_mount_point(int root, const char *path, bool folder)
{
	return folder ? mkdirat(root, path, 0755) == 0 || errno == EEXIST
		      : write_file(root, path, "", -1) || errno == EEXIST;
}

/* `inside`: a bound folder above holds the mount point; nothing is made in it. */
static bool
place(int root, struct bas_node *node, uint64_t temporary, bool inside)
{
	const char *path = node->path + 1;
	bool folder = node->kind != BAS_NODE_BIND || node->folder;

	switch (node->kind) {
	case BAS_NODE_LINK:
		return inside || symlinkat(node->text, root, path) == 0;
	case BAS_NODE_COPY:
	case BAS_NODE_TEXT:
		return write_file(root, path, node->text == NULL ? "" : node->text, node->tree);
	case BAS_NODE_TEMPORARY:
		node->tree = node->tree < 0 ? make_temporary(temporary) : node->tree;
		break;
	case BAS_NODE_PROC:
		node->tree = node->tree < 0 ? make_proc(node->whole) : node->tree;
		break;
	case BAS_NODE_BIND:
	default:
		break;
	}
	return (inside || make_mount_point(root, path, folder)) && attach(root, path, node->tree);
}

static bool
place_node(int root, struct bas_layout *layout, size_t index)
{
	struct bas_node *node = &layout->nodes[index];
	bool inside = bas_layout_is_inside(layout, index);
	bool ok;

	if ((node->kind == BAS_NODE_BIND || node->kind == BAS_NODE_COPY) && node->tree < 0)
		return true; /* gone meanwhile */
	ok = place(root, node, layout->temporary, inside);
	if (!ok && errno == ENOENT && !inside)
		ok = make_folders(root, node->path + 1) &&
		     place(root, node, layout->temporary, inside);
	return ok;
}

static bool
fill_root(int root, struct bas_layout *layout, struct ca_why *why)
{
	for (size_t i = 0; i < layout->count; i++) {
		if (!place_node(root, layout, i))
			return failed_at(layout->nodes[i].path, why);
		if (layout->nodes[i].tree >= 0)
			close(layout->nodes[i].tree);
	}
	return true;
}

/* The old root is mounted over the new one for a moment, and let go with all that is below it. */
static bool
switch_root(int root, struct ca_why *why)
{
	struct mount_attr attributes = { .attr_set = PRIVATE | MOUNT_ATTR_RDONLY };

	if (mount_setattr(root, "", AT_EMPTY_PATH, &attributes, sizeof(attributes)) != 0 ||
	    fchdir(root) != 0 || syscall(SYS_pivot_root, ".", ".") != 0 ||
	    umount2(".", MNT_DETACH) != 0 || chdir("/") != 0)
		return bas_confine_failed("root", why);
	return true;
}

static bool
build(struct bas_layout *layout, struct ca_why *why)
{
	const struct option options[] = { { "size", ROOT_BYTES }, { "nr_inodes", ROOT_FILES },
		{ "mode", "755" }, { NULL, NULL } };
	int root = -1;
	bool ok = false;

	/* Nothing that we mount is seen outside. */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return bas_confine_failed("mounts", why);
	if (!open_trees(layout, why))
		return false;
	root = make_file_system("tmpfs", options, PRIVATE);
	if (root < 0 || move_mount(root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) != 0)
		bas_confine_failed("root", why);
	else
		ok = fill_root(root, layout, why) && switch_root(root, why);
	if (root >= 0)
		close(root);
	return ok;
}

bool
bas_root_enter(const struct bas_launch *launch, bool full, struct ca_why *why)
{
	struct bas_layout *layout = bas_layout_make(launch, full, why);
	mode_t mask = umask(0);
	bool ok = layout != NULL && build(layout, why);

	umask(mask);
	return ok;
}
