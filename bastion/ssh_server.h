/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ssh_server.h - the server's side of one SSH connection, over libssh, without its types.
 *
 * Nothing here blocks but bas_ssh_disconnect (a tenth of a second). The owner polls the descriptor
 * with bas_ssh_events, calls bas_ssh_pump when it is ready or bas_ssh_timeout has passed, and hears
 * through the calls below what the client asked for. Calls may use every function
 * here on the connection but bas_ssh_pump, bas_ssh_disconnect and bas_ssh_free; `data`, `eof`,
 * `closed` and `signal` may use none.
 */
#ifndef BAS_SSH_SERVER_H
#define BAS_SSH_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "ca/buf.h"
#include "ca/why.h"

#define BAS_SSH_NAME_MAX 1024 /* bytes of a user name; longer ones are refused unheard */

struct bas_ssh_host;	/* host key and algorithms: made once, before any fork */
struct bas_ssh;		/* one connection */
struct bas_ssh_channel; /* one session channel */

enum bas_ssh_request_kind {
	BAS_SSH_PTY,	/* text: term, columns, rows */
	BAS_SSH_RESIZE, /* columns, rows; the answer is not sent */
	BAS_SSH_ENV,	/* text: the variable's name */
	BAS_SSH_EXEC,	/* text: the line. libssh ends it at the first NUL */
	BAS_SSH_SHELL,
};

struct bas_ssh_request {
	enum bas_ssh_request_kind kind;
	const char *text; /* "" where the kind has none; hostile */
	uint32_t columns, rows;
};

/* LATER: by bas_ssh_answer; until then the channel's further requests wait. */
enum bas_ssh_reply { BAS_SSH_REFUSE, BAS_SSH_ACCEPT, BAS_SSH_LATER };

struct bas_ssh_calls {
	/* A certificate of type `user` was shown (proven: with a good signature). To be answered,
	 * now or later, by bas_ssh_auth_answer; no second one comes before. `name` and `blob` are
	 * hostile. */
	void (*auth)(void *owner, bool proven, const char *name, struct ca_bytes blob);
	/* A session channel. Returns what the channel's calls get as owner; NULL refuses it. */
	void *(*open)(void *owner, struct bas_ssh_channel *channel);
	enum bas_ssh_reply (*request)(void *channel_owner, const struct bas_ssh_request *request);
	/* Input, everything that is unread. Returns how many bytes were taken; the rest
	 * stays for bas_ssh_read. */
	size_t (*data)(void *channel_owner, const void *data, size_t len);
	void (*eof)(void *channel_owner);
	void (*signal)(void *channel_owner, const char *name);
	/* The client closed it. The channel is gone after `freed`. */
	void (*closed)(void *channel_owner);
	void (*freed)(void *channel_owner);
	/* A forwarding, a subsystem, ...: `kind` as BAS_F_REFUSED has it. */
	void (*refused)(void *owner, const char *kind);
};

/* `key`: text of an OpenSSH private key without passphrase. Warms what a connection needs. */
CA_MUST_USE bool bas_ssh_host_new(struct bas_ssh_host **out, const char *key, struct ca_why *why);
void bas_ssh_host_free(struct bas_ssh_host *host);

/* Takes a connected, non-blocking TCP socket over. `auth_requests`: how many are answered. */
CA_MUST_USE bool bas_ssh_new(struct bas_ssh **out, struct bas_ssh_host *host, int socket,
    unsigned auth_requests, const struct bas_ssh_calls *calls, void *owner, struct ca_why *why);
void bas_ssh_free(struct bas_ssh *ssh);

int bas_ssh_fd(const struct bas_ssh *ssh);
short bas_ssh_events(const struct bas_ssh *ssh); /* for poll(2) */
int bas_ssh_timeout(const struct bas_ssh *ssh);	 /* milliseconds until a pump is due; -1: none */
/* False: the connection is over, by the client or because it broke the protocol. */
CA_MUST_USE bool bas_ssh_pump(struct bas_ssh *ssh);
/* Output waits for the client: write nothing more until it has gone. */
bool bas_ssh_is_full(const struct bas_ssh *ssh);
bool bas_ssh_is_authenticated(const struct bas_ssh *ssh);

/* `banner`: shown to the client when not ok, each text once; may be "". */
void bas_ssh_auth_answer(struct bas_ssh *ssh, bool ok, const char *banner);
/* Says why in the client's terminal, then closes the socket. Waits at most a tenth of a second. */
void bas_ssh_disconnect(struct bas_ssh *ssh, const char *text);

/* Answers the request that was left for later. */
void bas_ssh_answer(struct bas_ssh_channel *channel, bool ok);
/* How many bytes the client's window takes now. */
size_t bas_ssh_room(const struct bas_ssh_channel *channel);
/* Returns how many of at most bas_ssh_room bytes were taken (none while keys are renewed), -1: the
 * connection or channel is gone. */
ssize_t bas_ssh_write(struct bas_ssh_channel *channel, const void *data, size_t len, bool errors);
size_t bas_ssh_unread(const struct bas_ssh_channel *channel);
ssize_t bas_ssh_read(struct bas_ssh_channel *channel, void *data, size_t len);
/* exit-status, or exit-signal when `signal` is not empty; then EOF and close. */
void bas_ssh_exit(struct bas_ssh_channel *channel, uint32_t status, const char *signal);
void bas_ssh_close(struct bas_ssh_channel *channel);

#endif
