/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_krl.c - revocation lists: the golden vector, every kind that stock ssh-keygen
 * writes, and ours before stock ssh-keygen. Hostile ones: test_krl_hostile.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "ca/crypto.h"
#include "ca/krl.h"
#include "scratch.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct ca_why why;
static struct ca_key *authority, *other, *person;

static int
make_keys(void **state)
{
	if (scratch_make(state) != 0)
		return -1;
	scratch_keygen("ca", "ed25519", NULL);
	scratch_keygen("other", "ecdsa", "256");
	scratch_keygen("person", "ed25519", NULL);
	authority = scratch_key("ca.pub");
	other = scratch_key("other.pub");
	person = scratch_key("person.pub");
	return 0;
}

static int
free_keys(void **state)
{
	ca_key_free(authority);
	ca_key_free(other);
	ca_key_free(person);
	return scratch_remove(state);
}

static struct ca_krl *
parse(const struct ca_buf *buf)
{
	struct ca_krl *krl = NULL;

	if (!ca_krl_parse(&krl, buf->data, buf->len, &why))
		fail_msg("%s", why.text);
	return krl;
}

static bool
has_serial(const struct ca_krl *krl, uint64_t serial)
{
	return ca_krl_revokes(krl, authority, serial, NULL, NULL);
}

static void
the_golden_vector_revokes_what_it_names_and_nothing_beside(void **state)
{
	static const uint64_t in[] = { 5, 99, 1000, 1001, 1999, 2000, 5000, 5002, 5008, 5015 };
	static const uint64_t out[] = { 0, 1, 4, 6, 98, 100, 999, 2001, 4999, 5001, 5003, 5007,
		5009, 5014, 5016, UINT64_MAX };
	json_t *root = json_load_file("tests/data/vectors.json", 0, NULL);
	json_t *vector = json_object_get(root, "krl");
	const char *hex = json_string_value(json_object_get(vector, "hex"));
	const char *blob64 = json_string_value(
	    json_object_get(json_object_get(root, "age_ssh_ed25519"), "ssh_pub_blob"));
	struct ca_buf buf = { 0 }, blob = { 0 };
	struct ca_key *key = NULL;
	struct ca_krl *krl;

	(void)state;
	assert_true(ca_hex_decode(&buf, hex, strlen(hex)));
	assert_true(ca_hex_decode(&blob, blob64, strlen(blob64)));
	assert_true(ca_key_parse(&key, blob.data, blob.len, &why));
	krl = parse(&buf);
	assert_true(ca_krl_number(krl) == 7);
	assert_true(ca_krl_generated(krl) == 1767225600);
	for (size_t i = 0; i < COUNT(in); i++)
		assert_true(ca_krl_revokes(krl, key, in[i], NULL, NULL));
	for (size_t i = 0; i < COUNT(out); i++)
		assert_false(ca_krl_revokes(krl, key, out[i], NULL, NULL));
	assert_false(ca_krl_revokes(krl, authority, 5, NULL, NULL));
	assert_true(ca_krl_revokes(krl, key, 1, "bob@corp", NULL));
	assert_false(ca_krl_revokes(krl, key, 1, "bob@cor", NULL));
	assert_false(ca_krl_revokes(krl, key, 1, "bob@corpo", NULL));
	assert_false(ca_krl_revokes(krl, authority, 1, "bob@corp", NULL));
	assert_false(ca_krl_revokes_key(krl, key));
	ca_krl_free(krl);
	ca_key_free(key);
	ca_buf_clear(&buf);
	ca_buf_clear(&blob);
	json_decref(root);
}

/* Makes a list of `spec` with stock tools, for `ca` or, when NULL, for any authority. */
static struct ca_krl *
stock_krl(const char *ca, const char *spec, size_t len)
{
	struct ca_buf buf = { 0 };
	struct ca_krl *krl;

	scratch_write("spec", spec, len);
	RUN_OK("ssh-keygen", "-k", "-f", "stock.krl", "-z", "12", "-s", ca != NULL ? ca : "none",
	    "spec");
	scratch_read("stock.krl", &buf);
	krl = parse(&buf);
	assert_true(ca_krl_number(krl) == 12);
	assert_true(ca_krl_generated(krl) > 0);
	ca_buf_clear(&buf);
	return krl;
}

