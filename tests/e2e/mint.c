/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mint.c - makes certificates that no honest tool makes, and keys for which nobody needs a secret.
 *
 *   mint AUTHORITY SUBJECT.pub [NAME=VALUE]...    a certificate on standard output
 *   mint --exponent E SUBJECT.pub                 the RSA key with another public exponent
 *   mint --identity-point                         the Ed25519 key under which everything verifies
 *
 * Fields come in the order of draft-ietf-sshm-cert and are not checked; %XX in a value is that
 * byte. The default is a certificate that an auditor's role admits.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ca/file.h"
#include "ca/key.h"
#include "ca/signer.h"
#include "ca/text.h"

#define KEY_FILE_MAX 65536

struct draft {
	uint32_t nonce_len, type;
	uint64_t serial, after, before;
	struct ca_buf kind, body; /* of the subject's key */
	struct ca_buf key_id, principals, critical, extensions, reserved, authority;
	struct ca_buf signature_tail, tail;
	const char *algorithm; /* NULL: the signature's own */
	bool has_principals;   /* any was named, or none on purpose */
	bool is_spoilt, is_malleable;
	size_t cut; /* bytes of the end that are left out */
};

static struct ca_why why;

static void
must(bool ok)
{
	if (ok)
		return;
	fprintf(stderr, "mint: %s\n", why.text);
	exit(1);
}

static void
put_value(struct ca_buf *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] != '%')
			ca_buf_put_u8(out, (uint8_t)text[i]);
		else if (i + 2 < len && ca_hex_decode(out, text + i + 1, 2))
			i += 2;
		else
			must(ca_why_set(&why, "'%s' has a '%%' without two digits", text));
}

/* The blob of a .pub or -cert.pub file, whatever it holds. */
static void
read_blob(struct ca_buf *out, const char *path)
{
	struct ca_buf file = { 0 };
	const char *text;

	must(ca_file_read(path, KEY_FILE_MAX, &file, &why));
	text = strchr((const char *)file.data, ' ');
	if (text == NULL || !ca_base64_decode(out, text + 1, strcspn(text + 1, " \n")))
		must(ca_why_set(&why, "'%s' holds no key", path));
	ca_buf_clear(&file);
}

static void
put_line(const char *kind, size_t kind_len, const struct ca_buf *blob)
{
	struct ca_buf text = { 0 };

	ca_base64_encode(&text, blob->data, blob->len);
	printf("%.*s %.*s\n", (int)kind_len, kind, (int)text.len, (const char *)text.data);
	ca_buf_clear(&text);
}

/* "ssh-rsa" makes "ssh-rsa-cert-v01@openssh.com"; an sk name keeps its domain at the end. */
static void
take_subject(struct draft *draft, const char *path)
{
	struct ca_buf blob = { 0 };
	struct ca_reader reader;
	struct ca_bytes kind;

	read_blob(&blob, path);
	reader = ca_reader_of(blob.data, blob.len);
	kind = ca_read_string(&reader);
	for (size_t i = 0; i < kind.len && kind.data[i] != '@'; i++)
		ca_buf_put_u8(&draft->kind, kind.data[i]);
	ca_buf_put_text(&draft->kind, "-cert-v01@openssh.com");
	ca_buf_put(&draft->body, reader.next, reader.left);
	ca_buf_clear(&blob);
}

/* NAME (a flag), NAME=VALUE (a string in the string). `bare`: the data as it stands. */
static void
put_option(struct ca_buf *out, const char *text, bool bare)
{
	const char *value = strchr(text, '=');
	struct ca_buf name = { 0 }, data = { 0 }, wrapped = { 0 };

	put_value(&name, text, value != NULL ? (size_t)(value - text) : strlen(text));
	if (value != NULL)
		put_value(&data, value + 1, strlen(value + 1));
	if (value != NULL && !bare)
		ca_buf_put_string(&wrapped, data.data, data.len);
	else
		ca_buf_put(&wrapped, data.data, data.len);
	ca_buf_put_string(out, name.data, name.len);
	ca_buf_put_string(out, wrapped.data, wrapped.len);
	ca_buf_clear(&name);
	ca_buf_clear(&data);
	ca_buf_clear(&wrapped);
}

static void
put_principal(struct draft *draft, const char *value)
{
	struct ca_buf name = { 0 };

	draft->has_principals = true;
	put_value(&name, value, strlen(value));
	ca_buf_put_string(&draft->principals, name.data, name.len);
	ca_buf_clear(&name);
}

