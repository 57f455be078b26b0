/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_allowed_signers.c - who is who: lines that are taken and lines that are not, and
 * the same answers as stock `ssh-keygen -Y find-principals` and `-Y verify`.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <time.h>

#include "ca/allowed_signers.h"
#include "scratch.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NS	 "grant@postern"
#define NOW	 1767225600 /* 2026-01-01 */

static struct ca_why why;
static char *keys[4]; /* `type base64` of the keys a, b, c and of the authority */
static const char *const names[] = { "a", "b", "c", "ca" };

static int
make_keys(void **state)
{
	if (scratch_make(state) != 0)
		return -1;
	scratch_keygen("a", "ed25519", NULL);
	scratch_keygen("b", "ecdsa", "256");
	scratch_keygen("c", "rsa", "2048");
	scratch_keygen("ca", "ed25519", NULL);
	for (size_t i = 0; i < COUNT(names); i++) {
		char public[16];
		struct ca_buf line = { 0 };
		struct ca_key *key;

		(void)snprintf(public, sizeof(public), "%s.pub", names[i]);
		key = scratch_key(public);
		ca_key_put_line(&line, key);
		keys[i] = strndup((const char *)line.data, line.len);
		ca_key_free(key);
		ca_buf_clear(&line);
	}
	return 0;
}

static int
free_keys(void **state)
{
	for (size_t i = 0; i < COUNT(names); i++)
		free(keys[i]);
	return scratch_remove(state);
}

/* `text` with $A, $B, $C and $S for the keys and the authority, and $N for the option. */
static void
expand(struct ca_buf *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text != '$') {
			ca_buf_put_u8(out, (uint8_t)*text);
			continue;
		}
		text++;
		if (*text == 'N')
			ca_buf_put_text(out, "namespaces=\"" NS "\"");
		else
			ca_buf_put_text(out, keys[*text == 'S' ? 3 : *text - 'A']);
	}
}

static struct ca_allowed_signers *
try_parse(const char *text, const char *ns)
{
	struct ca_allowed_signers *signers = NULL;
	struct ca_buf file = { 0 };

	expand(&file, text);
	if (!ca_allowed_signers_parse(&signers, "who", (const char *)file.data, file.len, ns, &why))
		assert_null(signers);
	scratch_write("signers", file.data, file.len);
	ca_buf_clear(&file);
	return signers;
}

static struct ca_allowed_signers *
parse(const char *text)
{
	struct ca_allowed_signers *signers = try_parse(text, NS);

	if (signers == NULL)
		fail_msg("%s", why.text);
	return signers;
}

