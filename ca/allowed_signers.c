/* SPDX-License-Identifier: Apache-2.0 */
/*
 * allowed_signers.c - who is who, by OpenSSH's allowed_signers format (ssh-keygen(1)).
 *
 * Who a signature is by, and who a key belongs to. The lines are read in
 * allowed_signers_line.c.
 */
#include "ca/allowed_signers.h"

#include <stdlib.h>
#include <string.h>

#include "ca/file.h"
#include "ca/text.h"
#include "allowed_signers_line.h"

#define MAX_FILE ((size_t)1 << 20)

void
ca_allowed_signers_free(struct ca_allowed_signers *signers)
{
	if (signers == NULL)
		return;
	for (size_t i = 0; i < signers->count; i++) {
		free(signers->entries[i].name);
		ca_key_free(signers->entries[i].key);
	}
	free(signers->entries);
	free(signers);
}

/*
 * One key, one name: else one person could approve as two. The same name may state its key
 * again, with other times; one key is a person's or an authority's, never both.
 */
static bool
check_single_name(const struct ca_allowed_signers *signers, const struct ca_allowed_signer *entry,
    struct ca_why *why)
{
	for (size_t i = 0; i < signers->count; i++) {
		const struct ca_allowed_signer *other = &signers->entries[i];

		if (!ca_key_equal(other->key, entry->key))
			continue;
		if (strcmp(other->name, entry->name) != 0)
			return ca_why_set(why, "key of '%s' is that of '%s' on line %u",
			    entry->name, other->name, other->line);
		if (other->is_authority != entry->is_authority)
			return ca_why_set(why,
			    "key of '%s' is an authority's on one line only (%u)", entry->name,
			    other->line);
	}
	return true;
}

static bool
add_line(struct ca_allowed_signers *signers, char *line, unsigned number, const char *ns,
    struct ca_why *why)
{
	struct ca_allowed_signer entry = { 0 };
	struct ca_allowed_signer *entries;
	bool ok = false;

	if (!ca_allowed_signer_read(&entry, line, ns, why))
		goto out;
	if (entry.name == NULL) /* blank or comment */
		return true;
	entry.line = number;
	if (!check_single_name(signers, &entry, why))
		goto out;
	entries = reallocarray(signers->entries, signers->count + 1, sizeof(*entries));
	if (entries == NULL) {
		ca_why_set(why, "out of memory");
		goto out;
	}
	entries[signers->count++] = entry;
	signers->entries = entries;
	entry = (struct ca_allowed_signer){ 0 };
	ok = true;
out:
	free(entry.name);
	ca_key_free(entry.key);
	return ok;
}

bool
ca_allowed_signers_parse(struct ca_allowed_signers **out, const char *path, const char *text,
    size_t len, const char *ns, struct ca_why *why)
{
	struct ca_allowed_signers *signers = calloc(1, sizeof(*signers));
	char *copy = malloc(len + 1);
	char *line, *next;
	unsigned number = 0;
	bool ok = false;

	*out = NULL;
	if (signers == NULL || copy == NULL) {
		ca_why_set(why, "out of memory");
		goto out;
	}
	if (len > 0)
		memcpy(copy, text, len);
	copy[len] = '\0';
	for (line = copy; line < copy + len; line = next) {
		char *end = memchr(line, '\n', (size_t)(copy + len - line));

		number++;
		next = end != NULL ? end + 1 : copy + len;
		if (end != NULL)
			*end = '\0';
		else
			end = next;
		if (strlen(line) != (size_t)(end - line)) {
			ca_why_set(why, "%s:%u: a NUL in the line", path, number);
			goto out;
		}
		if (!add_line(signers, line, number, ns, why)) {
			ca_why_prefix(why, "%s:%u", path, number);
			goto out;
		}
	}
	*out = signers;
	signers = NULL;
	ok = true;
out:
	ca_allowed_signers_free(signers);
	free(copy);
	return ok;
}

bool
ca_allowed_signers_load(
    struct ca_allowed_signers **out, const char *path, const char *ns, struct ca_why *why)
{
	struct ca_buf text = { 0 };
	bool ok = false;

	*out = NULL;
	if (ca_file_read_trusted(path, MAX_FILE, false, &text, why))
		ok =
		    ca_allowed_signers_parse(out, path, (const char *)text.data, text.len, ns, why);
	ca_buf_clear(&text);
	return ok;
}

static bool
is_valid_at(const struct ca_allowed_signer *entry, int64_t now)
{
	return now >= entry->valid_after && now <= entry->valid_before;
}

const char *
ca_allowed_signers_name_of(
    const struct ca_allowed_signers *signers, const struct ca_key *key, int64_t now)
{
	for (size_t i = 0; i < signers->count; i++) {
		const struct ca_allowed_signer *entry = &signers->entries[i];

		if (!entry->is_authority && is_valid_at(entry, now) &&
		    ca_key_equal(entry->key, key))
			return entry->name;
	}
	return NULL;
}

