/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cert_options.c - critical options and extensions of a certificate.
 *
 * A list is (string name, string data)*. Data is empty for a flag, or holds one
 * string whose content is the value. sshd 9.2 takes lists that are unsorted or
 * hold a flag twice; here each list has one spelling (draft-ietf-sshm-cert).
 */
#include "cert_options.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "ca/address.h"
#include "ca/text.h"

/* The standard options: the list each belongs to, and whether it has a value. */
static const struct standard_option {
	const char *name;
	bool critical;
	bool has_value;
} standard_options[] = {
	{ "force-command", true, true },
	{ "no-touch-required", false, false },
	{ "permit-X11-forwarding", false, false },
	{ "permit-agent-forwarding", false, false },
	{ "permit-port-forwarding", false, false },
	{ "permit-pty", false, false },
	{ "permit-user-rc", false, false },
	{ "source-address", true, true },
	{ "verify-required", true, false },
};

static const struct standard_option *
find_standard(const char *name)
{
	for (size_t i = 0; i < sizeof(standard_options) / sizeof(standard_options[0]); i++)
		if (strcmp(standard_options[i].name, name) == 0)
			return &standard_options[i];
	return NULL;
}

bool
ca_cert_text_keep(const char **out, struct ca_bytes bytes, char **texts)
{
	if (bytes.len > 0 && memchr(bytes.data, '\0', bytes.len) != NULL)
		return false;
	if (bytes.len > 0)
		memcpy(*texts, bytes.data, bytes.len);
	(*texts)[bytes.len] = '\0';
	*out = *texts;
	*texts += bytes.len + 1;
	return true;
}

/* Unwraps `data`; the content of the one string in it is the value. */
static bool
unwrap_value(struct ca_cert_option *option, struct ca_bytes data, struct ca_why *why)
{
	struct ca_reader reader = ca_reader_of(data.data, data.len);

	option->has_value = data.len > 0;
	if (!option->has_value)
		return true;
	option->value = ca_read_string(&reader);
	if (!ca_reader_done(&reader))
		return ca_why_set(why, "value of option '%s' is not one string", option->name);
	return true;
}

/*
 * Standard options have their shape in the list they belong to. In the other
 * list they are only names that nobody knows: the judge refuses an unknown
 * critical option and ignores an unknown extension, as sshd does.
 */
static bool
check_shape(const struct ca_cert_option *option, bool critical, struct ca_why *why)
{
	const struct standard_option *standard = find_standard(option->name);

	/* Values of critical options are text; extensions of ours hold binary values. */
	if (critical && option->value.len > 0 &&
	    memchr(option->value.data, '\0', option->value.len) != NULL)
		return ca_why_set(why, "value of option '%s' has a NUL in it", option->name);
	if (standard == NULL || standard->critical != critical)
		return true;
	if (!standard->has_value && option->has_value)
		return ca_why_set(why, "option '%s' takes no value", option->name);
	if (standard->has_value && option->value.len == 0)
		return ca_why_set(why, "option '%s' has no value", option->name);
	return true;
}

static bool
check_name(const char *name, const char *previous, struct ca_why *why)
{
	int order = previous != NULL ? strcmp(previous, name) : -1;

	if (name[0] == '\0')
		return ca_why_set(why, "an option has an empty name");
	if (!ca_text_is_printable_ascii(name))
		return ca_why_set(why, "option name '%s' is not printable ASCII", name);
	if (order == 0)
		return ca_why_set(why, "option '%s' is there twice", name);
	if (order > 0)
		return ca_why_set(why, "options are not sorted: '%s' after '%s'", name, previous);
	return true;
}

bool
ca_cert_options_read(struct ca_bytes packed, bool critical, struct ca_cert_option *options,
    size_t *count, char **texts, struct ca_why *why)
{
	struct ca_reader reader = ca_reader_of(packed.data, packed.len);
	const char *previous = NULL;

	for (*count = 0; reader.left > 0; (*count)++) {
		struct ca_bytes name = ca_read_string(&reader);
		struct ca_bytes data = ca_read_string(&reader);
		struct ca_cert_option *option = &options[*count];

		if (reader.failed)
			return ca_why_set(why, "option list is cut short");
		if (*count == CA_CERT_MAX_OPTIONS)
			return ca_why_set(why, "more than %d options", CA_CERT_MAX_OPTIONS);
		*option = (struct ca_cert_option){ 0 };
		if (!ca_cert_text_keep(&option->name, name, texts))
			return ca_why_set(why, "an option name has a NUL in it");
		if (!check_name(option->name, previous, why) || !unwrap_value(option, data, why) ||
		    !check_shape(option, critical, why))
			return false;
		previous = option->name;
	}
	return true;
}

/* sshd refuses a login whole when it cannot read this list. */
static bool
check_source(struct ca_bytes value, struct ca_why *why)
{
	char *list = strndup((const char *)value.data, value.len);
	bool ok = list != NULL && ca_address_list_check(list, why);

	if (list == NULL)
		ca_why_set(why, "out of memory");
	free(list);
	return ok;
}

bool
ca_cert_options_check_issue(
    const struct ca_cert_option *options, size_t count, bool critical, struct ca_why *why)
{
	if (count > CA_CERT_MAX_OPTIONS)
		return ca_why_set(why, "more than %d options", CA_CERT_MAX_OPTIONS);
	for (size_t i = 0; i < count; i++) {
		const struct standard_option *standard = find_standard(options[i].name);

		/* A force-command among the extensions is silently not forced by sshd. */
		if (standard != NULL && standard->critical != critical)
			return ca_why_set(why, "'%s' is %s", options[i].name,
			    standard->critical ? "a critical option, no extension"
					       : "an extension, no critical option");
		if (!options[i].has_value && options[i].value.len > 0)
			return ca_why_set(
			    why, "option '%s' is a flag with a value", options[i].name);
		if (strcmp(options[i].name, "source-address") == 0 && options[i].value.len > 0 &&
		    !check_source(options[i].value, why))
			return false;
	}
	return true;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(
	    ((const struct ca_cert_option *)a)->name, ((const struct ca_cert_option *)b)->name);
}

void
ca_cert_options_put(struct ca_buf *out, const struct ca_cert_option *options, size_t count)
{
	struct ca_cert_option sorted[CA_CERT_MAX_OPTIONS];
	struct ca_buf packed = { 0 }, data = { 0 };

	assert(count <= CA_CERT_MAX_OPTIONS);
	for (size_t i = 0; i < count; i++)
		sorted[i] = options[i];
	qsort(sorted, count, sizeof(sorted[0]), compare_names);
	for (size_t i = 0; i < count; i++) {
		ca_buf_reset(&data);
		if (sorted[i].has_value)
			ca_buf_put_string(&data, sorted[i].value.data, sorted[i].value.len);
		ca_buf_put_cstring(&packed, sorted[i].name);
		ca_buf_put_string(&packed, data.data, data.len);
		packed.failed = packed.failed || data.failed;
	}
	ca_buf_put_string(out, packed.data, packed.len);
	out->failed = out->failed || packed.failed;
	ca_buf_clear(&data);
	ca_buf_clear(&packed);
}