static void
each_bad_line_is_an_error_with_its_number(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "alice\n", "who:1: no key behind the name" },
		{ "alice $N\n", "who:1: no blank between options and key" },
		{ "alice $A\n", "who:1: option namespaces=\"grant@postern\" is missing" },
		{ "# one\n\nalice $N x\n", "who:3: " },
		{ "alice $N ssh-ed25519 AAAA\n", "who:1: " },
		{ "alice $N ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAA\n", "who:1: " },
		{ "alice $N $A\nbob $N ssh-ed25519\n", "who:2: " },
		{ "*@acme.example $N $A\n", "'*@acme.example' is no plain name" },
		{ "al?ce $N $A\n", "no plain name" },
		{ "alice,bob $N $A\n", "no plain name" },
		{ "!alice $N $A\n", "no plain name" },
		{ "\"alice\" $N $A\n", "no plain name" },
		{ "-alice $N $A\n", "no plain name" },
		{ "gr\303\274n $N $A\n", "no plain name" },
		{ "a*,b* cert-authority,$N $S\n", "no plain name" },
		{ "!* cert-authority,$N $S\n", "no plain name" },
		{ "x123456789x123456789x123456789x123456789x123456789x123456789x1234 $N $A\n",
		    "name is longer than 64" },
		{ "alice namespaces=\"seal@postern\" $A\n", "namespaces is 'seal@postern'" },
		{ "alice namespaces=\"grant@postern,seal@postern\" $A\n", "namespaces is" },
		{ "alice namespaces=\"*\" $A\n", "namespaces is" },
		{ "alice namespaces=\"grant@*\" $A\n", "namespaces is" },
		{ "alice namespaces=\"\" $A\n", "namespaces is" },
		{ "alice namespaces=\"Grant@postern\" $A\n", "namespaces is" },
		{ "alice namespaces=grant@postern $A\n", "no value in double quotes" },
		{ "alice namespaces $A\n", "no value in double quotes" },
		{ "alice namespaces=\"grant@postern $A\n", "no value in double quotes" },
		{ "alice namespaces=\"grant@postern\\\" $A\n", "backslash" },
		{ "alice $N,$N $A\n", "'namespaces' is there twice" },
		{ "alice cert-authority,cert-authority,$N $A\n",
		    "'cert-authority' is there twice" },
		{ "alice valid-after=\"20260101Z\",$N,valid-after=\"20260101Z\" $A\n",
		    "'valid-after' is there twice" },
		{ "alice $N, $A\n", "'' is neither an option" },
		{ "alice ,$N $A\n", "'' is neither an option" },
		{ "alice $N,,cert-authority $A\n", "'' is neither an option" },
		{ "alice $N,touch-required $A\n", "'touch-required' is neither an option" },
		{ "alice $N,cert-authority-x $A\n", "'cert-authority-x' is neither" },
		{ "alice $N;cert-authority $A\n", "no blank between" },
		{ "alice cert-authority=\"yes\",$N $A\n", "no blank between" },
		{ "alice $N,\033[A $A\n", "control character" },
		{ "alice ssh-dss AAAA\n", "'ssh-dss' is neither an option nor a key type" },
		{ "alice $N ssh-dss AAAA\n", "who:1: " },
		{ "alice $N,valid-after=\"20260101\" $A\n", "is not YYYYMMDD" },
		{ "alice $N,valid-after=\"20260101z\" $A\n", "is not YYYYMMDD" },
		{ "alice $N,valid-after=\"2026010112Z\" $A\n", "is not YYYYMMDD" },
		{ "alice $N,valid-after=\"20260230Z\" $A\n", "is not YYYYMMDD" },
		{ "alice $N,valid-after=\"202601012400Z\" $A\n", "is not YYYYMMDD" },
		{ "alice $N,valid-after=\"20260101120060Z\" $A\n", "is not YYYYMMDD" },
		{ "alice $N,valid-after=\"2026-01-01Z\" $A\n", "is not YYYYMMDD" },
		{ "alice $N,valid-after=\"\" $A\n", "is not YYYYMMDD" },
		{ "alice $N,valid-after=\"19700101Z\" $A\n", "is not YYYYMMDD" },
		{ "alice $N,valid-before=\"19691231Z\" $A\n", "valid-before '19691231Z' is not" },
		{ "alice $N,valid-before=\"20260101Z \" $A\n", "is not YYYYMMDD" },
		{ "alice $N,valid-after=\"20260102Z\",valid-before=\"20260101Z\" $A\n",
		    "valid-before is not after valid-after" },
		{ "alice $N,valid-after=\"20260101Z\",valid-before=\"20260101Z\" $A\n",
		    "valid-before is not after valid-after" },
		{ "alice $N $A\r\n", "who:1: line ends with a carriage return" },
		{ "# comment\r\n", "who:1: line ends with a carriage return" },
		{ "alice $N $A\rbob $N $B\n", "carriage return" },
		{ "alice $N $A a\vb\n", "control character" },
		{ "alice $N $A\nbob $N $A\n", "who:2: key of 'bob' is that of 'alice' on line 1" },
		{ "alice $N $A\nbob $N $B\n\nAlice $N $A\n",
		    "who:4: key of 'Alice' is that of 'alice' on line 1" },
		{ "*@a cert-authority,$N $S\n*@b cert-authority,$N $S\n", "is that of '*@a'" },
		{ "alice $N $S\n*@a cert-authority,$N $S\n", "is that of 'alice'" },
		{ "alice $N $S\nalice cert-authority,$N $S\n", "an authority's on one line only" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ca_allowed_signers *signers = try_parse(cases[i].text, NS);

		if (signers != NULL)
			fail_msg("taken: %s", cases[i].text);
		if (strncmp(why.text, "who:", 4) != 0 || strstr(why.text, cases[i].says) == NULL)
			fail_msg("%s: the sentence is '%s'", cases[i].text, why.text);
	}
}

