/* SPDX-License-Identifier: Apache-2.0 */
/*
 * allowed_signers_line.c - one line of an allowed_signers file (ssh-keygen(1)):
 *
 *	name [option,...] keytype base64 [comment]
 *
 * A subset of what ssh-keygen takes, so that a line means the same to both; what
 * it would skip is an error here.
 */
#include "allowed_signers_line.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ca/text.h"

#define BLANKS " \t"

/* YYYYMMDD[HHMM[SS]]Z: without the Z it would mean the local time of whoever reads. */
static bool
parse_time(const char *text, int64_t *out)
{
	size_t digits = strspn(text, "0123456789");
	char full[15] = "00000000000000", rfc3339[CA_TIME_SIZE];

	if ((digits != 8 && digits != 12 && digits != 14) || strcmp(text + digits, "Z") != 0)
		return false;
	memcpy(full, text, digits);
	(void)snprintf(rfc3339, sizeof(rfc3339), "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", full, full + 4,
	    full + 6, full + 8, full + 10, full + 12);
	/* To ssh-keygen, the epoch is no time. */
	return ca_time_parse(rfc3339, out) && *out > 0;
}

/* What a line's options say. The texts are inside the line. */
struct options {
	bool is_authority;
	const char *namespaces, *valid_after, *valid_before;
};

/* Steps over `word` at `*next`, in any case, if it is a whole word there. */
static bool
skip_word(char **next, const char *word)
{
	size_t len = strlen(word);

	if (strncasecmp(*next, word, len) != 0 || isalnum((unsigned char)(*next)[len]) ||
	    (*next)[len] == '-')
		return false;
	*next += len;
	return true;
}

/* Takes `="value"` at `*next`. */
static bool
take_value(char **next, const char **value, const char *name, struct ca_why *why)
{
	char *text = *next + 2, *end;

	if (*value != NULL)
		return ca_why_set(why, "option '%s' is there twice", name);
	if (strncmp(*next, "=\"", 2) != 0 || (end = strchr(text, '"')) == NULL)
		return ca_why_set(why, "option '%s' has no value in double quotes", name);
	*end = '\0';
	/* ssh-keygen would take \" for a quote; no value of ours has either. */
	if (strchr(text, '\\') != NULL)
		return ca_why_set(why, "option '%s' has a backslash in its value", name);
	*value = text;
	*next = end + 1;
	return true;
}

/* Takes one option at `*next`. */
static bool
take_option(struct options *options, char **next, struct ca_why *why)
{
	if (skip_word(next, "cert-authority")) {
		if (options->is_authority)
			return ca_why_set(why, "option 'cert-authority' is there twice");
		options->is_authority = true;
		return true;
	}
	if (skip_word(next, "namespaces"))
		return take_value(next, &options->namespaces, "namespaces", why);
	if (skip_word(next, "valid-after"))
		return take_value(next, &options->valid_after, "valid-after", why);
	if (skip_word(next, "valid-before"))
		return take_value(next, &options->valid_before, "valid-before", why);
	return ca_why_set(why, "'%.*s' is neither an option nor a key type that is taken here",
	    (int)strcspn(*next, " \t,="), *next);
}

/* Takes all options at `*next` and leaves it at what follows them. */
static bool
take_options(struct options *options, char **next, struct ca_why *why)
{
	for (;;) {
		if (!take_option(options, next, why))
			return false;
		if (**next != ',')
			break;
		(*next)++;
	}
	if (**next == '\0' || strchr(BLANKS, **next) == NULL)
		return ca_why_set(why, "no blank between options and key");
	return true;
}

static bool
apply_times(struct ca_allowed_signer *entry, const struct options *options, struct ca_why *why)
{
	entry->valid_after = INT64_MIN;
	entry->valid_before = INT64_MAX;
	if (options->valid_after != NULL && !parse_time(options->valid_after, &entry->valid_after))
		return ca_why_set(
		    why, "valid-after '%s' is not YYYYMMDD[HHMM[SS]]Z", options->valid_after);
	if (options->valid_before != NULL &&
	    !parse_time(options->valid_before, &entry->valid_before))
		return ca_why_set(
		    why, "valid-before '%s' is not YYYYMMDD[HHMM[SS]]Z", options->valid_before);
	if (entry->valid_before <= entry->valid_after)
		return ca_why_set(why, "valid-before is not after valid-after");
	return true;
}

/* Exactly the namespace the file is read for: one key is never good for two. */
static bool
check_namespaces(const struct options *options, const char *ns, struct ca_why *why)
{
	if (ns == NULL && options->namespaces != NULL)
		return ca_why_set(why, "option 'namespaces' has no meaning in this file");
	if (ns != NULL && options->namespaces == NULL)
		return ca_why_set(why, "option namespaces=\"%s\" is missing", ns);
	if (ns != NULL && strcmp(options->namespaces, ns) != 0)
		return ca_why_set(
		    why, "namespaces is '%s', and has to be '%s'", options->namespaces, ns);
	return true;
}

/* A name of ours; for an authority also a pattern of such names. */
static bool
check_name(const char *name, bool is_authority, struct ca_why *why)
{
	char plain[CA_ALLOWED_SIGNER_NAME_MAX + 1];
	size_t len = strlen(name);

	if (len > CA_ALLOWED_SIGNER_NAME_MAX)
		return ca_why_set(
		    why, "name is longer than %d characters", CA_ALLOWED_SIGNER_NAME_MAX);
	for (size_t i = 0; i <= len; i++)
		plain[i] =
		    (char)(is_authority && (name[i] == '*' || name[i] == '?') ? 'x' : name[i]);
	if (!ca_text_is_name(plain))
		return ca_why_set(why, "'%s' is no plain name", name);
	return true;
}

static bool
check_characters(const char *line, struct ca_why *why)
{
	for (const unsigned char *c = (const unsigned char *)line; *c != '\0'; c++) {
		if (*c == '\r')
			return ca_why_set(
			    why, "line ends with a carriage return, or has one in it");
		if ((*c < 0x20 && *c != '\t') || *c == 0x7f)
			return ca_why_set(why, "line has a control character in it");
	}
	return true;
}

bool
ca_allowed_signer_read(
    struct ca_allowed_signer *entry, char *line, const char *ns, struct ca_why *why)
{
	struct options options = { 0 };
	enum ca_key_type type;
	char *name, *next;
	size_t len;

	if (!check_characters(line, why))
		return false;
	name = line + strspn(line, BLANKS);
	if (*name == '\0' || *name == '#')
		return true;
	len = strcspn(name, BLANKS);
	next = name + len + strspn(name + len, BLANKS);
	if (*next == '\0')
		return ca_why_set(why, "no key behind the name");
	name[len] = '\0';
	len = strcspn(next, BLANKS);
	if (!ca_key_type_by_name((struct ca_bytes){ (uint8_t *)next, len }, false, &type)) {
		if (!take_options(&options, &next, why))
			return false;
		next += strspn(next, BLANKS);
	}
	if (!check_name(name, options.is_authority, why) || !check_namespaces(&options, ns, why) ||
	    !apply_times(entry, &options, why) || !ca_key_parse_line(&entry->key, next, why))
		return false;
	entry->is_authority = options.is_authority;
	entry->name = strdup(name);
	return entry->name != NULL || ca_why_set(why, "out of memory");
}
