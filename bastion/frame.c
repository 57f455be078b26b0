/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame.c - one SOCK_SEQPACKET packet in, one out.
 *
 * On the wire: u32 type, u32 payload length, payload. The kernel keeps packets apart; the length
 * only proves that both ends mean the same bytes. Descriptors ride as SCM_RIGHTS (unix(7)).
 */
#include "bastion/frame.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define HEAD_SIZE 8

/* One descriptor more than allowed fits, so that a frame with too many is seen as such. */
#define FDS_ROOM (BAS_FRAME_FDS + 1)

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(FDS_ROOM * sizeof(int))];
};

static void
put_u32(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 24);
	at[1] = (uint8_t)(value >> 16);
	at[2] = (uint8_t)(value >> 8);
	at[3] = (uint8_t)value;
}

static uint32_t
get_u32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void
attach_fds(struct msghdr *msg, union control *control, const int *fds, size_t fd_count)
{
	struct cmsghdr *head;

	memset(control, 0, sizeof(*control));
	msg->msg_control = control->bytes;
	msg->msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
	head = CMSG_FIRSTHDR(msg);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
	memcpy(CMSG_DATA(head), fds, fd_count * sizeof(int));
}

/* Keeps the first descriptors, closes those over the limit. False when there were any. */
static bool
detach_fds(struct msghdr *msg, struct bas_frame *out)
{
	bool fits = true;

	for (struct cmsghdr *head = CMSG_FIRSTHDR(msg); head != NULL;
	     head = CMSG_NXTHDR(msg, head)) {
		size_t count;

		if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
			continue;
		count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(head) + i * sizeof(int), sizeof(fd));
			if (out->fd_count < BAS_FRAME_FDS) {
				out->fds[out->fd_count++] = fd;
			} else {
				close(fd);
				fits = false;
			}
		}
	}
	return fits;
}

bool
bas_frame_send(int socket, enum bas_frame_type type, const struct ca_buf *payload, const int *fds,
    size_t fd_count)
{
	uint8_t head[HEAD_SIZE];
	union control control;
	struct iovec parts[2] = { { .iov_base = head, .iov_len = sizeof(head) } };
	struct msghdr msg = { .msg_iov = parts, .msg_iovlen = 1 };
	size_t len = payload == NULL ? 0 : payload->len;
	ssize_t sent;

	if ((payload != NULL && payload->failed) || len > BAS_FRAME_MAX ||
	    fd_count > BAS_FRAME_FDS) {
		errno = EMSGSIZE;
		return false;
	}
	put_u32(head, (uint32_t)type);
	put_u32(head + 4, (uint32_t)len);
	if (len > 0) {
		parts[1] = (struct iovec){ .iov_base = payload->data, .iov_len = len };
		msg.msg_iovlen = 2;
	}
	if (fd_count > 0)
		attach_fds(&msg, &control, fds, fd_count);
	do
		sent = sendmsg(socket, &msg, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent >= 0;
}

enum bas_frame_result
bas_frame_receive(int socket, struct bas_frame *out, uint8_t buf[static BAS_FRAME_MAX])
{
	uint8_t head[HEAD_SIZE];
	union control control;
	struct iovec parts[2] = {
		{ .iov_base = head, .iov_len = sizeof(head) },
		{ .iov_base = buf, .iov_len = BAS_FRAME_MAX },
	};
	struct msghdr msg;
	ssize_t got;
	bool reset = false;

	*out = (struct bas_frame){ .fds = { -1, -1, -1 } };
	for (;;) {
		msg = (struct msghdr){ .msg_iov = parts,
			.msg_iovlen = 2,
			.msg_control = control.bytes,
			.msg_controllen = sizeof(control.bytes) };
		got = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
		if (got >= 0)
			break;
		if (errno == EINTR)
			continue;
		if (errno == EAGAIN)
			return BAS_FRAME_AGAIN;
		if (errno != ECONNRESET)
			return BAS_FRAME_BROKEN;
		if (reset)
			return BAS_FRAME_END;
		/* The peer left without reading all of ours. Linux says so once, before the frames
		 * that it sent last, and those still count. */
		reset = true;
	}
	if (got == 0)
		return BAS_FRAME_END;
	if (!detach_fds(&msg, out) || (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 ||
	    got < HEAD_SIZE || get_u32(head + 4) != (size_t)got - HEAD_SIZE) {
		bas_frame_close_fds(out);
		return BAS_FRAME_BROKEN;
	}
	out->type = (enum bas_frame_type)get_u32(head);
	out->payload = (struct ca_bytes){ .data = buf, .len = (size_t)got - HEAD_SIZE };
	return BAS_FRAME_OK;
}

void
bas_frame_close_fds(struct bas_frame *frame)
{
	for (size_t i = 0; i < BAS_FRAME_FDS; i++) {
		if (frame->fds[i] >= 0)
			close(frame->fds[i]);
		frame->fds[i] = -1;
	}
	frame->fd_count = 0;
}
