/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confine_layout.c - which files a command sees, and with what rights to execute.
 *
 * Everything is read-only, without set-user-id, devices or execution, except: the program and its
 * helpers and their libraries (executable), what `write` lists (writable), five devices. No folder
 * of programs is there: a helper that can be made to run another program finds none.
 */
#include "bastion/confine_layout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bastion/confine_parts.h"
#include "bastion/destination.h"

#define LINKS_MAX 40 /* as many as the kernel follows */
#define TEMPORARY ((uint64_t)64 << 20)

#define HELD	(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)
#define READS	(HELD | MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC)
#define RUNS	(HELD | MOUNT_ATTR_RDONLY)
#define WRITES	(HELD | MOUNT_ATTR_NOEXEC)
#define DEVICES (MOUNT_ATTR_NOSUID | MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC)

/* Those of other sizes of word are of no use: the system call list kills what makes their calls. */
static const char *const libraries[] = { "/lib", "/lib64", "/usr/lib", "/usr/lib64",
	"/usr/local/lib" };

/* Links on merged systems; the programs behind them are not there. */
static const char *const merged[] = { "/bin", "/sbin" };

static const char *const shares[] = { "/usr/share", "/usr/local/share", "/etc/alternatives",
	"/etc/ssl/certs", "/etc/terminfo" };

static const char *const settings[] = { "/etc/passwd", "/etc/group", "/etc/nsswitch.conf",
	"/etc/ld.so.cache", "/etc/localtime", "/etc/services", "/etc/ssl/openssl.cnf" };

static const char *const devices[] = { "/dev/null", "/dev/zero", "/dev/full", "/dev/random",
	"/dev/urandom", "/dev/tty" };

static const struct {
	const char *path, *text;
} links[] = { { "/dev/fd", "/proc/self/fd" }, { "/dev/stdin", "/proc/self/fd/0" },
	{ "/dev/stdout", "/proc/self/fd/1" }, { "/dev/stderr", "/proc/self/fd/2" },
	{ "/dev/shm", "/tmp" }, { "/etc/mtab", "/proc/self/mounts" } };

/* What every command sees. Each init adds to its own copy: that of its fork. */
static struct bas_layout *base;

/* What is added, and what became of it. */
struct walk {
	struct bas_layout *layout;
	char real[PATH_MAX]; /* canonical; what is left to be walked is in `rest` */
	char rest[PATH_MAX];
	unsigned links;
	struct stat st;
};

static const char *
keep_text(struct bas_layout *layout, const char *text, size_t len)
{
	char *kept = layout->room + layout->used;

	if (len >= sizeof(layout->room) - layout->used)
		return NULL;
	memcpy(kept, text, len);
	kept[len] = '\0';
	layout->used += len + 1;
	return kept;
}

/* A node of the same path is replaced: what is listed later is what was meant. */
static bool
add_node(struct bas_layout *layout, const char *path, struct bas_node node)
{
	size_t i = 0;

	while (i < layout->count && strcmp(layout->nodes[i].path, path) != 0)
		i++;
	if (i == BAS_LAYOUT_MAX)
		return false;
	node.path =
	    i < layout->count ? layout->nodes[i].path : keep_text(layout, path, strlen(path));
	node.tree = -1;
	if (node.path == NULL)
		return false;
	layout->nodes[i] = node;
	if (i == layout->count)
		layout->count++;
	return true;
}

static bool
add_text(struct bas_layout *layout, enum bas_node_kind kind, const char *path, const char *text)
{
	struct bas_node node = { .kind = kind, .text = keep_text(layout, text, strlen(text)) };

	return node.text != NULL && add_node(layout, path, node);
}

/* `real` is a link: it becomes a node, and the way goes on where it points. */
static bool
follow_link(struct walk *walk, size_t parent)
{
	char text[PATH_MAX], rest[PATH_MAX];
	ssize_t len = readlink(walk->real, text, sizeof(text) - 1);

	if (len <= 0 || ++walk->links > LINKS_MAX)
		return false;
	text[len] = '\0';
	if (!add_text(walk->layout, BAS_NODE_LINK, walk->real, text) ||
	    (size_t)snprintf(rest, sizeof(rest), "%s/%s", text, walk->rest) >= sizeof(rest))
		return false;
	memcpy(walk->rest, rest, strlen(rest) + 1);
	walk->real[text[0] == '/' ? 0 : parent] = '\0';
	return true;
}

