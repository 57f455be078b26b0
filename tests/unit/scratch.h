/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scratch.h - a folder for one test program, and stock tools run in it.
 *
 * Include behind cmocka.h. A tool's standard input is the file `input` if there is
 * one; what it prints goes to the file `output`.
 */
#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ca/buf.h"
#include "ca/file.h"
#include "ca/key.h"
#include "ca/text.h"

static char scratch[64];

static inline int
scratch_make(void **state)
{
	(void)state;
	strcpy(scratch, "/tmp/postern-test-XXXXXX");
	return mkdtemp(scratch) != NULL ? 0 : -1;
}

static inline int
scratch_remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st, (void)kind, (void)ftw;
	return remove(path);
}

static inline int
scratch_remove(void **state)
{
	(void)state;
	return nftw(scratch, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* The path of `name`; good until the fourth call after. */
static inline const char *
scratch_path(const char *name)
{
	static char paths[4][PATH_MAX];
	static unsigned turn;
	char *path = paths[turn++ % 4];

	(void)snprintf(path, sizeof(paths[0]), "%s/%s", scratch, name);
	return path;
}

static inline void
scratch_write(const char *name, const void *data, size_t len)
{
	struct ca_why why;

	if (!ca_file_write(scratch_path(name), data, len, 0600, &why))
		fail_msg("%s", why.text);
}

static inline void
scratch_read(const char *name, struct ca_buf *out)
{
	struct ca_why why;

	if (!ca_file_read(scratch_path(name), CA_BUF_MAX / 2, out, &why))
		fail_msg("%s", why.text);
}

static inline bool
scratch_says(const char *text)
{
	struct ca_buf buf = { 0 };
	bool found;

	scratch_read("output", &buf);
	found = memmem(buf.data, buf.len, text, strlen(text)) != NULL;
	ca_buf_clear(&buf);
	return found;
}

static inline void
scratch_exec(const char *const argv[])
{
	int in, out;

	if (chdir(scratch) != 0)
		_exit(125);
	in = open("input", O_RDONLY);
	if (in < 0)
		in = open("/dev/null", O_RDONLY);
	out = open("output", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		_exit(125);
	execvp(argv[0], (char *const *)argv);
	_exit(127);
}

/* Runs a program and gives its exit status, -1 for a signal. */
static inline int
scratch_run(const char *const argv[])
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		scratch_exec(argv);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

#define RUN(...) scratch_run((const char *const[]){ __VA_ARGS__, NULL })

/* Shows what the tool said when it failed. */
#define RUN_OK(...)                                                                \
	do {                                                                       \
		if (RUN(__VA_ARGS__) != 0) {                                       \
			struct ca_buf said_ = { 0 };                               \
			scratch_read("output", &said_);                            \
			fail_msg("tool failed: %.*s", (int)said_.len, said_.data); \
		}                                                                  \
	} while (0)

/* A fresh key pair `name`, `name.pub`. */
static inline void
scratch_keygen(const char *name, const char *type, const char *bits)
{
	if (bits != NULL)
		RUN_OK(
		    "ssh-keygen", "-q", "-t", type, "-b", bits, "-N", "", "-C", name, "-f", name);
	else
		RUN_OK("ssh-keygen", "-q", "-t", type, "-N", "", "-C", name, "-f", name);
}

static inline struct ca_key *
scratch_key(const char *name)
{
	struct ca_key *key = NULL;
	struct ca_why why;

	if (!ca_key_load(&key, scratch_path(name), &why))
		fail_msg("%s", why.text);
	return key;
}

/*
 * A FIDO public key `name.pub` out of the plain key in `plain.pub`: no token is at hand, and
 * a signature over what a token would sign is all that a verifier sees.
 */
static inline void
scratch_sk_pub(const char *name, const char *plain)
{
	struct ca_key *key = scratch_key(plain);
	struct ca_bytes blob = ca_key_blob(key);
	struct ca_reader reader = ca_reader_of(blob.data, blob.len);
	bool ec = ca_key_type(key) == CA_KEY_ECDSA_P256;
	const char *type = ec ? "sk-ecdsa-sha2-nistp256@openssh.com" : "sk-ssh-ed25519@openssh.com";
	struct ca_buf sk = { 0 }, line = { 0 };

	(void)ca_read_string(&reader);
	ca_buf_put_cstring(&sk, type);
	ca_buf_put(&sk, reader.next, reader.left);
	ca_buf_put_cstring(&sk, "ssh:");
	ca_buf_put_text(&line, type);
	ca_buf_put_text(&line, " ");
	ca_base64_encode(&line, sk.data, sk.len);
	ca_buf_put_text(&line, "\n");
	scratch_write(name, line.data, line.len);
	ca_buf_clear(&sk);
	ca_buf_clear(&line);
	ca_key_free(key);
}

#endif
