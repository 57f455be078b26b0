/* SPDX-License-Identifier: Apache-2.0 */
/*
 * private_key.c - OpenSSH's private key files (PROTOCOL.key).
 *
 * openssh-key-v1 NUL, cipher, kdf, kdf options, u32 1, public blob, private section;
 * the section is two equal numbers, the key with its secrets, the comment, and
 * 1, 2, 3, ... up to a multiple of eight.
 */
#include "ca/private_key.h"

#include <string.h>

#include "ca/armor.h"
#include "ca/crypto.h"

#define LABEL "OPENSSH PRIVATE KEY"
#define BLOCK 8

static const char magic[] = "openssh-key-v1"; /* with its NUL */

static bool
read_ed25519(struct ca_private_key *out, struct ca_reader *reader, struct ca_why *why)
{
	struct ca_bytes point = ca_read_string(reader);
	struct ca_bytes secret = ca_read_string(reader);
	struct ca_bytes known = { ca_key_blob(out->key).data + ca_key_blob(out->key).len -
				      CA_ED25519_SIZE,
		CA_ED25519_SIZE };
	uint8_t derived[CA_ED25519_SIZE];

	if (reader->failed || secret.len != 2 * CA_ED25519_SIZE || !ca_bytes_equal(point, known) ||
	    memcmp(secret.data + CA_ED25519_SIZE, known.data, CA_ED25519_SIZE) != 0)
		return ca_why_set(why, "the private key does not match its public key");
	if (!ca_pkey_private_ed25519(&out->secret, secret.data, derived, why))
		return false;
	if (memcmp(derived, known.data, sizeof(derived)) != 0)
		return ca_why_set(why, "the private key does not match its public key");
	return true;
}

static bool
read_ecdsa(struct ca_private_key *out, struct ca_reader *reader, struct ca_why *why)
{
	struct ca_key *again = NULL;
	struct ca_reader body = *reader;
	bool same;

	if (!ca_key_read_body(&again, ca_key_type(out->key), reader, why))
		return false;
	same = ca_key_equal(again, out->key);
	ca_key_free(again);
	if (!same)
		return ca_why_set(why, "the private key does not match its public key");
	ca_read_string(&body);

	struct ca_bytes point = ca_read_string(&body);
	struct ca_bytes d = ca_read_mpint(reader);

	if (reader->failed)
		return ca_why_set(why, "the private key is cut short");
	return ca_pkey_private_ecdsa(&out->secret, ca_key_type(out->key), point, d, why);
}

/* Here n stands before e, the other way round than in the public key. */
static bool
read_rsa(struct ca_private_key *out, struct ca_reader *reader, struct ca_why *why)
{
	struct ca_pkey_rsa parts = { .n = ca_read_mpint(reader) };
	struct ca_buf blob = { 0 };
	bool same;

	parts.e = ca_read_mpint(reader);
	parts.d = ca_read_mpint(reader);
	parts.iqmp = ca_read_mpint(reader);
	parts.p = ca_read_mpint(reader);
	parts.q = ca_read_mpint(reader);
	if (reader->failed)
		return ca_why_set(why, "the private key is cut short");
	ca_buf_put_cstring(&blob, ca_key_type_name(CA_KEY_RSA));
	ca_buf_put_mpint(&blob, parts.e.data, parts.e.len);
	ca_buf_put_mpint(&blob, parts.n.data, parts.n.len);
	same = ca_buf_ok(&blob) && ca_bytes_equal(ca_buf_bytes(&blob), ca_key_blob(out->key));
	ca_buf_clear(&blob);
	if (!same)
		return ca_why_set(why, "the private key does not match its public key");
	return ca_pkey_private_rsa(&out->secret, &parts, why);
}

static bool
read_secrets(struct ca_private_key *out, struct ca_reader *reader, struct ca_why *why)
{
	switch (ca_key_type(out->key)) {
	case CA_KEY_ED25519:
		return read_ed25519(out, reader, why);
	case CA_KEY_ECDSA_P256:
	case CA_KEY_ECDSA_P384:
	case CA_KEY_ECDSA_P521:
		return read_ecdsa(out, reader, why);
	case CA_KEY_RSA:
		return read_rsa(out, reader, why);
	case CA_KEY_SK_ED25519:
	case CA_KEY_SK_ECDSA_P256:
		break;
	}
	return ca_why_set(why, "a FIDO key's file holds no secret to sign with");
}

