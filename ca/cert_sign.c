/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cert_sign.c - builds and signs a certificate (draft-ietf-sshm-cert).
 *
 * What an authority writes is narrower than what ca_cert_parse takes: printable
 * names, a serial that can be revoked, a window that is one, standard options
 * in their own list only. Duplicate options and wrong shapes are refused by the
 * parser, which reads every result before it is given out.
 */
#include <string.h>

#include "ca/cert.h"
#include "ca/crypto.h"
#include "ca/text.h"
#include "cert_options.h"

#define NONCE_SIZE    32
#define MAX_KEY_ID    256
#define MAX_PRINCIPAL 256

/* Plain names: patterns mean nothing in a user certificate, and to an older
 * ssh nothing in a host certificate. */
static bool
check_principal(const char *name, struct ca_why *why)
{
	if (name[0] == '\0' || strlen(name) > MAX_PRINCIPAL)
		return ca_why_set(why, "principal is not 1 to %d characters", MAX_PRINCIPAL);
	if (!ca_text_is_printable_ascii(name) || strpbrk(name, " ,*?!\"") != NULL)
		return ca_why_set(why, "principal '%s' is no plain name", name);
	return true;
}

static bool
check_spec(const struct ca_cert_spec *spec, struct ca_why *why)
{
	if (spec->serial == 0)
		return ca_why_set(why, "serial 0 could not be revoked");
	if (spec->type != CA_CERT_USER && spec->type != CA_CERT_HOST)
		return ca_why_set(why, "certificate is neither for a user nor for a host");
	if (spec->key_id[0] == '\0' || strlen(spec->key_id) > MAX_KEY_ID)
		return ca_why_set(why, "key id is not 1 to %d characters", MAX_KEY_ID);
	if (!ca_text_is_printable_ascii(spec->key_id))
		return ca_why_set(why, "key id '%s' is not printable ASCII", spec->key_id);
	if (spec->principal_count == 0)
		return ca_why_set(why, "certificate names no principal");
	if (spec->principal_count > CA_CERT_MAX_PRINCIPALS)
		return ca_why_set(why, "more than %d principals", CA_CERT_MAX_PRINCIPALS);
	for (size_t i = 0; i < spec->principal_count; i++)
		if (!check_principal(spec->principals[i], why))
			return false;
	if (spec->valid_after >= spec->valid_before)
		return ca_why_set(why, "window ends before it begins");
	return ca_cert_options_check_issue(spec->critical, spec->critical_count, true, why) &&
	       ca_cert_options_check_issue(spec->extensions, spec->extension_count, false, why);
}

/* Fields 1 to 13. */
static void
put_signed_fields(
    struct ca_buf *out, const struct ca_cert_spec *spec, const struct ca_key *authority)
{
	struct ca_buf principals = { 0 };
	struct ca_bytes key = ca_key_blob(authority);
	uint8_t fresh[NONCE_SIZE];
	const uint8_t *nonce = spec->nonce;

	if (nonce == NULL) {
		ca_random(fresh, sizeof(fresh));
		nonce = fresh;
	}
	for (size_t i = 0; i < spec->principal_count; i++)
		ca_buf_put_cstring(&principals, spec->principals[i]);

	ca_buf_put_cstring(out, ca_key_cert_type_name(ca_key_type(spec->key)));
	ca_buf_put_string(out, nonce, NONCE_SIZE);
	ca_key_put_body(out, spec->key);
	ca_buf_put_u64(out, spec->serial);
	ca_buf_put_u32(out, (uint32_t)spec->type);
	ca_buf_put_cstring(out, spec->key_id);
	ca_buf_put_string(out, principals.data, principals.len);
	ca_buf_put_u64(out, spec->valid_after);
	ca_buf_put_u64(out, spec->valid_before);
	ca_cert_options_put(out, spec->critical, spec->critical_count);
	ca_cert_options_put(out, spec->extensions, spec->extension_count);
	ca_buf_put_string(out, NULL, 0); /* reserved */
	ca_buf_put_string(out, key.data, key.len);

	out->failed = out->failed || principals.failed;
	ca_buf_clear(&principals);
}

bool
ca_cert_sign(struct ca_cert **out, const struct ca_cert_spec *spec, struct ca_signer *signer,
    struct ca_why *why)
{
	struct ca_buf blob = { 0 }, sig = { 0 };
	struct ca_cert *cert = NULL;
	bool ok = false;

	*out = NULL;
	if (!check_spec(spec, why))
		goto out;
	put_signed_fields(&blob, spec, ca_signer_key(signer));
	if (!ca_buf_ok(&blob)) {
		ca_why_set(why, "out of memory");
		goto out;
	}
	if (!ca_signer_sign(signer, blob.data, blob.len, &sig, why))
		goto out;
	ca_buf_put_string(&blob, sig.data, sig.len);
	if (!ca_buf_ok(&blob)) {
		ca_why_set(why, "out of memory");
		goto out;
	}
	/* The signature over these bytes has been verified by the signer. */
	if (!ca_cert_parse(&cert, blob.data, blob.len, why))
		goto out;
	*out = cert;
	cert = NULL;
	ok = true;
out:
	ca_cert_free(cert);
	ca_buf_clear(&sig);
	ca_buf_clear(&blob);
	return ok;
}
