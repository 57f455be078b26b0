/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seal_chain.c - the files that hold a recording's seals, and what makes them a chain.
 */
#include "seal_chain.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/crypto.h"
#include "ca/file.h"
#include "ca/text.h"

#define CHUNK	       ((size_t)256 << 10)
#define TRIES	       3
#define CHAIN_FILE_MAX ((size_t)96 << 20)
#define SIG_END	       "-----END SSH SIGNATURE-----\n"
#define SIG_BEGIN      "-----BEGIN SSH SIGNATURE-----\n"

size_t
rec_name_session(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot == NULL ? 0 : (size_t)(dot - name);
}

bool
rec_name_is_valid(const char *name)
{
	size_t session = rec_name_session(name);
	uint64_t number;

	return ca_text_is_name(name) && session > 0 &&
	       ca_text_to_u64(name + session + 1, UINT32_MAX, &number);
}

void
rec_chain_clear(struct rec_chain *chain)
{
	for (size_t i = 0; i < chain->count; i++) {
		rec_seal_clear(&chain->links[i].seal);
		rec_signed_clear(&chain->links[i].file);
	}
	free(chain->links);
	memset(chain, 0, sizeof(*chain));
}

const struct rec_chain_link *
rec_chain_last(const struct rec_chain *chain)
{
	return chain->count == 0 ? NULL : &chain->links[chain->count - 1];
}

/* Room for one more, not counted yet. */
static struct rec_chain_link *
add_link(struct rec_chain *chain, struct ca_why *why)
{
	struct rec_chain_link *grown;

	if (chain->count >= REC_CHAIN_MAX) {
		ca_why_set(why, "more than %d seals", REC_CHAIN_MAX);
		return NULL;
	}
	if ((chain->count & (chain->count - 1)) == 0) {
		size_t room = chain->count == 0 ? 1 : chain->count * 2;

		grown = realloc(chain->links, room * sizeof(*grown));
		if (grown == NULL) {
			ca_why_set(why, "out of memory");
			return NULL;
		}
		chain->links = grown;
	}
	grown = &chain->links[chain->count];
	memset(grown, 0, sizeof(*grown));
	return grown;
}

/* Takes the content of link->file as the chain's next seal. */
static bool
accept_link(struct rec_chain *chain, struct rec_chain_link *link, struct ca_why *why)
{
	const struct ca_buf *text = &link->file.text;

	if (!rec_seal_parse(&link->seal, (const char *)text->data, text->len, why)) {
		rec_signed_clear(&link->file);
		return ca_why_prefix(why, "seal %zu", chain->count + 1);
	}
	ca_sha256(text->data, text->len, link->hash);
	chain->count++;
	return true;
}

/* Splits the content of <name>.seals; stops before a last one that is not whole. */
static bool
split_kept(struct rec_chain *chain, const char *text, size_t len, struct ca_why *why)
{
	const char *next = text, *end = text + len;

	while (next < end) {
		const char *sig = memmem(next, (size_t)(end - next), SIG_BEGIN, strlen(SIG_BEGIN));
		const char *stop =
		    sig == NULL ? NULL : memmem(sig, (size_t)(end - sig), SIG_END, strlen(SIG_END));
		struct rec_chain_link *link;

		if (stop == NULL)
			break;
		stop += strlen(SIG_END);
		if ((link = add_link(chain, why)) == NULL)
			return false;
		link->kept = true;
		ca_buf_put(&link->file.text, next, (size_t)(sig - next));
		ca_buf_put(&link->file.armor, sig, (size_t)(stop - sig));
		if (!accept_link(chain, link, why))
			return false;
		next = stop;
	}
	chain->kept_bytes = (uint64_t)(next - text);
	return true;
}

static bool
load_kept(struct rec_chain *chain, int folder_fd, const char *name, struct ca_why *why)
{
	char file[NAME_MAX + 1];
	struct ca_buf text = { 0 };
	struct stat st;
	uint8_t *to;
	int fd;
	bool ok = false;

	snprintf(file, sizeof(file), "%s.seals", name);
	fd = openat(folder_fd, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ||
		       ca_why_set(why, "file '%s' cannot be read: %s", file, strerror(errno));
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (size_t)st.st_size > CHAIN_FILE_MAX ||
	    (to = ca_buf_grow(&text, (size_t)st.st_size + 1)) == NULL ||
	    pread(fd, to, (size_t)st.st_size, 0) != st.st_size)
		ca_why_set(why, "file '%s' cannot be read", file);
	else
		ok = split_kept(chain, (const char *)to, (size_t)st.st_size, why) ||
		     ca_why_prefix(why, "file '%s'", file);
	ca_buf_clear(&text);
	close(fd);
	return ok;
}

