/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge_options.c - critical options and extensions: which are known, and their shape.
 *
 * An unknown critical option refuses, an unknown extension is ignored, as the
 * format wants it (draft-ietf-sshm-cert): an identity certificate made by stock ssh-keygen
 * carries some. A known one in the wrong list or of the wrong shape always refuses. The shape of
 * the format's own options, known here or not, was parsing's question (cert.h).
 */
#include <stdlib.h>
#include <string.h>

#include "judge_parts.h"

#include "ca/address.h"

#define LOG_VALUE_SIZE (8 + 32) /* index, leaf hash */

struct rule {
	const char *name;
	bool is_critical;
	bool has_value;
};

static const struct rule rules[] = {
	{ CA_OPTION_GRANT, true, true },
	{ CA_OPTION_FORCE_COMMAND, true, true },
	{ CA_OPTION_SOURCE, true, true },
	{ CA_OPTION_APPROVALS, false, true },
	{ CA_OPTION_LOG, false, true },
	{ CA_OPTION_TERMINAL, false, false },
};

static const struct rule *
find_rule(const char *name)
{
	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
		if (strcmp(rules[i].name, name) == 0)
			return &rules[i];
	return NULL;
}

static bool
is_printable(struct ca_bytes text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] < 0x20 || text.data[i] > 0x7e)
			return false;
	return text.len > 0;
}

/* A critical option's value has no NUL inside (cert.h). NULL when out of memory. */
static char *
copy_text(struct ca_bytes text)
{
	return strndup(text.len > 0 ? (const char *)text.data : "", text.len);
}

static bool
check_source(struct ca_bytes value, struct ca_why *why)
{
	char *list = copy_text(value);
	bool ok;

	if (list == NULL)
		return ca_why_set(why, "out of memory");
	ok = ca_address_list_check(list, why) || ca_why_prefix(why, "'%s'", CA_OPTION_SOURCE);
	free(list);
	return ok;
}

static bool
check_value(const struct ca_cert_option *option, struct ca_why *why)
{
	if (strcmp(option->name, CA_OPTION_SOURCE) == 0)
		return check_source(option->value, why);
	if (strcmp(option->name, CA_OPTION_FORCE_COMMAND) == 0 && !is_printable(option->value))
		return ca_why_set(why, "'%s' is empty or not printable ASCII", option->name);
	if (strcmp(option->name, CA_OPTION_LOG) == 0 && option->value.len != LOG_VALUE_SIZE)
		return ca_why_set(why, "'%s' has %zu bytes, not %d", option->name,
		    option->value.len, LOG_VALUE_SIZE);
	return true;
}

static bool
check_option(const struct ca_cert_option *option, const struct rule *rule, struct ca_why *why)
{
	if (option->has_value != rule->has_value)
		return ca_why_set(
		    why, "'%s' has to be %s", option->name, rule->has_value ? "a value" : "a flag");
	return check_value(option, why);
}

enum ca_reason
ca_inquiry_options(const struct ca_inquiry *inquiry, struct ca_why *why)
{
	const struct ca_cert *cert = inquiry->grant->cert;

	for (size_t i = 0; i < cert->critical_count; i++) {
		const struct rule *rule = find_rule(cert->critical[i].name);

		if (rule == NULL || !rule->is_critical) {
			ca_why_set(
			    why, "critical option '%s' is not known here", cert->critical[i].name);
			return CA_UNKNOWN_OPTION;
		}
		if (!check_option(&cert->critical[i], rule, why))
			return CA_BAD_OPTION;
	}
	for (size_t i = 0; i < cert->extension_count; i++) {
		const struct rule *rule = find_rule(cert->extensions[i].name);

		if (rule == NULL)
			continue;
		if (rule->is_critical) {
			ca_why_set(
			    why, "'%s' has to be a critical option, not an extension", rule->name);
			return CA_BAD_OPTION;
		}
		if (!check_option(&cert->extensions[i], rule, why))
			return CA_BAD_OPTION;
	}
	return CA_ADMITTED;
}

enum ca_reason
ca_inquiry_source(const struct ca_inquiry *inquiry, struct ca_why *why)
{
	const struct ca_cert_option *option;
	char shown[CA_ADDRESS_TEXT_SIZE];
	char *list;
	bool inside;

	option = ca_cert_critical(inquiry->grant->cert, CA_OPTION_SOURCE);
	if (option == NULL)
		return CA_ADMITTED;
	list = copy_text(option->value);
	inside = list != NULL && ca_address_list_contains(list, &inquiry->knock->source);
	if (!inside) {
		ca_address_format(&inquiry->knock->source, shown);
		ca_why_set(why, "certificate is good from '%s' only, not from %s",
		    list != NULL ? list : "", shown);
	}
	free(list);
	return inside ? CA_ADMITTED : CA_WRONG_SOURCE;
}
