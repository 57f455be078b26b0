/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_claim.c - the payload of BAS_F_SESSION, written by a keeper and read by the clerk.
 */
#include "bastion/session.h"

#include <stdlib.h>
#include <string.h>

void
bas_claim_encode(struct ca_buf *out, const struct bas_claim *claim)
{
	ca_buf_put(out, claim->statement_hash, sizeof(claim->statement_hash));
	ca_buf_put(out, claim->cert_hash, sizeof(claim->cert_hash));
	ca_buf_put_u8(out, (uint8_t)claim->admits);
	ca_buf_put_u64(out, claim->serial);
	ca_buf_put_string(out, claim->authority.data, claim->authority.len);
	ca_buf_put_string(out, claim->key.data, claim->key.len);
	ca_buf_put_cstring(out, claim->key_id);
	ca_buf_put_u64(out, claim->valid_after);
	ca_buf_put_u64(out, claim->valid_before);
	ca_buf_put_u64(out, claim->not_after);
	ca_buf_put_u32(out, claim->sessions);
	ca_buf_put_u64(out, claim->output);
	ca_buf_put_cstring(out, claim->fields);
}

static void
read_hash(struct ca_reader *reader, uint8_t out[static 32])
{
	struct ca_bytes hash = ca_read_bytes(reader, 32);

	if (hash.data != NULL)
		memcpy(out, hash.data, 32);
}

/* Both texts live in one block, so that a claim has one owner. */
static bool
store_texts(struct bas_claim *out, char *key_id, char *fields)
{
	size_t id_size = strlen(key_id) + 1;
	size_t fields_size = strlen(fields) + 1;

	out->storage = malloc(id_size + fields_size);
	if (out->storage == NULL)
		return false;
	memcpy(out->storage, key_id, id_size);
	memcpy(out->storage + id_size, fields, fields_size);
	out->key_id = out->storage;
	out->fields = out->storage + id_size;
	return true;
}

bool
bas_claim_parse(struct bas_claim *out, struct ca_bytes payload)
{
	struct ca_reader reader = ca_reader_of(payload.data, payload.len);
	char *key_id, *fields;
	uint8_t admits;
	bool ok = false;

	memset(out, 0, sizeof(*out));
	read_hash(&reader, out->statement_hash);
	read_hash(&reader, out->cert_hash);
	admits = ca_read_u8(&reader);
	out->serial = ca_read_u64(&reader);
	out->authority = ca_read_string(&reader);
	out->key = ca_read_string(&reader);
	key_id = ca_read_cstring(&reader);
	out->valid_after = ca_read_u64(&reader);
	out->valid_before = ca_read_u64(&reader);
	out->not_after = ca_read_u64(&reader);
	out->sessions = ca_read_u32(&reader);
	out->output = ca_read_u64(&reader);
	fields = ca_read_cstring(&reader);
	out->admits = (enum ca_admits)admits;
	if (ca_reader_done(&reader) && key_id != NULL && fields != NULL &&
	    (admits == CA_ADMITS_GRANT || admits == CA_ADMITS_IDENTITY))
		ok = store_texts(out, key_id, fields);
	free(key_id);
	free(fields);
	return ok;
}

void
bas_claim_clear(struct bas_claim *claim)
{
	free(claim->storage);
	memset(claim, 0, sizeof(*claim));
}
