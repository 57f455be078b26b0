/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_sshsig.c - signatures over messages: the bytes of the vectors, there and back
 * with ssh-keygen, and each case of it that we decide otherwise.
 */
#include "room.h"

#include <jansson.h>

#include "ca/crypto.h"
#include "ca/crypto_key.h"
#include "ca/private_key.h"
#include "ca/sshsig.h"
#include "ca/text.h"

#define NS "grant@postern"

static const char message[] = "hello\n";

#define MESSAGE_LEN (sizeof(message) - 1)

/* A blob is read, and its signature holds over the message. */
static bool
accepts(const struct ca_buf *blob, const char *ns, const char *sentence)
{
	struct ca_sshsig *sig = NULL;
	struct ca_why why = { "" };
	bool ok = ca_sshsig_parse(&sig, blob->data, blob->len, &why) &&
		  ca_sshsig_verify(sig, ns, message, MESSAGE_LEN, NULL, &why);

	ca_sshsig_free(sig);
	if (sentence != NULL && strstr(why.text, sentence) == NULL)
		fail_msg("'%s' does not say '%s'", why.text, sentence);
	return ok;
}

static struct ca_buf
dearmored(const char *path)
{
	struct ca_buf text = room_read(path), blob = { 0 };
	struct ca_why why;

	if (!ca_sshsig_dearmor(&blob, (const char *)text.data, text.len, &why))
		fail_msg("%s: %s", path, why.text);
	ca_buf_clear(&text);
	return blob;
}

struct vector {
	json_t *file, *entry;
	struct ca_buf blob;
	struct ca_signer *signer; /* of the vector's seed */
};

static struct vector
load_vector(const char *name)
{
	char path[PATH_MAX + 32];
	struct vector vector = { 0 };
	struct ca_buf seed = { 0 }, text = { 0 };
	struct ca_private_key key = { 0 };
	struct ca_why why;

	snprintf(path, sizeof(path), "%s/tests/data/vectors.json", room_root);
	vector.file = json_load_file(path, 0, NULL);
	vector.entry = json_object_get(vector.file, name);
	assert_non_null(vector.entry);
	const char *hex = json_string_value(json_object_get(vector.entry, "seed"));
	const char *base64 = json_string_value(json_object_get(vector.entry, "blob_b64"));

	assert_true(ca_hex_decode(&seed, hex, strlen(hex)));
	assert_true(ca_base64_decode(&vector.blob, base64, strlen(base64)));

	/* A key file of the seed; the public key is found by way of the private one. */
	uint8_t point[CA_ED25519_SIZE];

	assert_true(ca_pkey_private_ed25519(&key.secret, seed.data, point, &why));
	ca_buf_put_cstring(&text, "ssh-ed25519");
	ca_buf_put_string(&text, point, sizeof(point));
	assert_true(ca_key_parse(&key.key, text.data, text.len, &why));
	ca_buf_reset(&text);
	ca_private_key_put_ed25519(&text, seed.data, key.key, "vector");
	room_write("vector", text.data, text.len, 0600);
	assert_true(ca_signer_load(&vector.signer, "vector", &why));
	ca_private_key_clear(&key);
	ca_buf_clear(&text);
	ca_buf_clear(&seed);
	return vector;
}

static void
free_vector(struct vector *vector)
{
	json_decref(vector->file);
	ca_buf_clear(&vector->blob);
	ca_signer_free(vector->signer);
}

static void
signing_gives_the_golden_bytes(void **state)
{
	struct vector vector = load_vector("sshsig_sha512");
	struct ca_buf made = { 0 };
	struct ca_why why;

	(void)state;
	assert_true(ca_sshsig_sign(
	    vector.signer, NULL, "test@example.com", message, MESSAGE_LEN, &made, &why));
	assert_true(ca_bytes_equal(ca_buf_bytes(&made), ca_buf_bytes(&vector.blob)));
	ca_buf_clear(&made);
	free_vector(&vector);
}

