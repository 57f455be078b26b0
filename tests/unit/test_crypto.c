/* SPDX-License-Identifier: Apache-2.0 */
/* test_crypto.c - hashes, random bytes, and that nothing is loaded late. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ca/crypto.h"
#include "ca/crypto_key.h"
#include "ca/signer.h"
#include "ca/text.h"

static void
assert_hex(const uint8_t *data, size_t len, const char *hex)
{
	struct ca_buf text = { 0 };

	ca_hex_encode(&text, data, len);
	ca_buf_put_u8(&text, 0);
	assert_string_equal((char *)text.data, hex);
	ca_buf_clear(&text);
}

static void
hashes_are_those_of_fips_180(void **state)
{
	uint8_t out[CA_SHA512_SIZE];

	(void)state;
	ca_sha256("abc", 3, out);
	assert_hex(out, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	ca_sha256("", 0, out);
	assert_hex(out, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	ca_sha512("abc", 3, out);
	assert_hex(out, 64,
	    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
	    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

static void
a_running_hash_can_be_looked_at_and_goes_on(void **state)
{
	struct ca_sha256 *one = ca_sha256_new(), *other = ca_sha256_new();
	uint8_t out[CA_SHA256_SIZE], once[CA_SHA256_SIZE];

	(void)state;
	ca_sha256_update(one, "a", 1);
	ca_sha256_update(other, "x", 1);
	ca_sha256_peek(one, out);
	ca_sha256("a", 1, once);
	assert_memory_equal(out, once, sizeof(out));
	ca_sha256_update(one, "bc", 2);
	ca_sha256_peek(one, out);
	ca_sha256("abc", 3, once);
	assert_memory_equal(out, once, sizeof(out));
	ca_sha256_peek(one, out);
	assert_memory_equal(out, once, sizeof(out));
	ca_sha256_peek(other, out);
	ca_sha256("x", 1, once);
	assert_memory_equal(out, once, sizeof(out));
	ca_sha256_free(other);
	ca_sha256_free(one);
	ca_sha256_free(NULL);
}

static void
random_bytes_differ_and_fill_all_that_was_asked_for(void **state)
{
	uint8_t a[600] = { 0 }, b[600] = { 0 };
	size_t same = 0, zero = 0;

	(void)state;
	ca_random(a, sizeof(a));
	ca_random(b, sizeof(b));
	for (size_t i = 0; i < sizeof(a); i++) {
		same += a[i] == b[i];
		zero += a[i] == 0;
	}
	assert_in_range(same, 0, 60);
	assert_in_range(zero, 0, 60);
}

/* From here on, whoever looks for a file or another process is killed. */
static bool
close_sandbox(void)
{
	static const char *const forbidden[] = { "open", "openat", "openat2", "creat", "stat",
		"lstat", "newfstatat", "statx", "access", "faccessat", "faccessat2", "readlink",
		"readlinkat", "socket", "connect", "execve", "execveat", "fork", "vfork" };
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	bool ok = filter != NULL;

	for (size_t i = 0; ok && i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
		ok = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS,
			 seccomp_syscall_resolve_name(forbidden[i]), 0) == 0;
	ok = ok && seccomp_load(filter) == 0;
	seccomp_release(filter);
	return ok;
}

/* The generator of P-256, whose private number is 1. */
static const char p256_line[] =
    "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBGsX0fLhLEJH+Lzm"
    "5WOkQPJ3A32BLeszoPShOUXYmMKWT+NC4v4af5uO5+tKfA+eFivOM1drMV7Oy7ZAaDe/UfU=";

static bool
use_all_in_sandbox(struct ca_signer *signer)
{
	static const uint8_t one_one[] = { 0, 0, 0, 1, 1, 0, 0, 0, 1, 1 };
	struct ca_buf sig = { 0 }, p256 = { 0 };
	struct ca_key *key = NULL;
	uint8_t out[CA_SHA512_SIZE];

	ca_sha512("x", 1, out);
	ca_random(out, sizeof(out));
	if (!ca_key_parse_line(&key, p256_line, NULL))
		return false;
	ca_buf_put_cstring(&p256, ca_key_type_name(CA_KEY_ECDSA_P256));
	ca_buf_put_string(&p256, one_one, sizeof(one_one));
	if (ca_key_verify(key, "x", 1, p256.data, p256.len, NULL, NULL))
		return false;
	ca_key_free(key);
	ca_buf_clear(&p256);
	if (!ca_signer_sign(signer, "x", 1, &sig, NULL))
		return false;
	ca_buf_clear(&sig);
	return true;
}

static void
after_warming_up_nothing_is_opened(void **state)
{
	struct ca_signer *signer = NULL;
	struct ca_why why;
	int status;
	pid_t pid;

	(void)state;
	ca_crypto_warm();
	assert_true(ca_signer_generate(&signer, &why));
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (!close_sandbox())
			_exit(2);
		_exit(use_all_in_sandbox(signer) ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	ca_signer_free(signer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes_are_those_of_fips_180),
		cmocka_unit_test(a_running_hash_can_be_looked_at_and_goes_on),
		cmocka_unit_test(random_bytes_differ_and_fill_all_that_was_asked_for),
		cmocka_unit_test(after_warming_up_nothing_is_opened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