/* Why no line for `key` (as an authority's or not) holds at `now`. */
static bool
say_not_listed(const struct ca_allowed_signers *signers, const struct ca_key *key,
    bool is_authority, int64_t now, struct ca_why *why)
{
	char fingerprint[CA_FINGERPRINT_SIZE];

	ca_key_fingerprint(key, fingerprint);
	for (size_t i = 0; i < signers->count; i++) {
		const struct ca_allowed_signer *entry = &signers->entries[i];

		if (entry->is_authority == is_authority && ca_key_equal(entry->key, key))
			return ca_why_set(why, "key %s of '%s' %s", fingerprint, entry->name,
			    now < entry->valid_after ? "is not valid yet"
						     : "is not valid any more");
	}
	return ca_why_set(
	    why, "%s %s is not listed", is_authority ? "authority" : "key", fingerprint);
}

/* Whether the certificate itself may stand for a person at `now`. */
static bool
check_cert(const struct ca_cert *cert, int64_t now, struct ca_why *why)
{
	if (cert->type != CA_CERT_USER)
		return ca_why_set(why, "signer's certificate is for a host");
	if (now < 0 || (uint64_t)now < cert->valid_after)
		return ca_why_set(why, "signer's certificate is not valid yet");
	if ((uint64_t)now >= cert->valid_before)
		return ca_why_set(why, "signer's certificate is not valid any more");
	/* ssh-keygen does not look. A grant is not an identity, and a restriction that
	 * cannot be checked here is not one to overlook. */
	if (cert->critical_count > 0)
		return ca_why_set(
		    why, "signer's certificate has critical option '%s'", cert->critical[0].name);
	return true;
}

/*
 * The one principal that a line of the certificate's authority vouches for, or NULL. All lines of
 * one authority have the same pattern (check_single_name).
 */
static const char *
find_vouched(const struct ca_allowed_signer *entry, const struct ca_cert *cert, struct ca_why *why)
{
	const char *found = NULL;

	for (size_t i = 0; i < cert->principal_count; i++) {
		const char *name = cert->principals[i];

		if (!ca_text_is_name(name) || !ca_text_match(entry->name, name))
			continue;
		if (found != NULL && strcmp(found, name) != 0) {
			ca_why_set(
			    why, "signer's certificate names both '%s' and '%s'", found, name);
			return NULL;
		}
		found = name;
	}
	if (found == NULL)
		ca_why_set(why, "signer's certificate names nobody that '%s' matches", entry->name);
	return found;
}

/* The subject's key may be listed by itself too, but then for the same person. */
static bool
check_not_another(const struct ca_allowed_signers *signers, const struct ca_key *key,
    const char *name, struct ca_why *why)
{
	for (size_t i = 0; i < signers->count; i++)
		if (ca_key_equal(signers->entries[i].key, key) &&
		    strcmp(signers->entries[i].name, name) != 0)
			return ca_why_set(why,
			    "signer's certificate names '%s', but its key is that of '%s'", name,
			    signers->entries[i].name);
	return true;
}

/* The name, or NULL. */
static const char *
identify_cert(const struct ca_allowed_signers *signers, const struct ca_cert *cert, int64_t now,
    struct ca_why *why)
{
	for (size_t i = 0; i < signers->count; i++) {
		const struct ca_allowed_signer *entry = &signers->entries[i];
		const char *name;

		if (!entry->is_authority || !is_valid_at(entry, now) ||
		    !ca_key_equal(entry->key, cert->authority))
			continue;
		if (!check_cert(cert, now, why))
			return NULL;
		name = find_vouched(entry, cert, why);
		if (name == NULL || !check_not_another(signers, cert->key, name, why))
			return NULL;
		return name;
	}
	(void)say_not_listed(signers, cert->authority, true, now, why);
	return NULL;
}

bool
ca_allowed_signers_identify(const struct ca_allowed_signers *signers, const struct ca_sshsig *sig,
    int64_t now, char **name, struct ca_why *why)
{
	const char *found;

	*name = NULL;
	/* As with ssh-keygen, a certificate counts by its authority alone. */
	if (sig->cert != NULL) {
		found = identify_cert(signers, sig->cert, now, why);
	} else {
		found = ca_allowed_signers_name_of(signers, sig->key, now);
		if (found == NULL)
			(void)say_not_listed(signers, sig->key, false, now, why);
	}
	if (found == NULL)
		return false;
	*name = strdup(found);
	return *name != NULL || ca_why_set(why, "out of memory");
}

bool
ca_allowed_signers_lists(
    const struct ca_allowed_signers *signers, const char *name, const struct ca_key *key)
{
	for (size_t i = 0; i < signers->count; i++)
		if (strcmp(signers->entries[i].name, name) == 0 &&
		    ca_key_equal(signers->entries[i].key, key))
			return true;
	return false;
}