static bool
load_once(struct rec_chain *out, int folder_fd, const char *name, bool repair, struct ca_why *why)
{
	char file[NAME_MAX + 1];
	struct rec_chain_link *link;
	const struct rec_chain_link *last;
	bool found;

	memset(out, 0, sizeof(*out));
	snprintf(file, sizeof(file), "%.*s.seal", NAME_MAX - 16, name);
	if (!load_kept(out, folder_fd, name, why) || (link = add_link(out, why)) == NULL)
		goto fail;
	if (!rec_signed_load(
		&link->file, folder_fd, file, CA_NAMESPACE_SEAL, repair, NULL, &found, why)) {
		rec_signed_clear(&link->file);
		goto fail;
	}
	last = rec_chain_last(out);
	/* a crash may come between keeping the old seal and replacing it */
	if (!found || (last != NULL && ca_bytes_equal(ca_buf_bytes(&last->file.text),
					   ca_buf_bytes(&link->file.text)))) {
		rec_signed_clear(&link->file);
		return true;
	}
	if (accept_link(out, link, why))
		return true;
fail:
	rec_chain_clear(out);
	return false;
}

bool
rec_chain_load(
    struct rec_chain *out, int folder_fd, const char *name, bool repair, struct ca_why *why)
{
	/* a writer may have moved on between our look at the kept seals and at the newest */
	for (int i = 0; i < TRIES; i++) {
		if (!load_once(out, folder_fd, name, repair, why))
			return false;
		if (out->count == 0 || rec_chain_last(out)->seal.sequence == out->count)
			return true;
		if (i + 1 < TRIES)
			rec_chain_clear(out);
	}
	return true; /* rec_chain_check says which one is missing */
}

static bool
check_place(const struct rec_chain *chain, size_t i, const char *name, struct ca_why *why)
{
	const struct rec_seal *seal = &chain->links[i].seal;

	if (strcmp(seal->recording, name) != 0)
		return ca_why_set(why, "is of recording '%s'", seal->recording);
	if (seal->sequence != i + 1)
		return ca_why_set(why, "calls itself %llu", (unsigned long long)seal->sequence);
	if (seal->state != REC_SEAL_OPEN && i + 1 != chain->count)
		return ca_why_set(
		    why, "is %s, and others follow", rec_seal_state_name(seal->state));
	if (i == 0)
		return true;
	if (memcmp(seal->previous, chain->links[i - 1].hash, 32) != 0)
		return ca_why_set(why, "does not name the seal before it");
	if (seal->bytes < chain->links[i - 1].seal.bytes)
		return ca_why_set(why, "covers fewer bytes than the seal before it");
	return true;
}

static bool
check_signer(const struct rec_chain_link *link, const char *name, const char *environment,
    const struct ca_key *seal_key, struct ca_why *why)
{
	struct ca_sshsig *sig = NULL;
	char key_id[NAME_MAX], principal[NAME_MAX];
	bool ok = false;

	snprintf(key_id, sizeof(key_id), "session %.*s", (int)rec_name_session(name), name);
	snprintf(principal, sizeof(principal), "seal@%s", environment != NULL ? environment : "");
	if (!rec_signed_check(&link->file, CA_NAMESPACE_SEAL, &sig, why))
		goto out;
	if (sig->cert == NULL || !ca_key_equal(sig->cert->authority, seal_key))
		ca_why_set(why, "was signed by a key that the seal key did not certify");
	else if (sig->cert->type != CA_CERT_USER || sig->cert->principal_count != 1 ||
		 sig->cert->critical_count != 0)
		ca_why_set(why, "was signed under a certificate that is not a sealing key's");
	else if (environment != NULL ? !ca_cert_has_principal(sig->cert, principal)
				     : strncmp(sig->cert->principals[0], "seal@", 5) != 0)
		ca_why_set(why, "was signed by a key for '%s', not '%s'", sig->cert->principals[0],
		    principal);
	else if (strcmp(sig->cert->key_id, key_id) != 0)
		ca_why_set(
		    why, "was signed by the key of '%s', not '%s'", sig->cert->key_id, key_id);
	else if ((uint64_t)link->seal.sealed < sig->cert->valid_after ||
		 (uint64_t)link->seal.sealed >= sig->cert->valid_before)
		ca_why_set(why, "was signed outside its certificate's validity");
	else
		ok = true;
out:
	ca_sshsig_free(sig);
	return ok;
}