static void
both_golden_signatures_hold(void **state)
{
	static const char *const names[] = { "sshsig_sha512", "sshsig_sha256" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct vector vector = load_vector(names[i]);
		struct ca_sshsig *sig = NULL;
		struct ca_why why;

		assert_true(ca_sshsig_parse(&sig, vector.blob.data, vector.blob.len, &why));
		assert_int_equal(sig->sha256, i == 1);
		assert_null(sig->cert);
		assert_string_equal(sig->namespace, "test@example.com");
		assert_true(ca_key_equal(sig->key, ca_signer_key(vector.signer)));
		assert_true(
		    ca_sshsig_verify(sig, "test@example.com", message, MESSAGE_LEN, NULL, &why));
		assert_false(ca_sshsig_verify(
		    sig, "test@example.com", message, MESSAGE_LEN - 1, NULL, &why));
		ca_sshsig_free(sig);
		free_vector(&vector);
	}
}

static void
every_bit_of_a_signature_counts(void **state)
{
	struct vector vector = load_vector("sshsig_sha512");
	struct ca_buf *blob = &vector.blob;

	(void)state;
	for (size_t bit = 0; bit < 8 * blob->len; bit++) {
		blob->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (accepts(blob, "test@example.com", NULL))
			fail_msg("bit %zu does not count", bit);
		blob->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t len = 0; len < blob->len; len++) {
		struct ca_buf cut = { .data = blob->data, .len = len };

		assert_false(accepts(&cut, "test@example.com", NULL));
	}
	ca_buf_put_u8(blob, 0);
	assert_false(accepts(blob, "test@example.com", "bytes follow it"));
	free_vector(&vector);
}

/* What is in a blob, for spoiling one field. */
struct parts {
	uint32_t version;
	const char *ns, *signed_ns;
	size_t ns_len;
	const char *reserved, *hash;
};

static const struct parts good_parts = { 1, NS, NS, sizeof(NS) - 1, "", "sha512" };

/* Encodes and signs whatever the parts say, which ca_sshsig_sign would not. */
static void
forge(struct ca_buf *out, struct ca_signer *signer, const struct parts *parts)
{
	struct ca_buf data = { 0 }, made = { 0 };
	struct ca_bytes key = ca_key_blob(ca_signer_key(signer));
	uint8_t hash[CA_SHA512_SIZE];

	ca_sha512(message, MESSAGE_LEN, hash);
	ca_buf_put_text(&data, "SSHSIG");
	ca_buf_put_string(&data, parts->signed_ns, parts->ns_len);
	ca_buf_put_cstring(&data, parts->reserved);
	ca_buf_put_cstring(&data, parts->hash);
	ca_buf_put_string(&data, hash, sizeof(hash));
	assert_true(ca_signer_sign(signer, data.data, data.len, &made, NULL));
	ca_buf_reset(out);
	ca_buf_put_text(out, "SSHSIG");
	ca_buf_put_u32(out, parts->version);
	ca_buf_put_string(out, key.data, key.len);
	ca_buf_put_string(out, parts->ns, parts->ns_len);
	ca_buf_put_cstring(out, parts->reserved);
	ca_buf_put_cstring(out, parts->hash);
	ca_buf_put_string(out, made.data, made.len);
	ca_buf_clear(&made);
	ca_buf_clear(&data);
}

