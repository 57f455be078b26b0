/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ssh_server.c - the server's side of one SSH connection, over libssh 0.10 to 0.12.
 *
 * No server callbacks are ever set: requests then arrive as messages in libssh's list, which can be
 * kept and answered later. That gives two things libssh has not: an answer that comes from another
 * process without waiting for it, and a reply to the publickey requests that libssh drops in
 * silence (unknown key type, bad signature), sent through the message kept from the request before.
 */
#include "bastion/ssh_parts.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* libssh leaves out of a list what it does not know: 0.12 brings the first three. */
#define KEY_EXCHANGES                                                                      \
	"mlkem768x25519-sha256,sntrup761x25519-sha512,sntrup761x25519-sha512@openssh.com," \
	"curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256"
#define CIPHERS                                                                        \
	"chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes128-gcm@openssh.com," \
	"aes256-ctr,aes192-ctr,aes128-ctr"
#define MACS "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com"
/* Matched against a signature's own type, and sent as server-sig-algs: plain names, although only
 * certificates are let in. */
#define SIGNATURES                                                                        \
	"ssh-ed25519,sk-ssh-ed25519@openssh.com,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384," \
	"ecdsa-sha2-nistp521,sk-ecdsa-sha2-nistp256@openssh.com,rsa-sha2-512,rsa-sha2-256"
#define RSA_BITS 2048

#define FLUSH_MS      100 /* with the keeper's patience and the door's less than a second */
#define PUMP_ROUNDS   64  /* of 4 KiB each, before the owner gets its turn */
#define PUMP_MESSAGES 256 /* the same */

struct bas_ssh_host {
	ssh_bind bind;
};

int64_t
bas_ssh_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool
bas_ssh_queue_put(struct bas_ssh_queue *queue, ssh_message message)
{
	if (queue->count == BAS_SSH_QUEUE_MAX)
		return false;
	queue->messages[(queue->first + queue->count++) % BAS_SSH_QUEUE_MAX] = message;
	return true;
}

ssh_message
bas_ssh_queue_take(struct bas_ssh_queue *queue)
{
	ssh_message message = queue->messages[queue->first];

	queue->first = (queue->first + 1) % BAS_SSH_QUEUE_MAX;
	queue->count--;
	return message;
}

void
bas_ssh_queue_clear(struct bas_ssh_queue *queue)
{
	while (queue->count > 0)
		ssh_message_free(bas_ssh_queue_take(queue));
}

/*
 * libssh answers some requests by itself and tells nobody but its log. What is read there only
 * names a refusal for our log; a version that words it differently costs that name and nothing
 * else.
 */
static void
hear_log(int priority, const char *function, const char *text, void *user)
{
	static const struct {
		const char *text, *kind;
		bool channel;
	} known[] = {
		{ "UNKNOWN SSH_MSG_GLOBAL_REQUEST no-more-sessions@openssh.com", NULL, false },
		{ "UNKNOWN SSH_MSG_GLOBAL_REQUEST streamlocal-forward@", "streamlocal", false },
		{ "UNKNOWN SSH_MSG_GLOBAL_REQUEST ", "global", false },
		{ "Received an auth-agent-req", "agent", false },
		{ "Clients wants to open a direct-streamlocal@", "streamlocal", true },
		{ "Clients wants to open a tun@", "tunnel", true },
	};
	struct bas_ssh *ssh = user;

	(void)priority;
	(void)function;
	if (ssh == NULL)
		return;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strstr(text, known[i].text) == NULL)
			continue;
		if (known[i].channel)
			ssh->channel_kind = known[i].kind;
		else if (known[i].kind != NULL)
			ssh->calls->refused(ssh->owner, known[i].kind);
		return;
	}
}

