/* SPDX-License-Identifier: Apache-2.0 */
/* test_frame.c - frames over a real socket pair: what passes, and what ends a connection. */
#include "bastion/frame.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

struct pair {
	int a, b;
	uint8_t *buf;
};

static int
setup(void **state)
{
	struct pair *pair = calloc(1, sizeof(*pair));
	int fds[2];

	assert_non_null(pair);
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	pair->a = fds[0];
	pair->b = fds[1];
	pair->buf = malloc(BAS_FRAME_MAX);
	assert_non_null(pair->buf);
	*state = pair;
	return 0;
}

static int
teardown(void **state)
{
	struct pair *pair = *state;

	if (pair->a >= 0)
		close(pair->a);
	close(pair->b);
	free(pair->buf);
	free(pair);
	return 0;
}

static size_t
count_open_fds(void)
{
	size_t count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void
raw_send(int socket, const void *data, size_t len, const int *fds, size_t fd_count)
{
	struct iovec part = { .iov_base = (void *)(uintptr_t)data, .iov_len = len };
	struct msghdr msg = { .msg_iov = &part, .msg_iovlen = 1 };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(64 * sizeof(int))];
	} control;

	memset(&control, 0, sizeof(control));
	if (fd_count > 0) {
		struct cmsghdr *head;

		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
		head = CMSG_FIRSTHDR(&msg);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		memcpy(CMSG_DATA(head), fds, fd_count * sizeof(int));
	}
	assert_int_equal(sendmsg(socket, &msg, MSG_NOSIGNAL), len);
}

static void
a_frame_arrives_as_it_was_sent(void **state)
{
	struct pair *pair = *state;
	struct ca_buf payload = { 0 };
	struct bas_frame frame;

	ca_buf_put_u32(&payload, 7);
	ca_buf_put_cstring(&payload, "uptime");
	assert_true(bas_frame_send(pair->a, BAS_F_EXEC, &payload, NULL, 0));
	assert_true(bas_frame_send(pair->a, BAS_F_CLOSE, NULL, NULL, 0));
	assert_int_equal(bas_frame_receive(pair->b, &frame, pair->buf), BAS_FRAME_OK);
	assert_int_equal(frame.type, BAS_F_EXEC);
	assert_int_equal(frame.payload.len, payload.len);
	assert_memory_equal(frame.payload.data, payload.data, payload.len);
	assert_int_equal(frame.fd_count, 0);
	assert_int_equal(frame.fds[0], -1);
	assert_int_equal(bas_frame_receive(pair->b, &frame, pair->buf), BAS_FRAME_OK);
	assert_int_equal(frame.type, BAS_F_CLOSE);
	assert_int_equal(frame.payload.len, 0);
	assert_int_equal(bas_frame_receive(pair->b, &frame, pair->buf), BAS_FRAME_AGAIN);
	ca_buf_clear(&payload);
}