/* A field that replaces what was there. NULL: none of that name. */
static struct ca_buf *
find_text(struct draft *draft, const char *name)
{
	struct {
		const char *name;
		struct ca_buf *field;
	} fields[] = {
		{ "kind", &draft->kind },
		{ "body", &draft->body },
		{ "key-id", &draft->key_id },
		{ "raw-principals", &draft->principals },
		{ "raw-critical", &draft->critical },
		{ "raw-extensions", &draft->extensions },
		{ "reserved", &draft->reserved },
		{ "signature-tail", &draft->signature_tail },
		{ "tail", &draft->tail },
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (strcmp(fields[i].name, name) == 0)
			return fields[i].field;
	return NULL;
}

static bool
take_number(struct draft *draft, const char *name, const char *value)
{
	int64_t now = (int64_t)time(NULL);

	if (strcmp(name, "serial") == 0)
		draft->serial = strtoull(value, NULL, 10);
	else if (strcmp(name, "type") == 0)
		draft->type = (uint32_t)strtoul(value, NULL, 10);
	else if (strcmp(name, "after") == 0) /* seconds from now */
		draft->after = (uint64_t)(now + strtoll(value, NULL, 10));
	else if (strcmp(name, "before") == 0)
		draft->before = (uint64_t)(now + strtoll(value, NULL, 10));
	else if (strcmp(name, "nonce") == 0)
		draft->nonce_len = (uint32_t)strtoul(value, NULL, 10);
	else if (strcmp(name, "cut") == 0)
		draft->cut = (size_t)strtoul(value, NULL, 10);
	else
		return false;
	return true;
}

static void
take_field(struct draft *draft, const char *name, const char *value)
{
	struct ca_buf *text = find_text(draft, name);

	if (text != NULL) {
		draft->has_principals |= text == &draft->principals;
		ca_buf_reset(text);
		put_value(text, value, strlen(value));
	} else if (take_number(draft, name, value)) {
		return;
	} else if (strcmp(name, "principal") == 0) {
		put_principal(draft, value);
	} else if (strcmp(name, "principals") == 0) { /* so many, before those that are named */
		for (unsigned long n = strtoul(value, NULL, 10); n > 0; n--)
			put_principal(draft, "nobody");
	} else if (strcmp(name, "critical") == 0 || strcmp(name, "bare-critical") == 0) {
		put_option(&draft->critical, value, name[0] == 'b');
	} else if (strcmp(name, "extension") == 0 || strcmp(name, "bare-extension") == 0) {
		put_option(&draft->extensions, value, name[0] == 'b');
	} else if (strcmp(name, "authority") == 0) {
		ca_buf_reset(&draft->authority);
		read_blob(&draft->authority, value);
	} else if (strcmp(name, "algorithm") == 0) {
		draft->algorithm = value;
	} else if (strcmp(name, "signature") == 0) {
		draft->is_spoilt = strcmp(value, "spoilt") == 0;
		draft->is_malleable = strcmp(value, "malleable") == 0;
	} else {
		must(ca_why_set(&why, "no field '%s'", name));
	}
}

/* S + L: the same signature to whoever does not look whether S is below L (RFC 8032, 5.1.7). */
static void
add_order(uint8_t s[static 32])
{
	static const uint8_t order[32] = { 0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6,
		0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10 };
	unsigned carry = 0;

	for (size_t i = 0; i < 32; i++) {
		carry += (unsigned)s[i] + order[i];
		s[i] = (uint8_t)carry;
		carry >>= 8;
	}
}

static void
put_signature(struct ca_buf *out, const struct draft *draft, struct ca_signer *signer)
{
	struct ca_buf sig = { 0 }, made = { 0 };
	struct ca_reader reader;
	struct ca_bytes algorithm;

	must(ca_signer_sign(signer, out->data, out->len, &sig, &why));
	reader = ca_reader_of(sig.data, sig.len);
	algorithm = ca_read_string(&reader);
	if (draft->algorithm != NULL)
		ca_buf_put_cstring(&made, draft->algorithm);
	else
		ca_buf_put_string(&made, algorithm.data, algorithm.len);
	ca_buf_put(&made, reader.next, reader.left);
	if (draft->is_spoilt)
		made.data[made.len - 40] ^= 1;
	if (draft->is_malleable)
		add_order(made.data + made.len - 32);
	ca_buf_put(&made, draft->signature_tail.data, draft->signature_tail.len);
	ca_buf_put_string(out, made.data, made.len);
	ca_buf_clear(&sig);
	ca_buf_clear(&made);
}

static void
put_certificate(struct ca_buf *out, const struct draft *draft, struct ca_signer *signer)
{
	ca_buf_put_string(out, draft->kind.data, draft->kind.len);
	ca_buf_put_u32(out, draft->nonce_len);
	for (uint32_t i = 0; i < draft->nonce_len; i++)
		ca_buf_put_u8(out, (uint8_t)i);
	ca_buf_put(out, draft->body.data, draft->body.len);
	ca_buf_put_u64(out, draft->serial);
	ca_buf_put_u32(out, draft->type);
	ca_buf_put_string(out, draft->key_id.data, draft->key_id.len);
	ca_buf_put_string(out, draft->principals.data, draft->principals.len);
	ca_buf_put_u64(out, draft->after);
	ca_buf_put_u64(out, draft->before);
	ca_buf_put_string(out, draft->critical.data, draft->critical.len);
	ca_buf_put_string(out, draft->extensions.data, draft->extensions.len);
	ca_buf_put_string(out, draft->reserved.data, draft->reserved.len);
	ca_buf_put_string(out, draft->authority.data, draft->authority.len);
	put_signature(out, draft, signer);
	ca_buf_put(out, draft->tail.data, draft->tail.len);
	out->len -= draft->cut < out->len ? draft->cut : out->len;
	must(ca_buf_ok(out));
}

static void
clear(struct draft *draft)
{
	ca_buf_clear(&draft->kind);
	ca_buf_clear(&draft->body);
	ca_buf_clear(&draft->key_id);
	ca_buf_clear(&draft->principals);
	ca_buf_clear(&draft->critical);
	ca_buf_clear(&draft->extensions);
	ca_buf_clear(&draft->reserved);
	ca_buf_clear(&draft->authority);
	ca_buf_clear(&draft->signature_tail);
	ca_buf_clear(&draft->tail);
}

static void
mint(const char *authority, const char *subject, char **fields)
{
	time_t now = time(NULL);
	struct draft draft = { .nonce_len = 32,
		.type = 1,
		.serial = 1,
		.after = (uint64_t)now - 60,
		.before = (uint64_t)now + 3600 };
	struct ca_signer *signer;
	struct ca_buf cert = { 0 };
	struct ca_bytes key;

	must(ca_signer_load(&signer, authority, &why));
	key = ca_key_blob(ca_signer_key(signer));
	ca_buf_put(&draft.authority, key.data, key.len);
	ca_buf_put_text(&draft.key_id, "dora@acme.example");
	take_subject(&draft, subject);
	for (; *fields != NULL; fields++) {
		char *value = strchr(*fields, '=');

		if (value == NULL)
			must(ca_why_set(&why, "'%s' is not NAME=VALUE", *fields));
		*value++ = '\0';
		take_field(&draft, *fields, value);
	}
	if (!draft.has_principals)
		put_principal(&draft, "acme-prod/auditor");
	put_certificate(&cert, &draft, signer);
	put_line((const char *)draft.kind.data, draft.kind.len, &cert);
	ca_buf_clear(&cert);
	clear(&draft);
	ca_signer_free(signer);
}

static void
change_exponent(const char *exponent, const char *subject)
{
	struct ca_buf blob = { 0 }, changed = { 0 };
	struct ca_reader reader;
	struct ca_bytes kind, n;
	uint8_t e[4];

	read_blob(&blob, subject);
	reader = ca_reader_of(blob.data, blob.len);
	kind = ca_read_string(&reader);
	ca_read_mpint(&reader);
	n = ca_read_mpint(&reader);
	for (size_t i = 0; i < 4; i++)
		e[i] = (uint8_t)(strtoul(exponent, NULL, 10) >> (24 - 8 * i));
	ca_buf_put_string(&changed, kind.data, kind.len);
	ca_buf_put_mpint(&changed, e, sizeof(e));
	ca_buf_put_mpint(&changed, n.data, n.len);
	put_line((const char *)kind.data, kind.len, &changed);
	ca_buf_clear(&blob);
	ca_buf_clear(&changed);
}

static void
put_identity_point(void)
{
	static const uint8_t point[32] = { 1 };
	struct ca_buf blob = { 0 };

	ca_buf_put_cstring(&blob, "ssh-ed25519");
	ca_buf_put_string(&blob, point, sizeof(point));
	put_line("ssh-ed25519", strlen("ssh-ed25519"), &blob);
	ca_buf_clear(&blob);
}

int
main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "--exponent") == 0)
		change_exponent(argv[2], argv[3]);
	else if (argc == 2 && strcmp(argv[1], "--identity-point") == 0)
		put_identity_point();
	else if (argc >= 3)
		mint(argv[1], argv[2], argv + 3);
	else
		return 2;
	return 0;
}
