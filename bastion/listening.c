/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listening.c - binding addresses; port 0 takes any.
 */
#include "bastion/listening.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const uint8_t v4_mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static socklen_t
make_sockaddr(struct sockaddr_storage *out, const struct ca_address *address, uint16_t port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (memcmp(address->bytes, v4_mapped, sizeof(v4_mapped)) == 0) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		memcpy(&v4->sin_addr, address->bytes + sizeof(v4_mapped), 4);
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	memcpy(&v6->sin6_addr, address->bytes, sizeof(address->bytes));
	return sizeof(*v6);
}

static int
open_one(const char *text, struct ca_why *why)
{
	struct sockaddr_storage storage;
	struct ca_address address;
	socklen_t len;
	uint16_t port;
	int fd, on = 1;

	if (!bas_endpoint_parse(text, &address, &port)) {
		ca_why_set(why, "'%s' is not an address and a port", text);
		return -1;
	}
	len = make_sockaddr(&storage, &address, port);
	fd = socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	    (storage.ss_family != AF_INET6 ||
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0) &&
	    bind(fd, (struct sockaddr *)&storage, len) == 0 && listen(fd, SOMAXCONN) == 0)
		return fd;
	ca_why_set(why, "cannot listen on '%s': %s", text, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

static int
find(const struct bas_listening *listening, const char *text)
{
	for (size_t i = 0; listening != NULL && i < listening->count; i++)
		if (listening->fds[i] >= 0 && strcmp(listening->wanted[i], text) == 0)
			return listening->fds[i];
	return -1;
}

/* A socket that both have is neither's to close alone. */
static void
forget(struct bas_listening *listening, const struct bas_listening *keeps)
{
	for (size_t i = 0; listening != NULL && i < listening->count; i++)
		for (size_t j = 0; j < keeps->count; j++)
			if (listening->fds[i] == keeps->fds[j])
				listening->fds[i] = -1;
}

bool
bas_listening_open(struct bas_listening *out, const struct bas_config *config,
    struct bas_listening *old, struct ca_why *why)
{
	struct bas_listening new = { .count = config->listen_count };

	new.fds = calloc(new.count + 1, sizeof(*new.fds));
	new.wanted = calloc(new.count + 1, sizeof(*new.wanted));
	if (new.fds == NULL || new.wanted == NULL) {
		ca_why_set(why, "out of memory");
		new.count = 0;
		goto fail;
	}
	for (size_t i = 0; i < new.count; i++)
		new.fds[i] = -1;
	for (size_t i = 0; i < new.count; i++) {
		new.wanted[i] = strdup(config->listen[i]);
		new.fds[i] = find(old, config->listen[i]);
		if (new.fds[i] < 0)
			new.fds[i] = open_one(config->listen[i], why);
		if (new.fds[i] < 0 || new.wanted[i] == NULL)
			goto fail;
	}
	if (old != NULL) {
		forget(old, &new);
		bas_listening_close(old);
	}
	*out = new;
	return true;
fail:
	if (old != NULL)
		forget(&new, old);
	bas_listening_close(&new);
	return false;
}

void
bas_listening_close(struct bas_listening *listening)
{
	for (size_t i = 0; i < listening->count; i++) {
		if (listening->fds[i] >= 0)
			close(listening->fds[i]);
		free(listening->wanted[i]);
	}
	free(listening->fds);
	free(listening->wanted);
	*listening = (struct bas_listening){ 0 };
}

void
bas_listening_format(int fd, char out[static BAS_LISTENING_TEXT])
{
	struct sockaddr_storage storage = { 0 };
	socklen_t len = sizeof(storage);
	char host[INET6_ADDRSTRLEN];

	snprintf(out, BAS_LISTENING_TEXT, "?");
	if (getsockname(fd, (struct sockaddr *)&storage, &len) != 0)
		return;
	if (storage.ss_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)&storage;

		inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
		snprintf(out, BAS_LISTENING_TEXT, "%s:%u", host, (unsigned)ntohs(v4->sin_port));
	} else if (storage.ss_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&storage;

		inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
		snprintf(out, BAS_LISTENING_TEXT, "[%s]:%u", host, (unsigned)ntohs(v6->sin6_port));
	}
}
