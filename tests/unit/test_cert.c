/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_cert.c - certificates: the golden vector, stock ssh-keygen in both directions,
 * and a valid certificate damaged in every place. Hostile ones: test_cert_hostile.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "ca/cert.h"
#include "ca/crypto.h"
#include "scratch.h"

#define VECTORS "tests/data/vectors.json"

static struct ca_why why;

static void
assert_done(bool ok)
{
	if (!ok)
		fail_msg("%s", why.text);
}

/* `type base64` of vectors.json's certificate, and its blob. */
static void
read_vector(struct ca_buf *blob, json_t **vector)
{
	json_t *root = json_load_file(VECTORS, 0, NULL);
	const char *text;

	assert_non_null(root);
	*vector = json_incref(json_object_get(root, "cert"));
	text = json_string_value(json_object_get(*vector, "blob_b64"));
	assert_true(ca_base64_decode(blob, text, strlen(text)));
	json_decref(root);
}

static void
put_hex(struct ca_buf *out, json_t *vector, const char *name)
{
	const char *text = json_string_value(json_object_get(vector, name));

	assert_non_null(text);
	assert_true(ca_hex_decode(out, text, strlen(text)));
}

/* An OpenSSH private key file (PROTOCOL.key) of an Ed25519 seed. */
static void
write_seed_key(const char *name, struct ca_bytes seed, const struct ca_key *key)
{
	struct ca_bytes blob = ca_key_blob(key), public = { blob.data + blob.len - 32, 32 };
	struct ca_buf file = { 0 }, private = { 0 }, text = { 0 };

	ca_buf_put_u32(&private, 7);
	ca_buf_put_u32(&private, 7);
	ca_buf_put_cstring(&private, "ssh-ed25519");
	ca_buf_put_string(&private, public.data, public.len);
	ca_buf_put_u32(&private, 64);
	ca_buf_put(&private, seed.data, seed.len);
	ca_buf_put(&private, public.data, public.len);
	ca_buf_put_cstring(&private, "seed");
	for (uint8_t pad = 1; private.len % 8 != 0; pad++)
		ca_buf_put_u8(&private, pad);
	ca_buf_put(&file, "openssh-key-v1", 15);
	ca_buf_put_cstring(&file, "none");
	ca_buf_put_cstring(&file, "none");
	ca_buf_put_cstring(&file, "");
	ca_buf_put_u32(&file, 1);
	ca_buf_put_string(&file, blob.data, blob.len);
	ca_buf_put_string(&file, private.data, private.len);
	ca_buf_put_text(&text, "-----BEGIN OPENSSH PRIVATE KEY-----\n");
	ca_base64_encode(&text, file.data, file.len);
	ca_buf_put_text(&text, "\n-----END OPENSSH PRIVATE KEY-----\n");
	scratch_write(name, text.data, text.len);
	ca_buf_clear(&file);
	ca_buf_clear(&private);
	ca_buf_clear(&text);
}

static struct ca_cert_option
valued(const char *name, const char *value)
{
	return (struct ca_cert_option){ name, true, { (const uint8_t *)value, strlen(value) } };
}

static struct ca_cert_option
flag(const char *name)
{
	return (struct ca_cert_option){ .name = name };
}

