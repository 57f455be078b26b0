/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signed_file.c - a text and its SSHSIG, replaced together although they are two files.
 */
#include "signed_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/file.h"

#define TRIES 3 /* a writer replaces a pair once a second at most */

void
rec_signed_clear(struct rec_signed *file)
{
	ca_buf_clear(&file->text);
	ca_buf_clear(&file->armor);
}

bool
rec_signed_sign(struct rec_signed *file, const char *ns, struct ca_signer *signer,
    const struct ca_cert *cert, struct ca_why *why)
{
	struct ca_buf blob = { 0 };
	bool ok = false;

	ca_buf_reset(&file->armor);
	if (!ca_sshsig_sign(signer, cert, ns, file->text.data, file->text.len, &blob, why))
		goto out;
	ca_sshsig_armor(&file->armor, blob.data, blob.len);
	ok = ca_buf_ok(&file->armor) || ca_why_set(why, "out of memory");
out:
	ca_buf_clear(&blob);
	return ok;
}

/* A new file that is on the disk when this returns. */
static bool
write_new(int folder_fd, const char *name, const struct ca_buf *content, struct ca_why *why)
{
	int fd =
	    openat(folder_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640);
	bool ok = fd >= 0 && ca_write_all(fd, content->data, content->len) && fsync(fd) == 0;

	if (!ok)
		ca_why_set(why, "file '%s' cannot be written: %s", name, strerror(errno));
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool
move(int folder_fd, const char *from, const char *to, struct ca_why *why)
{
	if (renameat(folder_fd, from, folder_fd, to) == 0)
		return true;
	return ca_why_set(why, "file '%s' cannot be replaced: %s", to, strerror(errno));
}

bool
rec_signed_store(const struct rec_signed *file, int folder_fd, const char *name, struct ca_why *why)
{
	char sig[NAME_MAX + 1], text_new[NAME_MAX + 1], sig_new[NAME_MAX + 1];
	int n = snprintf(sig_new, sizeof(sig_new), "%s.sig.tmp", name);

	if (n < 0 || (size_t)n >= sizeof(sig_new))
		return ca_why_set(why, "file name '%s' is too long", name);
	snprintf(sig, sizeof(sig), "%s.sig", name);
	snprintf(text_new, sizeof(text_new), "%s.tmp", name);
	if (!write_new(folder_fd, text_new, &file->text, why) ||
	    !write_new(folder_fd, sig_new, &file->armor, why) ||
	    !move(folder_fd, sig_new, sig, why) || !move(folder_fd, text_new, name, why))
		return false;
	if (fsync(folder_fd) != 0)
		return ca_why_set(
		    why, "folder of '%s' cannot be synced: %s", name, strerror(errno));
	return true;
}

/* One file of the pair; `*found` is false when it is not there. */
static bool
read_part(struct ca_buf *out, int folder_fd, const char *name, bool *found, struct ca_why *why)
{
	int fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	ssize_t n;
	bool ok = false;

	ca_buf_reset(out);
	*found = fd >= 0;
	if (fd < 0)
		return errno == ENOENT ||
		       ca_why_set(why, "file '%s' cannot be read: %s", name, strerror(errno));
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		ca_why_set(why, "file '%s' is not a regular file", name);
		goto out;
	}
	if ((size_t)st.st_size > REC_SIGNED_MAX) {
		ca_why_set(why, "file '%s' is longer than %zu bytes", name, REC_SIGNED_MAX);
		goto out;
	}
	uint8_t *to = ca_buf_grow(out, (size_t)st.st_size + 1);
	if (to == NULL || (n = pread(fd, to, (size_t)st.st_size, 0)) != st.st_size) {
		ca_why_set(why, "file '%s' cannot be read", name);
		goto out;
	}
	to[n] = '\0';
	out->len = (size_t)n;
	ok = true;
out:
	close(fd);
	return ok;
}

bool
rec_signed_check(
    const struct rec_signed *file, const char *ns, struct ca_sshsig **sig, struct ca_why *why)
{
	struct ca_buf blob = { 0 };
	struct ca_sshsig *parsed = NULL;
	bool ok = false;

	if (!ca_sshsig_dearmor(&blob, (const char *)file->armor.data, file->armor.len, why) ||
	    !ca_sshsig_parse(&parsed, blob.data, blob.len, why) ||
	    !ca_sshsig_verify(parsed, ns, file->text.data, file->text.len, NULL, why))
		goto out;
	ok = true;
	if (sig != NULL) {
		*sig = parsed;
		parsed = NULL;
	}
out:
	ca_sshsig_free(parsed);
	ca_buf_clear(&blob);
	return ok;
}

/* The text of a pair whose second rename never happened, if the signature is of that. */
static bool
load_unfinished(struct rec_signed *file, int folder_fd, const char *name, const char *ns,
    bool repair, struct ca_sshsig **sig)
{
	char text_new[NAME_MAX + 1];
	bool found = false;

	snprintf(text_new, sizeof(text_new), "%s.tmp", name);
	if (!read_part(&file->text, folder_fd, text_new, &found, NULL) || !found)
		return false;
	if (!rec_signed_check(file, ns, sig, NULL))
		return false;
	/* not being able to repair is no reason not to read */
	if (repair && renameat(folder_fd, text_new, folder_fd, name) == 0)
		(void)fsync(folder_fd);
	return true;
}

/* One look at the pair; a writer may be between its two renames. */
static bool
load_once(struct rec_signed *file, int folder_fd, const char *name, const char *sig_name,
    const char *ns, bool repair, struct ca_sshsig **sig, bool *found, struct ca_why *why)
{
	bool has_text = false, has_sig = false;

	*found = false;
	if (!read_part(&file->armor, folder_fd, sig_name, &has_sig, why) ||
	    !read_part(&file->text, folder_fd, name, &has_text, why))
		return false;
	if (!has_sig)
		return !has_text || ca_why_set(why, "file '%s' has no signature beside it", name);
	*found = true;
	if (has_text && rec_signed_check(file, ns, sig, why))
		return true;
	if (load_unfinished(file, folder_fd, name, ns, repair, sig))
		return true;
	if (!has_text)
		return ca_why_set(why, "signature '%s' has no text beside it", sig_name);
	return ca_why_prefix(why, "file '%s'", name);
}

bool
rec_signed_load(struct rec_signed *file, int folder_fd, const char *name, const char *ns,
    bool repair, struct ca_sshsig **sig, bool *found, struct ca_why *why)
{
	char sig_name[NAME_MAX + 1];
	int n = snprintf(sig_name, sizeof(sig_name), "%s.sig", name);

	*found = false;
	if (sig != NULL)
		*sig = NULL;
	if (n < 0 || (size_t)n + sizeof(".tmp") > sizeof(sig_name))
		return ca_why_set(why, "file name '%s' is too long", name);
	for (int i = 0; i < TRIES; i++)
		if (load_once(file, folder_fd, name, sig_name, ns, repair, sig, found, why))
			return true;
	return false;
}
