/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control.c - the clerk's control socket: who is live, end this one, never again that one.
 */
#include "bastion/control.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "bastion/clerk.h"
#include "ca/krl.h"
#include "ca/text.h"

#define ASKERS_MAX 16

bool
bas_clerk_open_control(struct bas_clerk *clerk, struct ca_why *why)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int len = snprintf(address.sun_path, sizeof(address.sun_path), "%s/" BAS_CONTROL_NAME,
	    clerk->config->state);
	mode_t mask;
	int fd;

	if (len < 0 || (size_t)len >= sizeof(address.sun_path))
		return ca_why_set(why, "state folder '%s' has too long a name for a socket",
		    clerk->config->state);
	/* We hold the log's lock, so whoever made this one is gone. */
	if (unlink(address.sun_path) != 0 && errno != ENOENT)
		return ca_why_set(why, "'%s': %s", address.sun_path, strerror(errno));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return ca_why_set(why, "control socket: %s", strerror(errno));
	mask = umask(0177);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 16) != 0) {
		ca_why_set(why, "'%s': %s", address.sun_path, strerror(errno));
		umask(mask);
		close(fd);
		return false;
	}
	umask(mask);
	clerk->control = (struct bas_watch){ .kind = BAS_WATCH_CONTROL, .fd = fd };
	return bas_clerk_watch(clerk, &clerk->control) ||
	       ca_why_set(why, "control socket: %s", strerror(errno));
}