static void
the_golden_vector_reads_as_it_was_written(void **state)
{
	struct ca_buf blob = { 0 };
	struct ca_cert *cert = NULL;
	uint8_t hash[32];
	char fingerprint[CA_FINGERPRINT_SIZE];
	struct ca_buf hex = { 0 };
	json_t *vector;

	(void)state;
	read_vector(&blob, &vector);
	assert_done(ca_cert_parse(&cert, blob.data, blob.len, &why));
	assert_done(ca_cert_verify(cert, &why));
	assert_int_equal(cert->blob.len, 473);
	assert_true(cert->serial == 0x0102030405060708);
	assert_int_equal(cert->type, CA_CERT_USER);
	assert_string_equal(cert->key_id, "alice@corp/JIT-42");
	assert_int_equal(cert->principal_count, 2);
	assert_string_equal(cert->principals[0], "root");
	assert_true(ca_cert_has_principal(cert, "deploy"));
	assert_false(ca_cert_has_principal(cert, "deplo"));
	assert_true(cert->valid_after == 1767225600 && cert->valid_before == 1767229200);
	assert_int_equal(cert->critical_count, 2);
	assert_true(ca_bytes_is(ca_cert_critical(cert, "force-command")->value, "/bin/true"));
	assert_null(ca_cert_extension(cert, "force-command"));
	assert_false(ca_cert_extension(cert, "permit-pty")->has_value);
	assert_true(ca_bytes_is(ca_cert_extension(cert, "ticket@example.com")->value, "JIT-42"));
	ca_cert_hash(cert, hash);
	put_hex(&hex, vector, "sha256");
	assert_memory_equal(hash, hex.data, 32);
	ca_key_fingerprint(cert->authority, fingerprint);
	assert_memory_equal(fingerprint, "SHA256:", 7);
	ca_cert_free(cert);
	ca_buf_clear(&hex);
	ca_buf_clear(&blob);
	json_decref(vector);
}

static void
the_golden_vector_is_rebuilt_to_the_byte_from_its_seeds(void **state)
{
	const char *principals[] = { "root", "deploy" };
	/* Out of order on purpose: the writer sorts. */
	struct ca_cert_option critical[] = {
		valued("source-address", "192.0.2.0/24,2001:db8::/32"),
		valued("force-command", "/bin/true"),
	};
	struct ca_cert_option extensions[] = {
		valued("ticket@example.com", "JIT-42"),
		flag("permit-pty"),
	};
	struct ca_buf blob = { 0 }, seed = { 0 }, nonce = { 0 };
	struct ca_cert *golden = NULL, *cert = NULL;
	struct ca_signer *signer = NULL;
	json_t *vector;

	(void)state;
	read_vector(&blob, &vector);
	put_hex(&seed, vector, "ca_seed");
	put_hex(&nonce, vector, "nonce");
	assert_done(ca_cert_parse(&golden, blob.data, blob.len, &why));
	write_seed_key("seed", ca_buf_bytes(&seed), golden->authority);
	assert_done(ca_signer_load(&signer, scratch_path("seed"), &why));
	const struct ca_cert_spec spec = {
		.key = golden->key,
		.serial = 0x0102030405060708,
		.type = CA_CERT_USER,
		.key_id = "alice@corp/JIT-42",
		.principals = principals,
		.principal_count = 2,
		.valid_after = 1767225600,
		.valid_before = 1767229200,
		.critical = critical,
		.critical_count = 2,
		.extensions = extensions,
		.extension_count = 2,
		.nonce = nonce.data,
	};
	assert_done(ca_cert_sign(&cert, &spec, signer, &why));
	assert_int_equal(cert->blob.len, blob.len);
	assert_memory_equal(cert->blob.data, blob.data, blob.len);
	ca_cert_free(cert);
	ca_cert_free(golden);
	ca_signer_free(signer);
	ca_buf_clear(&blob);
	ca_buf_clear(&seed);
	ca_buf_clear(&nonce);
	json_decref(vector);
}

static const char *const authorities[] = { "ca-ed25519", "ca-p256", "ca-p384", "ca-p521",
	"ca-rsa" };
static const char *const subjects[] = { "u-ed25519", "u-p256", "u-p384", "u-p521", "u-rsa",
	"u-sk-ed25519", "u-sk-p256" };

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static int
make_keys(void **state)
{
	if (scratch_make(state) != 0)
		return -1;
	for (int i = 0; i < 2; i++) {
		const char *const *names = i == 0 ? authorities : subjects;

		scratch_keygen(names[0], "ed25519", NULL);
		scratch_keygen(names[1], "ecdsa", "256");
		scratch_keygen(names[2], "ecdsa", "384");
		scratch_keygen(names[3], "ecdsa", "521");
		scratch_keygen(names[4], "rsa", "2048");
	}
	scratch_sk_pub("u-sk-ed25519.pub", "u-ed25519.pub");
	scratch_sk_pub("u-sk-p256.pub", "u-p256.pub");
	scratch_sk_pub("ca-sk-ed25519.pub", "ca-ed25519.pub");
	scratch_sk_pub("ca-sk-p256.pub", "ca-p256.pub");
	return 0;
}