bool
rec_chain_check(const struct rec_chain *chain, const char *name, const char *environment,
    const struct ca_key *seal_key, struct ca_why *why)
{
	for (size_t i = 0; i < chain->count; i++) {
		const struct rec_chain_link *link = &chain->links[i];

		if (!check_place(chain, i, name, why) ||
		    !check_signer(link, name, environment, seal_key, why))
			return ca_why_prefix(why, "seal %zu of %zu", i + 1, chain->count);
	}
	return true;
}

/* Adds the bytes from `at` to `stop` to a running hash. */
static bool
hash_until(struct ca_sha256 *hash, int fd, uint8_t *chunk, uint64_t at, uint64_t stop)
{
	while (at < stop) {
		size_t want = stop - at < CHUNK ? (size_t)(stop - at) : CHUNK;
		ssize_t n = pread(fd, chunk, want, (off_t)at);

		if (n <= 0)
			return false;
		ca_sha256_update(hash, chunk, (size_t)n);
		at += (uint64_t)n;
	}
	return true;
}

bool
rec_chain_check_bytes(const struct rec_chain *chain, const char *name, int fd, uint64_t bytes,
    uint8_t hash_out[static 32], struct ca_why *why)
{
	struct ca_sha256 *hash = ca_sha256_new();
	uint8_t *chunk = malloc(CHUNK), sum[32];
	uint64_t at = 0;
	bool ok = false;

	if (chunk == NULL) {
		ca_why_set(why, "out of memory");
		goto out;
	}
	for (size_t i = 0; i < chain->count; i++) {
		uint64_t stop = chain->links[i].seal.bytes;

		if (stop > bytes) {
			ca_why_set(why, "recording '%s' has %llu bytes, seal %zu is of %llu", name,
			    (unsigned long long)bytes, i + 1, (unsigned long long)stop);
			goto out;
		}
		if (!hash_until(hash, fd, chunk, at, stop)) {
			ca_why_set(why, "recording '%s' cannot be read", name);
			goto out;
		}
		at = stop;
		ca_sha256_peek(hash, sum);
		if (memcmp(sum, chain->links[i].seal.hash, sizeof(sum)) != 0) {
			ca_why_set(why,
			    "recording '%s' differs from seal %zu in its first %llu bytes", name,
			    i + 1, (unsigned long long)stop);
			goto out;
		}
	}
	ok = hash_until(hash, fd, chunk, at, bytes) ||
	     ca_why_set(why, "recording '%s' cannot be read", name);
	ca_sha256_peek(hash, hash_out);
out:
	free(chunk);
	ca_sha256_free(hash);
	return ok;
}

bool
rec_chain_store(int folder_fd, const char *name, const struct rec_signed *before,
    const struct rec_signed *seal, struct ca_why *why)
{
	char file[NAME_MAX + 1];
	int fd;
	bool ok;

	snprintf(file, sizeof(file), "%.*s.seals", NAME_MAX - 16, name);
	if (before != NULL) {
		fd = openat(
		    folder_fd, file, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0640);
		ok = fd >= 0 && ca_write_all(fd, before->text.data, before->text.len) &&
		     ca_write_all(fd, before->armor.data, before->armor.len) && fdatasync(fd) == 0;
		if (!ok)
			ca_why_set(why, "file '%s' cannot be written: %s", file, strerror(errno));
		if (fd >= 0)
			close(fd);
		if (!ok)
			return false;
	}
	snprintf(file, sizeof(file), "%.*s.seal", NAME_MAX - 16, name);
	return rec_signed_store(seal, folder_fd, file, why);
}
