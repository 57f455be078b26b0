/* SPDX-License-Identifier: Apache-2.0 */
/* test_host_key.c - keys as ssh-keygen makes them: whose file a post takes, and what it says of the
 * others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>

#include "scratch.h"

#include "bastion/host_key.h"

static void
make_key(const char *options)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -f key key.pub && ssh-keygen -q -f key %s", options);
	RUN_OK("sh", "-c", command);
}

static void
expect_refused(const char *sentence)
{
	char fingerprint[CA_FINGERPRINT_SIZE];
	struct ca_why why = { "" };

	assert_int_equal(bas_host_key_open(scratch_path("key"), fingerprint, &why), -1);
	if (strstr(why.text, sentence) == NULL || strncmp(why.text, "'host_key': '", 13) != 0)
		fail_msg("'%s' does not say '%s'", why.text, sentence);
}

static void
the_fingerprint_comes_from_the_private_file_alone(void **state)
{
	static const char *const kinds[] = { "-t ed25519 -N ''", "-t ecdsa -b 256 -N ''",
		"-t ecdsa -b 384 -N ''", "-t ecdsa -b 521 -N ''", "-t rsa -b 2048 -N ''" };

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		char fingerprint[CA_FINGERPRINT_SIZE];
		struct ca_why why = { "" };
		char byte;
		int fd;

		make_key(kinds[i]);
		RUN_OK("sh", "-c", "ssh-keygen -lf key.pub && rm key.pub");
		fd = bas_host_key_open(scratch_path("key"), fingerprint, &why);
		if (fd < 0)
			fail_msg("%s", why.text);
		assert_true(scratch_says(fingerprint));
		/* For listeners, and nobody who is executed. */
		assert_int_equal(pread(fd, &byte, 1, 0), 1);
		assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
		close(fd);
	}
}

static void
a_key_with_a_passphrase_is_refused(void **state)
{
	(void)state;
	make_key("-t ed25519 -N secret");
	expect_refused("has a passphrase, and nobody is there to type it");
}

static void
a_key_that_others_may_read_or_write_is_refused(void **state)
{
	(void)state;
	make_key("-t ed25519 -N ''");
	assert_int_equal(chmod(scratch_path("key"), 0640), 0);
	expect_refused("is secret and may be read by others (mode 0640)");
	assert_int_equal(chmod(scratch_path("key"), 0620), 0);
	expect_refused("may be written by others (mode 0620)");
}

static void
what_is_no_private_key_is_refused(void **state)
{
	(void)state;
	make_key("-t ed25519 -N ''");
	assert_int_equal(rename(scratch_path("key.pub"), scratch_path("key")), 0);
	assert_int_equal(chmod(scratch_path("key"), 0600), 0);
	expect_refused("key");
	scratch_write("key", "", 0);
	expect_refused("key");
	assert_int_equal(unlink(scratch_path("key")), 0);
	expect_refused("No such file");
	assert_int_equal(mkdir(scratch_path("key"), 0700), 0);
	expect_refused("is not a regular file");
	assert_int_equal(rmdir(scratch_path("key")), 0);
}

static void
a_key_in_another_format_is_refused_with_the_way_out(void **state)
{
	(void)state;
	make_key("-t ecdsa -N '' -m PEM");
	expect_refused("not in OpenSSH's format: 'ssh-keygen -p -f FILE' writes it anew");
}

static void
a_public_half_that_is_anothers_is_refused(void **state)
{
	/* In front of the secret stands what would be named in grants. */
	static const char spoil[] = "import base64\n"
				    "lines = open('key').read().splitlines()\n"
				    "data = bytearray(base64.b64decode(''.join(lines[1:-1])))\n"
				    "data[70] ^= 1\n"
				    "lines[1:-1] = [base64.b64encode(data).decode()]\n"
				    "open('key', 'w').write('\\n'.join(lines) + '\\n')\n";

	(void)state;
	make_key("-t ed25519 -N ''");
	RUN_OK("python3", "-c", spoil);
	expect_refused("does not match its public key");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_fingerprint_comes_from_the_private_file_alone),
		cmocka_unit_test(a_key_with_a_passphrase_is_refused),
		cmocka_unit_test(a_key_that_others_may_read_or_write_is_refused),
		cmocka_unit_test(what_is_no_private_key_is_refused),
		cmocka_unit_test(a_key_in_another_format_is_refused_with_the_way_out),
		cmocka_unit_test(a_public_half_that_is_anothers_is_refused),
	};

	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
