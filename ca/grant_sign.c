/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grant_sign.c - an approved statement becomes a certificate.
 *
 * The statement decides every field; what comes out is compared with it by the
 * same code that a gate compares it with.
 */
#include <string.h>

#include "ca/buf.h"
#include "judge_parts.h"

/* The values behind the certificate's fields, while it is built. */
struct values {
	struct ca_buf key_id, principal, approvals, log;
};

static void
values_clear(struct values *values)
{
	ca_buf_clear(&values->key_id);
	ca_buf_clear(&values->principal);
	ca_buf_clear(&values->approvals);
	ca_buf_clear(&values->log);
}

static bool
values_fill(struct values *values, const struct ca_grant_spec *spec,
    const struct ca_statement *statement, struct ca_why *why)
{
	ca_grant_put_key_id(&values->key_id, statement);
	ca_buf_put_u8(&values->key_id, '\0');
	ca_grant_put_principal(&values->principal, statement);
	ca_buf_put_u8(&values->principal, '\0');
	for (size_t i = 0; i < spec->approval_count; i++)
		ca_buf_put_string(
		    &values->approvals, spec->approvals[i].data, spec->approvals[i].len);
	ca_buf_put_u64(&values->log, spec->log_index);
	ca_buf_put(&values->log, spec->log_leaf, sizeof spec->log_leaf);
	if (!ca_buf_ok(&values->key_id) || !ca_buf_ok(&values->principal) ||
	    !ca_buf_ok(&values->approvals) || !ca_buf_ok(&values->log))
		return ca_why_set(why, "out of memory");
	return true;
}

static struct ca_bytes
bytes_of(const char *text)
{
	return (struct ca_bytes){ .data = (const uint8_t *)text, .len = strlen(text) };
}

static size_t
put_option(struct ca_cert_option *options, size_t count, const char *name, struct ca_bytes value)
{
	options[count] = (struct ca_cert_option){ .name = name, .has_value = true, .value = value };
	return count + 1;
}

static bool
sign(struct ca_cert **out, const struct ca_grant_spec *spec, const struct ca_statement *statement,
    const struct values *values, struct ca_signer *authority, struct ca_why *why)
{
	const char *principals[] = { (const char *)values->principal.data };
	struct ca_cert_option critical[3], extensions[3];
	struct ca_cert_spec cert = {
		.key = spec->key,
		.serial = statement->grant,
		.type = CA_CERT_USER,
		.key_id = (const char *)values->key_id.data,
		.principals = principals,
		.principal_count = 1,
		.valid_after = (uint64_t)spec->valid_after,
		.valid_before = (uint64_t)spec->valid_before,
		.critical = critical,
		.extensions = extensions,
	};

	cert.critical_count = put_option(critical, 0, CA_OPTION_GRANT, spec->statement);
	if (statement->command != NULL)
		cert.critical_count = put_option(critical, cert.critical_count,
		    CA_OPTION_FORCE_COMMAND, bytes_of(statement->command));
	if (statement->source != NULL)
		cert.critical_count = put_option(
		    critical, cert.critical_count, CA_OPTION_SOURCE, bytes_of(statement->source));
	cert.extension_count =
	    put_option(extensions, 0, CA_OPTION_APPROVALS, ca_buf_bytes(&values->approvals));
	cert.extension_count =
	    put_option(extensions, cert.extension_count, CA_OPTION_LOG, ca_buf_bytes(&values->log));
	if (statement->terminal)
		extensions[cert.extension_count++] =
		    (struct ca_cert_option){ .name = CA_OPTION_TERMINAL };
	return ca_cert_sign(out, &cert, authority, why);
}

bool
ca_grant_sign(struct ca_cert **out, const struct ca_grant_spec *spec, struct ca_signer *authority,
    struct ca_why *why)
{
	struct ca_statement statement;
	struct values values = { 0 };
	struct ca_cert *cert = NULL;
	bool ok = false;

	*out = NULL;
	if (!ca_statement_parse(&statement, spec->statement.data, spec->statement.len, why))
		return false;
	if (spec->approval_count < 1 || spec->approval_count > CA_MAX_APPROVALS) {
		ca_why_set(why, "a grant holds 1 to %d approvals, not %zu", CA_MAX_APPROVALS,
		    spec->approval_count);
		goto out;
	}
	if (spec->valid_after < 0 || spec->valid_before <= spec->valid_after) {
		ca_why_set(why, "the grant's window is empty");
		goto out;
	}
	if (!values_fill(&values, spec, &statement, why) ||
	    !sign(&cert, spec, &statement, &values, authority, why) ||
	    !ca_grant_agrees(cert, &statement, why))
		goto out;
	*out = cert;
	cert = NULL;
	ok = true;
out:
	ca_cert_free(cert);
	values_clear(&values);
	ca_statement_clear(&statement);
	return ok;
}
