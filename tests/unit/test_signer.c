/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_signer.c - private key files: which are read, what they sign, and how ours are
 * written.
 */
#include "room.h"

#include "ca/armor.h"
#include "ca/private_key.h"
#include "ca/signer.h"

#define LABEL "OPENSSH PRIVATE KEY"

static struct ca_signer *
load(const char *path)
{
	struct ca_signer *signer = NULL;
	struct ca_why why;

	if (!ca_signer_load(&signer, path, &why))
		fail_msg("%s", why.text);
	return signer;
}

static void
assert_not_loaded(const char *path, const char *sentence)
{
	struct ca_signer *signer = NULL;
	struct ca_why why = { "" };

	assert_false(ca_signer_load(&signer, path, &why));
	assert_null(signer);
	if (strstr(why.text, sentence) == NULL)
		fail_msg("'%s' does not say '%s'", why.text, sentence);
}

/* The bytes inside a private key file. */
static struct ca_buf
dearmored(const char *path)
{
	struct ca_buf text = room_read(path), blob = { 0 };

	assert_true(ca_armor_read(&blob, LABEL, (const char *)text.data, text.len, NULL));
	ca_buf_clear(&text);
	return blob;
}

static void
write_armored(const char *path, const struct ca_buf *blob)
{
	struct ca_buf text = { 0 };

	ca_armor_put(&text, LABEL, blob->data, blob->len);
	room_write(path, text.data, text.len, 0600);
	ca_buf_clear(&text);
}

static void
every_type_of_key_file_signs(void **state)
{
	char path[32];

	(void)state;
	for (size_t i = 0; i < ROOM_TYPES; i++) {
		struct ca_buf sig = { 0 };
		struct ca_key *key = NULL;
		struct ca_why why;

		snprintf(path, sizeof(path), "key%zu", i);
		struct ca_signer *signer = load(path);

		snprintf(path, sizeof(path), "key%zu.pub", i);
		assert_true(ca_key_load(&key, path, &why));
		assert_true(ca_key_equal(key, ca_signer_key(signer)));
		ca_buf_put_text(&sig, "before");
		assert_true(ca_signer_sign(signer, "data", 4, &sig, &why));
		assert_memory_equal(sig.data, "before", 6);
		assert_true(ca_key_verify(key, "data", 4, sig.data + 6, sig.len - 6, NULL, &why));
		ca_key_free(key);
		ca_buf_clear(&sig);
		ca_signer_free(signer);
	}
}

static void
rsa_signs_with_sha512(void **state)
{
	struct ca_signer *signer = load("key4");
	struct ca_buf sig = { 0 };
	struct ca_reader reader;

	(void)state;
	assert_true(ca_signer_sign(signer, "data", 4, &sig, NULL));
	reader = ca_reader_of(sig.data, sig.len);
	assert_true(ca_bytes_is(ca_read_string(&reader), "rsa-sha2-512"));
	ca_buf_clear(&sig);
	ca_signer_free(signer);
}

static void
a_key_file_that_others_may_read_is_refused(void **state)
{
	static const mode_t modes[] = { 0640, 0604, 0660, 0620, 0644 };

	(void)state;
	assert_true(room_run("cp key0 shared"));
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(chmod("shared", modes[i]), 0);
		assert_not_loaded("shared", "by others");
	}
	assert_int_equal(chmod("shared", 0400), 0);
	ca_signer_free(load("shared"));
}

static void
what_is_no_openssh_private_key_is_refused(void **state)
{
	(void)state;
	assert_not_loaded("missing", "No such file");
	assert_not_loaded(".", "not a regular file");
	assert_true(room_run("rm -f fifo && mkfifo -m 600 fifo"));
	assert_not_loaded("fifo", "not a regular file");
	room_write("bad", "", 0, 0600);
	assert_not_loaded("bad", "first line");
	assert_true(room_run("cp key0.pub bad && chmod 600 bad"));
	assert_not_loaded("bad", "first line");
	assert_true(room_run("cp key4 pem && ssh-keygen -q -p -N '' -m PEM -f pem"));
	assert_not_loaded("pem", "'ssh-keygen -p -f FILE' writes it anew");
	assert_true(room_run("ssh-keygen -q -p -N '' -f pem"));
	ca_signer_free(load("pem"));
}