static void
fields_that_a_signature_may_not_have_are_refused(void **state)
{
	struct ca_signer *signer = NULL;
	struct ca_buf blob = { 0 };
	struct parts parts = good_parts;

	(void)state;
	assert_true(ca_signer_generate(&signer, NULL));
	forge(&blob, signer, &parts);
	assert_true(accepts(&blob, NS, NULL));
	assert_false(accepts(&blob, "seal@postern", "is for 'grant@postern', not for"));
	assert_false(accepts(&blob, "", NULL));
	parts.version = 0; /* ssh-keygen takes it */
	forge(&blob, signer, &parts);
	assert_false(accepts(&blob, NS, "version is 0"));
	parts.version = 2;
	forge(&blob, signer, &parts);
	assert_false(accepts(&blob, NS, "version is 2"));
	parts = good_parts;
	parts.reserved = "x"; /* ssh-keygen takes it unsigned, PROTOCOL.sshsig signed */
	forge(&blob, signer, &parts);
	assert_false(accepts(&blob, NS, "reserved field is not empty"));
	parts = good_parts;
	parts.ns = parts.signed_ns = "grant\0postern";
	forge(&blob, signer, &parts);
	assert_false(accepts(&blob, "grant", "malformed"));
	parts.ns = parts.signed_ns = "";
	parts.ns_len = 0;
	forge(&blob, signer, &parts);
	assert_false(accepts(&blob, "", "namespace is empty"));
	parts = good_parts;
	parts.ns = "grant@posterN";
	forge(&blob, signer, &parts);
	assert_false(accepts(&blob, "grant@posterN", "does not hold"));
	ca_buf_clear(&blob);
	ca_signer_free(signer);
}

static void
hashes_other_than_sha512_and_sha256_are_refused(void **state)
{
	static const char *const names[] = { "", "sha1", "md5", "sha384", "SHA512", "sha512 " };
	struct ca_signer *signer = NULL;
	struct ca_buf blob = { 0 };
	struct parts parts = good_parts;

	(void)state;
	assert_true(ca_signer_generate(&signer, NULL));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		parts.hash = names[i];
		forge(&blob, signer, &parts);
		assert_false(accepts(&blob, NS, "neither 'sha512' nor 'sha256'"));
	}
	ca_buf_clear(&blob);
	ca_signer_free(signer);
}

static void
a_signature_of_64_kib_is_read_and_one_byte_more_is_not(void **state)
{
	struct ca_signer *signer = NULL;
	struct ca_buf blob = { 0 };
	struct parts parts = good_parts;
	size_t around;
	char *ns = malloc(CA_SSHSIG_MAX);

	(void)state;
	assert_non_null(ns);
	memset(ns, 'n', CA_SSHSIG_MAX);
	assert_true(ca_signer_generate(&signer, NULL));
	forge(&blob, signer, &parts);
	around = blob.len - parts.ns_len;
	parts.ns = parts.signed_ns = ns;
	parts.ns_len = CA_SSHSIG_MAX - around;
	ns[parts.ns_len] = '\0';
	forge(&blob, signer, &parts);
	assert_int_equal(blob.len, CA_SSHSIG_MAX);
	assert_true(accepts(&blob, ns, NULL));
	ns[parts.ns_len++] = 'n';
	forge(&blob, signer, &parts);
	assert_false(accepts(&blob, ns, "1 to 65536 bytes"));
	free(ns);
	ca_buf_clear(&blob);
	ca_signer_free(signer);
}

