/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key.c - public keys in SSH encoding (RFC 4253 section 6.6, RFC 5656, RFC 8709,
 * PROTOCOL.u2f) and the signatures they made.
 *
 * The blob that a key gives out is written anew of what was read and compared with the
 * bytes that came in, so that one key has one blob, one hash, one fingerprint.
 */
#include "ca/key.h"

#include <stdlib.h>
#include <string.h>

#include "ca/crypto.h"
#include "ca/crypto_key.h"
#include "ca/file.h"
#include "ca/text.h"

#define APPLICATION_MAX 255   /* bytes */
#define KEY_FILE_MAX	16384 /* bytes; an RSA key of 16,384 bits has a line of 2,780 */

struct key_name {
	const char *plain;
	const char *cert;
	const char *curve; /* as it stands in an ECDSA blob */
};

static const struct key_name names[] = {
	[CA_KEY_ED25519] = { "ssh-ed25519", "ssh-ed25519-cert-v01@openssh.com", NULL },
	[CA_KEY_ECDSA_P256] = { "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256-cert-v01@openssh.com",
	    "nistp256" },
	[CA_KEY_ECDSA_P384] = { "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384-cert-v01@openssh.com",
	    "nistp384" },
	[CA_KEY_ECDSA_P521] = { "ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521-cert-v01@openssh.com",
	    "nistp521" },
	[CA_KEY_RSA] = { "ssh-rsa", "ssh-rsa-cert-v01@openssh.com", NULL },
	[CA_KEY_SK_ED25519] = { "sk-ssh-ed25519@openssh.com", "sk-ssh-ed25519-cert-v01@openssh.com",
	    NULL },
	[CA_KEY_SK_ECDSA_P256] = { "sk-ecdsa-sha2-nistp256@openssh.com",
	    "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com", "nistp256" },
};

#define TYPE_COUNT (sizeof(names) / sizeof(names[0]))

struct ca_key {
	unsigned references;
	enum ca_key_type type;
	struct ca_pkey *pkey;
	struct ca_buf blob;
	size_t body;				  /* where in blob the name ends */
	uint8_t hash[CA_SHA256_SIZE];		  /* of blob */
	uint8_t application_hash[CA_SHA256_SIZE]; /* FIDO */
};

static bool
is_sk(enum ca_key_type type)
{
	return type == CA_KEY_SK_ED25519 || type == CA_KEY_SK_ECDSA_P256;
}

const char *
ca_key_type_name(enum ca_key_type type)
{
	return names[type].plain;
}

const char *
ca_key_cert_type_name(enum ca_key_type type)
{
	return names[type].cert;
}

bool
ca_key_type_by_name(struct ca_bytes name, bool cert, enum ca_key_type *out)
{
	for (size_t i = 0; i < TYPE_COUNT; i++)
		if (ca_bytes_is(name, cert ? names[i].cert : names[i].plain)) {
			*out = (enum ca_key_type)i;
			return true;
		}
	return false;
}

static bool
read_ed25519(struct ca_key *key, struct ca_reader *reader, struct ca_why *why)
{
	struct ca_bytes point = ca_read_string(reader);

	if (reader->failed)
		return ca_why_set(why, "the key ends too early");
	ca_buf_put_string(&key->blob, point.data, point.len);
	return ca_pkey_public_ed25519(&key->pkey, point, why);
}

static bool
read_ecdsa(struct ca_key *key, struct ca_reader *reader, struct ca_why *why)
{
	const char *curve = names[key->type].curve;
	struct ca_bytes named = ca_read_string(reader);
	struct ca_bytes point = ca_read_string(reader);

	if (reader->failed)
		return ca_why_set(why, "the key ends too early");
	if (!ca_bytes_is(named, curve))
		return ca_why_set(why, "the key's curve is not '%s', as its type says", curve);
	ca_buf_put_cstring(&key->blob, curve);
	ca_buf_put_string(&key->blob, point.data, point.len);
	return ca_pkey_public_ecdsa(&key->pkey, key->type, point, why);
}

static bool
read_rsa(struct ca_key *key, struct ca_reader *reader, struct ca_why *why)
{
	struct ca_bytes e = ca_read_mpint(reader);
	struct ca_bytes n = ca_read_mpint(reader);

	if (reader->failed)
		return ca_why_set(
		    why, "the RSA key's numbers are cut short, negative or not minimal");
	ca_buf_put_mpint(&key->blob, e.data, e.len);
	ca_buf_put_mpint(&key->blob, n.data, n.len);
	return ca_pkey_public_rsa(&key->pkey, n, e, why);
}

