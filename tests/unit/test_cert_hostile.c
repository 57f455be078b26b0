/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_cert_hostile.c - certificates that are wrong in one field each, rightly signed by
 * their authority (draft-ietf-sshm-cert).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/cert.h"
#include "ca/crypto.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum field {
	TYPE,
	NONCE,
	BODY,
	SERIAL,
	KIND,
	KEY_ID,
	PRINCIPALS,
	AFTER,
	BEFORE,
	CRITICAL,
	EXTENSIONS,
	RESERVED,
	AUTHORITY,
	SIGNATURE,
	END,
	FIELDS
};

/* Fields whose bytes stand as they are; the others get a length in front. */
static bool
is_bare(enum field field)
{
	return field == BODY || field == SERIAL || field == KIND || field == AFTER ||
	       field == BEFORE || field == END;
}

static struct ca_signer *authority, *stranger;
static struct ca_key *subject;
static struct ca_why why;

static int
make_signers(void **state)
{
	struct ca_signer *person = NULL;

	(void)state;
	if (!ca_signer_generate(&authority, &why) || !ca_signer_generate(&stranger, &why) ||
	    !ca_signer_generate(&person, &why) ||
	    !ca_key_parse(&subject, ca_key_blob(ca_signer_key(person)).data,
		ca_key_blob(ca_signer_key(person)).len, &why))
		return -1;
	ca_signer_free(person);
	return 0;
}

static int
free_signers(void **state)
{
	(void)state;
	ca_signer_free(authority);
	ca_signer_free(stranger);
	ca_key_free(subject);
	return 0;
}

static void
put_default(struct ca_buf *out, enum field field)
{
	struct ca_bytes key = ca_key_blob(ca_signer_key(authority));

	switch (field) {
	case TYPE:
		ca_buf_put_text(out, "ssh-ed25519-cert-v01@openssh.com");
		break;
	case NONCE:
		ca_buf_put_text(out, "0123456789abcdef0123456789abcdef");
		break;
	case BODY:
		ca_key_put_body(out, subject);
		break;
	case SERIAL:
		ca_buf_put_u64(out, 42);
		break;
	case KIND:
		ca_buf_put_u32(out, CA_CERT_USER);
		break;
	case KEY_ID:
		ca_buf_put_text(out, "alice@vendor.example grant 42 acme-prod/diagnostics");
		break;
	case PRINCIPALS:
		ca_buf_put_cstring(out, "acme-prod/diagnostics");
		break;
	case AFTER:
		ca_buf_put_u64(out, 1767225600);
		break;
	case BEFORE:
		ca_buf_put_u64(out, 1767229200);
		break;
	case AUTHORITY:
		ca_buf_put(out, key.data, key.len);
		break;
	default:
		break;
	}
}

/* A whole certificate with `bytes` in one field, its signature right unless that is the field. */
static void
put_cert(struct ca_buf *out, enum field wrong, struct ca_bytes bytes)
{
	for (enum field field = TYPE; field < FIELDS; field++) {
		struct ca_buf content = { 0 };

		if (field == wrong)
			ca_buf_put(&content, bytes.data, bytes.len);
		else if (field == SIGNATURE)
			assert_true(ca_signer_sign(authority, out->data, out->len, &content, &why));
		else
			put_default(&content, field);
		if (is_bare(field))
			ca_buf_put(out, content.data, content.len);
		else
			ca_buf_put_string(out, content.data, content.len);
		ca_buf_clear(&content);
	}
	assert_true(ca_buf_ok(out));
}

/* The bytes of a literal, NULs inside it included. */
#define B(literal)                                              \
	{                                                       \
		(const uint8_t *)(literal), sizeof(literal) - 1 \
	}

#define PTY		 "\0\0\0\012permit-pty\0\0\0\0"
#define X11		 "\0\0\0\025permit-X11-forwarding\0\0\0\0"
#define VERIFY		 "\0\0\0\017verify-required\0\0\0\0"
#define FORCE(data)	 "\0\0\0\015force-command" data
#define SOURCE(data)	 "\0\0\0\016source-address" data
#define VALUE_X		 "\0\0\0\005\0\0\0\001x"
#define P256_BODY(point) "\0\0\0\010nistp256" point
#define ONES_8		 "\1\1\1\1\1\1\1\1"
#define ONES_64		 ONES_8 ONES_8 ONES_8 ONES_8 ONES_8 ONES_8 ONES_8 ONES_8