static struct ca_cert *
load_cert(const char *name)
{
	struct ca_buf text = { 0 };
	struct ca_cert *cert = NULL;

	scratch_read(name, &text);
	assert_done(ca_cert_parse_line(&cert, (const char *)text.data, &why));
	ca_buf_clear(&text);
	return cert;
}

static void
assert_stock_made(const char *authority, const char *subject, bool host)
{
	char public[64], file[64], line[64];
	struct ca_cert *cert;
	struct ca_key *key;
	struct ca_buf again = { 0 }, text = { 0 };

	(void)snprintf(public, sizeof(public), "%s.pub", subject);
	(void)snprintf(file, sizeof(file), "%s-cert.pub", subject);
	(void)snprintf(line, sizeof(line), "%s.pub", authority);
	if (host)
		RUN_OK("ssh-keygen", "-q", "-h", "-s", authority, "-I", "stock id", "-n",
		    "gate.example", "-z", "77", public);
	else
		RUN_OK("ssh-keygen", "-q", "-s", authority, "-I", "stock id", "-n", "alice,bob",
		    "-z", "77", "-V", "20260101Z:20260201Z", "-O", "force-command=true now", "-O",
		    "source-address=192.0.2.0/24", "-O", "extension:note@example.com=x", "-O",
		    "critical:flag@example.com", "-O", "no-x11-forwarding", public);
	cert = load_cert(file);
	assert_done(ca_cert_verify(cert, &why));
	assert_int_equal(cert->serial, 77);
	assert_string_equal(cert->key_id, "stock id");
	assert_int_equal(cert->type, host ? CA_CERT_HOST : CA_CERT_USER);
	key = scratch_key(public);
	assert_true(ca_key_equal(cert->key, key));
	ca_key_free(key);
	key = scratch_key(line);
	assert_true(ca_key_equal(cert->authority, key));
	ca_key_free(key);
	if (!host) {
		assert_true(cert->valid_after == 1767225600 && cert->valid_before == 1769904000);
		assert_int_equal(cert->critical_count, 3);
		assert_int_equal(cert->extension_count, 5);
		assert_non_null(ca_cert_critical(cert, "flag@example.com"));
		assert_true(
		    ca_bytes_is(ca_cert_critical(cert, "force-command")->value, "true now"));
	} else {
		assert_true(cert->valid_before == CA_CERT_FOREVER);
	}
	/* The line that we write is the one that ssh-keygen wrote. */
	ca_cert_put_line(&again, cert, subject[2] == 's' ? NULL : subject);
	scratch_read(file, &text);
	assert_true(text.len >= again.len - 1);
	assert_memory_equal(text.data, again.data, again.len - 1);
	ca_buf_clear(&again);
	ca_buf_clear(&text);
	ca_cert_free(cert);
}

static void
stock_certificates_of_every_key_type_by_every_authority_are_read(void **state)
{
	(void)state;
	for (size_t a = 0; a < COUNT(authorities); a++)
		for (size_t s = 0; s < COUNT(subjects); s++)
			assert_stock_made(authorities[a], subjects[s], false);
	assert_stock_made(authorities[0], subjects[0], true);
}

static const char *const spec_principals[] = { "acme-prod/diagnostics" };

static struct ca_cert_spec
plain_spec(const struct ca_key *key)
{
	return (struct ca_cert_spec){
		.key = key,
		.serial = 42,
		.type = CA_CERT_USER,
		.key_id = "alice@vendor.example grant 42 acme-prod/diagnostics",
		.principals = spec_principals,
		.principal_count = 1,
		.valid_after = 1767225600,
		.valid_before = 1767229200,
	};
}