/* Takes the next part of `rest`. False: it leads nowhere. */
static bool
take_part(struct walk *walk)
{
	char *part = walk->rest + strspn(walk->rest, "/");
	size_t len = strcspn(part, "/"), parent = strlen(walk->real);
	char *slash;

	if (len == 2 && memcmp(part, "..", 2) == 0) {
		slash = strrchr(walk->real, '/');
		if (slash != NULL)
			*slash = '\0';
	} else if (len > 0 && !(len == 1 && part[0] == '.')) {
		if (parent + 1 + len >= sizeof(walk->real))
			return false;
		walk->real[parent] = '/';
		memcpy(walk->real + parent + 1, part, len);
		walk->real[parent + 1 + len] = '\0';
	}
	memmove(walk->rest, part + len, strlen(part + len) + 1);
	if (walk->real[0] == '\0')
		return true;
	if (lstat(walk->real, &walk->st) != 0)
		return false;
	return !S_ISLNK(walk->st.st_mode) || follow_link(walk, parent);
}

/* Where `path` leads outside, with the links on the way. False: nowhere; what is not there is not
 * there inside either. */
static bool
resolve(struct walk *walk, struct bas_layout *layout, const char *path)
{
	walk->layout = layout;
	walk->real[0] = '\0';
	walk->links = 0;
	if ((size_t)snprintf(walk->rest, sizeof(walk->rest), "%s", path) >= sizeof(walk->rest))
		return false;
	while (walk->rest[strspn(walk->rest, "/")] != '\0')
		if (!take_part(walk))
			return false;
	return walk->real[0] != '\0';
}

static bool
add_bind(struct bas_layout *layout, const char *path, uint64_t attributes)
{
	struct walk walk;
	struct bas_node node = { .kind = BAS_NODE_BIND, .attributes = attributes };

	if (!resolve(&walk, layout, path))
		return true;
	node.folder = S_ISDIR(walk.st.st_mode);
	return add_node(layout, walk.real, node);
}

static bool
add_binds(struct bas_layout *layout, const char *const *paths, size_t count, uint64_t attributes)
{
	for (size_t i = 0; i < count; i++)
		if (!add_bind(layout, paths[i], attributes))
			return false;
	return true;
}

static bool
add_copy(struct bas_layout *layout, const char *path)
{
	struct walk walk;

	if (!resolve(&walk, layout, path) || !S_ISREG(walk.st.st_mode))
		return true;
	return add_node(layout, walk.real, (struct bas_node){ .kind = BAS_NODE_COPY });
}

/*
 * With helpers, libraries come only from the folder of the program's loader: other folders below
 * /usr/lib hold programs too, which a loader could be told to run.
 */
static bool
add_libraries(struct bas_layout *layout, const struct bas_launch *launch)
{
	bool helpers = bas_confine_has_helpers(&launch->command->confine);
	char loader[PATH_MAX];
	struct walk walk;
	char *slash;

	for (size_t i = 0; helpers && i < layout->count; i++)
		if (layout->nodes[i].attributes == RUNS)
			layout->nodes[i].attributes = READS;
	if (!bas_loader_of(launch->program, loader, sizeof(loader)) ||
	    !resolve(&walk, layout, loader))
		return true;
	slash = strrchr(walk.real, '/');
	if (slash != walk.real)
		*slash = '\0';
	return add_bind(layout, walk.real, RUNS);
}

/* Names of `connect` lead to this side of the forwarder. */
static bool
add_hosts(struct bas_layout *layout, const struct bas_confine *confine)
{
	char text[4096] = "127.0.0.1 localhost\n";
	size_t len = strlen(text);

	for (size_t i = 0; i < confine->connect_count; i++) {
		char host[BAS_DESTINATION_HOST];

		if (!bas_destination_host(confine->connect[i], host))
			return false;
		if (strspn(host, "0123456789.:") == strlen(host) ||
		    len + strlen(host) + 16 > sizeof(text))
			continue;
		len += (size_t)snprintf(text + len, sizeof(text) - len, "127.0.0.1 %s\n", host);
	}
	return add_text(layout, BAS_NODE_TEXT, "/etc/hosts", text);
}

static bool
add_system(struct bas_layout *layout)
{
	struct walk walk;

	for (size_t i = 0; i < sizeof(merged) / sizeof(merged[0]); i++)
		(void)resolve(&walk, layout, merged[i]);
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (!add_copy(layout, settings[i]))
			return false;
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		if (!add_text(layout, BAS_NODE_LINK, links[i].path, links[i].text))
			return false;
	return add_binds(layout, shares, sizeof(shares) / sizeof(shares[0]), READS) &&
	       add_binds(layout, libraries, sizeof(libraries) / sizeof(libraries[0]), RUNS) &&
	       add_binds(layout, devices, sizeof(devices) / sizeof(devices[0]), DEVICES) &&
	       add_node(layout, "/tmp", (struct bas_node){ .kind = BAS_NODE_TEMPORARY }) &&
	       add_node(layout, "/proc", (struct bas_node){ .kind = BAS_NODE_PROC });
}

