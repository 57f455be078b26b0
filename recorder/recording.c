/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recording.c - one recording while it is written: the file, its syncs and its seals.
 *
 * Syncs and seals go by time, never by size: what was released survives the death of the
 * process at once, the death of the machine after a second, and is beyond
 * the session's own reach after a minute.
 */
#include "recorder/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "recorder/seal.h"
#include "cast_lock.h"
#include "seal_chain.h"
#include "sink.h"
#include "ca/crypto.h"

#define SYNC_EVERY ((uint64_t)1000 * 1000)
#define SEAL_EVERY ((uint64_t)60 * 1000 * 1000)

struct rec_recording {
	char *name;
	int folder_fd;
	struct rec_sink_file file;
	struct ca_signer *signer;
	const struct ca_cert *cert;
	uint64_t synced_bytes, sealed_bytes;
	uint64_t dirty_since,
	    unsealed_since; /* when a tick first saw bytes behind those; 0: none */
	uint64_t sequence;  /* of the newest seal; 0: none yet */
	uint8_t seal_hash[32];
	struct rec_signed seal; /* the newest */
	bool closed;
};

/* The file, locked: recovery keeps its hands off what a living process writes. */
static int
create_file(int folder_fd, const char *name, struct ca_why *why)
{
	char path[NAME_MAX + 1];
	int fd;

	snprintf(path, sizeof(path), "%.*s.cast", NAME_MAX - 16, name);
	fd = openat(folder_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0640);
	if (fd < 0)
		ca_why_set(why, "recording '%s' cannot be made: %s", name, strerror(errno));
	else if (!rec_cast_lock(fd)) {
		ca_why_set(why, "recording '%s' cannot be locked: %s", name, strerror(errno));
		close(fd);
		fd = -1;
	}
	return fd;
}

static void
remove_file(int folder_fd, const char *name)
{
	char path[NAME_MAX + 1];

	snprintf(path, sizeof(path), "%.*s.cast", NAME_MAX - 16, name);
	(void)unlinkat(folder_fd, path, 0);
}

static bool
sync_file(struct rec_recording *recording, struct ca_why *why)
{
	recording->dirty_since = 0;
	if (recording->synced_bytes == recording->file.bytes)
		return true;
	if (fdatasync(recording->file.fd) != 0) {
		recording->file.failed = true;
		return ca_why_set(
		    why, "recording '%s' cannot be synced: %s", recording->name, strerror(errno));
	}
	recording->synced_bytes = recording->file.bytes;
	return true;
}

/* The bytes so far must be on the disk before a seal says that they are. */
static bool
seal_file(
    struct rec_recording *recording, enum rec_seal_state state, int64_t wall, struct ca_why *why)
{
	struct rec_signed next = { 0 };
	struct rec_seal seal = {
		.recording = recording->name,
		.state = state,
		.sequence = recording->sequence + 1,
		.bytes = recording->file.bytes,
		.has_previous = recording->sequence > 0,
		.sealed = wall,
	};
	bool ok = false;

	memcpy(seal.previous, recording->seal_hash, sizeof(seal.previous));
	if (!sync_file(recording, why))
		goto out;
	ca_sha256_peek(recording->file.hash, seal.hash);
	rec_seal_encode(&next.text, &seal);
	if (!rec_signed_sign(&next, CA_NAMESPACE_SEAL, recording->signer, recording->cert, why) ||
	    !rec_chain_store(recording->folder_fd, recording->name,
		seal.has_previous ? &recording->seal : NULL, &next, why))
		goto out;
	ca_sha256(next.text.data, next.text.len, recording->seal_hash);
	recording->sequence++;
	recording->sealed_bytes = recording->file.bytes;
	recording->unsealed_since = 0;
	rec_signed_clear(&recording->seal);
	recording->seal = next;
	memset(&next, 0, sizeof(next));
	ok = true;
out:
	if (!ok)
		recording->file.failed = true;
	rec_signed_clear(&next);
	return ok;
}

bool
rec_recording_open(struct rec_recording **out, int folder_fd, const struct rec_header *header,
    struct ca_signer *signer, const struct ca_cert *cert, struct ca_why *why)
{
	struct rec_recording *recording;
	int fd;

