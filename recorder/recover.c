/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recover.c - closes a recording that a crash left open.
 *
 * Nothing is added to the evidence: what is not a whole line goes, because it was never
 * released, and a seal says that it was recovered and how far it reaches.
 */
#include "recorder/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/crypto.h"
#include "cast_lock.h"
#include "cast_reader.h"
#include "recorder/seal.h"
#include "seal_chain.h"

#define CHUNK ((size_t)256 << 10)

struct recovery {
	const char *name;
	int folder_fd, fd;
	struct rec_chain chain;
	uint64_t whole;	   /* bytes up to the end of the last whole line */
	uint8_t hash[32];  /* of those */
	char *environment; /* NULL: the header never reached the disk */
};

/*
 * Where the last whole line ends. A recording holds no NUL, so behind one lies what the
 * file system gave for pages that were never written.
 */
static bool
find_end(struct recovery *r, struct ca_why *why)
{
	char *chunk = malloc(CHUNK);
	uint64_t at = 0;
	bool ok = false, torn = false;
	ssize_t n = 0;

	if (chunk == NULL)
		return ca_why_set(why, "out of memory");
	while (!torn && (n = pread(r->fd, chunk, CHUNK, (off_t)at)) > 0) {
		const char *nul = memchr(chunk, '\0', (size_t)n);
		size_t len = nul == NULL ? (size_t)n : (size_t)(nul - chunk);
		const char *lf = len == 0 ? NULL : memrchr(chunk, '\n', len);

		if (lf != NULL)
			r->whole = at + (uint64_t)(lf - chunk) + 1;
		torn = nul != NULL;
		at += (uint64_t)n;
	}
	ok = n >= 0 ||
	     ca_why_set(why, "recording '%s' cannot be read: %s", r->name, strerror(errno));
	free(chunk);
	return ok;
}

static bool
read_environment(struct recovery *r, struct ca_why *why)
{
	struct rec_cast_reader *reader;
	struct rec_header header;
	enum rec_read result;

	if (r->whole == 0)
		return true;
	reader = rec_cast_reader_new(r->fd);
	if (reader == NULL)
		return ca_why_set(why, "out of memory");
	result = rec_cast_reader_header(reader, &header, why);
	if (result == REC_READ_MORE && header.environment != NULL)
		r->environment = strdup(header.environment);
	else if (result == REC_READ_MORE)
		ca_why_set(why, "header names no environment");
	rec_cast_reader_free(reader);
	return r->environment != NULL || ca_why_prefix(why, "recording '%s'", r->name);
}