struct hostile {
	const char *name;
	enum field field;
	struct ca_bytes bytes;
	const char *says; /* in the sentence; NULL where key.h has the word */
};

static const struct hostile hostile[] = {
	{ "type nobody knows", TYPE, B("ssh-new-cert-v01@openssh.com"), "no certificate type" },
	{ "empty type", TYPE, B(""), "no certificate type" },
	{ "plain key type", TYPE, B("ssh-ed25519"), "no certificate type" },
	{ "DSA certificate", TYPE, B("ssh-dss-cert-v01@openssh.com"), "no certificate type" },
	{ "version 00 certificate", TYPE, B("ssh-rsa-cert-v00@openssh.com"),
	    "no certificate type" },
	{ "signature algorithm as type", TYPE, B("rsa-sha2-512-cert-v01@openssh.com"),
	    "no certificate type" },
	{ "type with a NUL behind it", TYPE, B("ssh-ed25519-cert-v01@openssh.com\0"),
	    "no certificate type" },
	{ "type in capitals", TYPE, B("SSH-ED25519-cert-v01@openssh.com"), "no certificate type" },
	{ "type with an escape sequence", TYPE, B("\033]0;owned\007"), "\\x1b" },
	{ "type of another kind of key", TYPE, B("ssh-rsa-cert-v01@openssh.com"), NULL },
	{ "type of another kind of curve", TYPE, B("ecdsa-sha2-nistp256-cert-v01@openssh.com"),
	    NULL },
	{ "FIDO type without an application", TYPE, B("sk-ssh-ed25519-cert-v01@openssh.com"),
	    NULL },
	{ "no public key", BODY, B(""), NULL },
	{ "empty public key", BODY, B("\0\0\0\0"), NULL },
	{ "public key of 31 bytes", BODY,
	    B("\0\0\0\037"
	      "1234567890123456789012345678901"),
	    NULL },
	{ "public key of 33 bytes", BODY,
	    B("\0\0\0\041"
	      "123456789012345678901234567890123"),
	    NULL },
	{ "public key longer than the certificate", BODY, B("\177\377\377\377"), NULL },
	{ "type 0", KIND, B("\0\0\0\0"), "neither for a user nor for a host" },
	{ "type 3", KIND, B("\0\0\0\3"), "neither for a user nor for a host" },
	{ "type with user in its high byte", KIND, B("\1\0\0\0"), "neither for a user" },
	{ "type that is -1", KIND, B("\377\377\377\377"), "neither for a user" },
	{ "serial cut short", SERIAL, B("\0\0\0\0\0\0\0"), NULL },
	{ "key id that ends with a NUL", KEY_ID, B("alice\0"), "key id has a NUL" },
	{ "key id with a NUL inside", KEY_ID, B("alice\0bob"), "key id has a NUL" },
	{ "key id that is a NUL", KEY_ID, B("\0"), "key id has a NUL" },
	{ "empty principal", PRINCIPALS, B("\0\0\0\0"), "a principal is empty" },
	{ "empty principal behind a real one", PRINCIPALS, B("\0\0\0\005admin\0\0\0\0"),
	    "a principal is empty" },
	{ "empty principal before a real one", PRINCIPALS, B("\0\0\0\0\0\0\0\005admin"),
	    "a principal is empty" },
	{ "principal that ends with a NUL", PRINCIPALS, B("\0\0\0\006admin\0"),
	    "a principal has a NUL" },
	{ "principal with a NUL inside", PRINCIPALS, B("\0\0\0\007adm\0in!"),
	    "a principal has a NUL" },
	{ "principals cut short", PRINCIPALS, B("\0\0\0\011admin"), "principals is cut short" },
	{ "principals without lengths", PRINCIPALS, B("admin"), "principals is cut short" },
	{ "byte behind the principals", PRINCIPALS, B("\0\0\0\005admin\0"),
	    "principals is cut short" },
	{ "principal of 4 GiB", PRINCIPALS, B("\377\377\377\377admin"), "principals is cut short" },
	{ "critical options out of order", CRITICAL, B(SOURCE(VALUE_X) FORCE(VALUE_X)),
	    "not sorted" },
	{ "two force-commands", CRITICAL, B(FORCE(VALUE_X) FORCE(VALUE_X)), "there twice" },
	{ "two source-addresses", CRITICAL, B(SOURCE(VALUE_X) SOURCE(VALUE_X)), "there twice" },
	{ "verify-required twice", CRITICAL, B(VERIFY VERIFY), "there twice" },
	{ "unknown critical option twice", CRITICAL, B("\0\0\0\001a\0\0\0\0\0\0\0\001a\0\0\0\0"),
	    "there twice" },
	{ "force-command as a flag", CRITICAL, B(FORCE("\0\0\0\0")), "has no value" },
	{ "force-command of nothing", CRITICAL, B(FORCE("\0\0\0\004\0\0\0\0")), "has no value" },
	{ "source-address as a flag", CRITICAL, B(SOURCE("\0\0\0\0")), "has no value" },
	{ "source-address of nothing", CRITICAL, B(SOURCE("\0\0\0\004\0\0\0\0")), "has no value" },
	{ "value not wrapped", CRITICAL, B(FORCE("\0\0\0\011/bin/true")), "is not one string" },
	{ "value wrapped twice", CRITICAL, B(FORCE("\0\0\0\011\0\0\0\005\0\0\0\001x")),
	    "has a NUL" },
	{ "data behind a value", CRITICAL, B(FORCE("\0\0\0\006\0\0\0\001xy")),
	    "is not one string" },
	{ "second value behind a value", CRITICAL, B(FORCE("\0\0\0\012\0\0\0\001x\0\0\0\001y")),
	    "is not one string" },
	{ "value longer than its data", CRITICAL, B(FORCE("\0\0\0\005\0\0\0\002x")),
	    "is not one string" },
	{ "value that ends with a NUL", CRITICAL, B(FORCE("\0\0\0\006\0\0\0\002x\0")),
	    "has a NUL" },
	{ "statement with a NUL", CRITICAL, B("\0\0\0\015grant@postern\0\0\0\007\0\0\0\003a\0b"),
	    "has a NUL" },
	{ "verify-required with a value", CRITICAL, B("\0\0\0\017verify-required" VALUE_X),
	    "takes no value" },
	{ "verify-required with an empty value", CRITICAL,
	    B("\0\0\0\017verify-required\0\0\0\004\0\0\0\0"), "takes no value" },
	{ "option with an empty name", CRITICAL, B("\0\0\0\0\0\0\0\0"), "empty name" },
	{ "option name that ends with a NUL", CRITICAL, B("\0\0\0\016force-command\0" VALUE_X),
	    "name has a NUL" },
	{ "option name with an escape sequence", CRITICAL, B("\0\0\0\003\033[A\0\0\0\0"),
	    "not printable ASCII" },
	{ "option name beyond ASCII", CRITICAL, B("\0\0\0\002\303\244\0\0\0\0"),
	    "not printable ASCII" },
	{ "option name with a newline", CRITICAL, B("\0\0\0\002a\n\0\0\0\0"),
	    "not printable ASCII" },
	{ "option without data", CRITICAL, B("\0\0\0\001a"), "cut short" },
	{ "option name cut short", CRITICAL, B("\0\0\0\011a"), "cut short" },
	{ "byte behind the critical options", CRITICAL, B(FORCE(VALUE_X) "\0"), "cut short" },
	{ "permit-pty twice", EXTENSIONS, B(PTY PTY), "there twice" },
	{ "permit-pty with a value", EXTENSIONS, B("\0\0\0\012permit-pty" VALUE_X),
	    "takes no value" },
	{ "permit-pty with an empty value", EXTENSIONS, B("\0\0\0\012permit-pty\0\0\0\004\0\0\0\0"),
	    "takes no value" },
	{ "permit-pty with bytes for data", EXTENSIONS, B("\0\0\0\012permit-pty\0\0\0\001\0"),
	    "is not one string" },
	{ "permit-user-rc with a value", EXTENSIONS, B("\0\0\0\016permit-user-rc" VALUE_X),
	    "takes no value" },
	{ "no-touch-required with a value", EXTENSIONS, B("\0\0\0\021no-touch-required" VALUE_X),
	    "takes no value" },
	{ "extensions out of order", EXTENSIONS, B(PTY X11), "not sorted" },
	{ "small letters before capitals", EXTENSIONS, B("\0\0\0\001a\0\0\0\0\0\0\0\001X\0\0\0\0"),
	    "not sorted" },
	{ "name before its own beginning", EXTENSIONS, B("\0\0\0\002ab\0\0\0\0\0\0\0\001a\0\0\0\0"),
	    "not sorted" },
	{ "unknown extension not wrapped", EXTENSIONS, B("\0\0\0\013log@postern\0\0\0\001x"),
	    "is not one string" },
	{ "byte behind the extensions", EXTENSIONS, B(PTY "\0"), "cut short" },
	{ "no authority", AUTHORITY, B(""), "authority of the certificate" },
	{ "authority of an unknown type", AUTHORITY, B("\0\0\0\007ssh-dss\0\0\0\001x"),
	    "authority of the certificate" },
	{ "authority cut short", AUTHORITY, B("\0\0\0\013ssh-ed25519\0\0\0\040xx"),
	    "authority of the certificate" },
	{ "no signature", SIGNATURE, B(""), "signature is cut short" },
	{ "signature without an algorithm", SIGNATURE, B("\0\0\0\0\0\0\0\0"),
	    "signature algorithm ''" },
	{ "signature of an algorithm unlike its key", SIGNATURE,
	    B("\0\0\0\014rsa-sha2-512\0\0\0\004abcd"), "signature algorithm 'rsa-sha2-512'" },
	{ "signature of a FIDO algorithm by a plain key", SIGNATURE,
	    B("\0\0\0\032sk-ssh-ed25519@openssh.com\0\0\0\004abcd\1\0\0\0\0"),
	    "signature algorithm" },
	{ "signature without bytes", SIGNATURE, B("\0\0\0\013ssh-ed25519\0\0\0\0"), NULL },
	{ "signature of 63 bytes", SIGNATURE,
	    B("\0\0\0\013ssh-ed25519\0\0\0\077" ONES_8 ONES_8 ONES_8 ONES_8 ONES_8 ONES_8 ONES_8
	      "1234567"),
	    NULL },
	{ "signature of ones", SIGNATURE, B("\0\0\0\013ssh-ed25519\0\0\0\100" ONES_64), NULL },
	{ "signature of ones and a byte behind it", SIGNATURE,
	    B("\0\0\0\013ssh-ed25519\0\0\0\100" ONES_64 "\0"), NULL },
	{ "NUL behind the certificate", END, B("\0"), "1 bytes follow" },
	{ "empty string behind the certificate", END, B("\0\0\0\0"), "4 bytes follow" },
};

