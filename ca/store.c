/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.c - the authority's database: opening, migrating, transactions, and who
 * and what is enrolled.
 *
 * WAL with synchronous=FULL: a commit that returned has reached the disk.
 */
#include "ca/store.h"

#include <stdlib.h>
#include <string.h>

#include "ca/store_sql.h"

#define BUSY_MS 10000

/* Migrations, in order; user_version counts those that were applied. */
static const char *const migrations[] = {
	"CREATE TABLE environment ("
	"  name TEXT PRIMARY KEY, gate_key BLOB NOT NULL, relay TEXT,"
	"  enrolled INTEGER NOT NULL) STRICT;"
	"CREATE TABLE person ("
	"  name TEXT PRIMARY KEY, role TEXT NOT NULL, disabled INTEGER NOT NULL,"
	"  enrolled INTEGER NOT NULL) STRICT;"
	/* AUTOINCREMENT: a number is never given twice, even when its row is gone. */
	"CREATE TABLE number (grant_number INTEGER PRIMARY KEY AUTOINCREMENT) STRICT;"
	"CREATE TABLE request ("
	"  grant_number INTEGER PRIMARY KEY REFERENCES number,"
	"  engineer TEXT NOT NULL, statement BLOB NOT NULL, state INTEGER NOT NULL,"
	"  asked INTEGER NOT NULL, expires INTEGER NOT NULL, not_after INTEGER NOT NULL,"
	"  ended_by TEXT, ended_why TEXT) STRICT;"
	"CREATE INDEX request_by_state ON request (state, not_after);"
	"CREATE INDEX request_by_engineer ON request (engineer, state);"
	"CREATE TABLE approval ("
	"  grant_number INTEGER NOT NULL REFERENCES request, name TEXT NOT NULL,"
	"  signature BLOB NOT NULL, made INTEGER NOT NULL,"
	"  PRIMARY KEY (grant_number, name)) STRICT;"
	"CREATE TABLE certificate ("
	"  grant_number INTEGER PRIMARY KEY REFERENCES request, blob BLOB NOT NULL,"
	"  valid_before INTEGER NOT NULL, issued INTEGER NOT NULL) STRICT;"
	"CREATE TABLE identity ("
	"  serial INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, blob BLOB,"
	"  valid_before INTEGER, issued INTEGER NOT NULL) STRICT;"
	"CREATE TABLE revocation ("
	"  sequence TEXT NOT NULL CHECK (sequence IN ('grant', 'identity')),"
	"  serial INTEGER NOT NULL, until INTEGER NOT NULL, revoked INTEGER NOT NULL,"
	"  PRIMARY KEY (sequence, serial)) STRICT;"
	"CREATE TABLE krl ("
	"  number INTEGER PRIMARY KEY AUTOINCREMENT, generated INTEGER NOT NULL) STRICT;",
};
#define NEWEST ((int64_t)(sizeof migrations / sizeof migrations[0]))

static bool
execute(struct ca_store *store, const char *sql, struct ca_why *why)
{
	if (sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return true;
	return ca_why_set(why, "database: %s", sqlite3_errmsg(store->db));
}

static bool
migrate(struct ca_store *store, struct ca_why *why)
{
	char pragma[48];
	int64_t version;

	if (!ca_store_begin(store, why) ||
	    !ca_sql_number(store, why, 0, &version, "PRAGMA user_version", ""))
		return false;
	if (version > NEWEST) {
		ca_store_rollback(store);
		return ca_why_set(why, "database is of a newer version (%lld) than this program",
		    (long long)version);
	}
	for (int64_t next = version; next < NEWEST; next++)
		if (!execute(store, migrations[next], why))
			return false;
	sqlite3_snprintf(sizeof pragma, pragma, "PRAGMA user_version = %lld", (long long)NEWEST);
	return execute(store, pragma, why) && ca_store_commit(store, why);
}

bool
ca_store_open(struct ca_store **out, const char *path, bool create, struct ca_why *why)
{
	struct ca_store *store = calloc(1, sizeof *store);
	int flags = SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0);

	if (store == NULL)
		return ca_why_set(why, "out of memory");
	if (sqlite3_open_v2(path, &store->db, flags, NULL) != SQLITE_OK) {
		ca_why_set(why, "database '%s': %s", path, sqlite3_errmsg(store->db));
		goto fail;
	}
	sqlite3_busy_timeout(store->db, BUSY_MS);
	if (!execute(store,
		"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
		"PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;",
		why) ||
	    !migrate(store, why))
		goto fail;
	*out = store;
	return true;
fail:
	ca_store_close(store);
	return false;
}

void
ca_store_close(struct ca_store *store)
{
	if (store == NULL)
		return;
	sqlite3_close(store->db);
	free(store);
}

bool
ca_store_begin(struct ca_store *store, struct ca_why *why)
{
	return execute(store, "BEGIN IMMEDIATE", why);
}

bool
ca_store_commit(struct ca_store *store, struct ca_why *why)
{
	return execute(store, "COMMIT", why);
}

void
ca_store_rollback(struct ca_store *store)
{
	if (store != NULL && !sqlite3_get_autocommit(store->db))
		(void)execute(store, "ROLLBACK", NULL);
}

bool
ca_store_put_environment(struct ca_store *store, const char *name, struct ca_bytes gate_key,
    const char *relay, int64_t now, struct ca_why *why)
{
	return ca_sql_run(store, why,
	    "INSERT INTO environment VALUES (?1, ?2, ?3, ?4) ON CONFLICT (name)"
	    " DO UPDATE SET gate_key = ?2, relay = ?3, enrolled = ?4",
	    "tbti", name, gate_key, relay, now);
}

bool
ca_store_environment(struct ca_store *store, const char *name, struct ca_environment *out,
    bool *found, struct ca_why *why)
{
	sqlite3_stmt *stmt = ca_sql_query(
	    store, why, "SELECT name, gate_key, relay FROM environment WHERE name = ?1", "t", name);
	enum ca_sql_step step;
	bool ok;

	*out = (struct ca_environment){ 0 };
	if (stmt == NULL)
		return false;
	step = ca_sql_step(store, stmt, why);
	*found = step == CA_SQL_ROW;
	ok = step != CA_SQL_FAILED;
	if (*found) {
		struct ca_bytes key = ca_sql_bytes(stmt, 1);

		ca_buf_put(&out->gate_key, key.data, key.len);
		ok = ca_sql_text(stmt, 0, &out->name, why) &&
		     ca_sql_text(stmt, 2, &out->relay, why) && ca_buf_ok(&out->gate_key);
	}
	sqlite3_finalize(stmt);
	return ok;
}

void
ca_environment_clear(struct ca_environment *environment)
{
	free(environment->name);
	free(environment->relay);
	ca_buf_clear(&environment->gate_key);
	*environment = (struct ca_environment){ 0 };
}

bool
ca_store_put_person(struct ca_store *store, const char *name, const char *role, bool disabled,
    int64_t now, struct ca_why *why)
{
	return ca_sql_run(store, why,
	    "INSERT INTO person VALUES (?1, ?2, ?3, ?4) ON CONFLICT (name)"
	    " DO UPDATE SET role = ?2, disabled = ?3",
	    "ttii", name, role, (int64_t)disabled, now);
}

bool
ca_store_is_disabled(struct ca_store *store, const char *name, bool *disabled, struct ca_why *why)
{
	int64_t value;

	if (!ca_sql_number(
		store, why, 0, &value, "SELECT disabled FROM person WHERE name = ?1", "t", name))
		return false;
	*disabled = value != 0;
	return true;
}
