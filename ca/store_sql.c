/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_sql.c - one prepared statement, bound and stepped.
 */
#include "ca/store_sql.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static bool
bind_all(sqlite3_stmt *stmt, const char *format, va_list args)
{
	int status = SQLITE_OK;

	for (int i = 1; *format != '\0' && status == SQLITE_OK; format++, i++) {
		if (*format == 'i') {
			status = sqlite3_bind_int64(stmt, i, va_arg(args, int64_t));
		} else if (*format == 't') {
			status = sqlite3_bind_text(
			    stmt, i, va_arg(args, const char *), -1, SQLITE_TRANSIENT);
		} else {
			struct ca_bytes bytes = va_arg(args, struct ca_bytes);

			status =
			    sqlite3_bind_blob64(stmt, i, bytes.data, bytes.len, SQLITE_TRANSIENT);
		}
	}
	return status == SQLITE_OK;
}

static sqlite3_stmt *
prepare(
    struct ca_store *store, struct ca_why *why, const char *sql, const char *format, va_list args)
{
	sqlite3_stmt *stmt = NULL;

	if (sqlite3_prepare_v2(store->db, sql, -1, &stmt, NULL) == SQLITE_OK &&
	    bind_all(stmt, format, args))
		return stmt;
	ca_why_set(why, "database: %s", sqlite3_errmsg(store->db));
	sqlite3_finalize(stmt);
	return NULL;
}

sqlite3_stmt *
ca_sql_query(struct ca_store *store, struct ca_why *why, const char *sql, const char *format, ...)
{
	sqlite3_stmt *stmt;
	va_list args;

	va_start(args, format);
	stmt = prepare(store, why, sql, format, args);
	va_end(args);
	return stmt;
}

enum ca_sql_step
ca_sql_step(struct ca_store *store, sqlite3_stmt *stmt, struct ca_why *why)
{
	int status = sqlite3_step(stmt);

	if (status == SQLITE_ROW)
		return CA_SQL_ROW;
	if (status == SQLITE_DONE)
		return CA_SQL_END;
	ca_why_set(why, "database: %s", sqlite3_errmsg(store->db));
	return CA_SQL_FAILED;
}

bool
ca_sql_run(struct ca_store *store, struct ca_why *why, const char *sql, const char *format, ...)
{
	sqlite3_stmt *stmt;
	va_list args;
	bool ok;

	va_start(args, format);
	stmt = prepare(store, why, sql, format, args);
	va_end(args);
	if (stmt == NULL)
		return false;
	ok = ca_sql_step(store, stmt, why) != CA_SQL_FAILED;
	sqlite3_finalize(stmt);
	return ok;
}

bool
ca_sql_number(struct ca_store *store, struct ca_why *why, int64_t fallback, int64_t *out,
    const char *sql, const char *format, ...)
{
	enum ca_sql_step step;
	sqlite3_stmt *stmt;
	va_list args;

	va_start(args, format);
	stmt = prepare(store, why, sql, format, args);
	va_end(args);
	if (stmt == NULL)
		return false;
	step = ca_sql_step(store, stmt, why);
	*out = step == CA_SQL_ROW ? sqlite3_column_int64(stmt, 0) : fallback;
	sqlite3_finalize(stmt);
	return step != CA_SQL_FAILED;
}

bool
ca_sql_text(sqlite3_stmt *stmt, int column, char **out, struct ca_why *why)
{
	const unsigned char *text = sqlite3_column_text(stmt, column);

	*out = NULL;
	if (text == NULL)
		return true;
	if ((*out = strdup((const char *)text)) == NULL)
		return ca_why_set(why, "out of memory");
	return true;
}

struct ca_bytes
ca_sql_bytes(sqlite3_stmt *stmt, int column)
{
	const void *data = sqlite3_column_blob(stmt, column);

	return (struct ca_bytes){ data, (size_t)sqlite3_column_bytes(stmt, column) };
}