static bool
is_good(const struct ca_buf *blob)
{
	struct ca_cert *cert = NULL;
	bool good;

	why.text[0] = '\0';
	good = ca_cert_parse(&cert, blob->data, blob->len, &why) && ca_cert_verify(cert, &why);
	ca_cert_free(cert);
	return good;
}

static void
assert_refused(const char *name, struct ca_buf *blob, const char *says)
{
	if (is_good(blob))
		fail_msg("taken: %s", name);
	if (why.text[0] == '\0' || (says != NULL && strstr(why.text, says) == NULL))
		fail_msg("%s: the sentence is '%s'", name, why.text);
	ca_buf_clear(blob);
}

static void
each_hostile_certificate_is_refused_with_its_sentence(void **state)
{
	(void)state;
	assert_true(COUNT(hostile) >= 60);
	for (size_t i = 0; i < COUNT(hostile); i++) {
		struct ca_buf blob = { 0 };

		put_cert(&blob, hostile[i].field, hostile[i].bytes);
		assert_refused(hostile[i].name, &blob, hostile[i].says);
	}
}

static void
what_the_others_are_made_from_is_taken(void **state)
{
	/* Odd, and right: what the draft lets an authority do, and strictness must not refuse. */
	static const struct hostile good[] = {
		{ "nothing changed", FIELDS, B(""), "" },
		{ "no nonce", NONCE, B(""), "" },
		{ "reserved bytes", RESERVED, B("anything\0"), "" },
		{ "serial 0", SERIAL, B("\0\0\0\0\0\0\0\0"), "" },
		{ "a host", KIND, B("\0\0\0\2"), "" },
		{ "empty key id", KEY_ID, B(""), "" },
		{ "hostile key id", KEY_ID, B("\033[2J\n\r"), "" },
		{ "no principals", PRINCIPALS, B(""), "" },
		{ "a window that is none", BEFORE, B("\0\0\0\0\0\0\0\0"), "" },
		{ "both standard options", CRITICAL, B(FORCE(VALUE_X) SOURCE(VALUE_X) VERIFY), "" },
		{ "unknown critical flag", CRITICAL, B(PTY), "" },
		{ "force-command as unknown extension", EXTENSIONS, B(FORCE(VALUE_X)), "" },
		{ "capitals first", EXTENSIONS, B(X11 PTY), "" },
		{ "binary extension", EXTENSIONS,
		    B("\0\0\0\013log@postern\0\0\0\007\0\0\0\003\0\1\2"), "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		struct ca_buf blob = { 0 };

		put_cert(&blob, good[i].field, good[i].bytes);
		if (!is_good(&blob))
			fail_msg("%s: %s", good[i].name, why.text);
		ca_buf_clear(&blob);
	}
}

static void
what_is_in_the_wrong_list_is_not_found_in_the_right_one(void **state)
{
	struct ca_bytes force = B(FORCE(VALUE_X)), pty = B(PTY);
	struct ca_buf blob = { 0 };
	struct ca_cert *cert = NULL;

	(void)state;
	put_cert(&blob, EXTENSIONS, force);
	assert_true(ca_cert_parse(&cert, blob.data, blob.len, &why));
	assert_null(ca_cert_critical(cert, "force-command"));
	assert_non_null(ca_cert_extension(cert, "force-command"));
	ca_cert_free(cert);
	ca_buf_clear(&blob);
	put_cert(&blob, CRITICAL, pty);
	assert_true(ca_cert_parse(&cert, blob.data, blob.len, &why));
	assert_null(ca_cert_extension(cert, "permit-pty"));
	assert_non_null(ca_cert_critical(cert, "permit-pty"));
	ca_cert_free(cert);
	ca_buf_clear(&blob);
}

/* `count` principals or options of one letter and a number each, in order. */
static void
put_many(struct ca_buf *out, size_t count, bool options)
{
	for (size_t i = 0; i < count; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "n%03zu", i);
		ca_buf_put_cstring(out, name);
		if (options)
			ca_buf_put_u32(out, 0);
	}
}

