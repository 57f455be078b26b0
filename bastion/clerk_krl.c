/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clerk_krl.c - the revocation list: read again when its file changes, never backwards, and
 * without a whole and young one no new session.
 */
#include "bastion/clerk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ca/crypto.h"
#include "ca/file.h"
#include "ca/krl.h"
#include "ca/text.h"

#define LOOK_NS 500000000ULL

/* For keepers, who may read but open nothing. */
static int
make_memfd(const struct ca_buf *bytes)
{
	int fd = memfd_create("krl", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -1;
	if (ca_write_all(fd, bytes->data, bytes->len) &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0)
		return fd;
	close(fd);
	return -1;
}

static json_t *
loaded_fields(const struct bas_revocations *list, const struct ca_buf *bytes)
{
	struct ca_buf hex = { 0 };
	char generated[CA_TIME_SIZE];
	uint8_t hash[32];
	json_t *fields;

	ca_sha256(bytes->data, bytes->len, hash);
	ca_hex_encode(&hex, hash, sizeof(hash));
	ca_time_format((int64_t)ca_krl_generated(list->krl), generated);
	fields = json_pack("{s:o, s:I, s:s, s:s#}", "path", bas_clerk_text(list->path), "number",
	    (json_int_t)list->number, "generated", generated, "sha256", (const char *)hex.data,
	    (int)hex.len);
	ca_buf_clear(&hex);
	return fields;
}

/* A list that is older than one we have seen is an attack or a mistake. */
static bool
read_list(struct bas_clerk *clerk, struct ca_why *why)
{
	struct bas_revocations *list = &clerk->revocations;
	struct ca_buf bytes = { 0 };
	struct ca_krl *krl = NULL;
	int memfd = -1;
	bool ok = false;

	if (!ca_file_read_trusted(list->path, CA_KRL_MAX, false, &bytes, why) ||
	    !ca_krl_parse(&krl, bytes.data, bytes.len, why))
		goto out;
	if (ca_krl_number(krl) < list->number) {
		ca_why_set(why, "its number %" PRIu64 " is lower than %" PRIu64 ", seen before",
		    ca_krl_number(krl), list->number);
		goto out;
	}
	if (ca_krl_generated(krl) > (uint64_t)BAS_TIME_MAX) {
		ca_why_set(why, "it was made in no possible year");
		goto out;
	}
	memfd = make_memfd(&bytes);
	if (memfd < 0) {
		ca_why_set(why, "%s", strerror(errno));
		goto out;
	}
	ca_krl_free(list->krl);
	if (list->memfd >= 0)
		close(list->memfd);
	list->krl = krl;
	list->memfd = memfd;
	list->number = ca_krl_number(krl);
	krl = NULL;
	bas_clerk_log(clerk, "krl.loaded", loaded_fields(list, &bytes));
	ok = true;
out:
	ca_krl_free(krl);
	ca_buf_clear(&bytes);
	return ok;
}

static bool
is_unchanged(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static void
set_broken(struct bas_clerk *clerk, const struct ca_why *why)
{
	struct bas_revocations *list = &clerk->revocations;

	if (list->broken && strcmp(list->why.text, why->text) == 0)
		return;
	list->broken = true;
	list->why = *why;
	bas_clerk_log(clerk, "krl.broken",
	    json_pack("{s:o, s:o}", "path", bas_clerk_text(list->path), "sentence",
		bas_clerk_text(why->text)));
}

static void
look(struct bas_clerk *clerk)
{
	struct bas_revocations *list = &clerk->revocations;
	struct ca_why why = { .text = "" };
	struct stat st;

	if (stat(list->path, &st) != 0) {
		ca_why_set(&why, "krl '%s': %s", list->path, strerror(errno));
		memset(&list->seen, 0, sizeof(list->seen));
		set_broken(clerk, &why);
		return;
	}
	if (is_unchanged(&st, &list->seen))
		return;
	/* Before reading: what is written meanwhile changes the file again. */
	list->seen = st;
	if (read_list(clerk, &why)) {
		list->broken = false;
		return;
	}
	ca_why_prefix(&why, "krl '%s'", list->path);
	set_broken(clerk, &why);
}

static bool
is_stale(const struct bas_revocations *list, int64_t now)
{
	return list->max_age != 0 &&
	       (list->krl == NULL ||
		   now - (int64_t)ca_krl_generated(list->krl) > (int64_t)list->max_age);
}

static void
end_revoked(struct bas_clerk *clerk)
{
	const struct ca_krl *krl = clerk->revocations.krl;
	struct bas_live *session, *next;

	for (session = bas_sessions_first(clerk->sessions); session != NULL; session = next) {
		next = session->next;
		if (!ca_krl_revokes(
			krl, session->authority, session->serial, session->key_id, session->key))
			continue;
		if (!bas_sessions_revoke(clerk->sessions, session->statement_hash, session->end))
			continue; /* out of memory: it ends all the same at the next look */
		bas_clerk_end_session(clerk, session, "session.revoked", "revoked", CA_REVOKED,
		    "the certificate was revoked", NULL);
	}
}

static void
end_all_stale(struct bas_clerk *clerk)
{
	struct bas_live *session;

	while ((session = bas_sessions_first(clerk->sessions)) != NULL)
		bas_clerk_end_session(clerk, session, "session.end", "krl-stale", CA_KRL_UNUSABLE,
		    "the revocation list is too old", NULL);
}

void
bas_clerk_check_krl(struct bas_clerk *clerk, int64_t now)
{
	struct bas_revocations *list = &clerk->revocations;
	uint64_t boot = bas_clock_boot();

	if (list->path == NULL || boot < list->due)
		return;
	list->due = boot + LOOK_NS;
	look(clerk);
	if (list->krl != NULL)
		end_revoked(clerk);
	if (is_stale(list, now))
		end_all_stale(clerk);
}

enum ca_reason
bas_clerk_ask_krl(struct bas_clerk *clerk, const struct bas_claim *claim, bool fresh, int64_t now,
    struct ca_why *why)
{
	const struct bas_revocations *list = &clerk->revocations;
	struct ca_key *authority = NULL, *key = NULL;
	enum ca_reason reason = CA_KRL_UNUSABLE;

	if (list->path == NULL)
		return CA_ADMITTED;
	if (fresh && (list->broken || list->krl == NULL)) {
		ca_why_set(why, "the revocation list cannot be read, so nobody new is let in");
		return CA_KRL_UNUSABLE;
	}
	if (is_stale(list, now)) {
		ca_why_set(why, "the revocation list is too old, so nobody new is let in");
		return CA_KRL_UNUSABLE;
	}
	if (list->krl == NULL)
		return CA_ADMITTED;
	if (!ca_key_parse(&authority, claim->authority.data, claim->authority.len, why) ||
	    !ca_key_parse(&key, claim->key.data, claim->key.len, why))
		goto out;
	reason = CA_ADMITTED;
	if (ca_krl_revokes(list->krl, authority, claim->serial, claim->key_id, key)) {
		ca_why_set(why, "the certificate was revoked");
		reason = CA_REVOKED;
	}
out:
	ca_key_free(authority);
	ca_key_free(key);
	return reason;
}

bool
bas_clerk_set_krl(struct bas_clerk *clerk, const char *path, unsigned max_age)
{
	struct bas_revocations *list = &clerk->revocations;
	char *copy = NULL;

	if (path != NULL && (copy = strdup(path)) == NULL)
		return false;
	list->max_age = max_age;
	list->due = 0;
	if (path == NULL || list->path == NULL || strcmp(path, list->path) != 0) {
		/* Another file, not another list: its number must not fall either. */
		memset(&list->seen, 0, sizeof(list->seen));
		list->broken = false;
	}
	if (path == NULL) {
		ca_krl_free(list->krl);
		list->krl = NULL;
		if (list->memfd >= 0)
			close(list->memfd);
		list->memfd = -1;
	}
	free(list->path);
	list->path = copy;
	return true;
}

void
bas_clerk_clear_krl(struct bas_clerk *clerk)
{
	(void)!bas_clerk_set_krl(clerk, NULL, 0);
}
