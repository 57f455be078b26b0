/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confine_once.c - one exec only. seccomp_unotify(2).
 *
 * The command's exec stops in the kernel until the init has looked at it. The init lets that one
 * go on and closes the listener; from then on the kernel itself answers every exec with ENOSYS,
 * and no process is left that could be talked into another answer.
 */
#include "bastion/confine_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Room for structures of a younger kernel (SECCOMP_GET_NOTIF_SIZES). */
union question {
	struct seccomp_notif notif;
	char room[512];
};
union answer {
	struct seccomp_notif_resp resp;
	char room[128];
};

static bool
sizes_fit(void)
{
	struct seccomp_notif_sizes sizes;

	return syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) == 0 &&
	       sizes.seccomp_notif <= sizeof(union question) &&
	       sizes.seccomp_notif_resp <= sizeof(union answer);
}

bool
bas_once_hand_over(int report, int listener, struct ca_why *why)
{
	char byte = 0;
	struct iovec data = { .iov_base = &byte, .iov_len = 1 };
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct msghdr message = { .msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room) };
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &listener, sizeof(int));
	if (sendmsg(report, &message, MSG_NOSIGNAL) != 1)
		return bas_confine_failed("handing over the exec", why);
	close(listener);
	return true;
}

/* What came: a listener, a sentence (as many bytes as `why` has), or the end. */
static ssize_t
receive(int report, struct ca_why *why, int *listener)
{
	struct iovec data = { .iov_base = why, .iov_len = sizeof(*why) };
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr message = { .msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room) };
	struct cmsghdr *head;
	ssize_t got;

	*listener = -1;
	do
		got = recvmsg(report, &message, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	head = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	if (head != NULL && head->cmsg_type == SCM_RIGHTS &&
	    head->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(listener, CMSG_DATA(head), sizeof(int));
	return got;
}

/* Its arguments are in registers and cannot change under us; what they point to, an empty path and
 * argv, decides nothing that the descriptor has not decided. */
static bool
is_ours(const struct seccomp_notif *notif, pid_t pid)
{
	return notif->pid == (uint32_t)pid && notif->data.nr == SYS_execveat &&
	       notif->data.args[0] == BAS_CONFINE_PROGRAM && notif->data.args[4] == AT_EMPTY_PATH;
}

/* False: nobody is left who could ask; receiving would wait for ever. */
static bool
await_question(int listener)
{
	struct pollfd wait = { .fd = listener, .events = POLLIN };

	while (poll(&wait, 1, -1) < 0 && errno == EINTR)
		;
	return (wait.revents & POLLIN) != 0;
}

static bool
answer(int listener, pid_t pid, struct ca_why *why)
{
	union question question = { .room = "" };
	union answer reply = { .room = "" };

	if (!sizes_fit())
		return ca_why_set(why, "confinement: this kernel asks about exec in another way");
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &question) != 0)
		return ca_why_set(why, "the command's process ended before it ran");
	if (!is_ours(&question.notif, pid))
		return ca_why_set(why, "confinement: an exec that is not ours");
	reply.resp.id = question.notif.id;
	reply.resp.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &reply) != 0)
		return ca_why_set(why, "the command's process ended before it ran");
	return true;
}

bool
bas_once_await(int report, pid_t pid, struct ca_why *why)
{
	int listener, none;
	ssize_t got = receive(report, why, &listener);
	struct ca_why ours = { .text = "" };

	if (listener >= 0) {
		bool asked = await_question(listener);
		bool ok = asked && answer(listener, pid, &ours);

		close(listener);
		if (asked && !ok) {
			*why = ours;
			return false;
		}
		got = receive(report, why, &none);
		if (got == 0 && !asked)
			got = -1; /* gone without having executed anything */
	}
	if (got == 0)
		return true;
	if (got != (ssize_t)sizeof(*why))
		ca_why_set(why, "the command's process ended before it ran");
	return false;
}