/* An authenticator's signature (PROTOCOL.u2f) over what SSHSIG signs. */
static void
sign_without_touch(struct ca_buf *out)
{
	uint8_t seed[32] = { 9 }, point[32], hash[CA_SHA512_SIZE];
	struct ca_buf key = { 0 }, data = { 0 }, asked = { 0 }, raw = { 0 }, sig = { 0 };
	struct ca_pkey *secret = NULL;

	assert_true(ca_pkey_private_ed25519(&secret, seed, point, NULL));
	ca_buf_put_cstring(&key, "sk-ssh-ed25519@openssh.com");
	ca_buf_put_string(&key, point, sizeof(point));
	ca_buf_put_cstring(&key, "ssh:");
	ca_sha512(message, MESSAGE_LEN, hash);
	ca_buf_put_text(&data, "SSHSIG");
	ca_buf_put_cstring(&data, NS);
	ca_buf_put_cstring(&data, "");
	ca_buf_put_cstring(&data, "sha512");
	ca_buf_put_string(&data, hash, sizeof(hash));
	ca_sha256("ssh:", 4, hash);
	ca_buf_put(&asked, hash, 32);
	ca_buf_put_u8(&asked, 0);
	ca_buf_put_u32(&asked, 5);
	ca_sha256(data.data, data.len, hash);
	ca_buf_put(&asked, hash, 32);
	assert_true(ca_pkey_sign(secret, asked.data, asked.len, &raw));
	ca_buf_put_cstring(&sig, "sk-ssh-ed25519@openssh.com");
	ca_buf_put_string(&sig, raw.data, raw.len);
	ca_buf_put_u8(&sig, 0);
	ca_buf_put_u32(&sig, 5);
	ca_buf_put_text(out, "SSHSIG");
	ca_buf_put_u32(out, 1);
	ca_buf_put_string(out, key.data, key.len);
	ca_buf_put_cstring(out, NS);
	ca_buf_put_cstring(out, "");
	ca_buf_put_cstring(out, "sha512");
	ca_buf_put_string(out, sig.data, sig.len);
	ca_pkey_free(secret);
	ca_buf_clear(&sig);
	ca_buf_clear(&raw);
	ca_buf_clear(&asked);
	ca_buf_clear(&data);
	ca_buf_clear(&key);
}

static void
a_fido_signature_without_touch_says_so(void **state)
{
	struct ca_presence presence = { 0 };
	struct ca_sshsig *sig = NULL;
	struct ca_buf blob = { 0 }, armor = { 0 };
	struct ca_why why;

	(void)state;
	sign_without_touch(&blob);
	assert_true(ca_sshsig_parse(&sig, blob.data, blob.len, &why));
	assert_true(ca_sshsig_verify(sig, NS, message, MESSAGE_LEN, &presence, &why));
	assert_true(presence.is_sk);
	assert_int_equal(presence.flags, 0);
	assert_int_equal(presence.counter, 5);
	/* ssh-keygen takes it for a good one, and says nothing. */
	ca_sshsig_armor(&armor, blob.data, blob.len);
	room_write("sk.sig", armor.data, armor.len, 0600);
	assert_true(room_run("echo hello | ssh-keygen -Y check-novalidate -n " NS " -s sk.sig"));
	ca_sshsig_free(sig);
	ca_buf_clear(&armor);
	ca_buf_clear(&blob);
}

static void
what_ssh_keygen_signs_holds_here(void **state)
{
	static const char *const options[] = { "", "-O hashalg=sha512", "-O hashalg=sha256" };

	(void)state;
	for (size_t i = 0; i < ROOM_TYPES; i++)
		for (size_t k = 0; k < 3; k++) {
			assert_true(room_run("echo hello | ssh-keygen -q -Y sign %s -n " NS
					     " -f key%zu >theirs.sig",
			    options[k], i));
			struct ca_buf blob = dearmored("theirs.sig");

			assert_true(accepts(&blob, NS, NULL));
			assert_false(accepts(&blob, "seal@postern", NULL));
			ca_buf_clear(&blob);
		}
}

static void
sign_file(const char *key, const char *cert_path, const char *sig_path)
{
	struct ca_signer *signer = NULL;
	struct ca_cert *cert = NULL;
	struct ca_buf blob = { 0 }, armor = { 0 };
	struct ca_why why;

	if (cert_path != NULL) {
		struct ca_buf line = room_read(cert_path);

		if (!ca_cert_parse_line(&cert, (const char *)line.data, &why))
			fail_msg("%s", why.text);
		ca_buf_clear(&line);
	}
	if (!ca_signer_load(&signer, key, &why) ||
	    !ca_sshsig_sign(signer, cert, NS, message, MESSAGE_LEN, &blob, &why))
		fail_msg("%s", why.text);
	ca_sshsig_armor(&armor, blob.data, blob.len);
	room_write(sig_path, armor.data, armor.len, 0600);
	ca_buf_clear(&armor);
	ca_buf_clear(&blob);
	ca_cert_free(cert);
	ca_signer_free(signer);
}

