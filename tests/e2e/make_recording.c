/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make_recording.c - fills a post's state folder as a gate does, without a gate.
 *
 * make_recording STATE NAME COMMAND: standard input is the output of a recording that ends with 0;
 * what comes on descriptor 3, if it is open, is its stderr. COMMAND may be
 *
 *   --open    sealed once, then more, and never closed
 *   --live    the same, and held until it is killed
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ca/text.h"
#include "recorder/log.h"
#include "recorder/recording.h"
#include "recorder/seal.h"

#define PIECE 4001 /* odd, so that characters are cut */

static struct ca_why why;

static void
must(bool ok)
{
	if (ok)
		return;
	fprintf(stderr, "make_recording: %s\n", why.text);
	exit(1);
}

static struct ca_signer *
load_key(const char *state, const char *name)
{
	struct ca_signer *key = NULL;
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", state, name);
	if (access(path, F_OK) != 0)
		must(ca_signer_create_file(path, name, &why));
	must(ca_signer_load(&key, path, &why));
	return key;
}

static void
enter(struct rec_log *log, const char *event, const char *name, const uint8_t *seal)
{
	struct ca_buf hex = { 0 };
	json_t *fields = json_pack("{s:s}", "recording", name);

	if (seal != NULL) {
		ca_hex_encode(&hex, seal, 32);
		json_object_set_new(fields, "seal", json_stringn((const char *)hex.data, hex.len));
	}
	must(rec_log_append(log, time(NULL), event, fields, NULL, NULL, &why));
	must(rec_log_commit(log, &why));
	json_decref(fields);
	ca_buf_clear(&hex);
}

static void
record(struct rec_recording *recording, int fd, char code, uint64_t *time_us)
{
	uint8_t data[PIECE];
	ssize_t n;

	while ((n = read(fd, data, sizeof(data))) > 0) {
		const struct rec_event event = {
			.time = *time_us += 1000,
			.code = code,
			.data = data,
			.len = (size_t)n,
		};

		must(rec_recording_event(recording, &event, &why));
	}
}

static void
seal_open(struct rec_recording *recording)
{
	static const struct rec_event more = {
		.time = 9000000,
		.code = 'o',
		.data = (const uint8_t *)"behind the seal\n",
		.len = 16,
	};
	uint64_t next;

	must(rec_recording_tick(recording, 1000000, time(NULL), &next, &why));
	must(rec_recording_tick(recording, 61000000, time(NULL), &next, &why));
	must(rec_recording_event(recording, &more, &why));
}

int
main(int argc, char **argv)
{
	char path[4096], session[128];
	const char *mode = argc > 3 ? argv[3] : "query select 1";
	struct rec_header header = {
		.width = 80,
		.height = 24,
		.timestamp = time(NULL),
		.command = mode,
		.identity = "alice@vendor.example",
		.key_id = "alice@vendor.example grant 42 acme-prod/diagnostics",
		.grant = 42,
		.environment = "acme-prod",
		.role = "diagnostics",
		.confinement = "none",
	};
	struct ca_signer *seal_key, *checkpoint_key, *session_key;
	struct ca_cert *cert;
	struct rec_log *log;
	struct rec_recording *recording;
	uint8_t seal[32];
	uint64_t time_us = 0;
	int folder_fd;

	if (argc < 3)
		return 2;
	header.recording = argv[2];
	snprintf(session, sizeof(session), "%.*s", (int)strcspn(argv[2], "."), argv[2]);
	seal_key = load_key(argv[1], "seal_key");
	checkpoint_key = load_key(argv[1], "checkpoint_key");
	must(ca_signer_generate(&session_key, &why));
	must(rec_seal_certify(&cert, ca_signer_key(session_key), "acme-prod", session, 1,
	    time(NULL), seal_key, &why));
	snprintf(path, sizeof(path), "%s/log", argv[1]);
	must(rec_log_open(&log, path, "acme-prod/log", checkpoint_key, true, NULL, NULL, &why));
	snprintf(path, sizeof(path), "%s/recordings", argv[1]);
	(void)mkdir(path, 0700);
	folder_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	enter(log, "session.run", header.recording, NULL);
	must(rec_recording_open(&recording, folder_fd, &header, session_key, cert, &why));
	if (strcmp(mode, "--live") == 0) {
		seal_open(recording);
		rec_log_close(log);
		puts("live");
		fflush(stdout);
		for (;;)
			pause();
	}
	record(recording, STDIN_FILENO, 'o', &time_us);
	record(recording, 3, 'e', &time_us);
	if (strcmp(mode, "--open") == 0) {
		seal_open(recording);
	} else {
		must(rec_recording_close(recording, time_us, "0", time(NULL), seal, &why));
		enter(log, "run.end", header.recording, seal);
	}
	must(rec_log_checkpoint(log, time(NULL), &why));
	rec_recording_free(recording);
	rec_log_close(log);
	ca_cert_free(cert);
	ca_signer_free(session_key);
	ca_signer_free(seal_key);
	ca_signer_free(checkpoint_key);
	close(folder_fd);
	return 0;
}