static void
lists_are_taken_at_their_limit_and_not_one_past_it(void **state)
{
	static const struct {
		enum field field;
		size_t limit;
		const char *says;
	} lists[] = {
		{ PRINCIPALS, CA_CERT_MAX_PRINCIPALS, "more than 64 principals" },
		{ CRITICAL, CA_CERT_MAX_OPTIONS, "more than 32 options" },
		{ EXTENSIONS, CA_CERT_MAX_OPTIONS, "more than 32 options" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(lists); i++) {
		struct ca_buf list = { 0 }, blob = { 0 };

		put_many(&list, lists[i].limit, lists[i].field != PRINCIPALS);
		put_cert(&blob, lists[i].field, ca_buf_bytes(&list));
		assert_true(is_good(&blob));
		ca_buf_reset(&blob);
		ca_buf_reset(&list);
		put_many(&list, lists[i].limit + 1, lists[i].field != PRINCIPALS);
		put_cert(&blob, lists[i].field, ca_buf_bytes(&list));
		assert_refused("one too many", &blob, lists[i].says);
		ca_buf_clear(&list);
	}
}

static void
a_certificate_is_taken_up_to_its_size_and_not_a_byte_past_it(void **state)
{
	struct ca_buf blob = { 0 }, nonce = { 0 };
	size_t rest;

	(void)state;
	put_cert(&blob, NONCE, ca_buf_bytes(&nonce));
	rest = CA_CERT_MAX - blob.len;
	memset(ca_buf_grow(&nonce, rest), 'n', rest);
	ca_buf_reset(&blob);
	put_cert(&blob, NONCE, ca_buf_bytes(&nonce));
	assert_int_equal(blob.len, CA_CERT_MAX);
	assert_true(is_good(&blob));
	ca_buf_put_u8(&nonce, 'n');
	ca_buf_reset(&blob);
	put_cert(&blob, NONCE, ca_buf_bytes(&nonce));
	assert_refused("one byte too long", &blob, "longer than 65536");
	assert_refused("empty", &blob, "is empty");
	ca_buf_clear(&nonce);
}

/* The body of an RSA key with modulus of `bits` ones and the exponent given. */
static void
put_rsa(struct ca_buf *out, size_t bits, struct ca_bytes exponent)
{
	ca_buf_put_string(out, exponent.data, exponent.len);
	ca_buf_put_u32(out, (uint32_t)(bits / 8 + 1));
	ca_buf_put_u8(out, 0);
	memset(ca_buf_grow(out, bits / 8), 0xff, bits / 8);
}

struct rsa_case {
	const char *name;
	size_t bits;
	struct ca_bytes exponent;
};

static const struct rsa_case weak_rsa[] = {
	{ "exponent 0", 2048, B("") },
	{ "exponent 1", 2048, B("\1") },
	{ "exponent 3", 2048, B("\3") },
	{ "even exponent", 2048, B("\1\0\2") },
	{ "exponent one below the limit", 2048, B("\0\377\377") },
	{ "negative exponent", 2048, B("\377\0\1") },
	{ "exponent with a zero too many", 2048, B("\0\1\0\1") },
	{ "modulus of 1024 bits", 1024, B("\1\0\1") },
	{ "modulus of 2040 bits", 2040, B("\1\0\1") },
	{ "modulus of 16392 bits", 16392, B("\1\0\1") },
};

/* A whole certificate of another type than Ed25519 with this body. */
static void
put_cert_of_type(struct ca_buf *out, const char *type, struct ca_bytes body)
{
	struct ca_buf model = { 0 }, sig = { 0 };
	struct ca_bytes none = B("");
	struct ca_reader reader;

	put_cert(&model, SIGNATURE, none);
	reader = ca_reader_of(model.data, model.len);
	(void)ca_read_string(&reader);
	ca_buf_put_cstring(out, type);
	(void)ca_read_string(&reader);
	ca_buf_put_cstring(out, "nonce");
	(void)ca_read_string(&reader);
	ca_buf_put(out, body.data, body.len);
	ca_buf_put(out, reader.next, reader.left - 4);
	assert_true(ca_signer_sign(authority, out->data, out->len, &sig, &why));
	ca_buf_put_string(out, sig.data, sig.len);
	ca_buf_clear(&model);
	ca_buf_clear(&sig);
}

static void
weak_rsa_is_refused_for_the_subject_and_for_the_authority(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(weak_rsa); i++) {
		const struct rsa_case *rsa = &weak_rsa[i];
		struct ca_buf body = { 0 }, key = { 0 }, blob = { 0 };

		put_rsa(&body, rsa->bits, rsa->exponent);
		put_cert_of_type(&blob, "ssh-rsa-cert-v01@openssh.com", ca_buf_bytes(&body));
		assert_refused(rsa->name, &blob, "subject of the certificate");
		ca_buf_put_cstring(&key, "ssh-rsa");
		ca_buf_put(&key, body.data, body.len);
		put_cert(&blob, AUTHORITY, ca_buf_bytes(&key));
		assert_refused(rsa->name, &blob, "authority of the certificate");
		ca_buf_clear(&body);
		ca_buf_clear(&key);
	}
}