static void
a_weak_rsa_key_is_refused(void **state)
{
	(void)state;
	assert_true(room_run("rm -f weak && ssh-keygen -q -t rsa -b 1024 -N '' -f weak"));
	assert_not_loaded("weak", "this one has 1024");
}

/*
 * Where the comment's bytes lie in the file: they are all that may change. Behind it
 * are at most seven bytes of padding.
 */
static bool
is_comment(const struct ca_buf *blob, size_t at)
{
	uint8_t *comment = memmem(blob->data, blob->len, "comment", 7);

	assert_non_null(comment);
	return at >= (size_t)(comment - blob->data) && at < (size_t)(comment - blob->data) + 7;
}

static bool
loads(const struct ca_buf *blob)
{
	struct ca_signer *signer = NULL;
	bool ok;

	write_armored("bent", blob);
	ok = ca_signer_load(&signer, "bent", NULL);
	ca_signer_free(signer);
	return ok;
}

static void
every_byte_of_a_key_file_counts_but_the_comments(void **state)
{
	char path[32];

	(void)state;
	for (size_t i = 0; i < 2; i++) { /* Ed25519 and ECDSA; RSA's numbers below */
		snprintf(path, sizeof(path), "key%zu", i);
		struct ca_buf blob = dearmored(path);
		struct ca_buf whole = { 0 };

		ca_buf_put(&whole, blob.data, blob.len);
		/* The comment's length cannot grow or shrink without the padding being wrong. */
		for (size_t at = 0; at < blob.len; at++) {
			blob.data[at] ^= 0x01;
			/* A changed cipher's name makes it a file with a passphrase. */
			if (!(at >= 15 && at < 23) && loads(&blob) != is_comment(&whole, at))
				fail_msg("%s: byte %zu", path, at);
			blob.data[at] ^= 0x01;
		}
		for (size_t len = blob.len - 40; len < blob.len; len++) {
			struct ca_buf cut = { .data = blob.data, .len = len };

			assert_false(loads(&cut));
		}
		ca_buf_put_u8(&blob, 0);
		assert_false(loads(&blob));
		ca_buf_clear(&whole);
		ca_buf_clear(&blob);
	}
}

static void
no_number_of_an_rsa_key_may_be_wrong(void **state)
{
	struct ca_buf blob = dearmored("key4");
	struct ca_reader reader = ca_reader_of(blob.data, blob.len), section;

	(void)state;
	ca_read_bytes(&reader, 15);
	for (int i = 0; i < 3; i++)
		ca_read_string(&reader);
	ca_read_u32(&reader);
	ca_read_string(&reader);
	struct ca_bytes inner = ca_read_string(&reader);

	section = ca_reader_of(inner.data, inner.len);
	ca_read_u64(&section);
	ca_read_string(&section);
	for (int i = 0; i < 6; i++) { /* n e d iqmp p q */
		struct ca_bytes field = ca_read_string(&section);
		uint8_t *last = blob.data + (field.data - blob.data) + field.len - 1;

		*last ^= 2;
		if (loads(&blob))
			fail_msg("number %d of the RSA key does not count", i);
		*last ^= 2;
	}
	assert_true(loads(&blob));
	ca_buf_clear(&blob);
}

static void
a_file_with_two_keys_is_refused(void **state)
{
	struct ca_buf blob = dearmored("key0");

	(void)state;
	/* magic 15, three strings "none", "none" and "", then the count */
	assert_int_equal(blob.data[15 + 8 + 8 + 4 + 3], 1);
	blob.data[15 + 8 + 8 + 4 + 3] = 2;
	write_armored("two", &blob);
	assert_not_loaded("two", "with one key");
	blob.data[15 + 8 + 8 + 4 + 3] = 0;
	write_armored("two", &blob);
	assert_not_loaded("two", "with one key");
	ca_buf_clear(&blob);
}

