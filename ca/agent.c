/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent.c - a client of ssh-agent (RFC 9987).
 *
 * A frame is u32 length, u8 type, body, at most 256 KiB. An agent may be a token, another
 * host's, or anybody's program: what it answers is believed only after it is verified.
 */
#include "ca/agent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "ca/signer.h"

#define FRAME_MAX ((size_t)256 * 1024)
#define KEYS_MAX  2048
#define PATIENCE  120 /* seconds: a person may have to touch a token */

enum {
	AGENT_FAILURE = 5,
	AGENT_LIST = 11,
	AGENT_LIST_ANSWER = 12,
	AGENT_SIGN = 13,
	AGENT_SIGN_ANSWER = 14,
};

/* Without it an agent signs with SHA-1; together with flag 2 ssh-agent takes SHA-256. */
#define FLAG_RSA_SHA2_512 4

struct ca_agent {
	struct sockaddr_un address;
	int fd; /* -1: lost, connected again at the next use */
};

static bool
open_connection(struct ca_agent *agent, struct ca_why *why)
{
	struct timeval patience = { .tv_sec = PATIENCE };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 ||
	    connect(fd, (const struct sockaddr *)&agent->address, sizeof(agent->address)) != 0) {
		ca_why_set(why, "ssh-agent at '%s': %s", agent->address.sun_path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return false;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	agent->fd = fd;
	return true;
}

bool
ca_agent_connect(struct ca_agent **out, const char *path, struct ca_why *why)
{
	struct ca_agent *agent;

	if (path == NULL)
		path = getenv("SSH_AUTH_SOCK");
	if (path == NULL || path[0] == '\0')
		return ca_why_set(why, "there is no ssh-agent: SSH_AUTH_SOCK is not set");
	agent = calloc(1, sizeof(*agent));
	if (agent == NULL)
		return ca_why_set(why, "out of memory");
	agent->fd = -1;
	agent->address.sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(agent->address.sun_path)) {
		free(agent);
		return ca_why_set(why, "ssh-agent's path '%s' is too long", path);
	}
	memcpy(agent->address.sun_path, path, strlen(path) + 1);
	if (!open_connection(agent, why)) {
		free(agent);
		return false;
	}
	*out = agent;
	return true;
}

static void
hang_up(struct ca_agent *agent)
{
	if (agent->fd >= 0)
		close(agent->fd);
	agent->fd = -1;
}

void
ca_agent_free(struct ca_agent *agent)
{
	if (agent == NULL)
		return;
	hang_up(agent);
	free(agent);
}

