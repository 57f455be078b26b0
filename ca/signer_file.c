/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signer_file.c - the signer whose private key is in this process: read from a
 * file, or made for the occasion.
 */
#include "ca/signer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/crypto.h"
#include "ca/crypto_key.h"
#include "ca/file.h"
#include "ca/private_key.h"
#include "ca/signer_kind.h"

#define KEY_FILE_MAX 65536 /* bytes */

struct file_signer {
	struct ca_signer signer;
	struct ca_pkey *secret;
};

static bool
sign_with_file(
    struct ca_signer *signer, const void *data, size_t len, struct ca_buf *sig, struct ca_why *why)
{
	const struct file_signer *self = (const struct file_signer *)signer;
	enum ca_key_type type = ca_key_type(signer->key);
	struct ca_buf raw = { 0 };
	bool ok = ca_pkey_sign(self->secret, data, len, &raw);

	if (ok) {
		ca_buf_put_cstring(
		    sig, type == CA_KEY_RSA ? "rsa-sha2-512" : ca_key_type_name(type));
		ca_buf_put_string(sig, raw.data, raw.len);
		ok = ca_buf_ok(sig);
	}
	ca_buf_clear(&raw);
	return ok || ca_why_set(why, "cannot sign with the private key");
}

static void
free_file_signer(struct ca_signer *signer)
{
	struct file_signer *self = (struct file_signer *)signer;

	ca_pkey_free(self->secret);
	free(self);
}

static const struct ca_signer_kind file_kind = { sign_with_file, free_file_signer };

/* Moves both halves out of `key`, whose public one was made from the private one or is proven. */
static bool
make_signer(struct ca_signer **out, struct ca_private_key *key, struct ca_why *why)
{
	struct file_signer *self = calloc(1, sizeof(*self));

	if (self == NULL)
		return ca_why_set(why, "out of memory");
	self->signer = (struct ca_signer){ .kind = &file_kind, .key = key->key };
	self->secret = key->secret;
	*key = (struct ca_private_key){ 0 };
	*out = &self->signer;
	return true;
}

/* The same with halves that somebody wrote side by side: proves by a signature that they belong
 * together. */
static bool
make_proven(struct ca_signer **out, struct ca_private_key *key, struct ca_why *why)
{
	struct ca_signer *signer = NULL;
	struct ca_buf proof = { 0 };
	bool ok;

	if (!make_signer(&signer, key, why))
		return false;
	ok = ca_signer_sign(signer, "", 0, &proof, why);
	ca_buf_clear(&proof);
	if (!ok) {
		ca_signer_free(signer);
		return ca_why_set(why, "the private key does not match its public key");
	}
	*out = signer;
	return true;
}

static bool
load_through_agent(
    struct ca_signer **out, const char *path, const struct ca_key *key, struct ca_why *why)
{
	struct ca_private_agent *agent = NULL;

	if (!ca_private_agent_start(&agent, why))
		return false;
	if (!ca_private_agent_add(agent, path, why)) {
		ca_private_agent_free(agent);
		return false;
	}
	return ca_signer_agent_take(out, ca_private_agent_socket(agent), key, agent, why);
}

bool
ca_signer_load(struct ca_signer **out, const char *path, struct ca_why *why)
{
	struct ca_private_key key = { 0 };
	struct ca_buf text = { 0 };
	bool ok = false;

	if (!ca_file_read_trusted(path, KEY_FILE_MAX, true, &text, why))
		goto out;
	if (!ca_private_key_parse(&key, (const char *)text.data, text.len, why))
		ca_why_prefix(why, "'%s'", path);
	else if (key.secret == NULL)
		ok = load_through_agent(out, path, key.key, why);
	else
		ok = make_proven(out, &key, why) || ca_why_prefix(why, "'%s'", path);
out:
	ca_private_key_clear(&key);
	ca_buf_clear(&text);
	return ok;
}

/* The key of a seed, with its public half. */
static bool
make_ed25519(struct ca_private_key *out, const uint8_t *seed, struct ca_why *why)
{
	uint8_t point[CA_ED25519_SIZE];
	struct ca_buf blob = { 0 };
	bool ok = false;

	if (ca_pkey_private_ed25519(&out->secret, seed, point, why)) {
		ca_buf_put_cstring(&blob, ca_key_type_name(CA_KEY_ED25519));
		ca_buf_put_string(&blob, point, sizeof(point));
		ok = ca_buf_ok(&blob) && ca_key_parse(&out->key, blob.data, blob.len, why);
	}
	ca_buf_clear(&blob);
	return ok;
}

bool
ca_signer_generate(struct ca_signer **out, struct ca_why *why)
{
	struct ca_private_key key = { 0 };
	uint8_t seed[CA_ED25519_SIZE];
	bool ok;

	ca_random(seed, sizeof(seed));
	ok = make_ed25519(&key, seed, why) && make_signer(out, &key, why);
	ca_wipe(seed, sizeof(seed));
	ca_private_key_clear(&key);
	return ok;
}

/* A file that was not there before; nothing is left of it after a failure. */
static bool
create_file(const char *path, const struct ca_buf *text, mode_t mode, struct ca_why *why)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	bool ok = false;

	if (fd < 0)
		return ca_why_set(why, "'%s': %s", path, strerror(errno));
	if (!ca_buf_ok(text) || fchmod(fd, mode) != 0 || !ca_write_all(fd, text->data, text->len) ||
	    fsync(fd) != 0)
		ca_why_set(why, "'%s': %s", path, strerror(errno));
	else
		ok = ca_file_sync_folder(path, why);
	close(fd);
	if (!ok)
		unlink(path);
	return ok;
}

static bool
create_both(const char *path, const uint8_t *seed, const struct ca_key *key, const char *comment,
    struct ca_why *why)
{
	struct ca_buf private = { 0 }, public = { 0 }, public_path = { 0 };
	bool ok = false;

	ca_private_key_put_ed25519(&private, seed, key, comment);
	ca_key_put_line(&public, key);
	ca_buf_printf(&public, " %s\n", comment);
	ca_buf_printf(&public_path, "%s.pub", path);
	if (!ca_buf_ok(&public_path))
		ca_why_set(why, "out of memory");
	else if (create_file(path, &private, 0600, why)) {
		ok = create_file((const char *)public_path.data, &public, 0644, why);
		if (!ok)
			unlink(path);
	}
	ca_buf_clear(&public_path);
	ca_buf_clear(&public);
	ca_buf_clear(&private);
	return ok;
}

bool
ca_signer_create_file(const char *path, const char *comment, struct ca_why *why)
{
	struct ca_private_key key = { 0 };
	uint8_t seed[CA_ED25519_SIZE];
	bool ok;

	if (strpbrk(comment, "\r\n") != NULL)
		return ca_why_set(why, "a key's comment is one line");
	ca_random(seed, sizeof(seed));
	ok = make_ed25519(&key, seed, why) && create_both(path, seed, key.key, comment, why);
	ca_wipe(seed, sizeof(seed));
	ca_private_key_clear(&key);
	return ok;
}
