/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_cert.c - certificates from outside, as a blob or as a line.
 *
 * The seeds were made by stock tools (`ssh-keygen -s CA -I ID -n NAMES -O ... KEY.pub`),
 * some without base64; vector.blob is the golden vector.
 */
#include <stdlib.h>
#include <string.h>

#include "ca/cert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
check_list(const struct ca_cert_option *options, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (options[i].name[0] == '\0' ||
		    (i > 0 && strcmp(options[i - 1].name, options[i].name) >= 0) ||
		    (!options[i].has_value && options[i].value.len > 0))
			abort();
}

static void
use_cert(const struct ca_cert *cert)
{
	struct ca_buf line = { 0 };
	struct ca_cert *again = NULL;
	struct ca_why why;

	if (cert->key == NULL || cert->authority == NULL || cert->signed_len >= cert->blob.len ||
	    (cert->type != CA_CERT_USER && cert->type != CA_CERT_HOST))
		abort();
	for (size_t i = 0; i < cert->principal_count; i++)
		if (cert->principals[i][0] == '\0' ||
		    !ca_cert_has_principal(cert, cert->principals[i]))
			abort();
	check_list(cert->critical, cert->critical_count);
	check_list(cert->extensions, cert->extension_count);
	(void)!ca_cert_verify(cert, &why);
	ca_cert_put_line(&line, cert, cert->key_id);
	ca_buf_put_u8(&line, 0);
	if (!ca_cert_parse_line(&again, (const char *)line.data, &why) ||
	    !ca_bytes_equal(cert->blob, again->blob))
		abort();
	ca_cert_free(again);
	ca_buf_clear(&line);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct ca_cert *cert = NULL;
	struct ca_why why;
	char *line = strndup((const char *)data, len);

	if (ca_cert_parse(&cert, data, len, &why))
		use_cert(cert);
	ca_cert_free(cert);
	cert = NULL;
	if (line != NULL && ca_cert_parse_line(&cert, line, &why))
		use_cert(cert);
	ca_cert_free(cert);
	free(line);
	return 0;
}
