/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_krl.c - postern-ca krl: the key revocation list, numbered, and signed by its own key.
 *
 * A grant's serial stays on it until its statement's not-after, whatever ended it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/desk.h"
#include "ca/file.h"
#include "ca/krl.h"
#include "ca/sshsig.h"

static bool
encode(struct ca_desk *desk, uint64_t *number, struct ca_buf *out)
{
	uint64_t *serials = NULL;
	size_t count = 0;
	struct ca_key *authority = NULL;
	bool ok = ca_store_begin(desk->store, &desk->why) &&
		  ca_store_revoked(desk->store, false, desk->now, &serials, &count, &desk->why) &&
		  ca_desk_public_key(desk, "authority", &authority) &&
		  ca_store_next_krl(desk->store, desk->now, number, &desk->why);

	if (ok) {
		struct ca_krl_spec spec = {
			.number = *number,
			.generated = (uint64_t)desk->now,
			.comment = "postern",
			.authority = authority,
			.serials = serials,
			.serial_count = count,
		};

		ok = ca_krl_encode(out, &spec, &desk->why) &&
		     ca_desk_log(desk, "krl.publish",
			 json_pack("{s:I, s:I}", "number", (json_int_t)*number, "serials",
			     (json_int_t)count),
			 NULL, NULL) &&
		     ca_store_commit(desk->store, &desk->why);
	}
	ca_key_free(authority);
	free(serials);
	return ok;
}

/* The signature first: a reader that sees the new list finds its signature. */
static bool
write_signed(struct ca_desk *desk, const char *path, const struct ca_buf *krl)
{
	struct ca_signer *signer = NULL;
	struct ca_buf sig = { 0 }, armor = { 0 }, name = { 0 };
	bool ok;

	ca_buf_printf(&name, "%s.sig", path);
	ok = ca_buf_ok(&name) && ca_desk_signer(desk, "krl_key", &signer) &&
	     ca_sshsig_sign(signer, NULL, CA_NAMESPACE_KRL, krl->data, krl->len, &sig, &desk->why);
	if (ok) {
		ca_sshsig_armor(&armor, sig.data, sig.len);
		ok = ca_buf_ok(&armor) &&
		     ca_file_write(
			 (const char *)name.data, armor.data, armor.len, 0644, &desk->why) &&
		     ca_file_write(path, krl->data, krl->len, 0644, &desk->why);
	}
	ca_signer_free(signer);
	ca_buf_clear(&sig);
	ca_buf_clear(&armor);
	ca_buf_clear(&name);
	return ok;
}

enum ca_exit
ca_verb_krl(struct ca_desk *desk, int argc, char **argv)
{
	const char *path = NULL;
	const struct ca_option options[] = {
		{ "output", "a file", "write it there, and FILE.sig beside it", &path },
		{ 0 },
	};
	struct ca_buf krl = { 0 };
	uint64_t number;
	bool ok;

	if (!ca_desk_options(desk, options, &argc, argv))
		return CA_EXIT_USAGE;
	if (argc > 0) {
		ca_why_set(&desk->why, "'%s' is not expected", argv[0]);
		return CA_EXIT_USAGE;
	}
	ok = ca_desk_open(desk) && encode(desk, &number, &krl);
	if (ok && path != NULL)
		ok = write_signed(desk, path, &krl);
	else if (ok)
		fwrite(krl.data, 1, krl.len, stdout);
	ca_buf_clear(&krl);
	return ok ? CA_EXIT_OK : CA_EXIT_REFUSED;
}
