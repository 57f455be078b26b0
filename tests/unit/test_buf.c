/* SPDX-License-Identifier: Apache-2.0 */
/* test_buf.c - the wire buffer and whole files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/buf.h"
#include "ca/file.h"

static void
what_is_put_is_read_back(void **state)
{
	struct ca_buf buf = { 0 };
	struct ca_reader reader;
	char *text;

	(void)state;
	ca_buf_put_u8(&buf, 7);
	ca_buf_put_u32(&buf, 0xdeadbeef);
	ca_buf_put_u64(&buf, 0x0102030405060708);
	ca_buf_put_cstring(&buf, "hello");
	ca_buf_put_mpint(&buf, (const uint8_t *)"\x00\x80\x01", 3);
	ca_buf_put_mpint(&buf, NULL, 0);
	assert_true(ca_buf_ok(&buf));
	reader = ca_reader_of(buf.data, buf.len);
	assert_int_equal(ca_read_u8(&reader), 7);
	assert_int_equal(ca_read_u32(&reader), 0xdeadbeef);
	assert_true(ca_read_u64(&reader) == 0x0102030405060708);
	text = ca_read_cstring(&reader);
	assert_string_equal(text, "hello");
	free(text);
	assert_true(ca_bytes_is(ca_read_mpint(&reader), "\x80\x01"));
	assert_int_equal(ca_read_mpint(&reader).len, 0);
	assert_true(ca_reader_done(&reader));
	ca_buf_clear(&buf);
}

static void
a_reader_that_failed_gives_nothing_more(void **state)
{
	struct ca_reader reader = ca_reader_of("\0\0\0\5abcd", 8);

	(void)state;
	assert_null(ca_read_string(&reader).data);
	assert_int_equal(ca_read_u8(&reader), 0);
	assert_null(ca_read_cstring(&reader));
	assert_false(ca_reader_done(&reader));
}

static void
a_trailing_byte_is_not_the_end(void **state)
{
	struct ca_reader reader = ca_reader_of("\0\0\0\1ab", 6);

	(void)state;
	assert_true(ca_bytes_is(ca_read_string(&reader), "a"));
	assert_false(ca_reader_done(&reader));
}

static void
negative_and_padded_mpints_and_nul_in_text_are_refused(void **state)
{
	static const struct {
		const char *wire;
		size_t len;
	} bad[] = { { "\0\0\0\1\x80", 5 }, { "\0\0\0\2\0\x7f", 6 }, { "\0\0\0\1\0", 5 } };
	struct ca_reader reader;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		reader = ca_reader_of(bad[i].wire, bad[i].len);
		assert_null(ca_read_mpint(&reader).data);
		assert_true(reader.failed);
	}
	reader = ca_reader_of("\0\0\0\3a\0b", 7);
	assert_null(ca_read_cstring(&reader));
}

static void
a_buffer_over_its_bound_fails_and_stays_failed(void **state)
{
	struct ca_buf buf = { 0 };

	(void)state;
	ca_buf_put(&buf, "x", 1);
	assert_null(ca_buf_grow(&buf, CA_BUF_MAX));
	ca_buf_put(&buf, "y", 1);
	assert_false(ca_buf_ok(&buf));
	assert_int_equal(buf.len, 1);
	ca_buf_clear(&buf);
}

static void
files_are_replaced_whole_and_read_with_a_bound(void **state)
{
	char folder[] = "/tmp/postern-test-XXXXXX", path[64];
	struct ca_buf buf = { 0 };
	struct ca_why why;
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/file", folder);
	assert_true(ca_file_write(path, "first", 5, 0640, &why));
	assert_true(ca_file_write(path, "again!", 6, 0600, &why));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_true(ca_file_read(path, 6, &buf, &why));
	assert_int_equal(buf.len, 6);
	assert_string_equal((char *)buf.data, "again!");
	ca_buf_reset(&buf);
	assert_false(ca_file_read(path, 5, &buf, &why));
	assert_non_null(strstr(why.text, "larger than 5 bytes"));
	ca_buf_clear(&buf);
	assert_false(ca_file_read(folder, 100, &buf, &why));
	assert_non_null(strstr(why.text, "not a regular file"));
	unlink(path);
	rmdir(folder);
}

static void
a_file_that_others_may_write_or_read_is_not_trusted(void **state)
{
	char folder[] = "/tmp/postern-test-XXXXXX", path[64];
	struct ca_buf buf = { 0 };
	struct ca_why why;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/file", folder);
	assert_true(ca_file_write(path, "x", 1, 0644, &why));
	assert_true(ca_file_read_trusted(path, 10, false, &buf, &why));
	assert_false(ca_file_read_trusted(path, 10, true, &buf, &why));
	assert_non_null(strstr(why.text, "secret"));
	assert_int_equal(chmod(path, 0664), 0);
	assert_false(ca_file_read_trusted(path, 10, false, &buf, &why));
	assert_non_null(strstr(why.text, "written by others"));
	if (geteuid() == 0) {
		assert_int_equal(chmod(path, 0600), 0);
		assert_int_equal(chown(path, 12345, 12345), 0);
		assert_false(ca_file_read_trusted(path, 10, false, &buf, &why));
		assert_non_null(strstr(why.text, "another user"));
	}
	ca_buf_clear(&buf);
	unlink(path);
	rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_put_is_read_back),
		cmocka_unit_test(a_reader_that_failed_gives_nothing_more),
		cmocka_unit_test(a_trailing_byte_is_not_the_end),
		cmocka_unit_test(negative_and_padded_mpints_and_nul_in_text_are_refused),
		cmocka_unit_test(a_buffer_over_its_bound_fails_and_stays_failed),
		cmocka_unit_test(files_are_replaced_whole_and_read_with_a_bound),
		cmocka_unit_test(a_file_that_others_may_write_or_read_is_not_trusted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
