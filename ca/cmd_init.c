/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_init.c - postern-ca init: keys, database, files, log.
 *
 * Keys with a passphrase are made by ssh-keygen, which asks for it on the terminal. The key of
 * the log signs checkpoints without a person at hand, so it has none.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ca/desk.h"
#include "ca/file.h"

#define SSH_KEYGEN "/usr/bin/ssh-keygen"

extern char **environ;

static const char sample_rules[] =
    "# What this authority demands before it signs; see postern-ca(1). The gates judge again,\n"
    "# with rules of their own.\n"
    "pending = \"1h\";        # how long a request waits for approvals\n"
    "within = \"4h\";         # from not-before to not-after, unless asked for more\n"
    "max_pending = 10;      # requests an engineer may have waiting\n"
    "identity = \"30d\";      # how long an identity certificate is valid\n"
    "rules = (\n"
    "  { environment = \"*\"; role = \"*\"; max_duration = \"8h\";\n"
    "    quorum = ( { of = [ \"*@*\" ]; need = 1; } ); }\n"
    ");\n";

static bool
make_key(struct ca_desk *desk, const char *name, bool passphrase)
{
	char *path = ca_desk_path(desk, name);
	char *with[] = { "ssh-keygen", "-q", "-t", "ed25519", "-C", (char *)name, "-f", path,
		NULL };
	char *without[] = { "ssh-keygen", "-q", "-t", "ed25519", "-C", (char *)name, "-f", path,
		"-N", "", NULL };
	int status = -1;
	pid_t pid;
	int error;

	if (passphrase)
		fprintf(stderr, "postern-ca: a passphrase for the key '%s'\n", name);
	error = posix_spawn(&pid, SSH_KEYGEN, NULL, NULL, passphrase ? with : without, environ);
	if (error == 0)
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	free(path);
	if (error != 0)
		return ca_why_set(&desk->why, "%s: %s", SSH_KEYGEN, strerror(error));
	if (status != 0)
		return ca_why_set(&desk->why, "%s made no key '%s'", SSH_KEYGEN, name);
	return true;
}

/* The authority's public key of an agent-held key, instead of a key file. */
static bool
adopt_key(struct ca_desk *desk, const char *name, const char *from)
{
	struct ca_buf line = { 0 };
	struct ca_key *key = NULL;
	char file[64];
	char *path;
	bool ok;

	snprintf(file, sizeof file, "%s.pub", name);
	path = ca_desk_path(desk, file);
	ok = ca_key_load(&key, from, &desk->why);
	if (ok) {
		ca_key_put_line(&line, key);
		ca_buf_put_u8(&line, '\n');
		ok = ca_buf_ok(&line) && ca_file_write(path, line.data, line.len, 0644, &desk->why);
	}
	ca_key_free(key);
	ca_buf_clear(&line);
	free(path);
	return ok;
}

static bool
put_file(struct ca_desk *desk, const char *name, const char *text)
{
	char *path = ca_desk_path(desk, name);
	bool ok = ca_file_write(path, text, strlen(text), 0600, &desk->why);

	free(path);
	return ok;
}

static bool
make_folder(struct ca_desk *desk)
{
	char *database = ca_desk_path(desk, "postern.db");
	bool ok = false;

	/* Readable as a folder, so that gates on the same host find the .pub files. */
	if (access(database, F_OK) == 0)
		ca_why_set(&desk->why, "'%s' holds an authority already", desk->folder);
	else if ((mkdir(desk->folder, 0755) != 0 && errno != EEXIST) ||
		 chmod(desk->folder, 0755) != 0)
		ca_why_set(&desk->why, "'%s': %s", desk->folder, strerror(errno));
	else
		ok = true;
	free(database);
	return ok;
}

static bool
print_keys(struct ca_desk *desk)
{
	static const char *const names[] = { "authority", "identity", "krl_key", "log_key" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char fingerprint[CA_FINGERPRINT_SIZE];
		struct ca_key *key = NULL;

		if (!ca_desk_public_key(desk, names[i], &key))
			return false;
		ca_key_fingerprint(key, fingerprint);
		printf("%-9s %s\n", names[i], fingerprint);
		ca_key_free(key);
	}
	return true;
}

static bool
log_start(struct ca_desk *desk)
{
	char fingerprint[CA_FINGERPRINT_SIZE];
	struct ca_key *key = NULL;

	if (!ca_desk_public_key(desk, "authority", &key))
		return false;
	ca_key_fingerprint(key, fingerprint);
	ca_key_free(key);
	return ca_desk_log(
	    desk, "log.start", json_pack("{s:s}", "authority", fingerprint), NULL, NULL);
}

enum ca_exit
ca_verb_init(struct ca_desk *desk, int argc, char **argv)
{
	const char *bare = NULL, *adopted = NULL;
	const struct ca_option options[] = {
		{ "no-passphrase", NULL, "keys without one", &bare },
		{ "authority-pub", "a public key file", "the CA key is held by the ssh-agent",
		    &adopted },
		{ 0 },
	};
	char *database = NULL;
	bool ok;

	if (!ca_desk_options(desk, options, &argc, argv))
		return CA_EXIT_USAGE;
	if (argc > 0) {
		ca_why_set(&desk->why, "'%s' is not expected", argv[0]);
		return CA_EXIT_USAGE;
	}
	if (!make_folder(desk))
		return CA_EXIT_REFUSED;
	database = ca_desk_path(desk, "postern.db");
	/* The database comes last: while it is missing, init may be run again. */
	ok = (adopted != NULL ? adopt_key(desk, "authority", adopted)
			      : make_key(desk, "authority", bare == NULL)) &&
	     make_key(desk, "identity", bare == NULL) && make_key(desk, "krl_key", bare == NULL) &&
	     make_key(desk, "log_key", false) &&
	     put_file(desk, "engineers", "# name key-type key; written by 'postern-ca enroll'\n") &&
	     put_file(desk, "approvers",
		 "# name namespaces=\"grant@postern\" key-type key; written by 'postern-ca "
		 "enroll'\n") &&
	     put_file(desk, "authority.conf", sample_rules) && log_start(desk) &&
	     ca_store_open(&desk->store, database, true, &desk->why) && print_keys(desk);
	free(database);
	return ok ? CA_EXIT_OK : CA_EXIT_REFUSED;
}
