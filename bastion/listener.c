/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listener.c - accepts, counts, and forks a door for each connection.
 *
 * It reads no byte from the network. Host key, algorithms and the door's filter are made before the
 * first fork, so that a connection costs one. What it knows of a connection comes through the
 * status pipe, whose other end the keeper holds: 'A' once authenticated, its end when the
 * connection is over.
 *
 * All doors of one listener have one layout, which whoever crashes a door learns something about.
 * So after the first crash it forks no more: the spawner executes a new listener, which takes over
 * the sockets and the count, and this one lives on until its last door has ended.
 */
#include "bastion/rooms.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bastion/door.h"
#include "bastion/fence.h"
#include "bastion/listener.h"
#include "bastion/title.h"
#include "ca/address.h"
#include "ca/file.h"

#define KEY_MAX	     (64 * 1024) /* bytes of the host key's file */
#define ACCEPT_BURST 16		 /* connections taken before the others are looked at */
#define PAUSE_MS     100	 /* when there are no descriptors left */
#define LOG_LINES    10		 /* in LOG_SECONDS; the rest is counted */
#define LOG_SECONDS  60

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

struct listener {
	const struct bas_config *config;
	struct bas_ssh_host *host;
	struct bas_sandbox *sandbox;
	int parent, nursery, signals;
	int *listening;
	size_t listening_count;
	struct bas_connections connections;
	size_t children;
	struct pollfd *fds;
	bool closing; /* retired: nothing new */
	bool paused;  /* for a moment: there are no descriptors */
	bool broken;  /* a door died of a signal: nothing new until the next listener stands */
	time_t log_since;
	unsigned log_lines;
};

/* Strangers can cause these lines, but not as many as they like. */
__attribute__((format(printf, 2, 3))) static void
complain(struct listener *listener, const char *format, ...)
{
	time_t now = time(NULL);
	va_list args;

	if (now - listener->log_since >= LOG_SECONDS) {
		if (listener->log_lines > LOG_LINES)
			fprintf(stderr, "postern-bastion: listener: %u more lines like these\n",
			    listener->log_lines - LOG_LINES);
		listener->log_since = now;
		listener->log_lines = 0;
	}
	if (++listener->log_lines > LOG_LINES)
		return;
	fputs("postern-bastion: listener: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void
stop_accepting(struct listener *listener)
{
	listener->closing = true;
	for (size_t i = 0; i < listener->listening_count; i++)
		close_fd(&listener->listening[i]);
	close_fd(&listener->nursery);
}

/* --- doors that ended --- */

/* What is new from here on comes from a listener with another layout, and whoever shares this one
 * without having logged in gets no try at it. */
static void
stop_sharing(struct listener *listener)
{
	if (listener->closing || listener->broken)
		return;
	listener->broken = true;
	bas_connections_end_strangers(&listener->connections);
}

static void
note_crash(struct listener *listener, const uint8_t folded[static 16], const char *address)
{
	uint64_t seconds =
	    bas_crashes_note(&listener->connections.crashes, folded, bas_connections_now());

	if (seconds > 0)
		complain(listener, "'%s' is refused for %" PRIu64 " seconds: too many crashes",
		    address, seconds);
}

static void
report_crash(struct listener *listener, const struct bas_connection *was, int number)
{
	struct ca_buf payload = { 0 };
	struct ca_address address;
	char text[CA_ADDRESS_TEXT_SIZE];

	memcpy(address.bytes, was->address, sizeof(address.bytes));
	ca_address_format(&address, text);
	complain(listener, "a door for '%s' died of signal %d", text, number);
	/* A retired one only reports: whoever counts now hears it from the spawner. */
	if (!listener->closing)
		note_crash(listener, was->address, text);
	ca_buf_put_cstring(&payload, text);
	ca_buf_put_u32(&payload, (uint32_t)number);
	ca_buf_put_u8(&payload, listener->closing ? 0 : 1);
	stop_sharing(listener);
	(void)!bas_frame_send(listener->parent, BAS_F_CRASHED, &payload, NULL, 0);
	ca_buf_clear(&payload);
}

static void
reap_doors(struct listener *listener)
{
	struct signalfd_siginfo info;
	struct bas_connection was;
	int status;
	pid_t pid;

	while (read(listener->signals, &info, sizeof(info)) > 0)
		continue;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		listener->children--;
		if (!bas_connections_reaped(&listener->connections, pid, &was) || was.ended)
			continue;
		/* The alarm is its own, against a client that makes libssh spin: nothing broke. */
		if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
			complain(listener, "a door was ended by its alarm");
		else if (WIFSIGNALED(status))
			report_crash(listener, &was, WTERMSIG(status));
		else if (WEXITSTATUS(status) != 0)
			complain(listener, "a door could not begin");
	}
}

/* --- one connection --- */

struct ends {
	int door, keeper;	  /* control socket */
	int status, status_write; /* pipe */
};

static bool
make_ends(struct ends *ends)
{
	int control[2], status[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) != 0)
		return false;
	if (pipe2(status, O_CLOEXEC) != 0) {
		close(control[0]);
		close(control[1]);
		return false;
	}
	*ends = (struct ends){ control[0], control[1], status[0], status[1] };
	return true;
}