static void
what_we_sign_holds_for_ssh_keygen(void **state)
{
	char key[32];

	(void)state;
	for (size_t i = 0; i < ROOM_TYPES; i++) {
		snprintf(key, sizeof(key), "key%zu", i);
		sign_file(key, NULL, "ours.sig");
		assert_true(
		    room_run("echo hello | ssh-keygen -Y check-novalidate -n " NS " -s ours.sig"));
		assert_true(room_run("{ printf 'bob namespaces=\"" NS "\" '; cat key%zu.pub; }"
				     " >allowed; echo hello | ssh-keygen -Y verify -f allowed"
				     " -I bob -n " NS " -s ours.sig",
		    i));
		assert_false(room_run("echo hellO | ssh-keygen -Y verify -f allowed -I bob"
				      " -n " NS " -s ours.sig"));
	}
}

static void
a_certificate_can_stand_in_for_its_key(void **state)
{
	struct ca_sshsig *sig = NULL;
	struct ca_signer *other = NULL;
	struct ca_buf blob, out = { 0 };
	struct ca_why why;

	(void)state;
	assert_true(room_run("ssh-keygen -q -s key1 -I id -n bob -z 7 -V -1m:+1h key0.pub"));
	assert_true(
	    room_run("echo hello | ssh-keygen -q -Y sign -n " NS " -f key0-cert.pub >theirs.sig"));
	blob = dearmored("theirs.sig");
	assert_true(ca_sshsig_parse(&sig, blob.data, blob.len, &why));
	assert_non_null(sig->cert);
	assert_true(ca_key_equal(sig->key, sig->cert->key));
	assert_int_equal(sig->cert->serial, 7);
	assert_true(ca_sshsig_verify(sig, NS, message, MESSAGE_LEN, NULL, &why));

	/* The certificate's own signature counts too: its last bytes stand before the namespace. */
	size_t end = 6 + 4 + 4 + sig->cert->blob.len;

	blob.data[end - 1] ^= 1;
	assert_false(accepts(&blob, NS, "the signer's certificate"));
	sign_file("key0", "key0-cert.pub", "ours.sig");
	assert_true(
	    room_run("{ printf 'bob cert-authority '; cat key1.pub; } >allowed; echo hello |"
		     " ssh-keygen -Y verify -f allowed -I bob -n " NS " -s ours.sig"));
	assert_true(ca_signer_generate(&other, &why));
	assert_false(ca_sshsig_sign(other, sig->cert, NS, message, MESSAGE_LEN, &out, &why));
	assert_non_null(strstr(why.text, "another key"));
	ca_signer_free(other);
	ca_buf_clear(&blob);
	ca_sshsig_free(sig);
}

static void
an_empty_namespace_is_never_signed_for(void **state)
{
	struct ca_signer *signer = NULL;
	struct ca_buf out = { 0 };
	struct ca_why why;

	(void)state;
	assert_true(ca_signer_generate(&signer, &why));
	assert_false(ca_sshsig_sign(signer, NULL, "", message, MESSAGE_LEN, &out, &why));
	assert_int_equal(out.len, 0);
	ca_signer_free(signer);
}

static void
assert_armor(bool expected, const char *text, const char *sentence)
{
	struct ca_buf blob = { 0 };
	struct ca_why why = { "" };
	bool ok = ca_sshsig_dearmor(&blob, text, strlen(text), &why);

	if (ok != expected)
		fail_msg("%s: %s", text, why.text);
	if (expected)
		assert_string_equal((ca_buf_put_u8(&blob, 0), (char *)blob.data), "hello!");
	if (sentence != NULL && strstr(why.text, sentence) == NULL)
		fail_msg("'%s' does not say '%s'", why.text, sentence);
	ca_buf_clear(&blob);
}

