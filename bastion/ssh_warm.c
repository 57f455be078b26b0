/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ssh_warm.c - two logins with ourselves, before any fork.
 *
 * OpenSSL finds its algorithms at their first use, with half a megabyte of small allocations. Done
 * once here, every door shares what came out of it. Nothing depends on it but speed and memory, so
 * a failure is nobody's concern.
 */
#include "bastion/ssh_parts.h"

#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define TURNS	200 /* of the loop; a login takes about ten */
#define TURN_MS 50

static void
refuse_auth(void *owner, bool proven, const char *name, struct ca_bytes blob)
{
	(void)owner;
	(void)proven;
	(void)name;
	(void)blob;
}

/* A plain key gets no further than its signature's verification, which is what is wanted. */
static const struct bas_ssh_calls calls = { .auth = refuse_auth };

static ssh_session
open_client(int fd, const char *cipher)
{
	ssh_session client = ssh_new();
	int process_config = 0;

	if (client == NULL) {
		close(fd);
		return NULL;
	}
	ssh_options_set(client, SSH_OPTIONS_FD, &fd);
	ssh_options_set(client, SSH_OPTIONS_PROCESS_CONFIG, &process_config);
	ssh_options_set(client, SSH_OPTIONS_HOST, "localhost");
	ssh_options_set(client, SSH_OPTIONS_USER, "nobody");
	ssh_options_set(client, SSH_OPTIONS_SSH_DIR, "/");
	ssh_options_set(client, SSH_OPTIONS_KNOWNHOSTS, "/dev/null");
	ssh_options_set(client, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null");
	ssh_options_set(client, SSH_OPTIONS_CIPHERS_C_S, cipher);
	ssh_options_set(client, SSH_OPTIONS_CIPHERS_S_C, cipher);
	ssh_set_blocking(client, 0);
	return client;
}

static void
log_in(struct bas_ssh *server, ssh_session client, int client_fd, ssh_key key)
{
	struct pollfd fds[] = { { .fd = bas_ssh_fd(server), .events = POLLIN },
		{ .fd = client_fd, .events = POLLIN } };
	bool connected = false;

	for (unsigned i = 0; i < TURNS && bas_ssh_pump(server); i++) {
		int rc =
		    connected ? ssh_userauth_publickey(client, NULL, key) : ssh_connect(client);

		if (connected ? rc != SSH_AUTH_AGAIN : rc == SSH_ERROR)
			return;
		connected = connected || rc == SSH_OK;
		fds[0].events = bas_ssh_events(server);
		(void)poll(fds, 2, TURN_MS);
	}
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
/* 0.12 has another name for it, which the others do not. */
static ssh_key
make_key(enum ssh_keytypes_e type, int bits)
{
	ssh_key key = NULL;

	return ssh_pki_generate(type, bits, &key) == SSH_OK ? key : NULL;
}
#pragma GCC diagnostic pop

static void
warm(struct bas_ssh_host *host, const char *cipher, enum ssh_keytypes_e type, int bits)
{
	struct bas_ssh *server = NULL;
	ssh_session client;
	ssh_key key = make_key(type, bits);
	int fds[2];

	if (key == NULL)
		return;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0)
		goto out;
	client = open_client(fds[1], cipher);
	if (bas_ssh_new(&server, host, fds[0], 4, &calls, NULL, NULL) && client != NULL)
		log_in(server, client, fds[1], key);
	bas_ssh_free(server);
	if (client != NULL)
		ssh_free(client);
out:
	ssh_key_free(key);
}

void
bas_ssh_warm(struct bas_ssh_host *host)
{
	/* What stock clients choose. */
	warm(host, "chacha20-poly1305@openssh.com", SSH_KEYTYPE_ED25519, 0);
	warm(host, "aes128-gcm@openssh.com", SSH_KEYTYPE_ECDSA_P256, 256);
	malloc_trim(0);
}
