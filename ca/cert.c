/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cert.c - OpenSSH certificates: strict parsing, verifying, and what they hold.
 *
 * Field numbers are those of draft-ietf-sshm-cert: 1 type name, 2 nonce, 3 public
 * key fields, 4 serial, 5 type, 6 key id, 7 principals, 8 and 9 the window, 10
 * critical options, 11 extensions, 12 reserved, 13 the authority's key, 14 its
 * signature over the bytes of 1 to 13. Nothing may follow.
 */
#include "ca/cert.h"

#include <stdlib.h>
#include <string.h>

#include "ca/crypto.h"
#include "ca/text.h"
#include "cert_options.h"

/* The fields that are parsed further once the frame as a whole is right. */
struct fields {
	uint32_t type;
	struct ca_bytes key_id, principals, critical, extensions, authority;
};

/* Fields 1 to 3. */
static bool
read_subject(struct ca_cert *cert, struct ca_reader *reader, struct ca_why *why)
{
	struct ca_bytes name = ca_read_string(reader);
	enum ca_key_type type;

	if (reader->failed)
		return ca_why_set(why, "certificate is cut short");
	if (!ca_key_type_by_name(name, true, &type))
		return ca_why_set(why, "'%.*s' is no certificate type that is taken here",
		    (int)(name.len < 64 ? name.len : 64), (const char *)name.data);
	/* Any length of nonce: it is the authority's business alone. */
	(void)ca_read_string(reader);
	if (reader->failed)
		return ca_why_set(why, "certificate is cut short");
	if (!ca_key_read_body(&cert->key, type, reader, why))
		return ca_why_prefix(why, "subject of the certificate");
	return true;
}

/* Fields 4 to 14. */
static bool
read_fields(
    struct ca_cert *cert, struct ca_reader *reader, struct fields *fields, struct ca_why *why)
{
	cert->serial = ca_read_u64(reader);
	fields->type = ca_read_u32(reader);
	fields->key_id = ca_read_string(reader);
	fields->principals = ca_read_string(reader);
	cert->valid_after = ca_read_u64(reader);
	cert->valid_before = ca_read_u64(reader);
	fields->critical = ca_read_string(reader);
	fields->extensions = ca_read_string(reader);
	/* Reserved: signed, and by the draft ignored whatever it holds. */
	(void)ca_read_string(reader);
	fields->authority = ca_read_string(reader);
	cert->signed_len = cert->blob.len - reader->left;
	cert->signature = ca_read_string(reader);
	if (reader->failed)
		return ca_why_set(why, "certificate is cut short");
	if (reader->left > 0)
		return ca_why_set(why, "%zu bytes follow the certificate", reader->left);
	return true;
}

static bool
take_type(struct ca_cert *cert, uint32_t type, struct ca_why *why)
{
	if (type != CA_CERT_USER && type != CA_CERT_HOST)
		return ca_why_set(why, "certificate is neither for a user nor for a host");
	cert->type = (enum ca_cert_type)type;
	return true;
}

static bool
take_principals(struct ca_cert *cert, struct ca_bytes packed, char **texts, struct ca_why *why)
{
	struct ca_reader reader = ca_reader_of(packed.data, packed.len);

	while (reader.left > 0) {
		struct ca_bytes name = ca_read_string(&reader);

		if (reader.failed)
			return ca_why_set(why, "list of principals is cut short");
		if (cert->principal_count == CA_CERT_MAX_PRINCIPALS)
			return ca_why_set(why, "more than %d principals", CA_CERT_MAX_PRINCIPALS);
		if (name.len == 0)
			return ca_why_set(why, "a principal is empty");
		if (!ca_cert_text_keep(&cert->principals[cert->principal_count], name, texts))
			return ca_why_set(why, "a principal has a NUL in it");
		cert->principal_count++;
	}
	return true;
}

/* The signature's algorithm is its key's; for RSA only those with SHA-2. */
static bool
check_algorithm(const struct ca_cert *cert, struct ca_why *why)
{
	struct ca_reader reader = ca_reader_of(cert->signature.data, cert->signature.len);
	struct ca_bytes name = ca_read_string(&reader);
	enum ca_key_type type = ca_key_type(cert->authority);

	if (reader.failed)
		return ca_why_set(why, "authority's signature is cut short");
	if (type == CA_KEY_RSA
		? ca_bytes_is(name, "rsa-sha2-512") || ca_bytes_is(name, "rsa-sha2-256")
		: ca_bytes_is(name, ca_key_type_name(type)))
		return true;
	return ca_why_set(why, "signature algorithm '%.*s' is not taken from a key of type '%s'",
	    (int)(name.len < 64 ? name.len : 64), (const char *)name.data, ca_key_type_name(type));
}

static bool
take_authority(struct ca_cert *cert, struct ca_bytes blob, struct ca_why *why)
{
	/* ca_key_parse takes plain keys only, so a certificate cannot sign another. */
	if (!ca_key_parse(&cert->authority, blob.data, blob.len, why))
		return ca_why_prefix(why, "authority of the certificate");
	return check_algorithm(cert, why);
}

