/* SPDX-License-Identifier: Apache-2.0 */
/* recorder_scratch.h - a folder, a seal key and a session to record, for the recorder's tests. */
#ifndef TEST_RECORDER_SCRATCH_H
#define TEST_RECORDER_SCRATCH_H

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "ca/cert.h"
#include "ca/file.h"
#include "ca/signer.h"
#include "recorder/recording.h"
#include "recorder/seal.h"

#define WALL 1795284000 /* 2026-11-21T18:00:00Z */

struct scratch {
	char path[64];
	int fd;
	struct ca_signer *seal_key, *session_key;
	struct ca_cert *cert;
	struct rec_header header;
	struct ca_why why;
};

/* A command of the test's own; true when it ended with 0. */
__attribute__((format(printf, 1, 2))) static inline bool
run(const char *format, ...)
{
	char command[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	return system(command) == 0;
}

static inline int
setup(void **state)
{
	struct scratch *s = calloc(1, sizeof(*s));

	strcpy(s->path, "/tmp/postern-recorder-XXXXXX");
	assert_non_null(mkdtemp(s->path));
	s->fd = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(s->fd >= 0);
	assert_true(ca_signer_generate(&s->seal_key, &s->why));
	assert_true(ca_signer_generate(&s->session_key, &s->why));
	assert_true(rec_seal_certify(&s->cert, ca_signer_key(s->session_key), "acme-prod",
	    "20261121-s1", 42, WALL, s->seal_key, &s->why));
	s->header = (struct rec_header){
		.width = 80,
		.height = 24,
		.timestamp = WALL,
		.command = "query select 1",
		.recording = "20261121-s1.1",
		.identity = "alice@vendor.example",
		.environment = "acme-prod",
		.role = "diagnostics",
		.grant = 42,
	};
	*state = s;
	return 0;
}

static inline int
teardown(void **state)
{
	struct scratch *s = *state;

	close(s->fd);
	ca_cert_free(s->cert);
	ca_signer_free(s->session_key);
	ca_signer_free(s->seal_key);
	assert_true(run("chmod -R u+rwx %s 2>/dev/null; rm -rf %s", s->path, s->path));
	free(s);
	return 0;
}

static inline struct rec_recording *
open_recording(struct scratch *s)
{
	struct rec_recording *recording = NULL;

	if (!rec_recording_open(&recording, s->fd, &s->header, s->session_key, s->cert, &s->why))
		fail_msg("%s", s->why.text);
	return recording;
}

static inline bool
put_text(struct rec_recording *recording, uint64_t time, const char *text, struct ca_why *why)
{
	const struct rec_event event = {
		.time = time,
		.code = 'o',
		.data = (const uint8_t *)text,
		.len = strlen(text),
	};

	return rec_recording_event(recording, &event, why);
}

/* Ticks as if `seconds` had passed; the first tick of a stretch only notes the time. */
static inline void
tick(struct scratch *s, struct rec_recording *recording, uint64_t seconds)
{
	uint64_t next;

	if (!rec_recording_tick(
		recording, seconds * 1000000, WALL + (int64_t)seconds, &next, &s->why))
		fail_msg("%s", s->why.text);
}

static inline void
close_recording(struct scratch *s, struct rec_recording *recording)
{
	uint8_t hash[32];

	if (!rec_recording_close(recording, 9000000, "0", WALL + 1000, hash, &s->why))
		fail_msg("%s", s->why.text);
	rec_recording_free(recording);
}

static inline struct ca_buf
read_file(const struct scratch *s, const char *name)
{
	char path[256];
	struct ca_buf out = { 0 };

	snprintf(path, sizeof(path), "%s/%s", s->path, name);
	assert_true(ca_file_read(path, (size_t)64 << 20, &out, NULL));
	return out;
}

static inline void
write_file(const struct scratch *s, const char *name, const void *data, size_t len)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", s->path, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0 && ca_write_all(fd, data, len));
	close(fd);
}

#endif