static bool
send_all(int fd, const uint8_t *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

/* False with errno 0 when the other side closed. */
static bool
receive_all(int fd, uint8_t *data, size_t len)
{
	while (len > 0) {
		ssize_t n = recv(fd, data, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = n == 0 ? 0 : errno;
			return false;
		}
		data += n;
		len -= (size_t)n;
	}
	return true;
}

/* One frame there, one back. `*lost`: the connection had ended before any answer began. */
static bool
try_exchange(struct ca_agent *agent, const struct ca_buf *request, struct ca_buf *answer,
    bool *lost, struct ca_why *why)
{
	uint8_t header[4] = { 0 };
	struct ca_reader reader = ca_reader_of(header, sizeof(header));
	uint8_t *place;
	size_t len;

	*lost = !send_all(agent->fd, request->data, request->len) ||
		!receive_all(agent->fd, header, sizeof(header));
	if (*lost)
		return ca_why_set(why, "ssh-agent does not answer: %s",
		    errno == 0 ? "it closed the connection" : strerror(errno));
	len = ca_read_u32(&reader);
	if (len == 0 || len > FRAME_MAX)
		return ca_why_set(why, "ssh-agent's answer of %zu bytes is out of bounds", len);
	place = ca_buf_grow(answer, len);
	if (place == NULL || !receive_all(agent->fd, place, len))
		return ca_why_set(why, "ssh-agent's answer is cut short");
	return true;
}

/*
 * The body of the answer of type `wanted` is left in `answer`. A connection that was idle may
 * have ended with the agent behind it, so that a lost one is tried once more.
 */
static bool
exchange(struct ca_agent *agent, struct ca_buf *body, uint8_t wanted, struct ca_buf *answer,
    struct ca_why *why)
{
	struct ca_buf frame = { 0 };
	bool was_open = agent->fd >= 0, lost = false, ok = false;

	ca_buf_put_string(&frame, body->data, body->len);
	if (!ca_buf_ok(body) || !ca_buf_ok(&frame) || body->len > FRAME_MAX) {
		ca_why_set(why, "the request is too large for ssh-agent");
		goto out;
	}
	if (!was_open && !open_connection(agent, why))
		goto out;
	ok = try_exchange(agent, &frame, answer, &lost, why);
	if (!ok && lost && was_open) {
		hang_up(agent);
		ok = open_connection(agent, why) && try_exchange(agent, &frame, answer, &lost, why);
	}
	if (!ok)
		hang_up(agent);
	else if (answer->data[0] == AGENT_FAILURE)
		ok = ca_why_set(why, "ssh-agent refused");
	else if (answer->data[0] != wanted)
		ok = ca_why_set(why, "ssh-agent answered with the unexpected message %u",
		    (unsigned)answer->data[0]);
out:
	ca_buf_clear(&frame);
	return ok;
}

static void
free_keys(struct ca_key **keys, size_t count)
{
	for (size_t i = 0; i < count; i++)
		ca_key_free(keys[i]);
	free(keys);
}

static bool
read_keys(struct ca_reader *reader, struct ca_key ***keys, size_t *count, struct ca_why *why)
{
	uint32_t listed = ca_read_u32(reader);
	struct ca_key **found;
	size_t used = 0;

	if (listed > KEYS_MAX)
		return ca_why_set(why, "ssh-agent lists more than %d keys", KEYS_MAX);
	found = calloc((size_t)listed + 1, sizeof(struct ca_key *));
	if (found == NULL)
		return ca_why_set(why, "out of memory");
	for (uint32_t i = 0; i < listed && !reader->failed; i++) {
		struct ca_bytes blob = ca_read_string(reader);

		ca_read_string(reader); /* the comment */
		/* Certificates and kinds of key that we do not take are none of ours. */
		if (!reader->failed && ca_key_parse(&found[used], blob.data, blob.len, NULL))
			used++;
	}
	if (!ca_reader_done(reader)) {
		free_keys(found, used);
		return ca_why_set(why, "ssh-agent's list of keys is malformed");
	}
	*keys = found;
	*count = used;
	return true;
}

bool
ca_agent_list(struct ca_agent *agent, struct ca_key ***keys, size_t *count, struct ca_why *why)
{
	struct ca_buf request = { 0 }, answer = { 0 };
	bool ok = false;

	ca_buf_put_u8(&request, AGENT_LIST);
	if (exchange(agent, &request, AGENT_LIST_ANSWER, &answer, why)) {
		struct ca_reader reader = ca_reader_of(answer.data + 1, answer.len - 1);

		ok = read_keys(&reader, keys, count, why);
	}
	ca_buf_clear(&answer);
	ca_buf_clear(&request);
	return ok;
}

static bool
read_signature(
    struct ca_reader *reader, enum ca_key_type type, struct ca_buf *sig, struct ca_why *why)
{
	struct ca_bytes blob = ca_read_string(reader);
	struct ca_reader inner = ca_reader_of(blob.data, blob.len);
	struct ca_bytes name = ca_read_string(&inner);
	const char *wanted = type == CA_KEY_RSA ? "rsa-sha2-512" : ca_key_type_name(type);

	if (!ca_reader_done(reader) || inner.failed)
		return ca_why_set(why, "ssh-agent's signature is malformed");
	if (!ca_bytes_is(name, wanted))
		return ca_why_set(why, "ssh-agent signed with '%.*s' instead of '%s'",
		    (int)(name.len > 64 ? 64 : name.len), (const char *)name.data, wanted);
	ca_buf_put(sig, blob.data, blob.len);
	return ca_buf_ok(sig) || ca_why_set(why, "out of memory");
}

bool
ca_agent_sign(struct ca_agent *agent, const struct ca_key *key, const void *data, size_t len,
    struct ca_buf *sig, struct ca_why *why)
{
	struct ca_buf request = { 0 }, answer = { 0 };
	struct ca_bytes blob = ca_key_blob(key);
	bool ok = false;

	ca_buf_put_u8(&request, AGENT_SIGN);
	ca_buf_put_string(&request, blob.data, blob.len);
	ca_buf_put_string(&request, data, len);
	ca_buf_put_u32(&request, ca_key_type(key) == CA_KEY_RSA ? FLAG_RSA_SHA2_512 : 0);
	if (exchange(agent, &request, AGENT_SIGN_ANSWER, &answer, why)) {
		struct ca_reader reader = ca_reader_of(answer.data + 1, answer.len - 1);

		ok = read_signature(&reader, ca_key_type(key), sig, why);
	}
	ca_buf_clear(&answer);
	ca_buf_clear(&request);
	return ok;
}

bool
ca_agent_keys(const char *path, struct ca_key ***keys, size_t *count, struct ca_why *why)
{
	struct ca_agent *agent = NULL;
	bool ok = ca_agent_connect(&agent, path, why) && ca_agent_list(agent, keys, count, why);

	ca_agent_free(agent);
	return ok;
}
