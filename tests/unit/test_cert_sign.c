/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_cert_sign.c - what an authority of ours does not write, and how it writes the rest.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "ca/cert.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct ca_signer *authority, *person;
static const struct ca_key *subject;
static struct ca_why why;

static int
make_signers(void **state)
{
	(void)state;
	if (!ca_signer_generate(&authority, &why) || !ca_signer_generate(&person, &why))
		return -1;
	subject = ca_signer_key(person);
	return 0;
}

static int
free_signers(void **state)
{
	(void)state;
	ca_signer_free(authority);
	ca_signer_free(person);
	return 0;
}

static const char *const good_principals[] = { "acme-prod/diagnostics" };

static struct ca_cert_spec
good_spec(void)
{
	return (struct ca_cert_spec){
		.key = subject,
		.serial = 1,
		.type = CA_CERT_USER,
		.key_id = "alice@vendor.example",
		.principals = good_principals,
		.principal_count = 1,
		.valid_after = 1,
		.valid_before = 2,
	};
}

static void
assert_not_written(const struct ca_cert_spec *spec, const char *says)
{
	struct ca_cert *cert = NULL;

	if (ca_cert_sign(&cert, spec, authority, &why))
		fail_msg("written, where '%s' was expected", says);
	assert_null(cert);
	if (strstr(why.text, says) == NULL)
		fail_msg("'%s' was expected, and not '%s'", says, why.text);
}

static void
fields_that_no_authority_writes_are_refused(void **state)
{
	static const char *const bad_principals[] = { "", "*", "acme-*", "a b", "a,b", "a\nb",
		"\033[A", "gr\303\274n", "!a", "a?" };
	char longest[258];
	struct ca_cert_spec spec = good_spec();
	struct ca_cert *cert = NULL;

	(void)state;
	spec.serial = 0;
	assert_not_written(&spec, "serial 0");
	spec = good_spec();
	spec.type = 0;
	assert_not_written(&spec, "neither for a user");
	spec = good_spec();
	spec.key_id = "";
	assert_not_written(&spec, "key id");
	spec.key_id = "alice\n";
	assert_not_written(&spec, "not printable ASCII");
	memset(longest, 'k', sizeof(longest));
	longest[257] = '\0';
	spec.key_id = longest;
	assert_not_written(&spec, "key id is not 1 to 256");
	longest[256] = '\0';
	assert_true(ca_cert_sign(&cert, &spec, authority, &why));
	ca_cert_free(cert);
	spec = good_spec();
	spec.principal_count = 0;
	assert_not_written(&spec, "no principal");
	spec = good_spec();
	spec.valid_before = 1;
	assert_not_written(&spec, "window ends before it begins");
	for (size_t i = 0; i < COUNT(bad_principals); i++) {
		spec = good_spec();
		spec.principals = &bad_principals[i];
		assert_not_written(&spec, "principal");
	}
}

static void
as_many_principals_are_written_as_are_read(void **state)
{
	const char *principals[CA_CERT_MAX_PRINCIPALS + 1];
	struct ca_cert_spec spec = good_spec();
	struct ca_cert *cert = NULL;

	(void)state;
	for (size_t i = 0; i < COUNT(principals); i++)
		principals[i] = "name";
	spec.principals = principals;
	spec.principal_count = COUNT(principals) - 1;
	assert_true(ca_cert_sign(&cert, &spec, authority, &why));
	assert_int_equal(cert->principal_count, CA_CERT_MAX_PRINCIPALS);
	ca_cert_free(cert);
	spec.principal_count++;
	assert_not_written(&spec, "more than 64 principals");
}

/* The bytes of a literal, NULs inside it included. */
#define B(literal)                                              \
	{                                                       \
		(const uint8_t *)(literal), sizeof(literal) - 1 \
	}
#define V(text) true, B(text)

static void
options_that_no_authority_writes_are_refused(void **state)
{
	static const struct {
		struct ca_cert_option critical, extension;
		const char *says;
	} cases[] = {
		{ { .name = "permit-pty" }, { .name = "x" }, "an extension, no critical option" },
		{ { .name = "x" }, { "force-command", V("true") },
		    "a critical option, no extension" },
		{ { .name = "x" }, { "source-address", V("::1") },
		    "a critical option, no extension" },
		{ { .name = "x" }, { .name = "verify-required" },
		    "a critical option, no extension" },
		{ { .name = "force-command" }, { .name = "x" }, "has no value" },
		{ { "force-command", V("") }, { .name = "x" }, "has no value" },
		{ { "force-command", V("a\0b") }, { .name = "x" }, "has a NUL" },
		{ { "source-address", V("127.1") }, { .name = "x" }, "" },
		{ { "source-address", V("127.0.0.1/8") }, { .name = "x" }, "" },
		{ { "source-address", V("!::1") }, { .name = "x" }, "" },
		{ { "source-address", V("::1,") }, { .name = "x" }, "" },
		{ { .name = "x" }, { "permit-pty", V("yes") }, "takes no value" },
		{ { .name = "x" }, { .name = "" }, "empty name" },
		{ { .name = "x\n" }, { .name = "x" }, "not printable" },
		{ { "x", false, B("value") }, { .name = "x" }, "flag with a value" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ca_cert_spec spec = good_spec();

		spec.critical = &cases[i].critical;
		spec.critical_count = 1;
		spec.extensions = &cases[i].extension;
		spec.extension_count = 1;
		assert_not_written(&spec, cases[i].says);
	}
}

static void
an_option_is_written_once_and_in_order(void **state)
{
	const struct ca_cert_option twice[] = { { .name = "b" }, { .name = "a" }, { .name = "b" } };
	struct ca_cert_option many[CA_CERT_MAX_OPTIONS + 1];
	struct ca_cert_spec spec = good_spec();
	struct ca_cert *cert = NULL;

	(void)state;
	spec.extensions = twice;
	spec.extension_count = 2;
	assert_true(ca_cert_sign(&cert, &spec, authority, &why));
	assert_string_equal(cert->extensions[0].name, "a");
	assert_string_equal(cert->extensions[1].name, "b");
	ca_cert_free(cert);
	spec.extension_count = 3;
	assert_not_written(&spec, "'b' is there twice");
	for (size_t i = 0; i < COUNT(many); i++)
		many[i] = twice[0];
	spec.extensions = many;
	spec.extension_count = COUNT(many);
	assert_not_written(&spec, "more than 32 options");
}

static void
two_certificates_of_one_spec_differ_by_their_nonce(void **state)
{
	struct ca_cert_spec spec = good_spec();
	struct ca_cert *first = NULL, *second = NULL;

	(void)state;
	assert_true(ca_cert_sign(&first, &spec, authority, &why));
	assert_true(ca_cert_sign(&second, &spec, authority, &why));
	assert_int_equal(first->blob.len, second->blob.len);
	assert_memory_not_equal(first->blob.data, second->blob.data, first->blob.len);
	ca_cert_free(first);
	ca_cert_free(second);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_that_no_authority_writes_are_refused),
		cmocka_unit_test(as_many_principals_are_written_as_are_read),
		cmocka_unit_test(options_that_no_authority_writes_are_refused),
		cmocka_unit_test(an_option_is_written_once_and_in_order),
		cmocka_unit_test(two_certificates_of_one_spec_differ_by_their_nonce),
	};

	return cmocka_run_group_tests(tests, make_signers, free_signers);
}