static bool
take_fields(struct ca_cert *cert, const struct fields *fields, struct ca_why *why)
{
	char *texts = cert->texts;

	if (!ca_cert_text_keep(&cert->key_id, fields->key_id, &texts))
		return ca_why_set(why, "key id has a NUL in it");
	return take_type(cert, fields->type, why) &&
	       take_principals(cert, fields->principals, &texts, why) &&
	       ca_cert_options_read(
		   fields->critical, true, cert->critical, &cert->critical_count, &texts, why) &&
	       ca_cert_options_read(fields->extensions, false, cert->extensions,
		   &cert->extension_count, &texts, why) &&
	       take_authority(cert, fields->authority, why);
}

bool
ca_cert_parse(struct ca_cert **out, const void *blob, size_t len, struct ca_why *why)
{
	struct ca_cert *cert = NULL;
	struct fields fields = { 0 };
	struct ca_reader reader;
	uint8_t *copy;
	bool ok = false;

	*out = NULL;
	if (len == 0)
		return ca_why_set(why, "certificate is empty");
	if (len > CA_CERT_MAX)
		return ca_why_set(why, "certificate is longer than %d bytes", CA_CERT_MAX);
	cert = calloc(1, sizeof(*cert));
	copy = malloc(len);
	if (cert == NULL || copy == NULL) {
		free(copy);
		ca_why_set(why, "out of memory");
		goto out;
	}
	memcpy(copy, blob, len);
	cert->blob = (struct ca_bytes){ .data = copy, .len = len };
	/* Each text loses a length of four bytes and gains a NUL: they always fit. */
	cert->texts = malloc(len);
	if (cert->texts == NULL) {
		ca_why_set(why, "out of memory");
		goto out;
	}
	reader = ca_reader_of(copy, len);
	if (!read_subject(cert, &reader, why) || !read_fields(cert, &reader, &fields, why) ||
	    !take_fields(cert, &fields, why))
		goto out;
	*out = cert;
	cert = NULL;
	ok = true;
out:
	ca_cert_free(cert);
	return ok;
}

bool
ca_cert_parse_line(struct ca_cert **out, const char *line, struct ca_why *why)
{
	struct ca_buf blob = { 0 };
	size_t len = strcspn(line, "\n");
	size_t type_len = strcspn(line, " \n");
	const char *text = line + type_len + 1;
	struct ca_reader reader;
	struct ca_bytes type;
	bool ok = false;

	*out = NULL;
	if (line[len] == '\n' && line[len + 1] != '\0')
		return ca_why_set(why, "more than one line");
	if (line[type_len] != ' ')
		return ca_why_set(why, "not 'type base64' of a certificate");
	if (!ca_base64_decode(&blob, text, strcspn(text, " \n"))) {
		ca_why_set(why, "certificate is no base64");
		goto out;
	}
	reader = ca_reader_of(blob.data, blob.len);
	type = ca_read_string(&reader);
	if (reader.failed || type.len != type_len || memcmp(type.data, line, type_len) != 0) {
		ca_why_set(why, "line and certificate disagree about the type");
		goto out;
	}
	ok = ca_cert_parse(out, blob.data, blob.len, why);
out:
	ca_buf_clear(&blob);
	return ok;
}

void
ca_cert_free(struct ca_cert *cert)
{
	if (cert == NULL)
		return;
	ca_key_free(cert->key);
	ca_key_free(cert->authority);
	free(cert->texts);
	free((void *)cert->blob.data);
	free(cert);
}

bool
ca_cert_verify(const struct ca_cert *cert, struct ca_why *why)
{
	if (!ca_key_verify(cert->authority, cert->blob.data, cert->signed_len, cert->signature.data,
		cert->signature.len, NULL, why))
		return ca_why_prefix(why, "authority's signature");
	return true;
}

static const struct ca_cert_option *
find_option(const struct ca_cert_option *options, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(options[i].name, name) == 0)
			return &options[i];
	return NULL;
}

const struct ca_cert_option *
ca_cert_critical(const struct ca_cert *cert, const char *name)
{
	return find_option(cert->critical, cert->critical_count, name);
}

const struct ca_cert_option *
ca_cert_extension(const struct ca_cert *cert, const char *name)
{
	return find_option(cert->extensions, cert->extension_count, name);
}

bool
ca_cert_has_principal(const struct ca_cert *cert, const char *name)
{
	for (size_t i = 0; i < cert->principal_count; i++)
		if (strcmp(cert->principals[i], name) == 0)
			return true;
	return false;
}

void
ca_cert_hash(const struct ca_cert *cert, uint8_t out[static 32])
{
	ca_sha256(cert->blob.data, cert->blob.len, out);
}

void
ca_cert_put_line(struct ca_buf *out, const struct ca_cert *cert, const char *comment)
{
	ca_buf_put_text(out, ca_key_cert_type_name(ca_key_type(cert->key)));
	ca_buf_put_text(out, " ");
	ca_base64_encode(out, cert->blob.data, cert->blob.len);
	if (comment != NULL && comment[0] != '\0') {
		ca_buf_put_text(out, " ");
		ca_text_escape(out, comment, strlen(comment));
	}
	ca_buf_put_text(out, "\n");
}
