/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listener.c - accepts, counts, and forks a door for each connection.
 *
 * It reads no byte from the network. Host key, algorithms and the door's filter are made before the
 * first fork, so that a connection costs one. What it knows of a connection comes through the
 * status pipe, whose other end the keeper holds: 'A' once authenticated, its end when the
 * connection is over.
 */
#include "bastion/rooms.h"

#include <errno.h>
#include <fcntl.h>
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
#include "bastion/title.h"
#include "ca/address.h"
#include "ca/file.h"

#define KEY_MAX	     (64 * 1024) /* bytes of the host key's file */
#define ACCEPT_BURST 16		 /* connections taken before the others are looked at */
#define PAUSE_MS     100	 /* when there are no descriptors left */
#define LOG_LINES    10		 /* in LOG_SECONDS; the rest is counted */
#define LOG_SECONDS  60

struct connection {
	int status;	     /* the pipe's read end */
	uint8_t address[16]; /* what is counted together: an IPv4 address, an IPv6 /64 */
	bool authenticated;
};

struct listener {
	const struct bas_config *config;
	struct bas_ssh_host *host;
	struct bas_sandbox *sandbox;
	int parent, nursery, signals;
	int *listening;
	size_t listening_count;
	struct connection *connections;
	size_t connection_count, connection_max;
	size_t authenticated;
	size_t children;
	struct pollfd *fds;
	bool closing, paused;
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
	close_fd(&listener->parent);
}

/* --- counting --- */

static void
fold_address(uint8_t out[static 16], const struct ca_address *address)
{
	static const uint8_t ipv4[12] = { [10] = 0xff, [11] = 0xff };

	memcpy(out, address->bytes, 16);
	if (memcmp(out, ipv4, sizeof(ipv4)) != 0)
		memset(out + 8, 0, 8);
}

/* NULL: there is room for one more. */
static const char *
find_limit(const struct listener *listener, const uint8_t address[static 16])
{
	const struct bas_limits *limits = &listener->config->limits;
	size_t same = 0;

	if (listener->authenticated >= limits->connections)
		return "too many connections";
	if (listener->connection_count - listener->authenticated >= limits->unauthenticated ||
	    listener->connection_count >= listener->connection_max)
		return "too many connections that have not logged in";
	for (size_t i = 0; i < listener->connection_count; i++)
		if (!listener->connections[i].authenticated &&
		    memcmp(listener->connections[i].address, address, 16) == 0)
			same++;
	return same >= limits->unauthenticated_per_address
		   ? "too many connections from one address that have not logged in"
		   : NULL;
}

/* False when the connection is over. */
static bool
hear_status(struct listener *listener, struct connection *connection)
{
	char byte;
	ssize_t got = read(connection->status, &byte, 1);

	if (got < 0)
		return errno == EAGAIN || errno == EINTR;
	if (got == 1 && byte == 'A' && !connection->authenticated) {
		connection->authenticated = true;
		listener->authenticated++;
		return true;
	}
	return false;
}

static void
forget(struct listener *listener, size_t index)
{
	struct connection *connection = &listener->connections[index];

	close(connection->status);
	if (connection->authenticated)
		listener->authenticated--;
	*connection = listener->connections[--listener->connection_count];
}

static void
reap_doors(struct listener *listener)
{
	struct signalfd_siginfo info;
	int status;

	while (read(listener->signals, &info, sizeof(info)) > 0)
		continue;
	while (waitpid(-1, &status, WNOHANG) > 0) {
		listener->children--;
		if (WIFSIGNALED(status))
			complain(listener, "a door died of signal %d", WTERMSIG(status));
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
	struct connection *connection = &listener->connections[listener->connection_count];
	char text[CA_ADDRESS_TEXT_SIZE];
	struct ends ends;
	bool announced;

	if (!make_ends(&ends)) {
		complain(listener, "no descriptors for a connection: %s", strerror(errno));
		return true;
	}
	ca_address_format(address, text);
	announced = announce(listener, &ends, text, port);
	/* When there is no door, the keeper sees its socket end and goes. */
	if (announced && fork_door(listener, client, &ends, text) > 0)
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
	*connection = (struct connection){ .status = ends.status };
	fold_address(connection->address, address);
	(void)fcntl(ends.status, F_SETFL, O_NONBLOCK);
	listener->connection_count++;
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
	fold_address(folded, &address);
	limit = find_limit(listener, folded);
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

/* --- the loop --- */

static nfds_t
gather(struct listener *listener)
{
	struct pollfd *fds = listener->fds;
	nfds_t count = 0;

	fds[count++] = (struct pollfd){ .fd = listener->signals, .events = POLLIN };
	fds[count++] = (struct pollfd){ .fd = listener->parent, .events = POLLIN };
	for (size_t i = 0; i < listener->listening_count; i++)
		fds[count++] =
		    (struct pollfd){ .fd = listener->paused ? -1 : listener->listening[i],
			    .events = POLLIN };
	for (size_t i = 0; i < listener->connection_count; i++)
		fds[count++] =
		    (struct pollfd){ .fd = listener->connections[i].status, .events = POLLIN };
	return count;
}

static void
turn(struct listener *listener)
{
	nfds_t count = gather(listener);
	size_t first = 2 + listener->listening_count;
	bool paused = listener->paused;

	listener->paused = false;
	if (poll(listener->fds, count, paused ? PAUSE_MS : -1) < 0)
		return;
	if (listener->fds[0].revents != 0)
		reap_doors(listener);
	/* From the last to the first, because the last takes the place of one that is forgotten. */
	for (size_t i = listener->connection_count; i-- > 0;)
		if (listener->fds[first + i].revents != 0 &&
		    !hear_status(listener, &listener->connections[i]))
			forget(listener, i);
	if (listener->fds[1].revents != 0)
		stop_accepting(listener);
	for (size_t i = 0; i < listener->listening_count && !listener->closing; i++)
		if (listener->fds[2 + i].revents != 0)
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
	size_t max = (size_t)limits->unauthenticated + limits->connections;
	struct rlimit files;
	sigset_t set;

	listener->connection_max = max;
	listener->connections = calloc(max + 1, sizeof(*listener->connections));
	listener->fds = calloc(2 + fds->listening_count + max, sizeof(*listener->fds));
	listener->listening = calloc(fds->listening_count + 1, sizeof(int));
	if (listener->connections == NULL || listener->fds == NULL || listener->listening == NULL)
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

	if (!prepare(&listener, fds, &why)) {
		fprintf(stderr, "postern-bastion: listener: %s\n", why.text);
		goto out;
	}
	while (!listener.closing || listener.children > 0)
		turn(&listener);
	result = 0;
out:
	stop_accepting(&listener);
	close_fd(&listener.signals);
	bas_ssh_host_free(listener.host);
	bas_sandbox_free(listener.sandbox);
	free(listener.connections);
	free(listener.listening);
	free(listener.fds);
	return result;
}
