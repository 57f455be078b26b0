/* SPDX-License-Identifier: Apache-2.0 */
/*
 * post.h - a folder with what a configuration names: keys made by stock ssh-keygen and an
 * approvers file.
 */
#ifndef TESTS_POST_H
#define TESTS_POST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "ca/buf.h"

struct post {
	char folder[64];
};

static void
post_run(const char *const *argv)
{
	int status;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (freopen("/dev/null", "w", stdout) != NULL)
			execv(argv[0], (char *const *)argv);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
post_write(const struct post *post, const char *name, const char *text, mode_t mode)
{
	char path[256];
	snprintf(path, sizeof path, "%s/%s", post->folder, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, mode), 0);
}

/* The public key's line without its end. */
static void
post_read_key(const struct post *post, const char *name, char *line, size_t size)
{
	char path[256];
	snprintf(path, sizeof path, "%s/%s.pub", post->folder, name);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	assert_non_null(fgets(line, (int)size, file));
	fclose(file);
	line[strcspn(line, "\n")] = 0;
}

static void
post_make_key(const struct post *post, const char *name)
{
	char path[256];
	snprintf(path, sizeof path, "%s/%s", post->folder, name);
	const char *const argv[] = { "/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C",
		name, "-f", path, NULL };
	post_run(argv);
	snprintf(path, sizeof path, "%s/%s.pub", post->folder, name);
	assert_int_equal(chmod(path, 0644), 0);
}

/* One approver of the vendor, one of the customer. */
static void
post_make(struct post *post)
{
	char bob[256], carol[256], text[1024];
	strcpy(post->folder, "/tmp/postern-test-XXXXXX");
	assert_non_null(mkdtemp(post->folder));
	static const char *const keys[] = { "host_key", "authority", "identity", "bob", "carol" };
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		post_make_key(post, keys[i]);
	post_read_key(post, "bob", bob, sizeof bob);
	post_read_key(post, "carol", carol, sizeof carol);
	snprintf(text, sizeof text,
	    "bob@vendor.example namespaces=\"grant@postern\" %s\n"
	    "carol@acme.example namespaces=\"grant@postern\" %s\n",
	    bob, carol);
	post_write(post, "approvers", text, 0644);
}

static void
post_remove(const struct post *post)
{
	const char *const argv[] = { "/bin/rm", "-rf", post->folder, NULL };
	post_run(argv);
}

/* `text` with every `old` replaced; caller frees. */
static char *
post_replace(const char *text, const char *old, const char *with)
{
	struct ca_buf out = { 0 };
	const char *found;
	while ((found = strstr(text, old)) != NULL) {
		ca_buf_put(&out, text, (size_t)(found - text));
		ca_buf_put_text(&out, with);
		text = found + strlen(old);
	}
	ca_buf_put(&out, text, strlen(text) + 1);
	assert_true(ca_buf_ok(&out));
	return (char *)out.data;
}

#endif