static void
assert_stock_reads(const struct ca_cert *cert)
{
	struct ca_buf line = { 0 };

	ca_cert_put_line(&line, cert, "a comment");
	scratch_write("ours-cert.pub", line.data, line.len);
	ca_buf_clear(&line);
	RUN_OK("ssh-keygen", "-L", "-f", "ours-cert.pub");
	assert_true(scratch_says("Serial: 42\n"));
	assert_true(scratch_says("acme-prod/diagnostics"));
}

static void
stock_reads_ours_of_every_key_type_by_every_authority(void **state)
{
	struct ca_cert_option critical[] = {
		valued("source-address", "203.0.113.0/24"),
		valued("grant@postern", "postern-grant-v1\n"),
	};
	struct ca_cert_option extensions[] = {
		flag("permit-pty"),
		{ "log@postern", true, { (const uint8_t *)"\0\0\0\1", 4 } },
	};

	(void)state;
	for (size_t a = 0; a < COUNT(authorities); a++) {
		struct ca_signer *signer = NULL;

		assert_done(ca_signer_load(&signer, scratch_path(authorities[a]), &why));
		for (size_t s = 0; s < COUNT(subjects); s++) {
			char public[64];
			struct ca_cert_spec spec;
			struct ca_cert *cert = NULL;
			struct ca_key *key;

			(void)snprintf(public, sizeof(public), "%s.pub", subjects[s]);
			key = scratch_key(public);
			spec = plain_spec(key);
			spec.critical = critical;
			spec.critical_count = COUNT(critical);
			spec.extensions = extensions;
			spec.extension_count = COUNT(extensions);
			assert_done(ca_cert_sign(&cert, &spec, signer, &why));
			assert_stock_reads(cert);
			assert_true(scratch_says("grant@postern"));
			ca_cert_free(cert);
			ca_key_free(key);
		}
		ca_signer_free(signer);
	}
}

/* What a token would sign for `data`, signed by the plain key it was made from. */
static void
put_sk_signature(
    struct ca_buf *out, struct ca_signer *plain, const char *type, const void *data, size_t len)
{
	uint8_t hash[32];
	struct ca_buf message = { 0 }, sig = { 0 };
	struct ca_reader reader;
	struct ca_bytes inner;

	ca_sha256("ssh:", 4, hash);
	ca_buf_put(&message, hash, 32);
	ca_buf_put_u8(&message, 0x01);
	ca_buf_put_u32(&message, 9);
	ca_sha256(data, len, hash);
	ca_buf_put(&message, hash, 32);
	assert_done(ca_signer_sign(plain, message.data, message.len, &sig, &why));
	reader = ca_reader_of(sig.data, sig.len);
	(void)ca_read_string(&reader);
	inner = ca_read_string(&reader);
	ca_buf_put_cstring(out, type);
	ca_buf_put_string(out, inner.data, inner.len);
	ca_buf_put_u8(out, 0x01);
	ca_buf_put_u32(out, 9);
	ca_buf_clear(&message);
	ca_buf_clear(&sig);
}