static void
a_point_has_to_be_on_its_curve_and_uncompressed(void **state)
{
	static const struct hostile points[] = {
		{ "not on the curve", BODY, B(P256_BODY("\0\0\0\101\4" ONES_64)), NULL },
		{ "compressed", BODY, B(P256_BODY("\0\0\0\041\2" ONES_8 ONES_8 ONES_8 ONES_8)),
		    NULL },
		{ "hybrid", BODY, B(P256_BODY("\0\0\0\101\6" ONES_64)), NULL },
		{ "infinity", BODY, B(P256_BODY("\0\0\0\001\0")), NULL },
		{ "empty", BODY, B(P256_BODY("\0\0\0\0")), NULL },
		{ "of another curve", BODY, B("\0\0\0\010nistp384\0\0\0\101\4" ONES_64), NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(points); i++) {
		struct ca_buf blob = { 0 };

		put_cert_of_type(
		    &blob, "ecdsa-sha2-nistp256-cert-v01@openssh.com", points[i].bytes);
		assert_refused(points[i].name, &blob, "subject of the certificate");
	}
}

static void
sha1_signatures_are_refused_by_their_name(void **state)
{
	struct ca_bytes exponent = B("\1\0\1");
	struct ca_buf key = { 0 }, blob = { 0 };

	(void)state;
	ca_buf_put_cstring(&key, "ssh-rsa");
	put_rsa(&key, 2048, exponent);
	put_cert(&blob, AUTHORITY, ca_buf_bytes(&key));
	/* The signature is Ed25519's; name and length of the field are what counts. */
	assert_refused("Ed25519 by RSA", &blob, "'ssh-ed25519' is not taken from a key of type");
	put_cert(&blob, AUTHORITY, ca_buf_bytes(&key));
	blob.len -= 4 + 4 + 11 + 4 + 64;
	ca_buf_put_u32(&blob, 4 + 7 + 4 + 256);
	ca_buf_put_cstring(&blob, "ssh-rsa");
	ca_buf_put_u32(&blob, 256);
	memset(ca_buf_grow(&blob, 256), 1, 256);
	assert_refused("SHA-1", &blob, "'ssh-rsa' is not taken");
	ca_buf_clear(&key);
}

static void
a_certificate_cannot_be_an_authority(void **state)
{
	struct ca_bytes none = B("");
	struct ca_buf inner = { 0 }, blob = { 0 };

	(void)state;
	put_cert(&inner, FIELDS, none);
	put_cert(&blob, AUTHORITY, ca_buf_bytes(&inner));
	assert_refused("nested", &blob, "authority of the certificate");
	ca_buf_clear(&inner);
}

/* L of RFC 8032, least byte first. */
static const uint8_t ed25519_order[32] = { 0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6,
	0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0x10 };

static void
signatures_of_others_and_over_others_are_refused(void **state)
{
	struct ca_bytes none = B("");
	struct ca_buf good = { 0 }, blob = { 0 }, sig = { 0 };
	size_t signed_len;
	unsigned carry = 0;

	(void)state;
	put_cert(&good, FIELDS, none);
	signed_len = good.len - 4 - 4 - 11 - 4 - 64;

	assert_true(ca_signer_sign(stranger, good.data, signed_len, &sig, &why));
	put_cert(&blob, SIGNATURE, ca_buf_bytes(&sig));
	assert_refused("by a stranger", &blob, "authority's signature");

	ca_buf_reset(&sig);
	assert_true(ca_signer_sign(authority, good.data, signed_len - 1, &sig, &why));
	put_cert(&blob, SIGNATURE, ca_buf_bytes(&sig));
	assert_refused("over a byte less", &blob, "authority's signature");

	/* The authority's key is signed too: another's in its place does not verify. */
	put_cert(&blob, AUTHORITY, ca_key_blob(ca_signer_key(stranger)));
	assert_refused("in a stranger's name", &blob, "authority's signature");

	ca_buf_put(&blob, good.data, good.len);
	for (size_t i = 0; i < 32; i++) {
		carry += blob.data[blob.len - 32 + i] + ed25519_order[i];
		blob.data[blob.len - 32 + i] = (uint8_t)carry;
		carry >>= 8;
	}
	assert_refused("S plus L", &blob, NULL);

	ca_buf_put(&blob, good.data, good.len);
	ca_buf_put(&blob, good.data, good.len);
	assert_refused("two in a row", &blob, "bytes follow");
	ca_buf_clear(&good);
	ca_buf_clear(&sig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_hostile_certificate_is_refused_with_its_sentence),
		cmocka_unit_test(what_the_others_are_made_from_is_taken),
		cmocka_unit_test(what_is_in_the_wrong_list_is_not_found_in_the_right_one),
		cmocka_unit_test(lists_are_taken_at_their_limit_and_not_one_past_it),
		cmocka_unit_test(a_certificate_is_taken_up_to_its_size_and_not_a_byte_past_it),
		cmocka_unit_test(weak_rsa_is_refused_for_the_subject_and_for_the_authority),
		cmocka_unit_test(a_point_has_to_be_on_its_curve_and_uncompressed),
		cmocka_unit_test(sha1_signatures_are_refused_by_their_name),
		cmocka_unit_test(a_certificate_cannot_be_an_authority),
		cmocka_unit_test(signatures_of_others_and_over_others_are_refused),
	};

	return cmocka_run_group_tests(tests, make_signers, free_signers);
}