static bool
announce(struct listener *listener, const struct ends *ends, const char *address, uint16_t port)
{
	const int fds[] = { ends->keeper, ends->status_write };
	struct ca_buf payload = { 0 };
	bool sent;

	ca_buf_put_cstring(&payload, address);
	ca_buf_put_u32(&payload, port);
	sent = bas_frame_send(listener->nursery, BAS_F_CONNECTION, &payload, fds, 2);
	ca_buf_clear(&payload);
	return sent;
}

static pid_t
fork_door(const struct listener *listener, int client, const struct ends *ends, const char *address)
{
	pid_t pid = fork();
	sigset_t none;

	if (pid != 0)
		return pid;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* What speaks with strangers has no line in the journal; a sanitizer's report has. */
	if (!SANITIZED)
		dup2(STDIN_FILENO, STDERR_FILENO);
	bas_title_set("door %s", address);
	_exit(bas_door_run(&(struct bas_door_spec){ .host = listener->host,
	    .sandbox = listener->sandbox,
	    .limits = &listener->config->limits,
	    .client = client,
	    .keeper = ends->door }));
}

/* False when the nursery is gone. */
static bool
begin(struct listener *listener, int client, const struct ca_address *address, uint16_t port)
{
	char text[CA_ADDRESS_TEXT_SIZE];
	uint8_t folded[16];
	struct ends ends;
	bool announced;
	pid_t door = 0;

	if (!make_ends(&ends)) {
		complain(listener, "no descriptors for a connection: %s", strerror(errno));
		return true;
	}
	ca_address_format(address, text);
	announced = announce(listener, &ends, text, port);
	/* When there is no door, the keeper sees its socket end and goes. */
	if (announced && (door = fork_door(listener, client, &ends, text)) > 0)
		listener->children++;
	else if (announced)
		complain(listener, "no process for a connection: %s", strerror(errno));
	close(ends.door);
	close(ends.keeper);
	close(ends.status_write);
	if (!announced) {
		close(ends.status);
		return false;
	}
	bas_connections_fold(folded, address);
	bas_connections_add(&listener->connections, door > 0 ? door : 0, ends.status, folded);
	return true;
}

