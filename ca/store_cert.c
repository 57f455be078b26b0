/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_cert.c - certificates and revocations in the authority's database.
 */
#include <stdlib.h>

#include "ca/store.h"
#include "ca/store_sql.h"

bool
ca_store_certificate(
    struct ca_store *store, uint64_t grant, struct ca_buf *blob, bool *found, struct ca_why *why)
{
	sqlite3_stmt *stmt = ca_sql_query(store, why,
	    "SELECT blob FROM certificate WHERE grant_number = ?1", "i", (int64_t)grant);
	enum ca_sql_step step;

	if (stmt == NULL)
		return false;
	step = ca_sql_step(store, stmt, why);
	*found = step == CA_SQL_ROW;
	if (*found) {
		struct ca_bytes bytes = ca_sql_bytes(stmt, 0);

		ca_buf_put(blob, bytes.data, bytes.len);
	}
	sqlite3_finalize(stmt);
	return step != CA_SQL_FAILED && ca_buf_ok(blob);
}

bool
ca_store_put_certificate(struct ca_store *store, uint64_t grant, struct ca_bytes blob,
    int64_t valid_before, int64_t now, struct ca_why *why)
{
	return ca_sql_run(store, why, "INSERT INTO certificate VALUES (?1, ?2, ?3, ?4)", "ibii",
	    (int64_t)grant, blob, valid_before, now);
}

bool
ca_store_next_identity(
    struct ca_store *store, const char *name, int64_t now, uint64_t *serial, struct ca_why *why)
{
	if (!ca_sql_run(
		store, why, "INSERT INTO identity (name, issued) VALUES (?1, ?2)", "ti", name, now))
		return false;
	*serial = (uint64_t)sqlite3_last_insert_rowid(store->db);
	return true;
}

bool
ca_store_put_identity(struct ca_store *store, uint64_t serial, struct ca_bytes blob,
    int64_t valid_before, struct ca_why *why)
{
	return ca_sql_run(store, why,
	    "UPDATE identity SET blob = ?2, valid_before = ?3 WHERE serial = ?1", "ibi",
	    (int64_t)serial, blob, valid_before);
}

bool
ca_store_revoke_identities(
    struct ca_store *store, const char *name, int64_t now, struct ca_why *why)
{
	return ca_sql_run(store, why,
	    "INSERT OR IGNORE INTO revocation SELECT 'identity', serial, valid_before, ?2"
	    " FROM identity WHERE name = ?1 AND valid_before > ?2",
	    "ti", name, now);
}

bool
ca_store_revoke_grant(
    struct ca_store *store, uint64_t grant, int64_t until, int64_t now, struct ca_why *why)
{
	return ca_sql_run(store, why,
	    "INSERT OR IGNORE INTO revocation VALUES ('grant', ?1, ?2, ?3)", "iii", (int64_t)grant,
	    until, now);
}

bool
ca_store_revoked(struct ca_store *store, bool identity, int64_t now, uint64_t **serials,
    size_t *count, struct ca_why *why)
{
	sqlite3_stmt *stmt = ca_sql_query(store, why,
	    "SELECT serial FROM revocation WHERE sequence = ?1 AND until > ?2 ORDER BY serial",
	    "ti", identity ? "identity" : "grant", now);
	enum ca_sql_step step = CA_SQL_FAILED;
	size_t size = 0;

	*serials = NULL;
	*count = 0;
	if (stmt == NULL)
		return false;
	while ((step = ca_sql_step(store, stmt, why)) == CA_SQL_ROW) {
		if (*count == size) {
			size_t more = size > 0 ? 2 * size : 64;
			uint64_t *bigger = reallocarray(*serials, more, sizeof **serials);

			if (bigger == NULL) {
				ca_why_set(why, "out of memory");
				break;
			}
			*serials = bigger;
			size = more;
		}
		(*serials)[(*count)++] = (uint64_t)sqlite3_column_int64(stmt, 0);
	}
	sqlite3_finalize(stmt);
	if (step != CA_SQL_END) {
		free(*serials);
		*serials = NULL;
	}
	return step == CA_SQL_END;
}

bool
ca_store_next_krl(struct ca_store *store, int64_t now, uint64_t *number, struct ca_why *why)
{
	if (!ca_sql_run(store, why, "INSERT INTO krl (generated) VALUES (?1)", "i", now))
		return false;
	*number = (uint64_t)sqlite3_last_insert_rowid(store->db);
	return true;
}