static bool
read_application(struct ca_key *key, struct ca_reader *reader, struct ca_why *why)
{
	struct ca_bytes application = ca_read_string(reader);

	if (reader->failed || application.len == 0 || application.len > APPLICATION_MAX)
		return ca_why_set(
		    why, "a FIDO key's application has 1 to %d bytes", APPLICATION_MAX);
	for (size_t i = 0; i < application.len; i++)
		if (application.data[i] < 0x20 || application.data[i] > 0x7e)
			return ca_why_set(why, "the FIDO key's application is not printable ASCII");
	ca_buf_put_string(&key->blob, application.data, application.len);
	ca_sha256(application.data, application.len, key->application_hash);
	return true;
}

static bool
read_fields(struct ca_key *key, struct ca_reader *reader, struct ca_why *why)
{
	switch (key->type) {
	case CA_KEY_ED25519:
		return read_ed25519(key, reader, why);
	case CA_KEY_SK_ED25519:
		return read_ed25519(key, reader, why) && read_application(key, reader, why);
	case CA_KEY_ECDSA_P256:
	case CA_KEY_ECDSA_P384:
	case CA_KEY_ECDSA_P521:
		return read_ecdsa(key, reader, why);
	case CA_KEY_SK_ECDSA_P256:
		return read_ecdsa(key, reader, why) && read_application(key, reader, why);
	case CA_KEY_RSA:
		return read_rsa(key, reader, why);
	}
	return ca_why_set(why, "the key type is unknown");
}

bool
ca_key_read_body(
    struct ca_key **out, enum ca_key_type type, struct ca_reader *reader, struct ca_why *why)
{
	struct ca_key *key = calloc(1, sizeof(*key));
	const uint8_t *start = reader->next;
	bool ok = false;

	if (key == NULL)
		return ca_why_set(why, "out of memory");
	key->references = 1;
	key->type = type;
	ca_buf_put_cstring(&key->blob, names[type].plain);
	key->body = key->blob.len;
	if (!read_fields(key, reader, why))
		goto out;
	struct ca_bytes came = { start, (size_t)(reader->next - start) };
	struct ca_bytes written = { key->blob.data + key->body, key->blob.len - key->body };

	if (!ca_buf_ok(&key->blob) || !ca_bytes_equal(came, written)) {
		ca_why_set(why, "the key is not in canonical form");
		goto out;
	}
	ca_sha256(key->blob.data, key->blob.len, key->hash);
	*out = key;
	key = NULL;
	ok = true;
out:
	ca_key_free(key);
	return ok;
}

bool
ca_key_parse(struct ca_key **out, const void *blob, size_t len, struct ca_why *why)
{
	struct ca_reader reader = ca_reader_of(blob, len);
	struct ca_bytes name = ca_read_string(&reader);
	struct ca_key *key = NULL;
	enum ca_key_type type;

	if (reader.failed)
		return ca_why_set(why, "the key ends too early");
	if (ca_key_type_by_name(name, true, &type))
		return ca_why_set(why, "this is a certificate where a plain key is wanted");
	if (!ca_key_type_by_name(name, false, &type))
		return ca_why_set(why, "the key type '%.*s' is not one of those accepted",
		    (int)(name.len > 64 ? 64 : name.len), (const char *)name.data);
	if (!ca_key_read_body(&key, type, &reader, why))
		return false;
	if (!ca_reader_done(&reader)) {
		ca_key_free(key);
		return ca_why_set(why, "bytes follow the key");
	}
	*out = key;
	return true;
}

bool
ca_key_parse_line(struct ca_key **out, const char *line, struct ca_why *why)
{
	size_t name_len = strcspn(line, " \t");
	const char *base64 = line + name_len + strspn(line + name_len, " \t");
	size_t base64_len = strcspn(base64, " \t\r\n");
	size_t end = strcspn(base64, "\r\n");
	struct ca_buf blob = { 0 };
	struct ca_key *key = NULL;
	bool ok = false;

	if (base64[end + strspn(base64 + end, "\r\n")] != '\0')
		return ca_why_set(why, "there is more than one line");
	if (name_len == 0 || base64_len == 0 || !ca_base64_decode(&blob, base64, base64_len)) {
		ca_why_set(why, "this is not a key: a type, a blank and base64 are wanted");
		goto out;
	}
	if (!ca_key_parse(&key, blob.data, blob.len, why))
		goto out;
	if (!ca_bytes_is((struct ca_bytes){ (const uint8_t *)line, name_len },
		ca_key_type_name(key->type))) {
		ca_why_set(why, "the key's type is not the one that stands in front of it");
		goto out;
	}
	*out = key;
	key = NULL;
	ok = true;
out:
	ca_key_free(key);
	ca_buf_clear(&blob);
	return ok;
}

bool
ca_key_load(struct ca_key **out, const char *path, struct ca_why *why)
{
	struct ca_buf text = { 0 };
	bool ok = ca_file_read(path, KEY_FILE_MAX, &text, why);

	if (ok && memchr(text.data, '\0', text.len) != NULL)
		ok = ca_why_set(why, "'%s': there is a NUL in the file", path);
	else if (ok && !ca_key_parse_line(out, (const char *)text.data, why))
		ok = ca_why_prefix(why, "'%s'", path);
	ca_buf_clear(&text);
	return ok;
}