static void
a_certificate_is_no_key_of_a_signer(void **state)
{
	struct ca_buf cert = { 0 }, text = { 0 };
	struct ca_allowed_signers *signers = NULL;

	(void)state;
	RUN_OK("ssh-keygen", "-q", "-s", "ca", "-I", "x", "-n", "x", "a.pub");
	scratch_read("a-cert.pub", &cert);
	ca_buf_put_text(&text, "alice namespaces=\"" NS "\" ");
	ca_buf_put(&text, cert.data, cert.len);
	assert_false(
	    ca_allowed_signers_parse(&signers, "who", (const char *)text.data, text.len, NS, &why));
	text.len = 0;
	ca_buf_put_text(&text, "alice ");
	ca_buf_put(&text, cert.data, cert.len);
	assert_false(ca_allowed_signers_parse(
	    &signers, "who", (const char *)text.data, text.len, NULL, &why));
	ca_buf_clear(&cert);
	ca_buf_clear(&text);
}

static void
a_nul_in_a_file_is_an_error_with_its_line(void **state)
{
	struct ca_allowed_signers *signers = NULL;
	static const char text[] = "# one\n# t\0wo\n";

	(void)state;
	assert_false(ca_allowed_signers_parse(&signers, "who", text, sizeof(text) - 1, NS, &why));
	assert_string_equal(why.text, "who:2: a NUL in the line");
	assert_false(ca_allowed_signers_parse(&signers, "who", "\0", 1, NS, &why));
}

static void
lines_are_read_as_they_say(void **state)
{
	struct ca_allowed_signers *signers =
	    parse("# who may approve\n\n  \t\n"
		  "alice@vendor.example $N $A comment of hers\n"
		  " \tbob\tNAMESPACES=\"" NS "\",Valid-Before=\"20260101120000Z\"\t$B\t\n"
		  "alice@vendor.example valid-after=\"202601011200Z\","
		  "valid-before=\"20270101Z\",$N $C\n"
		  "*@acme.example cert-authority,$N $S");
	const struct ca_allowed_signer *entry = signers->entries;

	(void)state;
	assert_int_equal(signers->count, 4);
	assert_string_equal(entry[0].name, "alice@vendor.example");
	assert_int_equal(entry[0].line, 4);
	assert_false(entry[0].is_authority);
	assert_true(entry[0].valid_after == INT64_MIN && entry[0].valid_before == INT64_MAX);
	assert_string_equal(entry[1].name, "bob");
	assert_true(entry[1].valid_before == NOW + 43200);
	assert_true(entry[2].valid_after == NOW + 43200);
	assert_true(entry[2].valid_before == 1798761600);
	assert_true(entry[3].is_authority);
	assert_true(ca_allowed_signers_lists(signers, "alice@vendor.example", entry[2].key));
	assert_false(ca_allowed_signers_lists(signers, "bob", entry[2].key));
	ca_allowed_signers_free(signers);
}

static void
a_name_may_be_as_long_as_names_are(void **state)
{
	struct ca_allowed_signers *signers =
	    parse("x123456789x123456789x123456789x123456789x123456789x123456789x123 $N $A\n");

	(void)state;
	assert_int_equal(strlen(signers->entries[0].name), CA_ALLOWED_SIGNER_NAME_MAX);
	ca_allowed_signers_free(signers);
}

static void
nobody_is_listed_in_an_empty_file(void **state)
{
	struct ca_allowed_signers *signers = parse("");
	struct ca_key *key = scratch_key("a.pub");

	(void)state;
	assert_int_equal(signers->count, 0);
	assert_null(ca_allowed_signers_name_of(signers, key, NOW));
	ca_key_free(key);
	ca_allowed_signers_free(signers);
}

static void
a_file_without_namespace_takes_lines_without_one_and_no_others(void **state)
{
	struct ca_allowed_signers *signers = try_parse("alice $A\nbob $B\n", NULL);
	struct ca_key *key = scratch_key("b.pub");

	(void)state;
	assert_non_null(signers);
	assert_string_equal(ca_allowed_signers_name_of(signers, key, NOW), "bob");
	ca_allowed_signers_free(signers);
	assert_null(try_parse("alice $N $A\n", NULL));
	assert_string_equal(why.text, "who:1: option 'namespaces' has no meaning in this file");
	ca_key_free(key);
}

