/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_sql.h - one prepared statement, bound and stepped, for the store's files.
 *
 * `format` says what the arguments are: i int64_t, t text (NULL allowed), b struct ca_bytes.
 */
#ifndef CA_STORE_SQL_H
#define CA_STORE_SQL_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "ca/buf.h"
#include "ca/store.h"
#include "ca/why.h"

struct ca_store {
	sqlite3 *db;
};

/* Runs a statement that gives no rows. */
CA_MUST_USE bool ca_sql_run(
    struct ca_store *store, struct ca_why *why, const char *sql, const char *format, ...);
/* Prepares and binds; NULL after a failure. Caller finalizes. */
CA_MUST_USE sqlite3_stmt *ca_sql_query(
    struct ca_store *store, struct ca_why *why, const char *sql, const char *format, ...);
enum ca_sql_step { CA_SQL_ROW, CA_SQL_END, CA_SQL_FAILED };
CA_MUST_USE enum ca_sql_step ca_sql_step(
    struct ca_store *store, sqlite3_stmt *stmt, struct ca_why *why);
/* One number from a statement that gives one row, or `fallback` when it gives none. */
CA_MUST_USE bool ca_sql_number(struct ca_store *store, struct ca_why *why, int64_t fallback,
    int64_t *out, const char *sql, const char *format, ...);

/* Columns. Text is copied (NULL stays NULL), bytes are borrowed until the next step. */
CA_MUST_USE bool ca_sql_text(sqlite3_stmt *stmt, int column, char **out, struct ca_why *why);
struct ca_bytes ca_sql_bytes(sqlite3_stmt *stmt, int column);

#endif
