/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connect.c - a light SSH client: connects with a certificate, runs `true`, and again.
 *
 *   connect PORT USER KEY CERTIFICATE rate CLIENTS SECONDS    prints connections per second
 *   connect PORT USER KEY CERTIFICATE hold COUNT              prints `held`, waits for stdin's end
 *
 * Stock ssh takes several times the processor time of the servers it is used on, so that with it a
 * rate would be the client's. The server's key is not checked: this connects to loopback only.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <libssh/libssh.h>

#define HELD_MAX    1000
#define CLIENTS_MAX 64

struct target {
	const char *port, *user;
	ssh_key key; /* with its certificate */
};

static void
require(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "connect: %s\n", what);
	exit(1);
}

static ssh_key
load_key(const char *key_path, const char *cert_path)
{
	ssh_key key = NULL, cert = NULL;

	require(ssh_pki_import_privkey_file(key_path, NULL, NULL, NULL, &key) == SSH_OK &&
		    ssh_pki_import_cert_file(cert_path, &cert) == SSH_OK &&
		    ssh_pki_copy_cert_to_privkey(cert, key) == SSH_OK,
	    "key and certificate cannot be loaded");
	ssh_key_free(cert);
	return key;
}

static void
set_option(ssh_session session, enum ssh_options_e option, const void *value)
{
	require(ssh_options_set(session, option, value) == SSH_OK, "libssh refuses an option");
}

/* Connected and authenticated, or the program ends. */
static ssh_session
log_in(const struct target *target)
{
	ssh_session session = ssh_new();
	const int no_configuration = 0, no_delay = 1;

	require(session != NULL, "out of memory");
	set_option(session, SSH_OPTIONS_PROCESS_CONFIG, &no_configuration);
	set_option(session, SSH_OPTIONS_NODELAY, &no_delay);
	set_option(session, SSH_OPTIONS_HOST, "127.0.0.1");
	set_option(session, SSH_OPTIONS_PORT_STR, target->port);
	set_option(session, SSH_OPTIONS_USER, target->user);
	set_option(session, SSH_OPTIONS_KEY_EXCHANGE, "curve25519-sha256");
	set_option(session, SSH_OPTIONS_HOSTKEYS, "ssh-ed25519");
	require(ssh_connect(session) == SSH_OK, ssh_get_error(session));
	require(ssh_userauth_publickey(session, NULL, target->key) == SSH_AUTH_SUCCESS,
	    ssh_get_error(session));
	return session;
}

static void
log_out(ssh_session session)
{
	ssh_disconnect(session);
	ssh_free(session);
}

static void
run_true(const struct target *target)
{
	ssh_session session = log_in(target);
	ssh_channel channel = ssh_channel_new(session);
	char byte;

	require(channel != NULL && ssh_channel_open_session(channel) == SSH_OK &&
		    ssh_channel_request_exec(channel, "true") == SSH_OK,
	    ssh_get_error(session));
	while (ssh_channel_read(channel, &byte, 1, 0) > 0)
		;
	require(ssh_channel_get_exit_status(channel) == 0, "`true` did not end with 0");
	ssh_channel_free(channel);
	log_out(session);
}

static double
seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* One client: connects until time is up, then tells how often and how long it took in all. */
static void
be_client(const struct target *target, double seconds, int report)
{
	double begun = seconds_now(), rate;
	unsigned count = 0;

	do {
		run_true(target);
		count++;
	} while (seconds_now() - begun < seconds);
	rate = count / (seconds_now() - begun);
	require(write(report, &rate, sizeof(rate)) == (ssize_t)sizeof(rate), "no one to tell");
}

static int
measure_rate(const struct target *target, unsigned clients, double seconds)
{
	int report[2], status, result = 0;
	double rate, sum = 0;

	require(clients > 0 && clients <= CLIENTS_MAX && seconds > 0 && pipe(report) == 0,
	    "cannot begin");
	for (unsigned i = 0; i < clients; i++) {
		pid_t pid = fork();

		require(pid >= 0, "cannot fork");
		if (pid == 0) {
			be_client(target, seconds, report[1]);
			_exit(0);
		}
	}
	close(report[1]);
	while (read(report[0], &rate, sizeof(rate)) == (ssize_t)sizeof(rate))
		sum += rate;
	while (wait(&status) > 0)
		if (status != 0)
			result = 1;
	printf("%.2f\n", sum);
	return result;
}

static int
hold(const struct target *target, unsigned count)
{
	static ssh_session held[HELD_MAX];
	char byte;

	require(count > 0 && count <= HELD_MAX, "cannot hold so many");
	for (unsigned i = 0; i < count; i++)
		held[i] = log_in(target);
	puts("held");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	for (unsigned i = 0; i < count; i++)
		log_out(held[i]);
	return 0;
}

int
main(int argc, char **argv)
{
	struct target target;

	if (argc < 7) {
		fprintf(stderr, "usage: connect PORT USER KEY CERTIFICATE rate CLIENTS SECONDS | "
				"hold COUNT\n");
		return 2;
	}
	target =
	    (struct target){ .port = argv[1], .user = argv[2], .key = load_key(argv[3], argv[4]) };
	if (argc == 8 && strcmp(argv[5], "rate") == 0)
		return measure_rate(
		    &target, (unsigned)strtoul(argv[6], NULL, 10), strtod(argv[7], NULL));
	if (argc == 7 && strcmp(argv[5], "hold") == 0)
		return hold(&target, (unsigned)strtoul(argv[6], NULL, 10));
	fprintf(stderr, "connect: neither rate nor hold\n");
	return 2;
}