static void
a_line_holds_from_its_first_second_to_its_last(void **state)
{
	struct ca_allowed_signers *signers =
	    parse("alice $N,valid-after=\"20260101Z\",valid-before=\"20260101000010Z\" $A\n"
		  "alice $N,valid-after=\"202601010001Z\" $A\n");
	struct ca_key *key = scratch_key("a.pub");

	(void)state;
	assert_null(ca_allowed_signers_name_of(signers, key, NOW - 1));
	assert_non_null(ca_allowed_signers_name_of(signers, key, NOW));
	assert_non_null(ca_allowed_signers_name_of(signers, key, NOW + 10));
	assert_null(ca_allowed_signers_name_of(signers, key, NOW + 11));
	assert_null(ca_allowed_signers_name_of(signers, key, NOW + 59));
	assert_non_null(ca_allowed_signers_name_of(signers, key, NOW + 60));
	ca_key_free(key);
	ca_allowed_signers_free(signers);
}

static void
an_authority_key_is_nobodys_own(void **state)
{
	struct ca_allowed_signers *signers = parse("*@a cert-authority,$N $S\n");
	struct ca_key *key = scratch_key("ca.pub");

	(void)state;
	assert_null(ca_allowed_signers_name_of(signers, key, NOW));
	ca_key_free(key);
	ca_allowed_signers_free(signers);
}

static void
a_file_that_others_may_write_is_not_loaded(void **state)
{
	struct ca_allowed_signers *signers = NULL;

	(void)state;
	ca_allowed_signers_free(parse("alice $N $A\n"));
	assert_true(ca_allowed_signers_load(&signers, scratch_path("signers"), NS, &why));
	assert_int_equal(signers->count, 1);
	ca_allowed_signers_free(signers);
	assert_int_equal(chmod(scratch_path("signers"), 0666), 0);
	assert_false(ca_allowed_signers_load(&signers, scratch_path("signers"), NS, &why));
	assert_null(signers);
	assert_false(ca_allowed_signers_load(&signers, scratch_path("missing"), NS, &why));
	assert_non_null(strstr(why.text, "missing"));
	assert_int_equal(unlink(scratch_path("signers")), 0);
}

/* Signs the message with stock tools: `key` is a key file or a -cert.pub. */
static struct ca_sshsig *
stock_sign(const char *key, const char *ns)
{
	struct ca_buf text = { 0 }, blob = { 0 };
	struct ca_sshsig *sig = NULL;

	(void)unlink(scratch_path("message.sig"));
	scratch_write("message", "approve this", 12);
	RUN_OK("ssh-keygen", "-q", "-Y", "sign", "-f", key, "-n", ns, "message");
	scratch_read("message.sig", &text);
	if (!ca_sshsig_dearmor(&blob, (const char *)text.data, text.len, &why) ||
	    !ca_sshsig_parse(&sig, blob.data, blob.len, &why) ||
	    !ca_sshsig_verify(sig, ns, "approve this", 12, NULL, &why))
		fail_msg("%s", why.text);
	ca_buf_clear(&text);
	ca_buf_clear(&blob);
	return sig;
}

static void
format_time(int64_t now, const char *prefix, char out[static 64])
{
	time_t time = (time_t)now;
	struct tm tm;
	char text[32];

	assert_non_null(gmtime_r(&time, &tm));
	assert_true(strftime(text, sizeof(text), "%Y%m%d%H%M%SZ", &tm) > 0);
	(void)snprintf(out, 64, "%s%s", prefix, text);
}

/* Whether stock verifies message.sig as `name`'s at `now` by the file `signers`. */
static bool
stock_verifies(const char *name, int64_t now)
{
	char when[64];
	int status;

	format_time(now, "verify-time=", when);
	scratch_write("input", "approve this", 12);
	status = RUN("ssh-keygen", "-Y", "verify", "-f", "signers", "-I", name, "-n", NS, "-s",
	    "message.sig", "-O", when);
	(void)unlink(scratch_path("input"));
	return status == 0;
}

/* The name we find is the one stock finds and verifies; where we find none, neither does it. */
static void
assert_same(const struct ca_allowed_signers *signers, const struct ca_sshsig *sig, int64_t now,
    const char *expected)
{
	char when[64], *name = NULL, line[80];
	bool ok = ca_allowed_signers_identify(signers, sig, now, &name, &why);

	if (ok != (expected != NULL) || (ok && strcmp(name, expected) != 0))
		fail_msg("'%s' was expected, and not '%s': %s",
		    expected != NULL ? expected : "(nobody)", ok ? name : "(nobody)", why.text);
	format_time(now, "verify-time=", when);
	assert_int_equal(RUN("ssh-keygen", "-Y", "find-principals", "-f", "signers", "-s",
			     "message.sig", "-O", when) == 0,
	    ok);
	if (ok) {
		(void)snprintf(line, sizeof(line), "%s\n", name);
		if (sig->cert == NULL)
			assert_true(scratch_says(line));
		assert_true(stock_verifies(name, now));
		assert_false(stock_verifies("somebody-else", now));
	}
	free(name);
}