static void
three_descriptors_pass_and_are_close_on_exec(void **state)
{
	struct pair *pair = *state;
	struct bas_frame frame;
	struct stat want, got;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int fds[BAS_FRAME_FDS] = { null, null, null };
	size_t before = count_open_fds();

	assert_true(bas_frame_send(pair->a, BAS_F_SPAWN, NULL, fds, BAS_FRAME_FDS));
	assert_int_equal(bas_frame_receive(pair->b, &frame, pair->buf), BAS_FRAME_OK);
	assert_int_equal(frame.fd_count, BAS_FRAME_FDS);
	assert_int_equal(fstat(null, &want), 0);
	for (size_t i = 0; i < BAS_FRAME_FDS; i++) {
		assert_int_equal(fstat(frame.fds[i], &got), 0);
		assert_int_equal(got.st_rdev, want.st_rdev);
		assert_int_equal(fcntl(frame.fds[i], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	}
	bas_frame_close_fds(&frame);
	assert_int_equal(count_open_fds(), before);
	close(null);
}

static void
four_descriptors_are_refused_and_closed(void **state)
{
	struct pair *pair = *state;
	struct bas_frame frame;
	uint8_t head[8] = { 0, 0, 0, BAS_F_CLOSE, 0, 0, 0, 0 };
	int fds[32];
	size_t before = count_open_fds();

	for (size_t i = 0; i < 32; i++)
		fds[i] = pair->a;
	assert_false(bas_frame_send(pair->a, BAS_F_SPAWN, NULL, fds, BAS_FRAME_FDS + 1));
	for (size_t count = 4; count <= 32; count += 28) {
		raw_send(pair->a, head, sizeof(head), fds, count);
		assert_int_equal(bas_frame_receive(pair->b, &frame, pair->buf), BAS_FRAME_BROKEN);
		assert_int_equal(count_open_fds(), before);
	}
}

static void
the_largest_payload_passes_and_one_byte_more_does_not(void **state)
{
	struct pair *pair = *state;
	struct ca_buf payload = { 0 };
	struct bas_frame frame;
	uint8_t *raw = calloc(1, 8 + BAS_FRAME_MAX + 1);

	assert_non_null(raw);
	memset(ca_buf_grow(&payload, BAS_FRAME_MAX), 'x', BAS_FRAME_MAX);
	assert_true(bas_frame_send(pair->a, BAS_F_EXEC, &payload, NULL, 0));
	assert_int_equal(bas_frame_receive(pair->b, &frame, pair->buf), BAS_FRAME_OK);
	assert_int_equal(frame.payload.len, BAS_FRAME_MAX);
	assert_int_equal(frame.payload.data[BAS_FRAME_MAX - 1], 'x');
	ca_buf_put_u8(&payload, 'y');
	assert_false(bas_frame_send(pair->a, BAS_F_EXEC, &payload, NULL, 0));
	assert_int_equal(errno, EMSGSIZE);
	raw[3] = BAS_F_EXEC;
	raw[5] = (BAS_FRAME_MAX + 1) >> 16 & 0xff;
	raw[6] = (BAS_FRAME_MAX + 1) >> 8 & 0xff;
	raw[7] = (BAS_FRAME_MAX + 1) & 0xff;
	raw_send(pair->a, raw, 8 + BAS_FRAME_MAX + 1, NULL, 0);
	assert_int_equal(bas_frame_receive(pair->b, &frame, pair->buf), BAS_FRAME_BROKEN);
	free(raw);
	ca_buf_clear(&payload);
}

static void
a_head_cut_short_or_a_wrong_length_is_broken_and_its_descriptors_closed(void **state)
{
	struct pair *pair = *state;
	struct bas_frame frame;
	uint8_t raw[12] = { 0, 0, 0, BAS_F_CLOSE, 0, 0, 0, 4, 0, 0, 0, 1 };
	size_t before = count_open_fds();

	for (size_t len = 1; len < sizeof(raw); len++) {
		raw_send(pair->a, raw, len, &pair->a, 1);
		assert_int_equal(bas_frame_receive(pair->b, &frame, pair->buf), BAS_FRAME_BROKEN);
		assert_int_equal(frame.fd_count, 0);
	}
	assert_int_equal(count_open_fds(), before);
	raw_send(pair->a, raw, sizeof(raw), NULL, 0);
	assert_int_equal(bas_frame_receive(pair->b, &frame, pair->buf), BAS_FRAME_OK);
}

static void
a_failed_buffer_is_not_sent(void **state)
{
	struct pair *pair = *state;
	struct ca_buf payload = { .failed = true };
	struct bas_frame frame;

	assert_false(bas_frame_send(pair->a, BAS_F_CLOSE, &payload, NULL, 0));
	assert_int_equal(bas_frame_receive(pair->b, &frame, pair->buf), BAS_FRAME_AGAIN);
}

static void
a_full_queue_says_again_when_non_blocking(void **state)
{
	struct pair *pair = *state;
	struct ca_buf payload = { 0 };

	memset(ca_buf_grow(&payload, BAS_FRAME_MAX), 0, BAS_FRAME_MAX);
	while (bas_frame_send(pair->a, BAS_F_EXEC, &payload, NULL, 0))
		continue;
	assert_int_equal(errno, EAGAIN);
	ca_buf_clear(&payload);
}

static void
the_end_comes_after_the_last_frame_even_when_the_peer_left_ours_unread(void **state)
{
	struct pair *pair = *state;
	struct bas_frame frame;

	assert_true(bas_frame_send(pair->b, BAS_F_AUTH, NULL, NULL, 0));
	assert_true(bas_frame_send(pair->a, BAS_F_END, NULL, NULL, 0));
	close(pair->a);
	pair->a = -1;
	assert_int_equal(bas_frame_receive(pair->b, &frame, pair->buf), BAS_FRAME_OK);
	assert_int_equal(frame.type, BAS_F_END);
	assert_int_equal(bas_frame_receive(pair->b, &frame, pair->buf), BAS_FRAME_END);
	assert_false(bas_frame_send(pair->b, BAS_F_AUTH, NULL, NULL, 0));
	assert_int_equal(errno, EPIPE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_frame_arrives_as_it_was_sent, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    three_descriptors_pass_and_are_close_on_exec, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    four_descriptors_are_refused_and_closed, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    the_largest_payload_passes_and_one_byte_more_does_not, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_head_cut_short_or_a_wrong_length_is_broken_and_its_descriptors_closed, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(a_failed_buffer_is_not_sent, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_full_queue_says_again_when_non_blocking, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    the_end_comes_after_the_last_frame_even_when_the_peer_left_ours_unread, setup,
		    teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
