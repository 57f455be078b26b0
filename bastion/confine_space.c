/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confine_space.c - the init's namespaces made ready for the command. namespaces(7),
 * user_namespaces(7), netdevice(7).
 */
#include "bastion/confine_parts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bastion/destination.h"
#include "bastion/forwarder.h"

static bool
write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* The user inside is the one outside, and there is no other. The files of a non-dumpable process
 * belong to root: for as long as the maps are written we are an ordinary one. */
static bool
write_maps(uid_t uid, gid_t gid, struct ca_why *why)
{
	char users[64], groups[64];
	bool ok;

	snprintf(users, sizeof(users), "%u %u 1\n", uid, uid);
	snprintf(groups, sizeof(groups), "%u %u 1\n", gid, gid);
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	ok = write_text("/proc/self/setgroups", "deny") &&
	     write_text("/proc/self/uid_map", users) && write_text("/proc/self/gid_map", groups);
	if (!ok)
		bas_confine_failed("user namespace", why);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return ok;
}

static bool
raise_loopback(struct ca_why *why)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ok = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) == 0;

	if (!ok)
		bas_confine_failed("loopback", why);
	if (fd >= 0)
		close(fd);
	return ok;
}

static int
listen_on(uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
	    listen(fd, 16) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool
listen_for(const struct bas_confine *confine, int forwarder, struct ca_why *why)
{
	/* Without destinations even loopback stays down: nothing would be there. */
	if (confine->connect_count > 0 && !raise_loopback(why))
		return false;
	for (size_t i = 0; i < confine->connect_count; i++) {
		int fd = listen_on(bas_destination_port(confine->connect[i]));
		bool ok = fd >= 0 && bas_forwarder_give(forwarder, fd);

		if (!ok)
			ca_why_set(
			    why, "confinement: '%s': %s", confine->connect[i], strerror(errno));
		if (fd >= 0)
			close(fd);
		if (!ok)
			return false;
	}
	return true;
}

/* The same file, seen through the command's own read-only mounts: what /proc/self/exe leads to. */
static bool
open_program(struct bas_launch *launch, struct ca_why *why)
{
	int fd = open(launch->argv[0], O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat outside, inside;

	if (fd < 0 || fstat(fd, &inside) != 0 || fstat(launch->program, &outside) != 0) {
		ca_why_set(why, "program '%s' cannot be opened inside: %s", launch->argv[0],
		    strerror(errno));
	} else if (inside.st_dev != outside.st_dev || inside.st_ino != outside.st_ino) {
		ca_why_set(why, "program '%s' changed while it was started", launch->argv[0]);
	} else {
		close(launch->program);
		launch->program = fd;
		return true;
	}
	if (fd >= 0)
		close(fd);
	return false;
}

bool
bas_space_enter(struct bas_launch *launch, bool full, int forwarder, struct ca_why *why)
{
	const struct bas_confine *confine = &launch->command->confine;

	return (full || write_maps(launch->uid, launch->gid, why)) &&
	       listen_for(confine, forwarder, why) && bas_root_enter(launch, full, why) &&
	       open_program(launch, why);
}