static void
stock_finds_the_same_people_for_plain_keys(void **state)
{
	static const struct {
		const char *key;
		int64_t now;
		const char *name;
	} cases[] = {
		{ "a", NOW, "alice@vendor.example" },
		{ "b", NOW, "bob" },
		{ "b", NOW + 9, "bob" },
		{ "b", NOW + 10, "bob" },
		{ "b", NOW + 11, NULL },
		{ "c", NOW - 1, NULL },
		{ "c", NOW, "alice@vendor.example" },
		{ "ca", NOW, NULL },
	};
	const char *text = "# approvers\n\n\talice@vendor.example\t$N \t$A comment\n"
			   "bob valid-before=\"20260101000010Z\",NAMESPACES=\"" NS "\" $B\n"
			   "alice@vendor.example $N,valid-after=\"20260101Z\" $C\n"
			   "*@acme.example cert-authority,$N $S";

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ca_allowed_signers *signers = parse(text);
		struct ca_sshsig *sig = stock_sign(cases[i].key, NS);

		assert_same(signers, sig, cases[i].now, cases[i].name);
		ca_sshsig_free(sig);
		ca_allowed_signers_free(signers);
	}
}

static void
what_is_wrong_with_a_plain_key_is_said(void **state)
{
	struct ca_allowed_signers *signers =
	    parse("alice $N,valid-after=\"20260101Z\",valid-before=\"20260102Z\" $A\n");
	struct ca_sshsig *sig = stock_sign("a", NS), *stranger = stock_sign("b", NS);
	char *name = NULL;

	(void)state;
	assert_false(ca_allowed_signers_identify(signers, sig, NOW - 1, &name, &why));
	assert_non_null(strstr(why.text, "of 'alice' is not valid yet"));
	assert_false(ca_allowed_signers_identify(signers, sig, NOW + 90000, &name, &why));
	assert_non_null(strstr(why.text, "of 'alice' is not valid any more"));
	assert_false(ca_allowed_signers_identify(signers, stranger, NOW, &name, &why));
	assert_non_null(strstr(why.text, "is not listed"));
	assert_null(name);
	ca_sshsig_free(sig);
	ca_sshsig_free(stranger);
	ca_allowed_signers_free(signers);
}

/* Certifies a.pub for `principals` (NULL: none) and signs the message with the certificate. */
static struct ca_sshsig *
sign_as(const char *principals, const char *option, bool host)
{
	const char *argv[20] = { "ssh-keygen", "-q", "-s", "ca", "-I", "id", "-V",
		"20260101Z:20260102Z" };
	size_t n = 8;

	if (principals != NULL) {
		argv[n++] = "-n";
		argv[n++] = principals;
	}
	if (option != NULL) {
		argv[n++] = "-O";
		argv[n++] = option;
	}
	if (host)
		argv[n++] = "-h";
	argv[n] = "a.pub";
	assert_int_equal(scratch_run(argv), 0);
	return stock_sign("a-cert.pub", NS);
}

#define AUTHORITY "*@acme.example cert-authority,$N $S\n"