static void
assert_fido_authority(const char *plain, const char *public, const char *type)
{
	struct ca_buf blob = { 0 }, sig = { 0 };
	struct ca_key *authority = scratch_key(public), *subject = scratch_key("u-ed25519.pub");
	struct ca_cert_spec spec = plain_spec(subject);
	struct ca_cert *model = NULL, *cert = NULL;
	struct ca_bytes old, key = ca_key_blob(authority);
	struct ca_signer *signer = NULL;

	assert_done(ca_signer_load(&signer, scratch_path(plain), &why));
	assert_done(ca_cert_sign(&model, &spec, signer, &why));
	/* The same fields with the authority's key exchanged. */
	old = ca_key_blob(ca_signer_key(signer));
	ca_buf_put(&blob, model->blob.data, model->signed_len - old.len - 4);
	ca_buf_put_string(&blob, key.data, key.len);
	put_sk_signature(&sig, signer, type, blob.data, blob.len);
	ca_buf_put_string(&blob, sig.data, sig.len);
	assert_done(ca_cert_parse(&cert, blob.data, blob.len, &why));
	assert_done(ca_cert_verify(cert, &why));
	assert_stock_reads(cert);
	ca_cert_free(cert);
	blob.data[blob.len - 1] ^= 1; /* the counter */
	assert_done(ca_cert_parse(&cert, blob.data, blob.len, &why));
	assert_false(ca_cert_verify(cert, &why));
	ca_cert_free(cert);
	ca_cert_free(model);
	ca_signer_free(signer);
	ca_key_free(authority);
	ca_key_free(subject);
	ca_buf_clear(&blob);
	ca_buf_clear(&sig);
}

static void
fido_authorities_are_verified_as_stock_verifies_them(void **state)
{
	(void)state;
	assert_fido_authority("ca-ed25519", "ca-sk-ed25519.pub", "sk-ssh-ed25519@openssh.com");
	assert_fido_authority("ca-p256", "ca-sk-p256.pub", "sk-ecdsa-sha2-nistp256@openssh.com");
}

static bool
is_good(const void *blob, size_t len)
{
	struct ca_cert *cert = NULL;
	bool good = ca_cert_parse(&cert, blob, len, &why) && ca_cert_verify(cert, &why);

	ca_cert_free(cert);
	return good;
}

/* Every authority type, so that no signature encoding has a bit to spare. */
static void
a_certificate_with_any_bit_flipped_is_refused(void **state)
{
	(void)state;
	for (size_t a = 0; a < COUNT(authorities); a++) {
		struct ca_key *key = scratch_key("u-ed25519.pub");
		struct ca_cert_spec spec = plain_spec(key);
		struct ca_signer *signer = NULL;
		struct ca_cert *cert = NULL;
		uint8_t *blob;

		assert_done(ca_signer_load(&signer, scratch_path(authorities[a]), &why));
		assert_done(ca_cert_sign(&cert, &spec, signer, &why));
		blob = malloc(cert->blob.len);
		memcpy(blob, cert->blob.data, cert->blob.len);
		assert_true(is_good(blob, cert->blob.len));
		for (size_t bit = 0; bit < cert->blob.len * 8; bit++) {
			blob[bit / 8] = (uint8_t)(blob[bit / 8] ^ 1U << bit % 8);
			if (is_good(blob, cert->blob.len))
				fail_msg("bit %zu of %s's may be flipped", bit, authorities[a]);
			blob[bit / 8] = (uint8_t)(blob[bit / 8] ^ 1U << bit % 8);
		}
		free(blob);
		ca_cert_free(cert);
		ca_signer_free(signer);
		ca_key_free(key);
	}
}

static void
the_golden_vector_with_any_bit_flipped_is_refused(void **state)
{
	struct ca_buf blob = { 0 };
	json_t *vector;

	(void)state;
	read_vector(&blob, &vector);
	for (size_t bit = 0; bit < blob.len * 8; bit++) {
		blob.data[bit / 8] = (uint8_t)(blob.data[bit / 8] ^ 1U << bit % 8);
		if (is_good(blob.data, blob.len))
			fail_msg("bit %zu may be flipped", bit);
		blob.data[bit / 8] = (uint8_t)(blob.data[bit / 8] ^ 1U << bit % 8);
	}
	assert_true(is_good(blob.data, blob.len));
	ca_buf_clear(&blob);
	json_decref(vector);
}