	if (header->recording == NULL || !rec_name_is_valid(header->recording))
		return ca_why_set(why, "'%s' is no name of a recording",
		    header->recording != NULL ? header->recording : "");
	recording = calloc(1, sizeof(*recording));
	if (recording == NULL)
		return ca_why_set(why, "out of memory");
	recording->folder_fd = -1;
	rec_sink_file_init(&recording->file, -1, NULL);
	recording->signer = signer;
	recording->cert = cert;
	recording->name = strdup(header->recording);
	recording->file.name = recording->name;
	if (recording->name == NULL) {
		ca_why_set(why, "out of memory");
		goto fail;
	}
	if ((fd = create_file(folder_fd, recording->name, why)) < 0)
		goto fail;
	recording->file.fd = fd;
	recording->folder_fd = fcntl(folder_fd, F_DUPFD_CLOEXEC, 0);
	if (recording->folder_fd < 0) {
		ca_why_set(why, "recording '%s': %s", recording->name, strerror(errno));
		goto fail;
	}
	if (!recording->file.sink.ops->header(&recording->file.sink, header, why) ||
	    !sync_file(recording, why))
		goto fail;
	if (fsync(folder_fd) != 0) {
		ca_why_set(why, "recording '%s' cannot be made durable: %s", recording->name,
		    strerror(errno));
		goto fail;
	}
	*out = recording;
	return true;
fail:
	/* nothing was released, so nothing is lost with it */
	if (recording->file.fd >= 0)
		remove_file(folder_fd, recording->name);
	rec_recording_free(recording);
	return false;
}

bool
rec_recording_event(
    struct rec_recording *recording, const struct rec_event *event, struct ca_why *why)
{
	struct rec_sink *sink = &recording->file.sink;

	if (recording->closed)
		return ca_why_set(why, "recording '%s' is closed", recording->name);
	return sink->ops->event(sink, event, why);
}

bool
rec_recording_tick(
    struct rec_recording *recording, uint64_t now, int64_t wall, uint64_t *next, struct ca_why *why)
{
	const struct rec_sink_file *file = &recording->file;

	*next = UINT64_MAX;
	if (file->failed)
		return ca_why_set(why, "recording '%s' has failed before", recording->name);
	if (recording->closed)
		return true;
	if (file->bytes > recording->synced_bytes && recording->dirty_since == 0)
		recording->dirty_since = now;
	if (file->bytes > recording->sealed_bytes && recording->unsealed_since == 0)
		recording->unsealed_since = now;
	if (recording->unsealed_since != 0 && now - recording->unsealed_since >= SEAL_EVERY) {
		if (!seal_file(recording, REC_SEAL_OPEN, wall, why))
			return false;
	} else if (recording->dirty_since != 0 && now - recording->dirty_since >= SYNC_EVERY) {
		if (!sync_file(recording, why))
			return false;
	}
	if (recording->unsealed_since != 0)
		*next = recording->unsealed_since + SEAL_EVERY;
	if (recording->dirty_since != 0 && recording->dirty_since + SYNC_EVERY < *next)
		*next = recording->dirty_since + SYNC_EVERY;
	return true;
}

bool
rec_recording_close(struct rec_recording *recording, uint64_t time, const char *exit, int64_t wall,
    uint8_t seal_hash[static 32], struct ca_why *why)
{
	struct rec_sink *sink = &recording->file.sink;
	struct rec_event event = { .time = time, .code = 'x', .data = (const uint8_t *)exit };

	if (recording->closed)
		return ca_why_set(why, "recording '%s' is closed", recording->name);
	if (!sink->ops->end(sink, time, why))
		return false;
	event.len = exit != NULL ? strlen(exit) : 0;
	if (exit != NULL && !sink->ops->event(sink, &event, why))
		return false;
	if (!seal_file(recording, REC_SEAL_CLOSED, wall, why))
		return false;
	recording->closed = true;
	memcpy(seal_hash, recording->seal_hash, sizeof(recording->seal_hash));
	return true;
}

uint64_t
rec_recording_bytes(const struct rec_recording *recording)
{
	return recording->file.bytes;
}

uint64_t
rec_recording_seals(const struct rec_recording *recording)
{
	return recording->sequence;
}

void
rec_recording_free(struct rec_recording *recording)
{
	if (recording == NULL)
		return;
	if (recording->file.fd >= 0)
		close(recording->file.fd);
	if (recording->folder_fd >= 0)
		close(recording->folder_fd);
	recording->file.sink.ops->free(&recording->file.sink);
	rec_signed_clear(&recording->seal);
	free(recording->name);
	free(recording);
}