struct ca_key *
ca_key_ref(struct ca_key *key)
{
	key->references++;
	return key;
}

void
ca_key_free(struct ca_key *key)
{
	if (key == NULL || --key->references > 0)
		return;
	ca_pkey_free(key->pkey);
	ca_buf_clear(&key->blob);
	free(key);
}

enum ca_key_type
ca_key_type(const struct ca_key *key)
{
	return key->type;
}

struct ca_bytes
ca_key_blob(const struct ca_key *key)
{
	return ca_buf_bytes(&key->blob);
}

void
ca_key_hash(const struct ca_key *key, uint8_t out[static 32])
{
	memcpy(out, key->hash, sizeof(key->hash));
}

void
ca_key_fingerprint(const struct ca_key *key, char out[static CA_FINGERPRINT_SIZE])
{
	struct ca_buf text = { 0 };

	ca_buf_put_text(&text, "SHA256:");
	ca_base64_encode(&text, key->hash, sizeof(key->hash));
	/* Without the one '=' that pads 32 bytes. */
	if (ca_buf_ok(&text) && text.len == CA_FINGERPRINT_SIZE)
		memcpy(out, text.data, CA_FINGERPRINT_SIZE - 1);
	else
		abort();
	out[CA_FINGERPRINT_SIZE - 1] = '\0';
	ca_buf_clear(&text);
}

bool
ca_key_equal(const struct ca_key *a, const struct ca_key *b)
{
	return ca_bytes_equal(ca_key_blob(a), ca_key_blob(b));
}

void
ca_key_put_line(struct ca_buf *out, const struct ca_key *key)
{
	ca_buf_put_text(out, names[key->type].plain);
	ca_buf_put_text(out, " ");
	ca_base64_encode(out, key->blob.data, key->blob.len);
}

void
ca_key_put_body(struct ca_buf *out, const struct ca_key *key)
{
	ca_buf_put(out, key->blob.data + key->body, key->blob.len - key->body);
}

/* PROTOCOL.u2f: what an authenticator signs in place of the data. */
static void
put_sk_message(struct ca_buf *out, const struct ca_key *key, const struct ca_presence *presence,
    const void *data, size_t len)
{
	uint8_t hash[CA_SHA256_SIZE];

	ca_sha256(data, len, hash);
	ca_buf_put(out, key->application_hash, sizeof(key->application_hash));
	ca_buf_put_u8(out, presence->flags);
	ca_buf_put_u32(out, presence->counter);
	ca_buf_put(out, hash, sizeof(hash));
}

static bool
verify_sk(const struct ca_key *key, const void *data, size_t len, struct ca_bytes sig,
    const struct ca_presence *presence)
{
	struct ca_buf message = { 0 };
	bool ok;

	put_sk_message(&message, key, presence, data, len);
	ok =
	    ca_buf_ok(&message) && ca_pkey_verify(key->pkey, false, message.data, message.len, sig);
	ca_buf_clear(&message);
	return ok;
}

/* RSA's key type names SHA-1, and is therefore no signature algorithm. */
static bool
is_algorithm_of(enum ca_key_type type, struct ca_bytes name, bool *sha512)
{
	*sha512 = type == CA_KEY_RSA && ca_bytes_is(name, "rsa-sha2-512");
	if (type == CA_KEY_RSA)
		return *sha512 || ca_bytes_is(name, "rsa-sha2-256");
	return ca_bytes_is(name, names[type].plain);
}

bool
ca_key_verify(const struct ca_key *key, const void *data, size_t len, const void *sig,
    size_t sig_len, struct ca_presence *presence, struct ca_why *why)
{
	struct ca_reader reader = ca_reader_of(sig, sig_len);
	struct ca_bytes name = ca_read_string(&reader);
	struct ca_bytes raw = ca_read_string(&reader);
	struct ca_presence found = { .is_sk = is_sk(key->type) };
	bool sha512 = false;

	if (presence != NULL)
		*presence = (struct ca_presence){ 0 };
	if (!reader.failed && !is_algorithm_of(key->type, name, &sha512))
		return ca_why_set(why,
		    "the signature's algorithm '%.*s' is not one for a key of type '%s'",
		    (int)(name.len > 64 ? 64 : name.len), (const char *)name.data,
		    names[key->type].plain);
	if (found.is_sk) {
		found.flags = ca_read_u8(&reader);
		found.counter = ca_read_u32(&reader);
	}
	if (!ca_reader_done(&reader))
		return ca_why_set(why, "the signature is cut short, or bytes follow it");
	if (!(found.is_sk ? verify_sk(key, data, len, raw, &found)
			  : ca_pkey_verify(key->pkey, sha512, data, len, raw)))
		return ca_why_set(why, "the signature does not hold");
	if (presence != NULL)
		*presence = found;
	return true;
}