union peer {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static bool
admit(struct listener *listener, int client, const union peer *peer)
{
	struct ca_address address;
	char text[CA_ADDRESS_TEXT_SIZE];
	uint8_t folded[16];
	const char *limit;
	uint16_t port;

	if (!ca_address_from_sockaddr(&address, &peer->any))
		return true;
	bas_connections_fold(folded, &address);
	limit = bas_connections_limit(&listener->connections, folded);
	if (limit != NULL) {
		ca_address_format(&address, text);
		complain(listener, "'%s' refused: %s", text, limit);
		return true;
	}
	port = peer->any.sa_family == AF_INET6 ? peer->v6.sin6_port : peer->v4.sin_port;
	return begin(listener, client, &address, ntohs(port));
}

static void
accept_some(struct listener *listener, int socket)
{
	for (unsigned i = 0; i < ACCEPT_BURST; i++) {
		union peer peer = { .v6 = { 0 } };
		socklen_t len = sizeof(peer);
		int client = accept4(socket, &peer.any, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
		bool good;

		if (client < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
			    errno == ENOBUFS) {
				complain(listener, "accept: %s", strerror(errno));
				listener->paused = true;
			}
			return;
		}
		good = admit(listener, client, &peer);
		close(client);
		if (!good) {
			complain(listener, "the keepers' template is gone");
			stop_accepting(listener);
			return;
		}
	}
}

/* --- the spawner's word --- */

/* Ours died at another listener. */
static void
hear_crash(struct listener *listener, struct ca_bytes payload)
{
	struct ca_reader reader = ca_reader_of(payload.data, payload.len);
	char *text = ca_read_cstring(&reader);
	struct ca_address address;
	uint8_t folded[16], counted;

	(void)ca_read_u32(&reader);
	counted = ca_read_u8(&reader);
	/* What was counted before it was retired came with the rest of its count. */
	if (text != NULL && ca_reader_done(&reader) && counted == 0 &&
	    ca_address_parse(&address, text)) {
		bas_connections_fold(folded, &address);
		note_crash(listener, folded, text);
	}
	free(text);
}

static void
hear_parent(struct listener *listener)
{
	static uint8_t buf[BAS_FRAME_MAX];
	struct bas_frame frame;

	if (bas_frame_receive(listener->parent, &frame, buf) != BAS_FRAME_OK) {
		stop_accepting(listener);
		return;
	}
	if (frame.type == BAS_F_SUCCESSOR && frame.fd_count == 1) {
		stop_accepting(listener);
		bas_connections_hand_on(&listener->connections, frame.fds[0]);
		frame.fds[0] = -1;
	} else if (frame.type == BAS_F_CRASHED) {
		hear_crash(listener, frame.payload);
	}
	bas_frame_close_fds(&frame);
}

/* --- the loop --- */

static nfds_t
gather(struct listener *listener)
{
	const struct bas_connections *connections = &listener->connections;
	bool accepting = !listener->paused && !listener->broken;
	struct pollfd *fds = listener->fds;
	nfds_t count = 0;

	fds[count++] = (struct pollfd){ .fd = listener->signals, .events = POLLIN };
	/* The other end stays readable for ever once it said its last word. */
	fds[count++] =
	    (struct pollfd){ .fd = listener->closing ? -1 : listener->parent, .events = POLLIN };
	for (size_t i = 0; i < listener->listening_count; i++)
		fds[count++] = (struct pollfd){ .fd = accepting ? listener->listening[i] : -1,
			.events = POLLIN };
	for (size_t i = 0; i < connections->count; i++)
		fds[count++] =
		    (struct pollfd){ .fd = connections->list[i].status, .events = POLLIN };
	return count;
}

static void
turn(struct listener *listener)
{
	size_t first = 2 + listener->listening_count, count = listener->connections.count;
	nfds_t all = gather(listener);
	bool paused = listener->paused;

	listener->paused = false;
	if (poll(listener->fds, all, paused ? PAUSE_MS : -1) < 0)
		return;
	/* From the last to the first, because the last takes the place of one that is dropped. */
	for (size_t i = count; i-- > 0;)
		if (listener->fds[first + i].revents != 0)
			bas_connections_hear(&listener->connections, i);
	if (listener->fds[0].revents != 0)
		reap_doors(listener);
	if (listener->fds[1].revents != 0)
		hear_parent(listener);
	for (size_t i = 0; i < listener->listening_count; i++)
		if (listener->fds[2 + i].revents != 0 && !listener->closing && !listener->broken)
			accept_some(listener, listener->listening[i]);
}

static bool
load_host(struct listener *listener, int fd, struct ca_why *why)
{
	struct ca_buf key = { 0 };
	bool ok = false;

	if (fd <= 2) {
		ok = ca_file_read_trusted(listener->config->host_key, KEY_MAX, true, &key, why);
	} else {
		uint8_t *room = ca_buf_grow(&key, KEY_MAX);
		ssize_t got = room == NULL ? -1 : pread(fd, room, KEY_MAX - 1, 0);

		key.len = got < 0 ? 0 : (size_t)got;
		ok = got > 0 || ca_why_set(why, "the host key cannot be read");
		close(fd);
	}
	if (ok) {
		ca_buf_put_u8(&key, 0);
		ok = ca_buf_ok(&key) || ca_why_set(why, "out of memory");
	}
	ok = ok && bas_ssh_host_new(&listener->host, (const char *)key.data, why);
	ca_buf_clear(&key);
	return ok && bas_sandbox_new(&listener->sandbox, why);
}

static bool
prepare(struct listener *listener, const struct bas_listener_fds *fds, struct ca_why *why)
{
	const struct bas_limits *limits = &listener->config->limits;
	size_t max;
	struct rlimit files;
	sigset_t set;

	if (!bas_connections_init(&listener->connections, limits))
		return ca_why_set(why, "out of memory");
	max = listener->connections.max;
	listener->fds = calloc(2 + fds->listening_count + max, sizeof(*listener->fds));
	listener->listening = calloc(fds->listening_count + 1, sizeof(int));
	if (listener->fds == NULL || listener->listening == NULL)
		return ca_why_set(why, "out of memory");
	listener->listening_count = fds->listening_count;
	for (size_t i = 0; i < fds->listening_count; i++) {
		listener->listening[i] = fds->listening[i];
		(void)fcntl(fds->listening[i], F_SETFL, O_NONBLOCK);
	}
	/* One descriptor a connection; a lower hard limit shows when it is met. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < max + 64) {
		files.rlim_cur = files.rlim_max < max + 64 ? files.rlim_max : max + 64;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	listener->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (listener->signals < 0)
		return ca_why_set(why, "signalfd: %s", strerror(errno));
	return load_host(listener, fds->host_key, why);
}

int
bas_listener_run(const struct bas_config *config, const struct bas_listener_fds *fds)
{
	struct listener listener = {
		.config = config, .parent = fds->parent, .nursery = fds->nursery, .signals = -1
	};
	struct ca_why why;
	int result = 1;

	if (!prepare(&listener, fds, &why) || !bas_fence_listener(&why)) {
		fprintf(stderr, "postern-bastion: listener: %s\n", why.text);
		goto out;
	}
	/* Behind what takes long: connections wait in the kernel's queue meanwhile. */
	if (fds->predecessor > 2)
		bas_connections_inherit(&listener.connections, fds->predecessor);
	while (!listener.closing || listener.children > 0)
		turn(&listener);
	result = 0;
out:
	stop_accepting(&listener);
	close_fd(&listener.parent);
	close_fd(&listener.signals);
	bas_ssh_host_free(listener.host);
	bas_sandbox_free(listener.sandbox);
	bas_connections_clear(&listener.connections);
	free(listener.listening);
	free(listener.fds);
	return result;
}
