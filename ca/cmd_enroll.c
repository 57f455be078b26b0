/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_enroll.c - postern-ca enroll: who is who, and what gate serves an environment.
 *
 * An engineer or approver becomes a line in the file of that name; a gate's host key goes into
 * the database. Everyone gets an identity certificate, which opens no gate by itself.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/cert.h"
#include "ca/desk.h"
#include "ca/file.h"
#include "ca/judge.h"
#include "ca/text.h"

#define LIST_MAX ((size_t)1 << 20)

static const struct kind {
	const char *role;
	const char *file;      /* list that gets a line, or NULL */
	const char *options;   /* of that line */
	const char *principal; /* at the front door; NULL: relay/<name> */
} kinds[] = {
	{ "engineer", "engineers", "", "front/requester" },
	{ "approver", "approvers", "namespaces=\"grant@postern\" ", "front/approver" },
	{ "auditor", NULL, NULL, "front/auditor" },
	{ "gate", NULL, NULL, NULL },
};

static const struct kind *
find_kind(const char *role)
{
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (role != NULL && strcmp(kinds[i].role, role) == 0)
			return &kinds[i];
	return NULL;
}

/* A key names one person, in one role: whoever asks must not be able to approve with it. */
static bool
check_key_is_free(
    struct ca_desk *desk, const struct kind *kind, const char *name, const struct ca_key *key)
{
	const struct ca_allowed_signers *lists[] = { desk->engineers, desk->approvers };

	for (size_t l = 0; l < 2; l++) {
		bool own = kind->file != NULL && (l == 0) == (strcmp(kind->file, "engineers") == 0);

		for (size_t i = 0; i < lists[l]->count; i++) {
			const struct ca_allowed_signer *entry = &lists[l]->entries[i];

			if (!ca_key_equal(entry->key, key))
				continue;
			if (!own || strcmp(entry->name, name) != 0)
				return ca_why_set(&desk->why, "this key belongs to %s '%s' already",
				    l == 0 ? "engineer" : "approver", entry->name);
		}
	}
	return true;
}

static bool
add_line(struct ca_desk *desk, const struct kind *kind, const char *name, const struct ca_key *key)
{
	const struct ca_allowed_signers *list =
	    strcmp(kind->file, "engineers") == 0 ? desk->engineers : desk->approvers;
	char *path = ca_desk_path(desk, kind->file);
	struct ca_buf text = { 0 };
	bool ok = ca_allowed_signers_lists(list, name, key);

	if (!ok && ca_file_read(path, LIST_MAX, &text, &desk->why)) {
		if (text.len > 0 && text.data[text.len - 1] != '\n')
			ca_buf_put_u8(&text, '\n');
		ca_buf_printf(&text, "%s %s", name, kind->options);
		ca_key_put_line(&text, key);
		ca_buf_put_u8(&text, '\n');
		ok = ca_buf_ok(&text) && ca_file_write(path, text.data, text.len, 0600, &desk->why);
	}
	ca_buf_clear(&text);
	free(path);
	return ok;
}

static bool
sign_identity(struct ca_desk *desk, const struct kind *kind, const char *name,
    const struct ca_key *key, uint32_t seconds, struct ca_cert **out)
{
	struct ca_buf relay = { 0 };
	const char *principal = kind->principal;
	struct ca_cert_option pty = { .name = "permit-pty" };
	struct ca_signer *signer = NULL;
	uint64_t serial;
	bool ok;

	ca_buf_printf(&relay, "relay/%s", name);
	if (!ca_buf_ok(&relay))
		return ca_why_set(&desk->why, "out of memory");
	if (principal == NULL)
		principal = (const char *)relay.data;
	ok = ca_store_next_identity(desk->store, name, desk->now, &serial, &desk->why) &&
	     ca_desk_signer(desk, "identity", &signer);
	if (ok) {
		struct ca_cert_spec spec = {
			.key = key,
			.serial = serial,
			.type = CA_CERT_USER,
			.key_id = name,
			.principals = &principal,
			.principal_count = 1,
			.valid_after = (uint64_t)desk->now - 60,
			.valid_before = (uint64_t)desk->now + seconds,
			.extensions = &pty,
			.extension_count = 1,
		};

		ok = ca_cert_sign(out, &spec, signer, &desk->why) &&
		     ca_store_put_identity(
			 desk->store, serial, (*out)->blob, (int64_t)spec.valid_before, &desk->why);
	}
	ca_signer_free(signer);
	ca_buf_clear(&relay);
	return ok;
}