static bool
set_algorithms(ssh_bind bind, struct ca_why *why)
{
	static const struct {
		enum ssh_bind_options_e option;
		const char *value;
	} lists[] = {
		{ SSH_BIND_OPTIONS_KEY_EXCHANGE, KEY_EXCHANGES },
		{ SSH_BIND_OPTIONS_CIPHERS_C_S, CIPHERS },
		{ SSH_BIND_OPTIONS_CIPHERS_S_C, CIPHERS },
		{ SSH_BIND_OPTIONS_HMAC_C_S, MACS },
		{ SSH_BIND_OPTIONS_HMAC_S_C, MACS },
		{ SSH_BIND_OPTIONS_HOSTKEY_ALGORITHMS, SIGNATURES },
		{ SSH_BIND_OPTIONS_PUBKEY_ACCEPTED_KEY_TYPES, SIGNATURES },
	};
	bool process_config = false;
	int rsa_bits = RSA_BITS;

	/* Else the first connection would read /etc/ssh/libssh_server_config. */
	if (ssh_bind_options_set(bind, SSH_BIND_OPTIONS_PROCESS_CONFIG, &process_config) != 0 ||
	    ssh_bind_options_set(bind, SSH_BIND_OPTIONS_RSA_MIN_SIZE, &rsa_bits) != 0)
		return ca_why_set(why, "libssh: %s", ssh_get_error(bind));
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (ssh_bind_options_set(bind, lists[i].option, lists[i].value) != 0)
			return ca_why_set(why, "libssh: %s", ssh_get_error(bind));
	return true;
}

bool
bas_ssh_host_new(struct bas_ssh_host **out, const char *key, struct ca_why *why)
{
	struct bas_ssh_host *host = calloc(1, sizeof(*host));
	ssh_key imported = NULL;

	*out = NULL;
	if (host == NULL)
		return ca_why_set(why, "out of memory");
	if (ssh_init() != SSH_OK || (host->bind = ssh_bind_new()) == NULL) {
		ca_why_set(why, "libssh does not start");
		goto fail;
	}
	ssh_set_log_level(SSH_LOG_NOLOG);
	ssh_set_log_callback(hear_log);
	if (!set_algorithms(host->bind, why))
		goto fail;
	if (ssh_pki_import_privkey_base64(key, NULL, NULL, NULL, &imported) != SSH_OK) {
		ca_why_set(why, "the host key is not an OpenSSH private key without a passphrase");
		goto fail;
	}
	/* The bind owns the key only when this succeeds. */
	if (ssh_bind_options_set(host->bind, SSH_BIND_OPTIONS_IMPORT_KEY, imported) != 0) {
		ca_why_set(why, "host key: %s", ssh_get_error(host->bind));
		ssh_key_free(imported);
		goto fail;
	}
	bas_ssh_warm(host);
	*out = host;
	return true;
fail:
	bas_ssh_host_free(host);
	return false;
}

void
bas_ssh_host_free(struct bas_ssh_host *host)
{
	if (host == NULL)
		return;
	if (host->bind != NULL)
		ssh_bind_free(host->bind);
	free(host);
}

bool
bas_ssh_new(struct bas_ssh **out, struct bas_ssh_host *host, int socket, unsigned auth_requests,
    const struct bas_ssh_calls *calls, void *owner, struct ca_why *why)
{
	struct bas_ssh *ssh = calloc(1, sizeof(*ssh));

	*out = NULL;
	if (ssh == NULL || (ssh->session = ssh_new()) == NULL) {
		free(ssh);
		close(socket);
		return ca_why_set(why, "out of memory");
	}
	ssh->calls = calls;
	ssh->owner = owner;
	ssh->auth_limit = auth_requests;
	ssh->drained = true;
	if (ssh_bind_accept_fd(host->bind, ssh->session, socket) != SSH_OK ||
	    ssh_options_set(ssh->session, SSH_OPTIONS_COMPRESSION, "none") != SSH_OK) {
		ca_why_set(why, "libssh: %s", ssh_get_error(host->bind));
		bas_ssh_free(ssh);
		return false;
	}
	ssh_set_blocking(ssh->session, 0);
	ssh_set_auth_methods(ssh->session, SSH_AUTH_METHOD_PUBLICKEY);
	ssh_set_counters(ssh->session, &ssh->socket_counter, &ssh->packet_counter);
	ssh_set_log_userdata(ssh);
	*out = ssh;
	return true;
}

void
bas_ssh_free(struct bas_ssh *ssh)
{
	if (ssh == NULL)
		return;
	ssh_set_log_userdata(NULL);
	ssh->broken = true;
	bas_ssh_queue_clear(&ssh->auth);
	if (ssh->kept != NULL)
		ssh_message_free(ssh->kept);
	ssh_free(ssh->session);
	while (ssh->channels != NULL) {
		struct bas_ssh_channel *next = ssh->channels->next;

		bas_ssh_queue_clear(&ssh->channels->requests);
		ssh->calls->freed(ssh->channels->owner);
		free(ssh->channels);
		ssh->channels = next;
	}
	ca_buf_clear(&ssh->shown);
	free(ssh);
}