/* Takes away what was never whole: the end of the recording, and of the kept seals. */
static bool
cut_rest(struct recovery *r, struct ca_why *why)
{
	char file[NAME_MAX + 1];
	int fd;
	bool ok;

	if (ftruncate(r->fd, (off_t)r->whole) != 0 || fdatasync(r->fd) != 0)
		return ca_why_set(
		    why, "recording '%s' cannot be cut: %s", r->name, strerror(errno));
	snprintf(file, sizeof(file), "%.*s.seals", NAME_MAX - 16, r->name);
	fd = openat(r->folder_fd, file, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ||
		       ca_why_set(why, "file '%s' cannot be opened: %s", file, strerror(errno));
	ok = ftruncate(fd, (off_t)r->chain.kept_bytes) == 0 && fdatasync(fd) == 0;
	if (!ok)
		ca_why_set(why, "file '%s' cannot be cut: %s", file, strerror(errno));
	close(fd);
	return ok;
}

static bool
write_seal(struct recovery *r, struct ca_signer *signer, int64_t wall, uint8_t seal_hash[static 32],
    struct ca_why *why)
{
	const struct rec_chain_link *last = rec_chain_last(&r->chain);
	struct ca_signer *session_key = NULL;
	struct ca_cert *cert = NULL;
	struct rec_signed file = { 0 };
	struct rec_seal seal = {
		.recording = r->name,
		.state = REC_SEAL_RECOVERED,
		.sequence = r->chain.count + 1,
		.bytes = r->whole,
		.has_previous = last != NULL,
		.sealed = wall,
	};
	char session[NAME_MAX + 1];
	uint64_t serial;
	bool ok = false;

	/* the upper half: never the serial of a key that a session was given */
	ca_random(&serial, sizeof(serial));
	serial |= UINT64_C(1) << 63;
	snprintf(session, sizeof(session), "%.*s", (int)rec_name_session(r->name), r->name);
	memcpy(seal.hash, r->hash, sizeof(seal.hash));
	if (last != NULL)
		memcpy(seal.previous, last->hash, sizeof(seal.previous));
	rec_seal_encode(&file.text, &seal);
	if (!ca_signer_generate(&session_key, why) ||
	    !rec_seal_certify(&cert, ca_signer_key(session_key),
		r->environment != NULL ? r->environment : "unknown", session, serial, wall, signer,
		why) ||
	    !rec_signed_sign(&file, CA_NAMESPACE_SEAL, session_key, cert, why) ||
	    !rec_chain_store(r->folder_fd, r->name,
		last != NULL && !last->kept ? &last->file : NULL, &file, why))
		goto out;
	ca_sha256(file.text.data, file.text.len, seal_hash);
	ok = true;
out:
	rec_signed_clear(&file);
	ca_cert_free(cert);
	ca_signer_free(session_key);
	return ok;
}

static bool
open_quiet(struct recovery *r, struct ca_why *why)
{
	char path[NAME_MAX + 1];
	struct stat st;

	snprintf(path, sizeof(path), "%.*s.cast", NAME_MAX - 16, r->name);
	r->fd = openat(r->folder_fd, path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (r->fd < 0)
		return ca_why_set(
		    why, "recording '%s' cannot be opened: %s", r->name, strerror(errno));
	if (fstat(r->fd, &st) != 0 || !S_ISREG(st.st_mode))
		return ca_why_set(why, "recording '%s' is not a regular file", r->name);
	if (!rec_cast_lock(r->fd))
		return ca_why_set(why, "recording '%s' is being written", r->name);
	return true;
}

bool
rec_recording_recover(int folder_fd, const char *name, struct ca_signer *signer, int64_t wall,
    bool *recovered, uint8_t seal_hash[static 32], struct ca_why *why)
{
	struct recovery r = { .name = name, .folder_fd = folder_fd, .fd = -1 };
	const struct rec_chain_link *last;
	struct stat st;
	bool ok = false;

	*recovered = false;
	if (!rec_name_is_valid(name))
		return ca_why_set(why, "'%s' is no name of a recording", name);
	if (!open_quiet(&r, why) || !rec_chain_load(&r.chain, folder_fd, name, true, why) ||
	    !find_end(&r, why) || !read_environment(&r, why) ||
	    !rec_chain_check(&r.chain, name, r.environment, ca_signer_key(signer), why))
		goto out;
	last = rec_chain_last(&r.chain);
	if (!rec_chain_check_bytes(&r.chain, name, r.fd, r.whole, r.hash, why))
		goto out;
	if (last != NULL && last->seal.state != REC_SEAL_OPEN) {
		ok = fstat(r.fd, &st) == 0 && (uint64_t)st.st_size == last->seal.bytes;
		if (!ok)
			ca_why_set(why, "recording '%s' goes on behind its last seal, which is %s",
			    name, rec_seal_state_name(last->seal.state));
		memcpy(seal_hash, last->hash, sizeof(last->hash));
		goto out;
	}
	ok = cut_rest(&r, why) && write_seal(&r, signer, wall, seal_hash, why);
	*recovered = ok;
out:
	rec_chain_clear(&r.chain);
	free(r.environment);
	if (r.fd >= 0)
		close(r.fd);
	return ok;
}