static void
a_fresh_key_lives_in_memory_only_and_is_another_each_time(void **state)
{
	struct ca_signer *one = NULL, *other = NULL;
	struct ca_buf sig = { 0 };
	struct ca_why why;

	(void)state;
	assert_true(ca_signer_generate(&one, &why));
	assert_true(ca_signer_generate(&other, &why));
	assert_int_equal(ca_key_type(ca_signer_key(one)), CA_KEY_ED25519);
	assert_false(ca_key_equal(ca_signer_key(one), ca_signer_key(other)));
	assert_true(ca_signer_sign(one, "", 0, &sig, &why));
	assert_false(ca_key_verify(ca_signer_key(other), "", 0, sig.data, sig.len, NULL, &why));
	ca_buf_clear(&sig);
	ca_signer_free(other);
	ca_signer_free(one);
	ca_signer_free(NULL);
}

static void
a_key_file_of_ours_is_one_of_ssh_keygens(void **state)
{
	char comment[16] = "";

	(void)state;
	/* Each length of padding. */
	for (int i = 0; i < 9; i++) {
		struct ca_why why;
		struct stat st;

		unlink("made");
		unlink("made.pub");
		if (!ca_signer_create_file("made", comment, &why))
			fail_msg("%s", why.text);
		assert_int_equal(stat("made", &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		assert_int_equal(stat("made.pub", &st), 0);
		assert_int_equal(st.st_mode & 07777, 0644);
		assert_true(room_run("ssh-keygen -y -f made | cut -d' ' -f1,2 >derived &&"
				     " cut -d' ' -f1,2 made.pub | cmp - derived"));
		assert_true(room_run("ssh-keygen -l -f made | grep -qF \"$(ssh-keygen -l -f"
				     " made.pub | cut -d' ' -f2)\""));
		ca_signer_free(load("made"));
		comment[i] = 'c';
	}
	assert_true(room_run("grep -q ' cccccccc$' made.pub"));
}

static void
a_key_file_is_never_written_over_another(void **state)
{
	struct ca_buf before, after;
	struct ca_why why;

	(void)state;
	before = room_read("key0");
	assert_false(ca_signer_create_file("key0", "x", &why));
	assert_non_null(strstr(why.text, "File exists"));
	after = room_read("key0");
	assert_true(ca_bytes_equal(ca_buf_bytes(&before), ca_buf_bytes(&after)));
	ca_buf_clear(&after);
	ca_buf_clear(&before);

	room_write("only.pub", "x", 1, 0600);
	assert_false(ca_signer_create_file("only", "x", &why));
	assert_non_null(strstr(why.text, "only.pub"));
	assert_int_equal(access("only", F_OK), -1);
	assert_int_equal(symlink("elsewhere", "link"), 0);
	assert_false(ca_signer_create_file("link", "x", &why));
	assert_int_equal(access("elsewhere", F_OK), -1);
	assert_false(ca_signer_create_file("missing/key", "x", &why));
	assert_false(ca_signer_create_file("newline", "a\nssh-ed25519 AAAA", &why));
	assert_int_equal(access("newline", F_OK), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_of_key_file_signs),
		cmocka_unit_test(rsa_signs_with_sha512),
		cmocka_unit_test(a_key_file_that_others_may_read_is_refused),
		cmocka_unit_test(what_is_no_openssh_private_key_is_refused),
		cmocka_unit_test(a_weak_rsa_key_is_refused),
		cmocka_unit_test(every_byte_of_a_key_file_counts_but_the_comments),
		cmocka_unit_test(no_number_of_an_rsa_key_may_be_wrong),
		cmocka_unit_test(a_file_with_two_keys_is_refused),
		cmocka_unit_test(a_fresh_key_lives_in_memory_only_and_is_another_each_time),
		cmocka_unit_test(a_key_file_of_ours_is_one_of_ssh_keygens),
		cmocka_unit_test(a_key_file_is_never_written_over_another),
	};

	return cmocka_run_group_tests(tests, room_make_keys, room_leave);
}