static bool
log_enrolled(
    struct ca_desk *desk, const struct kind *kind, const char *name, const struct ca_cert *cert)
{
	char fingerprint[CA_FINGERPRINT_SIZE];

	ca_key_fingerprint(cert->key, fingerprint);
	return ca_desk_log(desk, "identity.issue",
	    json_pack("{s:s, s:s, s:s, s:I}", "name", name, "role", kind->role, "key", fingerprint,
		"serial", (json_int_t)cert->serial),
	    NULL, NULL);
}

static bool
enroll(struct ca_desk *desk, const struct kind *kind, const char *name, const struct ca_key *key,
    const char *relay, uint32_t seconds)
{
	struct ca_cert *cert = NULL;
	struct ca_buf line = { 0 };
	bool ok = ca_store_begin(desk->store, &desk->why);

	if (ok && kind->principal == NULL)
		ok = ca_store_put_environment(
		    desk->store, name, ca_key_blob(key), relay, desk->now, &desk->why);
	else if (ok)
		ok = ca_store_put_person(
		    desk->store, name, kind->role, false, desk->now, &desk->why);
	ok = ok && sign_identity(desk, kind, name, key, seconds, &cert) &&
	     log_enrolled(desk, kind, name, cert) &&
	     (kind->file == NULL || add_line(desk, kind, name, key)) &&
	     ca_store_commit(desk->store, &desk->why);
	if (ok) {
		ca_cert_put_line(&line, cert, name);
		fwrite(line.data, 1, line.len, stdout);
	}
	ca_buf_clear(&line);
	ca_cert_free(cert);
	return ok;
}

enum ca_exit
ca_verb_enroll(struct ca_desk *desk, int argc, char **argv)
{
	const char *role = NULL, *file = NULL, *relay = NULL, *lasts = NULL;
	const struct ca_option options[] = {
		{ "role", "engineer, approver, gate or auditor", "what NAME is", &role },
		{ "key", "a public key file", "the person's key, the gate's host key", &file },
		{ "relay", "a host name", "a gate that is reached through a relay", &relay },
		{ "for", "a duration", "how long the certificate is valid", &lasts },
		{ 0 },
	};
	const struct kind *kind;
	struct ca_key *key = NULL;
	enum ca_exit status = CA_EXIT_USAGE;
	uint32_t seconds = 0;

	if (!ca_desk_options(desk, options, &argc, argv))
		return CA_EXIT_USAGE;
	kind = find_kind(role);
	if (argc != 1 || kind == NULL || file == NULL)
		ca_why_set(&desk->why, "a name, --role and --key are needed");
	else if (!ca_text_is_name(argv[0]))
		ca_why_set(&desk->why, "'%s' is not a name", argv[0]);
	else if (lasts != NULL && !ca_duration_parse(lasts, &seconds))
		ca_why_set(&desk->why, "'%s' is not a duration", lasts);
	else if (relay != NULL && kind->principal != NULL)
		ca_why_set(&desk->why, "only a gate has a relay");
	else
		status = CA_EXIT_REFUSED;
	if (status == CA_EXIT_REFUSED && ca_desk_open(desk) &&
	    ca_key_load(&key, file, &desk->why) && check_key_is_free(desk, kind, argv[0], key) &&
	    enroll(desk, kind, argv[0], key, relay, seconds > 0 ? seconds : desk->rules->identity))
		status = CA_EXIT_OK;
	ca_key_free(key);
	return status;
}