/* Whether a library folder shows it, whose files can be mapped to run: a list takes nothing away.
 */
static bool
is_library(const struct bas_layout *layout, const char *path)
{
	for (size_t i = 0; i < layout->count; i++) {
		const struct bas_node *node = &layout->nodes[i];
		size_t len = strlen(node->path);

		if (node->kind == BAS_NODE_BIND && node->attributes == RUNS &&
		    strncmp(path, node->path, len) == 0 && (path[len] == '/' || path[len] == '\0'))
			return true;
	}
	return false;
}

static bool
add_read(struct bas_layout *layout, const char *path)
{
	struct walk walk;

	if (resolve(&walk, layout, path) && is_library(layout, walk.real))
		return true;
	return add_bind(layout, path, READS);
}

/* `read = [ "/proc" ]` is no folder like others: what it shows depends on the level. */
static bool
add_listed(struct bas_layout *layout, const struct bas_confine *confine)
{
	const struct bas_node whole = { .kind = BAS_NODE_PROC, .whole = true };

	for (size_t i = 0; i < confine->read_count; i++) {
		bool proc = strcmp(confine->read[i], "/proc") == 0;

		if (proc && !layout->full ? !add_node(layout, "/proc", whole)
					  : !add_read(layout, confine->read[i]))
			return false;
	}
	return add_binds(layout, confine->write, confine->write_count, WRITES);
}

static bool
add_programs(struct bas_layout *layout, const struct bas_launch *launch)
{
	const struct bas_confine *confine = &launch->command->confine;

	return add_bind(layout, launch->argv[0], RUNS) &&
	       add_binds(layout, confine->execute, confine->execute_count, RUNS);
}

static size_t
depth(const char *path)
{
	size_t count = 0;

	for (; *path != '\0'; path++)
		count += *path == '/';
	return count;
}

/* The nearest node above `path`; those are all before it. */
static const struct bas_node *
node_above(const struct bas_layout *layout, const char *path, size_t before)
{
	while (before-- > 0) {
		const char *above = layout->nodes[before].path;
		size_t len = strlen(above);

		if (strncmp(path, above, len) == 0 && path[len] == '/')
			return &layout->nodes[before];
	}
	return NULL;
}

/* Whether the node above shows it already, and in the same way. */
static bool
is_needless(const struct bas_node *above, const struct bas_node *node)
{
	if (above == NULL || above->kind != BAS_NODE_BIND)
		return false;
	return node->kind != BAS_NODE_BIND || above->attributes == node->attributes;
}

/* Parents first, and without what they show anyhow. */
static void
sort(struct bas_layout *layout)
{
	size_t count = 0;

	for (size_t i = 1; i < layout->count; i++) {
		struct bas_node node = layout->nodes[i];
		size_t at = i, deep = depth(node.path);

		for (; at > 0 && depth(layout->nodes[at - 1].path) > deep; at--)
			layout->nodes[at] = layout->nodes[at - 1];
		layout->nodes[at] = node;
	}
	for (size_t i = 0; i < layout->count; i++)
		if (!is_needless(
			node_above(layout, layout->nodes[i].path, count), &layout->nodes[i]))
			layout->nodes[count++] = layout->nodes[i];
	layout->count = count;
}

bool
bas_layout_is_inside(const struct bas_layout *layout, size_t index)
{
	const struct bas_node *above = node_above(layout, layout->nodes[index].path, index);

	return above != NULL && above->kind == BAS_NODE_BIND && above->tree >= 0;
}

bool
bas_layout_prepare(struct ca_why *why)
{
	if (base != NULL)
		return true;
	base = calloc(1, sizeof(*base));
	if (base == NULL)
		return ca_why_set(why, "out of memory");
	base->temporary = TEMPORARY;
	if (!add_system(base))
		return ca_why_set(why, "confinement: no room for the system's own files");
	sort(base);
	return true;
}

struct bas_layout *
bas_layout_make(const struct bas_launch *launch, bool full, struct ca_why *why)
{
	base->full = full;
	if (add_libraries(base, launch) && add_hosts(base, &launch->command->confine) &&
	    add_listed(base, &launch->command->confine) && add_programs(base, launch)) {
		sort(base);
		return base;
	}
	ca_why_set(why, "confinement: command '%s' lists too many files", launch->command->name);
	return NULL;
}