int
bas_ssh_fd(const struct bas_ssh *ssh)
{
	return ssh_get_fd(ssh->session);
}

bool
bas_ssh_is_full(const struct bas_ssh *ssh)
{
	return (ssh_get_status(ssh->session) & SSH_WRITE_PENDING) != 0;
}

short
bas_ssh_events(const struct bas_ssh *ssh)
{
	/* libssh's own flags ask for POLLOUT after every write, only to see that the next will not
	 * block. */
	return bas_ssh_is_full(ssh) ? POLLIN | POLLOUT : POLLIN;
}

int
bas_ssh_timeout(const struct bas_ssh *ssh)
{
	if (!ssh->keys_exchanged)
		return -1;
	/* Writing reads, too: what came meanwhile is in libssh's list, and no poll will tell. */
	if (!ssh->drained || ssh->socket_counter.in_bytes != ssh->drained_bytes)
		return 0;
	return bas_ssh_auth_timeout(ssh);
}

bool
bas_ssh_is_authenticated(const struct bas_ssh *ssh)
{
	return ssh->authenticated;
}

/* Takes the message over. */
static void
take_message(struct bas_ssh *ssh, ssh_message message)
{
	const char *service;

	switch (ssh_message_type(message)) {
	case SSH_REQUEST_AUTH:
		bas_ssh_auth_take(ssh, message);
		return;
	case SSH_REQUEST_CHANNEL:
		bas_ssh_channel_take(ssh, message);
		return;
	case SSH_REQUEST_CHANNEL_OPEN:
		bas_ssh_channel_open(ssh, message);
		break;
	case SSH_REQUEST_SERVICE:
		service = ssh_message_service_service(message);
		if (service != NULL && strcmp(service, "ssh-userauth") == 0)
			ssh->service = ssh_message_service_reply_success(message) == SSH_OK;
		else
			ssh->broken = true;
		break;
	case SSH_REQUEST_GLOBAL:
		if (ssh_message_subtype(message) == SSH_GLOBAL_REQUEST_TCPIP_FORWARD)
			ssh->calls->refused(ssh->owner, "remote-forward");
		ssh_message_reply_default(message);
		break;
	default:
		break;
	}
	ssh_message_free(message);
}

/* Reads packets until there are none, or for long enough. */
static void
drain(struct bas_ssh *ssh)
{
	unsigned messages = 0;

	ssh->drained = false;
	for (unsigned round = 0; round < PUMP_ROUNDS && !ssh->broken; round++) {
		uint64_t before = ssh->socket_counter.in_bytes;
		ssh_message message;

		while ((message = ssh_message_get(ssh->session)) != NULL) {
			take_message(ssh, message);
			bas_ssh_auth_mark(ssh);
			if (++messages >= PUMP_MESSAGES || ssh->broken)
				return;
		}
		/* The list is empty now, whatever made it so. */
		if (ssh->socket_counter.in_bytes == before) {
			ssh->drained = true;
			ssh->drained_bytes = before;
			break;
		}
	}
}

bool
bas_ssh_pump(struct bas_ssh *ssh)
{
	if (ssh->broken)
		return false;
	if (!ssh->keys_exchanged) {
		int rc = ssh_handle_key_exchange(ssh->session);

		if (rc == SSH_AGAIN)
			return true;
		if (rc != SSH_OK)
			return false;
		ssh->keys_exchanged = true;
	}
	drain(ssh);
	if (ssh->broken || (ssh_get_status(ssh->session) & (SSH_CLOSED | SSH_CLOSED_ERROR)) != 0)
		return false;
	bas_ssh_auth_break_silence(ssh);
	if (ssh->broken)
		return false;
	/* Closing reads packets, so nothing is freed in the same turn. */
	if (bas_ssh_channels_close(ssh))
		ssh->drained = false;
	else if (ssh->drained)
		bas_ssh_channels_reap(ssh);
	return !ssh->broken;
}

void
bas_ssh_disconnect(struct bas_ssh *ssh, const char *text)
{
	ssh_message message;

	ssh->broken = true;
	(void)ssh_session_set_disconnect_message(ssh->session, text);
	/* What is still in the buffer would be thrown away, and this text with it; and only a look
	 * at the socket lets libssh write at once. */
	(void)ssh_blocking_flush(ssh->session, FLUSH_MS);
	if ((message = ssh_message_get(ssh->session)) != NULL)
		ssh_message_free(message);
	ssh_disconnect(ssh->session);
}