static void
stock_finds_the_same_people_for_certificates(void **state)
{
	static const struct {
		const char *text, *principals;
		int64_t now;
		const char *name;
	} cases[] = {
		{ AUTHORITY, "alice@acme.example", NOW, "alice@acme.example" },
		{ AUTHORITY, "role,alice@acme.example", NOW + 86399, "alice@acme.example" },
		{ AUTHORITY, "alice@vendor.example", NOW, NULL },
		{ AUTHORITY, NULL, NOW, NULL },
		{ AUTHORITY, "alice@acme.example", NOW - 1, NULL },
		{ AUTHORITY, "alice@acme.example", NOW + 86400, NULL },
		{ "alice@acme.example $N $A\n", "alice@acme.example", NOW, NULL },
		{ "alice@acme.example cert-authority,$N $S\n", "alice@acme.example", NOW,
		    "alice@acme.example" },
		{ "alice@acme.example cert-authority,$N $S\n", "bob@acme.example", NOW, NULL },
		{ "*@acme.example cert-authority,$N $B\n", "alice@acme.example", NOW, NULL },
		{ "*@acme.example cert-authority,$N,valid-before=\"20260101Z\" $S\n",
		    "alice@acme.example", NOW, "alice@acme.example" },
		{ "*@acme.example cert-authority,$N,valid-before=\"20260101Z\" $S\n",
		    "alice@acme.example", NOW + 1, NULL },
		{ AUTHORITY "alice@acme.example $N $A\n", "alice@acme.example", NOW,
		    "alice@acme.example" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ca_allowed_signers *signers = parse(cases[i].text);
		struct ca_sshsig *sig = sign_as(cases[i].principals, NULL, false);

		assert_same(signers, sig, cases[i].now, cases[i].name);
		ca_sshsig_free(sig);
		ca_allowed_signers_free(signers);
	}
}

static void
certificates_that_stock_would_take_are_refused_with_a_sentence(void **state)
{
	static const struct {
		const char *text, *principals, *option;
		bool host;
		const char *says;
	} cases[] = {
		{ AUTHORITY, "alice@acme.example,bob@acme.example", NULL, false,
		    "names both 'alice@acme.example' and 'bob@acme.example'" },
		{ AUTHORITY, "alice@acme.example", "critical:grant@postern=x", false,
		    "has critical option 'grant@postern'" },
		{ AUTHORITY, "alice@acme.example", "force-command=true", false,
		    "has critical option 'force-command'" },
		{ AUTHORITY "bob@acme.example $N $A\n", "alice@acme.example", NULL, false,
		    "names 'alice@acme.example', but its key is that of 'bob@acme.example'" },
		{ AUTHORITY, "alice@x@acme.example", NULL, false, "names nobody" },
		{ AUTHORITY, "alice b@acme.example", NULL, false, "names nobody" },
		{ AUTHORITY, "alice@acme.example", NULL, true, "is for a host" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ca_allowed_signers *signers = parse(cases[i].text);
		struct ca_sshsig *sig =
		    sign_as(cases[i].principals, cases[i].option, cases[i].host);
		char *name = NULL;

		if (ca_allowed_signers_identify(signers, sig, NOW, &name, &why))
			fail_msg("taken as '%s': %s", name, cases[i].says);
		if (strstr(why.text, cases[i].says) == NULL)
			fail_msg("'%s' was expected, and not '%s'", cases[i].says, why.text);
		ca_sshsig_free(sig);
		ca_allowed_signers_free(signers);
	}
}

static void
one_principal_twice_is_one_person(void **state)
{
	struct ca_allowed_signers *signers = parse(AUTHORITY);
	struct ca_sshsig *sig = sign_as("a@acme.example,a@acme.example", NULL, false);
	char *name = NULL;

	(void)state;
	assert_true(ca_allowed_signers_identify(signers, sig, NOW, &name, &why));
	assert_string_equal(name, "a@acme.example");
	free(name);
	ca_sshsig_free(sig);
	ca_allowed_signers_free(signers);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_bad_line_is_an_error_with_its_number),
		cmocka_unit_test(a_certificate_is_no_key_of_a_signer),
		cmocka_unit_test(a_nul_in_a_file_is_an_error_with_its_line),
		cmocka_unit_test(lines_are_read_as_they_say),
		cmocka_unit_test(a_name_may_be_as_long_as_names_are),
		cmocka_unit_test(nobody_is_listed_in_an_empty_file),
		cmocka_unit_test(a_file_without_namespace_takes_lines_without_one_and_no_others),
		cmocka_unit_test(a_line_holds_from_its_first_second_to_its_last),
		cmocka_unit_test(an_authority_key_is_nobodys_own),
		cmocka_unit_test(a_file_that_others_may_write_is_not_loaded),
		cmocka_unit_test(stock_finds_the_same_people_for_plain_keys),
		cmocka_unit_test(what_is_wrong_with_a_plain_key_is_said),
		cmocka_unit_test(stock_finds_the_same_people_for_certificates),
		cmocka_unit_test(certificates_that_stock_would_take_are_refused_with_a_sentence),
		cmocka_unit_test(one_principal_twice_is_one_person),
	};

	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
