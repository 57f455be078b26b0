/* SPDX-License-Identifier: Apache-2.0 */
/*
 * post_pair.c - forking the rooms, each with its user and exactly its descriptors.
 */
#include "bastion/post_pair.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bastion/frame.h"
#include "bastion/host_key.h"
#include "bastion/post_listener.h"
#include "bastion/post_room.h"
#include "bastion/rooms.h"
#include "ca/crypto.h"
#include "ca/file.h"
#include "ca/text.h"

#define CONFIG_MAX (4 << 20)

void
bas_post_say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("postern-bastion: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
}

bool
bas_post_socketpair(int pair[2], struct ca_why *why)
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0 ||
	       ca_why_set(why, "socket: %s", strerror(errno));
}

void
bas_post_close_both(int pair[2])
{
	for (int i = 0; i < 2; i++) {
		if (pair[i] >= 0)
			close(pair[i]);
		pair[i] = -1;
	}
}

void
bas_post_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* ---- what the log and status say of a policy */

static json_t *
listening_texts(const struct bas_listening *listening)
{
	json_t *array = json_array();
	char text[BAS_LISTENING_TEXT];

	for (size_t i = 0; i < listening->count; i++) {
		bas_listening_format(listening->fds[i], text);
		if (json_array_append_new(array, json_string(text)) != 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

/* Caller frees. */
char *
bas_post_policy(const char *config_path, const struct bas_listening *listening, struct ca_why *why)
{
	struct ca_buf file = { 0 }, hex = { 0 };
	uint8_t hash[32];
	json_t *object;
	char *path = NULL, *text = NULL;

	if (!ca_file_read(config_path, CONFIG_MAX, &file, why))
		goto out;
	ca_sha256(file.data, file.len, hash);
	ca_hex_encode(&hex, hash, sizeof(hash));
	path = ca_text_lossy(config_path, strlen(config_path));
	object = json_pack("{s:s, s:s#, s:o}", "path", path == NULL ? "" : path, "sha256",
	    (const char *)hex.data, (int)hex.len, "listening", listening_texts(listening));
	text = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
	json_decref(object);
	if (text == NULL)
		ca_why_set(why, "out of memory");
out:
	free(path);
	ca_buf_clear(&file);
	ca_buf_clear(&hex);
	return text;
}

/* ---- rooms */

static _Noreturn void
leave(int status)
{
	fflush(stderr);
	_exit(status);
}

pid_t
bas_post_start_clerk(
    const struct bas_config *config, pid_t parent, int socket, int nursery, const char *policy)
{
	struct bas_room room = { .title = "clerk",
		.user = config->owner,
		.uid = config->owner_uid,
		.gid = config->owner_gid };
	int fds[] = { socket, nursery };
	struct ca_why why = { .text = "" };
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	if (bas_room_enter(&room, parent, fds, 2, &why)) {
		struct bas_clerk_fds own = {
			.parent = fds[0], .nursery = fds[1], .policy = policy
		};

		leave(bas_clerk_run(config, &own));
	}
	bas_post_say("%s", why.text);
	leave(1);
}

static pid_t
start_nursery(const struct bas_config *config, pid_t parent, const struct bas_nursery_fds *given)
{
	struct bas_room room = { .title = "nursery",
		.user = config->owner,
		.uid = config->owner_uid,
		.gid = config->owner_gid };
	int fds[] = { given->parent, given->listener, given->clerk, given->spawner };
	struct ca_why why = { .text = "" };
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	if (bas_room_enter(&room, parent, fds, 4, &why)) {
		struct bas_nursery_fds own = { .parent = fds[0],
			.listener = fds[1],
			.clerk = fds[2],
			.spawner = fds[3],
			.gate = given->gate };

		leave(bas_nursery_run(config, &own));
	}
	bas_post_say("%s", why.text);
	leave(1);
}

/* Nothing new; what is there lives on. */
void
bas_pair_retire(struct bas_pair *pair, int successor)
{
	if (pair->retired)
		return;
	pair->retired = true;
	bas_post_close(&pair->nursery_socket);
	if (pair->listener_socket < 0)
		return;
	/* A listener that does not hear this has ended, which shows in other ways. */
	if (successor >= 0)
		(void)!bas_frame_send(pair->listener_socket, BAS_F_SUCCESSOR, NULL, &successor, 1);
	/* It still has a word when one of its doors dies. */
	shutdown(pair->listener_socket, SHUT_WR);
}

void
bas_pair_free(struct bas_pair *pair)
{
	if (pair == NULL)
		return;
	bas_post_close(&pair->nursery_socket);
	bas_post_close(&pair->listener_socket);
	bas_post_close(&pair->host_key);
	free(pair);
}

void
bas_pair_undo(struct bas_pair *pair)
{
	if (pair->nursery > 0)
		kill(pair->nursery, SIGKILL);
	if (pair->listener > 0)
		kill(pair->listener, SIGKILL);
	/* Reaped as strangers: nobody waits for them by name. */
	bas_pair_free(pair);
}

static struct bas_pair *
new_pair(struct ca_why *why)
{
	struct bas_pair *pair = calloc(1, sizeof(*pair));

	if (pair == NULL)
		ca_why_set(why, "out of memory");
	else
		pair->nursery_socket = pair->listener_socket = pair->host_key = -1;
	return pair;
}

/* The listener of a pair whose host key is open, joined to a nursery by `joint`. */
static bool
start_listener(struct bas_pair *pair, const struct bas_config *config,
    const struct bas_listening *listening, int joint, int predecessor, struct ca_why *why)
{
	struct bas_listener_fds fds = { .nursery = joint,
		.predecessor = predecessor,
		.host_key = pair->host_key,
		.listening = listening->fds,
		.listening_count = listening->count };
	int listener[2] = { -1, -1 };

	if (!bas_post_socketpair(listener, why))
		return false;
	fds.parent = listener[1];
	pair->listener = bas_post_start_listener(config, &fds, listener[0], why);
	pair->listener_socket = listener[0];
	close(listener[1]);
	return pair->listener > 0;
}

struct bas_pair *
bas_pair_start(const struct bas_config *config, const struct bas_listening *listening, int clerk,
    int predecessor, int *spawner, struct ca_why *why)
{
	int nursery[2] = { -1, -1 }, joint[2] = { -1, -1 }, spawn[2] = { -1, -1 };
	char gate[CA_FINGERPRINT_SIZE];
	struct bas_pair *pair = new_pair(why);

	if (pair == NULL)
		return NULL;
	/* Kept, for the listeners that follow the first. */
	pair->host_key = bas_host_key_open(config->host_key, gate, why);
	if (pair->host_key < 0)
		goto fail;
	if (!bas_post_socketpair(nursery, why) || !bas_post_socketpair(joint, why) ||
	    !bas_post_socketpair(spawn, why))
		goto fail;
	pair->nursery = start_nursery(config, getpid(),
	    &(struct bas_nursery_fds){ .parent = nursery[1],
		.listener = joint[0],
		.clerk = clerk,
		.spawner = spawn[1],
		.gate = gate });
	if (pair->nursery < 0) {
		ca_why_set(why, "fork: %s", strerror(errno));
		goto fail;
	}
	if (!start_listener(pair, config, listening, joint[1], predecessor, why))
		goto fail;
	pair->nursery_socket = nursery[0];
	*spawner = spawn[0];
	nursery[0] = spawn[0] = -1;
	goto out;
fail:
	bas_pair_undo(pair);
	pair = NULL;
out:
	bas_post_close_both(nursery);
	bas_post_close_both(joint);
	bas_post_close_both(spawn);
	return pair;
}

struct bas_pair *
bas_pair_renew(struct bas_pair *old, const struct bas_config *config,
    const struct bas_listening *listening, struct ca_why *why)
{
	int joint[2] = { -1, -1 }, heir[2] = { -1, -1 };
	struct bas_pair *pair = new_pair(why);

	if (pair == NULL)
		return NULL;
	pair->host_key = old->host_key;
	old->host_key = -1;
	if (!bas_post_socketpair(joint, why) || !bas_post_socketpair(heir, why) ||
	    !start_listener(pair, config, listening, joint[1], heir[1], why))
		goto fail;
	/* In this order: the nursery has the new one before the old one hangs up. */
	if (!bas_frame_send(old->nursery_socket, BAS_F_LISTENER, NULL, &joint[0], 1)) {
		ca_why_set(why, "the nursery does not listen: %s", strerror(errno));
		goto fail;
	}
	pair->nursery = old->nursery;
	pair->nursery_socket = old->nursery_socket;
	old->nursery = 0;
	old->nursery_socket = -1;
	bas_pair_retire(old, heir[0]);
	goto out;
fail:
	bas_pair_undo(pair);
	pair = NULL;
out:
	bas_post_close_both(joint);
	bas_post_close_both(heir);
	return pair;
}
