/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libssh_client.c - a client of libssh: logs in with a certificate, runs one command.
 *
 *   libssh_client PORT USER KEY CERTIFICATE COMMAND
 *
 * Its exit status is the command's, or 255 with a line on stderr.
 */
#include <stdio.h>
#include <stdlib.h>

#include <libssh/libssh.h>

static ssh_session session;

static void
must(int rc, const char *what)
{
	if (rc == SSH_OK)
		return;
	fprintf(stderr, "libssh_client: %s: %s\n", what, ssh_get_error(session));
	exit(255);
}

static void
connect_to(unsigned port, const char *user)
{
	int no = 0;

	session = ssh_new();
	if (session == NULL)
		exit(255);
	must(ssh_options_set(session, SSH_OPTIONS_HOST, "127.0.0.1"), "host");
	must(ssh_options_set(session, SSH_OPTIONS_PORT, &port), "port");
	must(ssh_options_set(session, SSH_OPTIONS_USER, user), "user");
	must(ssh_options_set(session, SSH_OPTIONS_PROCESS_CONFIG, &no), "configuration");
	must(ssh_connect(session), "connect");
}

static void
log_in(const char *key_file, const char *certificate_file)
{
	ssh_key key, certificate;

	must(ssh_pki_import_privkey_file(key_file, NULL, NULL, NULL, &key), "key");
	must(ssh_pki_import_cert_file(certificate_file, &certificate), "certificate");
	must(ssh_pki_copy_cert_to_privkey(certificate, key), "certificate of another key");
	/* The first request tells which methods there are, and lets 0.10 read what signatures are
	 * taken. */
	(void)ssh_userauth_none(session, NULL);
	if (ssh_userauth_publickey(session, NULL, key) != SSH_AUTH_SUCCESS) {
		char *banner = ssh_get_issue_banner(session);

		fprintf(stderr, "libssh_client: refused: %s\n%s", ssh_get_error(session),
		    banner != NULL ? banner : "");
		exit(255);
	}
	ssh_key_free(key);
	ssh_key_free(certificate);
}

static int
run(const char *command)
{
	ssh_channel channel = ssh_channel_new(session);
	char data[4096];
	int got;

	must(ssh_channel_open_session(channel), "channel");
	must(ssh_channel_request_exec(channel, command), "command");
	must(ssh_channel_send_eof(channel), "end of input");
	for (int errors = 0; errors <= 1; errors++)
		while ((got = ssh_channel_read(channel, data, sizeof(data), errors)) > 0)
			fwrite(data, 1, (size_t)got, errors ? stderr : stdout);
	got = ssh_channel_get_exit_status(channel);
	ssh_channel_free(channel);
	return got < 0 ? 255 : got;
}

int
main(int argc, char **argv)
{
	int status;

	if (argc != 6)
		return 2;
	connect_to((unsigned)atoi(argv[1]), argv[2]);
	log_in(argv[3], argv[4]);
	status = run(argv[5]);
	ssh_disconnect(session);
	ssh_free(session);
	return status;
}
