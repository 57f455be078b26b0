/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sshsig.c - signatures over messages (PROTOCOL.sshsig).
 *
 * "SSHSIG", u32 version, string key, string namespace, string reserved, string hash
 * name, string signature. Signed is "SSHSIG", namespace, reserved, hash name and
 * the hash of the message, each but the first a string.
 */
#include "ca/sshsig.h"

#include <stdlib.h>
#include <string.h>

#include "ca/armor.h"
#include "ca/crypto.h"

#define LABEL	"SSH SIGNATURE"
#define VERSION 1

static const char magic[] = "SSHSIG"; /* without its NUL */

#define MAGIC_SIZE (sizeof(magic) - 1)

/* A plain key, or a certificate for one. */
static bool
read_signer(struct ca_sshsig *sig, struct ca_bytes blob, struct ca_why *why)
{
	struct ca_reader reader = ca_reader_of(blob.data, blob.len);
	struct ca_bytes name = ca_read_string(&reader);
	enum ca_key_type type;

	if (reader.failed || !ca_key_type_by_name(name, true, &type))
		return ca_key_parse(&sig->key, blob.data, blob.len, why);
	if (!ca_cert_parse(&sig->cert, blob.data, blob.len, why))
		return false;
	sig->key = ca_key_ref(sig->cert->key);
	return true;
}

/* Fills `sig` from its own blob. */
static bool
read_fields(struct ca_sshsig *sig, struct ca_why *why)
{
	struct ca_reader reader = ca_reader_of(sig->blob.data, sig->blob.len);
	struct ca_bytes start = ca_read_bytes(&reader, MAGIC_SIZE);
	uint32_t version = ca_read_u32(&reader);
	struct ca_bytes signer = ca_read_string(&reader);
	struct ca_bytes reserved, hash;

	if (reader.failed || !ca_bytes_is(start, magic))
		return ca_why_set(why, "this is not an SSH signature");
	if (version != VERSION)
		return ca_why_set(
		    why, "the signature's version is %u, not %d", (unsigned)version, VERSION);
	sig->namespace = ca_read_cstring(&reader);
	reserved = ca_read_string(&reader);
	hash = ca_read_string(&reader);
	sig->signature = ca_read_string(&reader);
	if (!ca_reader_done(&reader))
		return ca_why_set(why, "the signature is cut short, malformed, or bytes follow it");
	if (sig->namespace[0] == '\0')
		return ca_why_set(why, "the signature's namespace is empty");
	if (reserved.len != 0)
		return ca_why_set(why, "the signature's reserved field is not empty");
	sig->sha256 = ca_bytes_is(hash, "sha256");
	if (!sig->sha256 && !ca_bytes_is(hash, "sha512"))
		return ca_why_set(why, "the signature's hash is neither 'sha512' nor 'sha256'");
	return read_signer(sig, signer, why);
}

static bool
keep_blob(struct ca_sshsig *sig, const void *blob, size_t len)
{
	uint8_t *copy = malloc(len);

	if (copy == NULL)
		return false;
	memcpy(copy, blob, len);
	sig->blob.data = copy;
	sig->blob.len = len;
	return true;
}

bool
ca_sshsig_parse(struct ca_sshsig **out, const void *blob, size_t len, struct ca_why *why)
{
	struct ca_sshsig *sig;

	if (len == 0 || len > CA_SSHSIG_MAX)
		return ca_why_set(
		    why, "a signature has 1 to %d bytes, not %zu", CA_SSHSIG_MAX, len);
	sig = calloc(1, sizeof(*sig));
	if (sig == NULL || !keep_blob(sig, blob, len)) {
		free(sig);
		return ca_why_set(why, "out of memory");
	}
	if (!read_fields(sig, why)) {
		ca_sshsig_free(sig);
		return false;
	}
	*out = sig;
	return true;
}

void
ca_sshsig_free(struct ca_sshsig *sig)
{
	if (sig == NULL)
		return;
	ca_key_free(sig->key);
	ca_cert_free(sig->cert);
	free(sig->namespace);
	free((void *)sig->blob.data);
	free(sig);
}

static void
put_signed(struct ca_buf *out, const char *ns, bool sha256, const void *message, size_t len)
{
	uint8_t hash[CA_SHA512_SIZE];

	if (sha256)
		ca_sha256(message, len, hash);
	else
		ca_sha512(message, len, hash);
	ca_buf_put(out, magic, MAGIC_SIZE);
	ca_buf_put_cstring(out, ns);
	ca_buf_put_cstring(out, "");
	ca_buf_put_cstring(out, sha256 ? "sha256" : "sha512");
	ca_buf_put_string(out, hash, sha256 ? CA_SHA256_SIZE : CA_SHA512_SIZE);
}

bool
ca_sshsig_verify(const struct ca_sshsig *sig, const char *ns, const void *message, size_t len,
    struct ca_presence *presence, struct ca_why *why)
{
	struct ca_buf data = { 0 };
	bool ok;

	if (presence != NULL)
		*presence = (struct ca_presence){ 0 };
	if (strcmp(sig->namespace, ns) != 0)
		return ca_why_set(
		    why, "the signature is for '%s', not for '%s'", sig->namespace, ns);
	if (sig->cert != NULL && !ca_cert_verify(sig->cert, why))
		return ca_why_prefix(why, "the signer's certificate");
	put_signed(&data, ns, sig->sha256, message, len);
	ok = ca_buf_ok(&data) || ca_why_set(why, "out of memory");
	ok = ok && ca_key_verify(sig->key, data.data, data.len, sig->signature.data,
		       sig->signature.len, presence, why);
	ca_buf_clear(&data);
	return ok;
}

bool
ca_sshsig_sign(struct ca_signer *signer, const struct ca_cert *cert, const char *ns,
    const void *message, size_t len, struct ca_buf *out, struct ca_why *why)
{
	const struct ca_key *key = ca_signer_key(signer);
	struct ca_bytes blob = cert != NULL ? cert->blob : ca_key_blob(key);
	struct ca_buf data = { 0 }, made = { 0 };
	bool ok = false;

	if (ns[0] == '\0')
		return ca_why_set(why, "a signature's namespace may not be empty");
	if (cert != NULL && !ca_key_equal(cert->key, key))
		return ca_why_set(why, "the certificate is for another key than the signer's");
	put_signed(&data, ns, false, message, len);
	if (!ca_buf_ok(&data)) {
		ca_why_set(why, "out of memory");
		goto out;
	}
	if (!ca_signer_sign(signer, data.data, data.len, &made, why))
		goto out;
	ca_buf_put(out, magic, MAGIC_SIZE);
	ca_buf_put_u32(out, VERSION);
	ca_buf_put_string(out, blob.data, blob.len);
	ca_buf_put_cstring(out, ns);
	ca_buf_put_cstring(out, "");
	ca_buf_put_cstring(out, "sha512");
	ca_buf_put_string(out, made.data, made.len);
	ok = ca_buf_ok(out) || ca_why_set(why, "out of memory");
out:
	ca_buf_clear(&made);
	ca_buf_clear(&data);
	return ok;
}

void
ca_sshsig_armor(struct ca_buf *out, const void *blob, size_t len)
{
	ca_armor_put(out, LABEL, blob, len);
}

bool
ca_sshsig_dearmor(struct ca_buf *out, const char *text, size_t len, struct ca_why *why)
{
	return ca_armor_read(out, LABEL, text, len, why);
}