static bool
read_section(struct ca_private_key *out, struct ca_bytes section, struct ca_why *why)
{
	struct ca_reader reader = ca_reader_of(section.data, section.len);
	uint32_t first = ca_read_u32(&reader);
	uint32_t second = ca_read_u32(&reader);
	struct ca_bytes type = ca_read_string(&reader);

	if (reader.failed || section.len % BLOCK != 0 || first != second ||
	    !ca_bytes_is(type, ca_key_type_name(ca_key_type(out->key))))
		return ca_why_set(why, "the private key is damaged");
	if (!read_secrets(out, &reader, why))
		return false;
	ca_read_string(&reader); /* the comment */
	if (reader.failed || reader.left >= BLOCK)
		return ca_why_set(why, "the private key is damaged");
	for (uint8_t expected = 1; reader.left > 0; expected++)
		if (ca_read_u8(&reader) != expected)
			return ca_why_set(why, "the private key is damaged");
	return true;
}

static bool
read_file(struct ca_private_key *out, struct ca_reader *reader, struct ca_why *why)
{
	struct ca_bytes start = ca_read_bytes(reader, sizeof(magic));
	struct ca_bytes cipher = ca_read_string(reader);
	struct ca_bytes kdf = ca_read_string(reader);
	struct ca_bytes options = ca_read_string(reader);
	uint32_t count = ca_read_u32(reader);
	struct ca_bytes blob = ca_read_string(reader);
	struct ca_bytes section = ca_read_string(reader);
	bool locked = !ca_bytes_is(cipher, "none");
	enum ca_key_type type;

	if (reader->failed || memcmp(start.data, magic, sizeof(magic)) != 0 || count != 1)
		return ca_why_set(why, "this is not an OpenSSH private key file with one key");
	if (!ca_key_parse(&out->key, blob.data, blob.len, why))
		return false;
	type = ca_key_type(out->key);
	/* A cipher's tag may follow a section that is encrypted. */
	if (!locked && (!ca_reader_done(reader) || !ca_bytes_is(kdf, "none") || options.len != 0))
		return ca_why_set(why, "the private key is damaged");
	if (locked || type == CA_KEY_SK_ED25519 || type == CA_KEY_SK_ECDSA_P256)
		return true;
	return read_section(out, section, why);
}

bool
ca_private_key_parse(struct ca_private_key *out, const char *text, size_t len, struct ca_why *why)
{
	struct ca_buf file = { 0 };
	struct ca_reader reader;
	bool ok = false;

	*out = (struct ca_private_key){ 0 };
	if (ca_armor_read(&file, LABEL, text, len, why)) {
		reader = ca_reader_of(file.data, file.len);
		ok = read_file(out, &reader, why);
	} else if (len > 11 && memcmp(text, "-----BEGIN ", 11) == 0 &&
		   memmem(text, len, LABEL, strlen(LABEL)) == NULL) {
		ca_why_set(why, "the private key is not in OpenSSH's format: "
				"'ssh-keygen -p -f FILE' writes it anew");
	}
	ca_buf_clear(&file);
	return ok;
}

void
ca_private_key_clear(struct ca_private_key *key)
{
	ca_key_free(key->key);
	ca_pkey_free(key->secret);
	*key = (struct ca_private_key){ 0 };
}

static void
put_section(struct ca_buf *out, const uint8_t *seed, const struct ca_key *key, const char *comment)
{
	struct ca_bytes blob = ca_key_blob(key);
	uint32_t check;

	ca_random(&check, sizeof(check));
	ca_buf_put_u32(out, check);
	ca_buf_put_u32(out, check);
	ca_buf_put(out, blob.data, blob.len); /* type and public key */
	ca_buf_put_u32(out, 2 * CA_ED25519_SIZE);
	ca_buf_put(out, seed, CA_ED25519_SIZE);
	ca_buf_put(out, blob.data + blob.len - CA_ED25519_SIZE, CA_ED25519_SIZE);
	ca_buf_put_cstring(out, comment);
	for (uint8_t pad = 1; ca_buf_ok(out) && out->len % BLOCK != 0; pad++)
		ca_buf_put_u8(out, pad);
}

void
ca_private_key_put_ed25519(struct ca_buf *out, const uint8_t seed[static CA_ED25519_SIZE],
    const struct ca_key *key, const char *comment)
{
	struct ca_buf section = { 0 }, file = { 0 };
	struct ca_bytes blob = ca_key_blob(key);

	put_section(&section, seed, key, comment);
	ca_buf_put(&file, magic, sizeof(magic));
	ca_buf_put_cstring(&file, "none");
	ca_buf_put_cstring(&file, "none");
	ca_buf_put_cstring(&file, "");
	ca_buf_put_u32(&file, 1);
	ca_buf_put_string(&file, blob.data, blob.len);
	ca_buf_put_string(&file, section.data, section.len);
	out->failed = out->failed || !ca_buf_ok(&section) || !ca_buf_ok(&file);
	ca_armor_put(out, LABEL, file.data, file.len);
	ca_buf_clear(&file);
	ca_buf_clear(&section);
}