static struct ca_krl *
stock_krl_of(const char *ca, const char *spec)
{
	return stock_krl(ca, spec, strlen(spec));
}

/* A certificate by `ca` on person.pub, made by stock tools. */
static struct ca_cert *
stock_cert(const char *ca, const char *key_id, const char *serial)
{
	struct ca_buf text = { 0 };
	struct ca_cert *cert = NULL;

	RUN_OK("ssh-keygen", "-q", "-s", ca, "-I", key_id, "-n", "p", "-z", serial, "person.pub");
	scratch_read("person-cert.pub", &text);
	assert_true(ca_cert_parse_line(&cert, (const char *)text.data, &why));
	ca_buf_clear(&text);
	return cert;
}

/* Stock and we say the same of every one of these certificates. */
static void
assert_agree(const struct ca_krl *krl, const char *file)
{
	static const char *const cases[][3] = {
		{ "ca", "id one", "1" },
		{ "ca", "id one", "0" },
		{ "ca", "id two", "2" },
		{ "ca", "id 7", "7" },
		{ "ca", "id 42", "42" },
		{ "ca", "id 43", "43" },
		{ "ca", "id 100", "100" },
		{ "ca", "id 150", "150" },
		{ "ca", "id 200", "200" },
		{ "ca", "id 201", "201" },
		{ "ca", "id high", "18446744073709551615" },
		{ "other", "id one", "1" },
		{ "other", "id 42", "42" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ca_cert *cert = stock_cert(cases[i][0], cases[i][1], cases[i][2]);
		int status = RUN("ssh-keygen", "-Q", "-f", file, "person-cert.pub");

		assert_in_range(status, 0, 1);
		why.text[0] = '\0';
		if (ca_krl_revokes_cert(krl, cert, &why) != (status == 1))
			fail_msg("%s %s %s: stock says %d, we '%s'", cases[i][0], cases[i][1],
			    cases[i][2], status, why.text);
		assert_true((why.text[0] != '\0') == (status == 1));
		assert_true(ca_krl_revokes(krl, cert->authority, cert->serial, cert->key_id,
				cert->key) == (status == 1));
		ca_cert_free(cert);
	}
}

/* `prefix` and the content of a .pub file as one line of a specification. */
static void
assert_agree_on_key(const char *prefix, const char *pub)
{
	struct ca_buf line = { 0 }, key = { 0 };
	struct ca_krl *krl;

	scratch_read(pub, &key);
	ca_buf_put_text(&line, prefix);
	ca_buf_put(&line, key.data, key.len);
	krl = stock_krl("ca.pub", (const char *)line.data, line.len);
	assert_agree(krl, "stock.krl");
	assert_true(ca_krl_revokes_key(krl, person) == (pub[0] == 'p'));
	assert_true(ca_krl_revokes_key(krl, other) == (pub[0] == 'o'));
	assert_true(ca_krl_revokes_key(krl, authority) == (pub[0] == 'c'));
	ca_krl_free(krl);
	ca_buf_clear(&line);
	ca_buf_clear(&key);
}

static void
every_kind_that_stock_writes_reads_as_stock_reads_it(void **state)
{
	static const char *const specs[] = {
		"",
		"# nothing\n",
		"serial: 1\n",
		"serial: 1\nserial: 42\nserial: 18446744073709551615\n",
		"serial: 100-200\n",
		"serial: 7\nserial: 100-200\nserial: 42\n",
		"serial: 1\nserial: 3\nserial: 5\nserial: 7\nserial: 9\nserial: 42\nserial: 44\n",
		"id: id one\n",
		"id: id one\nid: id 42\nid: id two\nserial: 201\n",
		"serial: 1-18446744073709551615\n",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(specs); i++) {
		struct ca_krl *krl = stock_krl_of("ca.pub", specs[i]);

		assert_agree(krl, "stock.krl");
		ca_krl_free(krl);
		krl = stock_krl_of(NULL, specs[i]);
		assert_agree(krl, "stock.krl");
		ca_krl_free(krl);
	}
}

static void
keys_and_fingerprints_that_stock_writes_read_as_stock_reads_them(void **state)
{
	static const char *const prefixes[] = { "key: ", "sha1: ", "sha256: " };
	static const char *const pubs[] = { "person.pub", "ca.pub", "other.pub" };

	(void)state;
	for (size_t i = 0; i < COUNT(prefixes); i++)
		for (size_t j = 0; j < COUNT(pubs); j++)
			assert_agree_on_key(prefixes[i], pubs[j]);
}

static void
lists_of_two_authorities_in_one_file_are_kept_apart(void **state)
{
	struct ca_buf buf = { 0 };
	struct ca_krl *krl;

	(void)state;
	ca_krl_free(stock_krl_of("ca.pub", "serial: 42\n"));
	scratch_write("spec", "serial: 1\n", 10);
	RUN_OK("ssh-keygen", "-k", "-u", "-f", "stock.krl", "-s", "other.pub", "spec");
	scratch_read("stock.krl", &buf);
	krl = parse(&buf);
	assert_agree(krl, "stock.krl");
	assert_true(ca_krl_revokes(krl, authority, 42, NULL, NULL));
	assert_true(ca_krl_revokes(krl, other, 1, NULL, NULL));
	assert_false(ca_krl_revokes(krl, authority, 1, NULL, NULL));
	assert_false(ca_krl_revokes(krl, NULL, 1, NULL, NULL));
	ca_krl_free(krl);
	ca_buf_clear(&buf);
}

/* Every `step`th serial of `count`: stock writes one bitmap. */
static struct ca_krl *
stock_bitmap(uint64_t base, uint64_t count, uint64_t step)
{
	struct ca_buf spec = { 0 };
	struct ca_krl *krl;

	for (uint64_t i = 0; i < count; i++)
		ca_buf_printf(&spec, "serial: %llu\n", (unsigned long long)(base + i * step));
	krl = stock_krl("ca.pub", (const char *)spec.data, spec.len);
	ca_buf_clear(&spec);
	return krl;
}

static void
bitmaps_of_any_size_are_read(void **state)
{
	static const struct {
		uint64_t base, count, step;
	} maps[] = {
		{ 1, 100, 2 },
		{ 7, 8000, 2 },
		{ 1000000, 40000, 2 },
		{ 3, 20000, 3 },
		{ UINT64_MAX - 30000, 15001, 2 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(maps); i++) {
		uint64_t base = maps[i].base, step = maps[i].step;
		uint64_t last = base + (maps[i].count - 1) * step;
		struct ca_krl *krl = stock_bitmap(base, maps[i].count, step);

		for (uint64_t serial = base; serial - base <= last - base; serial++)
			if (has_serial(krl, serial) != ((serial - base) % step == 0))
				fail_msg("map %zu, serial %llu", i, (unsigned long long)serial);
		assert_false(has_serial(krl, base - 1));
		assert_false(has_serial(krl, last + 1));
		ca_krl_free(krl);
	}
}

static void
stock_cannot_read_its_own_big_bitmap(void **state)
{
	(void)state;
	/* Why our writer makes none. If this fails, stock has learnt it. */
	ca_krl_free(stock_bitmap(1, 10000, 2));
	assert_int_equal(RUN("ssh-keygen", "-Q", "-f", "stock.krl", "person.pub"), 255);
}

static void
ours_reads_as_written_and_stock_agrees(void **state)
{
	static const uint64_t serials[] = { 1, 7, 42, 43, 100, 101, 102, 103, UINT64_MAX - 1,
		UINT64_MAX };
	const struct ca_key *keys[] = { other, authority };
	struct ca_krl_spec spec = { .number = 9,
		.generated = 1767225600,
		.comment = "made by a test",
		.authority = authority,
		.serials = serials,
		.serial_count = COUNT(serials) };
	struct ca_buf buf = { 0 };
	struct ca_krl *krl;

	(void)state;
	for (size_t count = 0; count <= 2; count++) {
		spec.keys = keys;
		spec.key_count = count;
		ca_buf_reset(&buf);
		assert_true(ca_krl_encode(&buf, &spec, &why));
		scratch_write("ours.krl", buf.data, buf.len);
		krl = parse(&buf);
		assert_agree(krl, "ours.krl");
		for (size_t i = 0; i < COUNT(serials); i++)
			assert_true(has_serial(krl, serials[i]));
		assert_int_equal(has_serial(krl, 104), count == 2); /* the authority itself */
		assert_true(ca_krl_number(krl) == 9 && ca_krl_generated(krl) == 1767225600);
		ca_krl_free(krl);
		RUN_OK("ssh-keygen", "-Ql", "-f", "ours.krl");
		assert_true(scratch_says("serial: 42-43\n"));
		assert_true(scratch_says("serial: 100-103\n"));
		assert_true(scratch_says("KRL version 9"));
	}
	ca_buf_clear(&buf);
}

static void
an_empty_list_of_ours_is_a_list(void **state)
{
	const struct ca_krl_spec spec = { .number = 1 };
	struct ca_buf buf = { 0 };

	(void)state;
	assert_true(ca_krl_encode(&buf, &spec, &why));
	assert_int_equal(buf.len, 44);
	scratch_write("ours.krl", buf.data, buf.len);
	assert_int_equal(RUN("ssh-keygen", "-Q", "-f", "ours.krl", "person.pub"), 0);
	ca_buf_clear(&buf);
}

static void
runs_are_written_as_ranges_only_where_that_is_shorter(void **state)
{
	static const uint64_t serials[] = { 1, 2, 4, 5, 6, 10 };
	struct ca_krl_spec spec = { .authority = authority, .serials = serials, .serial_count = 6 };
	size_t section = 44 + 5 + 4 + ca_key_blob(authority).len + 4;
	struct ca_buf buf = { 0 };

	(void)state;
	assert_true(ca_krl_encode(&buf, &spec, &why));
	assert_int_equal(buf.len, section + 21 + 5 + 3 * 8);
	ca_buf_clear(&buf);
}

static void
serials_that_cannot_be_are_not_written(void **state)
{
	static const uint64_t zero[] = { 0, 1 }, twice[] = { 1, 1 }, down[] = { 2, 1 };
	static const struct {
		const uint64_t *serials;
		const char *says;
	} cases[] = { { zero, "serial 0" }, { twice, "not ascending" }, { down, "not ascending" } };
	struct ca_krl_spec spec = { .authority = authority, .serial_count = 2 };
	struct ca_buf buf = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		spec.serials = cases[i].serials;
		assert_false(ca_krl_encode(&buf, &spec, &why));
		assert_non_null(strstr(why.text, cases[i].says));
		assert_int_equal(buf.len, 0);
	}
	spec.authority = NULL;
	assert_false(ca_krl_encode(&buf, &spec, &why));
	assert_non_null(strstr(why.text, "without their authority"));
}

static int
compare_serials(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void
a_million_random_serials_are_no_trouble(void **state)
{
	const size_t count = 1000000;
	uint64_t *serials = malloc(count * sizeof(*serials));
	struct ca_krl_spec spec = { .authority = authority, .serials = serials };
	struct ca_buf buf = { 0 };
	struct ca_krl *krl;

	(void)state;
	ca_random(serials, count * sizeof(*serials));
	qsort(serials, count, sizeof(*serials), compare_serials);
	for (size_t i = 0; i < count; i++)
		if (serials[i] != 0 &&
		    (spec.serial_count == 0 || serials[i] != serials[spec.serial_count - 1]))
			serials[spec.serial_count++] = serials[i];
	assert_true(ca_krl_encode(&buf, &spec, &why));
	assert_in_range(buf.len, 8 * (count - 10), 8 * count + 1000);
	krl = parse(&buf);
	for (size_t i = 0; i < spec.serial_count; i += 997)
		assert_true(has_serial(krl, serials[i]));
	ca_krl_free(krl);
	ca_buf_clear(&buf);
	free(serials);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_golden_vector_revokes_what_it_names_and_nothing_beside),
		cmocka_unit_test(every_kind_that_stock_writes_reads_as_stock_reads_it),
		cmocka_unit_test(keys_and_fingerprints_that_stock_writes_read_as_stock_reads_them),
		cmocka_unit_test(lists_of_two_authorities_in_one_file_are_kept_apart),
		cmocka_unit_test(bitmaps_of_any_size_are_read),
		cmocka_unit_test(stock_cannot_read_its_own_big_bitmap),
		cmocka_unit_test(ours_reads_as_written_and_stock_agrees),
		cmocka_unit_test(an_empty_list_of_ours_is_a_list),
		cmocka_unit_test(runs_are_written_as_ranges_only_where_that_is_shorter),
		cmocka_unit_test(serials_that_cannot_be_are_not_written),
		cmocka_unit_test(a_million_random_serials_are_no_trouble),
	};

	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
