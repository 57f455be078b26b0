/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control_ask.c - the client of the control socket.
 */
#include "bastion/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ca/buf.h"

static int
connect_control(const char *state, struct ca_why *why)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int len =
	    snprintf(address.sun_path, sizeof(address.sun_path), "%s/" BAS_CONTROL_NAME, state);
	int fd;

	if (len < 0 || (size_t)len >= sizeof(address.sun_path)) {
		ca_why_set(why, "state folder '%s' has too long a name for a socket", state);
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	if (errno == ENOENT || errno == ECONNREFUSED)
		ca_why_set(why, "nothing is running with state folder '%s'", state);
	else
		ca_why_set(why, "'%s': %s", address.sun_path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

static bool
exchange(int fd, const char *line, struct ca_buf *answer, struct ca_why *why)
{
	size_t len = strlen(line), sent = 0;
	char chunk[4096];
	ssize_t got;

	while (sent < len) {
		got = send(fd, line + sent, len - sent, MSG_NOSIGNAL);
		if (got < 0 && errno != EINTR)
			return ca_why_set(why, "the clerk does not listen: %s", strerror(errno));
		sent += got < 0 ? 0 : (size_t)got;
	}
	while ((got = read(fd, chunk, sizeof(chunk))) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 || answer->len > BAS_CONTROL_ANSWER_MAX)
			return ca_why_set(why, "the clerk's answer cannot be read");
		ca_buf_put(answer, chunk, (size_t)got);
	}
	return ca_buf_ok(answer) || ca_why_set(why, "out of memory");
}

bool
bas_control_ask(json_t **answer, const char *state, json_t *request, struct ca_why *why)
{
	char *text = request == NULL ? NULL : json_dumps(request, JSON_COMPACT);
	struct ca_buf line = { 0 }, bytes = { 0 };
	const char *error;
	int fd = -1;
	bool ok = false;

	*answer = NULL;
	if (text == NULL) {
		ca_why_set(why, "out of memory");
		goto out;
	}
	ca_buf_printf(&line, "%s\n%c", text, 0);
	fd = connect_control(state, why);
	if (fd < 0 || !ca_buf_ok(&line) || !exchange(fd, (char *)line.data, &bytes, why))
		goto out;
	*answer = json_loadb((char *)bytes.data, bytes.len, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(*answer)) {
		json_decref(*answer);
		*answer = NULL;
		ca_why_set(why, "the clerk did not answer: see its own words");
		goto out;
	}
	ok = json_is_true(json_object_get(*answer, "ok"));
	error = json_string_value(json_object_get(*answer, "error"));
	if (!ok)
		ca_why_set(why, "%s", error == NULL ? "the clerk said no" : error);
out:
	if (fd >= 0)
		close(fd);
	free(text);
	json_decref(request);
	ca_buf_clear(&line);
	ca_buf_clear(&bytes);
	return ok;
}