static void
each_missing_and_each_trailing_byte_is_refused(void **state)
{
	struct ca_buf blob = { 0 }, damaged = { 0 };
	json_t *vector;

	(void)state;
	read_vector(&blob, &vector);
	for (size_t len = 0; len < blob.len; len++)
		assert_false(is_good(blob.data, len));
	for (size_t gone = 0; gone < blob.len; gone++) {
		ca_buf_reset(&damaged);
		ca_buf_put(&damaged, blob.data, gone);
		ca_buf_put(&damaged, blob.data + gone + 1, blob.len - gone - 1);
		assert_false(is_good(damaged.data, damaged.len));
	}
	for (unsigned byte = 0; byte < 256; byte++) {
		ca_buf_reset(&damaged);
		ca_buf_put(&damaged, blob.data, blob.len);
		ca_buf_put_u8(&damaged, (uint8_t)byte);
		assert_false(is_good(damaged.data, damaged.len));
		assert_string_equal(why.text, "1 bytes follow the certificate");
	}
	ca_buf_clear(&damaged);
	ca_buf_clear(&blob);
	json_decref(vector);
}

static void
lines_are_one_type_and_one_base64(void **state)
{
	struct ca_buf line = { 0 };
	struct ca_buf blob = { 0 };
	struct ca_cert *cert = NULL;
	json_t *vector;
	const char *base64;
	char text[1024];

	(void)state;
	read_vector(&blob, &vector);
	base64 = json_string_value(json_object_get(vector, "blob_b64"));
	static const struct {
		const char *before, *after;
		bool good;
	} cases[] = {
		{ "ssh-ed25519-cert-v01@openssh.com ", "", true },
		{ "ssh-ed25519-cert-v01@openssh.com ", "\n", true },
		{ "ssh-ed25519-cert-v01@openssh.com ", " any comment\n", true },
		{ "ssh-ed25519-cert-v01@openssh.com ", "\n\n", false },
		{ "ssh-ed25519-cert-v01@openssh.com ", "\nmore", false },
		{ "ssh-ed25519-cert-v01@openssh.com ", "AAAA", false },
		{ "ssh-ed25519-cert-v01@openssh.com ", "\r\n", false },
		{ "ssh-ed25519-cert-v01@openssh.com  ", "", false },
		{ "ssh-ed25519-cert-v01@openssh.com", "", false },
		{ "ssh-ed25519 ", "", false },
		{ "ssh-rsa-cert-v01@openssh.com ", "", false },
		{ "", "", false },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		(void)snprintf(
		    text, sizeof(text), "%s%s%s", cases[i].before, base64, cases[i].after);
		if (ca_cert_parse_line(&cert, text, &why) != cases[i].good)
			fail_msg("case %zu: %s", i, why.text);
		assert_true((cert != NULL) == cases[i].good);
		if (cert != NULL) {
			ca_buf_reset(&line);
			ca_cert_put_line(&line, cert, "\033[2Jx");
			assert_null(memchr(line.data, '\033', line.len));
		}
		ca_cert_free(cert);
		cert = NULL;
	}
	assert_false(ca_cert_parse_line(&cert, "", &why));
	assert_false(ca_cert_parse_line(&cert, "ssh-ed25519-cert-v01@openssh.com ", &why));
	ca_buf_clear(&line);
	ca_buf_clear(&blob);
	json_decref(vector);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_golden_vector_reads_as_it_was_written),
		cmocka_unit_test(the_golden_vector_is_rebuilt_to_the_byte_from_its_seeds),
		cmocka_unit_test(the_golden_vector_with_any_bit_flipped_is_refused),
		cmocka_unit_test(each_missing_and_each_trailing_byte_is_refused),
		cmocka_unit_test(lines_are_one_type_and_one_base64),
		cmocka_unit_test(stock_certificates_of_every_key_type_by_every_authority_are_read),
		cmocka_unit_test(stock_reads_ours_of_every_key_type_by_every_authority),
		cmocka_unit_test(fido_authorities_are_verified_as_stock_verifies_them),
		cmocka_unit_test(a_certificate_with_any_bit_flipped_is_refused),
	};

	return cmocka_run_group_tests(tests, make_keys, scratch_remove);
}