#define BEGIN "-----BEGIN SSH SIGNATURE-----"
#define END   "-----END SSH SIGNATURE-----"

static void
armor_may_be_folded_anyhow_but_has_nothing_around_it(void **state)
{
	(void)state;
	assert_armor(true, BEGIN "\naGVsbG8h\n" END "\n", NULL);
	assert_armor(true, BEGIN "\naGVsbG8h\n" END, NULL);
	assert_armor(true, BEGIN "\na\nG\nV\ns\nb\nG\n8\nh\n" END "\n", NULL);
	assert_armor(true, BEGIN "\r\naGVsbG8h\r\n" END "\r\n", NULL); /* stock refuses */
	assert_armor(
	    false, BEGIN "\naGVsbG8h\n" END "\njunk", "something follows"); /* stock takes */
	assert_armor(false, BEGIN "\naGVsbG8h\n" END "\n\n", "something follows");
	assert_armor(false, BEGIN "\naGVsbG8h\n" END "x\n", "is missing");
	assert_armor(false, "\n" BEGIN "\naGVsbG8h\n" END "\n", "first line");
	assert_armor(false, " " BEGIN "\naGVsbG8h\n" END "\n", "first line");
	assert_armor(false, "-----BEGIN PGP SIGNATURE-----\naGVsbG8h\n" END "\n", "first line");
	assert_armor(false, BEGIN "\naGVs\n\nbG8h\n" END "\n", "is missing");
	assert_armor(false, BEGIN "\naGVsbG8h\n", "is missing");
	assert_armor(false, BEGIN "\naGVsbG8h", "is missing");
	assert_armor(false, BEGIN "\n aGVsbG8h\n" END "\n", "not base64");
	assert_armor(false, BEGIN "\naGVsbG8\n" END "\n", "not base64");
	assert_armor(false, BEGIN "\naGV=bG8h\n" END "\n", "not base64");
	assert_armor(false, BEGIN, "is missing");
	assert_armor(false, "", "first line");
}

static void
armor_is_that_of_ssh_keygen_to_the_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROOM_TYPES; i++) {
		assert_true(room_run(
		    "echo hello | ssh-keygen -q -Y sign -n " NS " -f key%zu >theirs.sig", i));
		struct ca_buf text = room_read("theirs.sig"), again = { 0 };
		struct ca_buf blob = dearmored("theirs.sig");

		ca_sshsig_armor(&again, blob.data, blob.len);
		assert_true(ca_bytes_equal(ca_buf_bytes(&text), ca_buf_bytes(&again)));
		ca_buf_clear(&blob);
		ca_buf_clear(&again);
		ca_buf_clear(&text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signing_gives_the_golden_bytes),
		cmocka_unit_test(both_golden_signatures_hold),
		cmocka_unit_test(every_bit_of_a_signature_counts),
		cmocka_unit_test(fields_that_a_signature_may_not_have_are_refused),
		cmocka_unit_test(hashes_other_than_sha512_and_sha256_are_refused),
		cmocka_unit_test(a_signature_of_64_kib_is_read_and_one_byte_more_is_not),
		cmocka_unit_test(a_fido_signature_without_touch_says_so),
		cmocka_unit_test(what_ssh_keygen_signs_holds_here),
		cmocka_unit_test(what_we_sign_holds_for_ssh_keygen),
		cmocka_unit_test(a_certificate_can_stand_in_for_its_key),
		cmocka_unit_test(an_empty_namespace_is_never_signed_for),
		cmocka_unit_test(armor_may_be_folded_anyhow_but_has_nothing_around_it),
		cmocka_unit_test(armor_is_that_of_ssh_keygen_to_the_byte),
	};

	return cmocka_run_group_tests(tests, room_make_keys, room_leave);
}