void
bas_clerk_admit_asker(struct bas_clerk *clerk)
{
	int fd = accept4(clerk->control.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct bas_asker *asker = NULL;
	struct ucred peer;
	socklen_t size = sizeof(peer);
	size_t count = 0;

	if (fd < 0)
		return;
	for (struct bas_asker *each = clerk->askers; each != NULL; each = each->next)
		count++;
	if (count >= ASKERS_MAX || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
	    (peer.uid != 0 && peer.uid != geteuid()) ||
	    (asker = calloc(1, sizeof(*asker))) == NULL) {
		close(fd);
		return;
	}
	asker->watch = (struct bas_watch){ .kind = BAS_WATCH_ASKER, .fd = fd };
	asker->next = clerk->askers;
	clerk->askers = asker;
	if (!bas_clerk_watch(clerk, &asker->watch))
		bas_clerk_unwatch(clerk, &asker->watch);
}

static json_t *
session_status(const struct bas_live *session)
{
	char opened[CA_TIME_SIZE], end[CA_TIME_SIZE];
	json_t *object;

	ca_time_format(session->opened, opened);
	ca_time_format(session->end, end);
	object = json_pack("{s:s, s:o, s:s, s:s, s:s, s:i, s:i, s:I}", "session", session->id,
	    "identity", bas_clerk_text(session->identity), "role", session->role, "opened", opened,
	    "end", end, "connections", (int)session->connections, "recordings",
	    (int)session->recordings, "output", (json_int_t)session->output);
	if (object != NULL && session->admits == CA_ADMITS_GRANT &&
	    json_object_set_new(object, "grant", json_integer((json_int_t)session->serial)) != 0) {
		json_decref(object);
		return NULL;
	}
	return object;
}

static json_t *
krl_status(const struct bas_clerk *clerk)
{
	const struct bas_revocations *list = &clerk->revocations;
	json_t *object;

	if (list->path == NULL)
		return json_null();
	object =
	    json_pack("{s:o, s:b}", "path", bas_clerk_text(list->path), "broken", list->broken);
	if (object != NULL && list->broken)
		json_object_set_new(object, "sentence", bas_clerk_text(list->why.text));
	if (object != NULL && list->krl != NULL) {
		json_object_set_new(object, "number", json_integer((json_int_t)list->number));
		json_object_set_new(object, "age",
		    json_integer(bas_clerk_now(clerk) - (int64_t)ca_krl_generated(list->krl)));
	}
	return object;
}

static json_t *
answer_status(struct bas_clerk *clerk)
{
	json_t *sessions = json_array();
	json_t *listening = json_object_get(clerk->policy, "listening");
	char started[CA_TIME_SIZE], now[CA_TIME_SIZE];
	int connections = 0;

	for (const struct bas_live *each = bas_sessions_first(clerk->sessions); each != NULL;
	     each = each->next)
		if (json_array_append_new(sessions, session_status(each)) != 0)
			goto fail;
	for (const struct bas_peer *peer = clerk->peers; peer != NULL; peer = peer->next)
		connections += peer->watch.fd >= 0;
	ca_time_format(clerk->started, started);
	ca_time_format(bas_clerk_now(clerk), now);
	return json_pack("{s:b, s:s, s:s, s:s, s:i, s:O?, s:o, s:i, s:o, s:I}", "ok", 1,
	    "environment", clerk->config->environment, "started", started, "now", now, "pid",
	    (int)getpid(), "listening", listening, "sessions", sessions, "connections", connections,
	    "krl", krl_status(clerk), "log", (json_int_t)rec_log_size(clerk->log));
fail:
	json_decref(sessions);
	return NULL;
}

static json_t *
answer_no(const char *error)
{
	return json_pack("{s:b, s:s}", "ok", 0, "error", error);
}

static json_t *
answer_kill(struct bas_clerk *clerk, const json_t *request)
{
	const char *id = json_string_value(json_object_get(request, "session"));
	struct bas_live *session = id == NULL ? NULL : bas_sessions_find(clerk->sessions, id);

	if (session == NULL)
		return json_pack(
		    "{s:b, s:b, s:s}", "ok", 0, "found", 0, "error", "there is no such session");
	bas_clerk_end_session(clerk, session, "session.killed", "killed", CA_ADMITTED,
	    "it was ended here, by this environment's owner", NULL);
	return json_pack("{s:b}", "ok", 1);
}

static json_t *
answer_refuse(struct bas_clerk *clerk, const json_t *request)
{
	const json_t *grant = json_object_get(request, "grant");
	struct bas_live *session, *next;
	uint64_t number;
	int killed = 0;

	if (!json_is_integer(grant) || json_integer_value(grant) < 1)
		return answer_no("a grant has a number");
	number = (uint64_t)json_integer_value(grant);
	if (bas_sessions_refuse(clerk->sessions, number))
		bas_clerk_log(
		    clerk, "grant.refused-here", json_pack("{s:I}", "grant", (json_int_t)number));
	else if (!bas_sessions_is_refused(clerk->sessions, number))
		return NULL;
	for (session = bas_sessions_first(clerk->sessions); session != NULL; session = next) {
		next = session->next;
		if (session->admits != CA_ADMITS_GRANT || session->serial != number)
			continue;
		killed++;
		bas_clerk_end_session(clerk, session, "session.killed", "refused", CA_REFUSED_HERE,
		    "the grant was refused by this environment's owner", NULL);
	}
	return json_pack("{s:b, s:i}", "ok", 1, "killed", killed);
}

static json_t *
answer_to(struct bas_clerk *clerk, const char *line, size_t len)
{
	json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	const char *verb = json_string_value(json_object_get(request, "verb"));
	json_t *answer;

	if (verb == NULL)
		answer = answer_no("that is no request");
	else if (strcmp(verb, "status") == 0)
		answer = answer_status(clerk);
	else if (strcmp(verb, "kill") == 0)
		answer = answer_kill(clerk, request);
	else if (strcmp(verb, "refuse") == 0)
		answer = answer_refuse(clerk, request);
	else
		answer = answer_no("there is no such verb");
	json_decref(request);
	return answer;
}

static void
end_asker(struct bas_clerk *clerk, struct bas_asker *asker)
{
	bas_clerk_unwatch(clerk, &asker->watch);
	ca_buf_clear(&asker->in);
	ca_buf_clear(&asker->out);
}

void
bas_clerk_read_asker(struct bas_clerk *clerk, struct bas_asker *asker)
{
	char chunk[512];
	const char *end;
	ssize_t got = read(asker->watch.fd, chunk, sizeof(chunk));

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* One request a connection; whoever says more, or leaves, is done. */
	if (got <= 0 || asker->in.len + (size_t)got > BAS_CONTROL_REQUEST_MAX ||
	    (asker->in.len > 0 && asker->in.data[asker->in.len - 1] == '\n')) {
		end_asker(clerk, asker);
		return;
	}
	ca_buf_put(&asker->in, chunk, (size_t)got);
	if (!ca_buf_ok(&asker->in)) {
		end_asker(clerk, asker);
		return;
	}
	end = memchr(asker->in.data, '\n', asker->in.len);
	if (end == NULL)
		return;
	bas_clerk_answer_asker(clerk, asker,
	    answer_to(
		clerk, (const char *)asker->in.data, (size_t)(end - (const char *)asker->in.data)));
}

void
bas_clerk_write_asker(struct bas_clerk *clerk, struct bas_asker *asker)
{
	struct epoll_event event = { .events = EPOLLOUT, .data.ptr = &asker->watch };

	while (asker->sent < asker->out.len) {
		ssize_t wrote = send(asker->watch.fd, asker->out.data + asker->sent,
		    asker->out.len - asker->sent, MSG_NOSIGNAL);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0 && errno == EAGAIN &&
		    epoll_ctl(clerk->epoll, EPOLL_CTL_MOD, asker->watch.fd, &event) == 0)
			return;
		if (wrote < 0)
			break;
		asker->sent += (size_t)wrote;
	}
	end_asker(clerk, asker);
}
