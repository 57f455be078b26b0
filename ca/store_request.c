/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_request.c - requests and their approvals in the authority's database.
 */
#include <stdlib.h>

#include "ca/store.h"
#include "ca/store_sql.h"

static const char *const state_names[] = {
	[CA_STATE_PENDING] = "pending",
	[CA_STATE_ISSUED] = "issued",
	[CA_STATE_DENIED] = "denied",
	[CA_STATE_CANCELLED] = "cancelled",
	[CA_STATE_DONE] = "done",
	[CA_STATE_REVOKED] = "revoked",
};

/* The columns, in the order that take_request reads them. */
#define COLUMNS                                                              \
	"SELECT r.grant_number, r.state, r.asked, r.expires, r.not_after,"   \
	" coalesce(c.valid_before, 0), r.statement, r.ended_by, r.ended_why" \
	" FROM request r LEFT JOIN certificate c ON c.grant_number = r.grant_number "

const char *
ca_request_state_name(enum ca_request_state state)
{
	return state_names[state];
}

void
ca_request_clear(struct ca_request *request)
{
	free(request->ended_by);
	free(request->ended_why);
	ca_buf_clear(&request->statement);
	*request = (struct ca_request){ 0 };
}

bool
ca_store_next_grant(struct ca_store *store, uint64_t *grant, struct ca_why *why)
{
	if (!ca_sql_run(store, why, "INSERT INTO number DEFAULT VALUES", ""))
		return false;
	*grant = (uint64_t)sqlite3_last_insert_rowid(store->db);
	return true;
}

bool
ca_store_put_request(struct ca_store *store, const struct ca_request *request, const char *engineer,
    struct ca_why *why)
{
	return ca_sql_run(store, why,
	    "INSERT INTO request VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, NULL, NULL)", "itbiiii",
	    (int64_t)request->grant, engineer, ca_buf_bytes(&request->statement),
	    (int64_t)request->state, request->asked, request->expires, request->not_after);
}

static bool
take_request(sqlite3_stmt *stmt, struct ca_request *out, struct ca_why *why)
{
	struct ca_bytes statement = ca_sql_bytes(stmt, 6);
	int64_t state = sqlite3_column_int64(stmt, 1);

	*out = (struct ca_request){
		.grant = (uint64_t)sqlite3_column_int64(stmt, 0),
		.state = (enum ca_request_state)state,
		.asked = sqlite3_column_int64(stmt, 2),
		.expires = sqlite3_column_int64(stmt, 3),
		.not_after = sqlite3_column_int64(stmt, 4),
		.valid_before = sqlite3_column_int64(stmt, 5),
	};
	if (state < 0 || state > CA_STATE_REVOKED)
		return ca_why_set(why, "database: request %llu is in no known state",
		    (unsigned long long)out->grant);
	ca_buf_put(&out->statement, statement.data, statement.len);
	if (!ca_buf_ok(&out->statement))
		return ca_why_set(why, "out of memory");
	return ca_sql_text(stmt, 7, &out->ended_by, why) &&
	       ca_sql_text(stmt, 8, &out->ended_why, why);
}

bool
ca_store_request(
    struct ca_store *store, uint64_t grant, struct ca_request *out, bool *found, struct ca_why *why)
{
	sqlite3_stmt *stmt =
	    ca_sql_query(store, why, COLUMNS "WHERE r.grant_number = ?1", "i", (int64_t)grant);
	enum ca_sql_step step;
	bool ok;

	*out = (struct ca_request){ 0 };
	if (stmt == NULL)
		return false;
	step = ca_sql_step(store, stmt, why);
	*found = step == CA_SQL_ROW;
	ok = step == CA_SQL_END || (*found && take_request(stmt, out, why));
	sqlite3_finalize(stmt);
	return ok;
}

bool
ca_store_set_state(struct ca_store *store, uint64_t grant, enum ca_request_state state,
    const char *by, const char *reason, struct ca_why *why)
{
	return ca_sql_run(store, why,
	    "UPDATE request SET state = ?2, ended_by = ?3, ended_why = ?4 WHERE grant_number = ?1",
	    "iitt", (int64_t)grant, (int64_t)state, by, reason);
}

bool
ca_store_count_pending(
    struct ca_store *store, const char *engineer, int64_t now, uint64_t *count, struct ca_why *why)
{
	int64_t value;

	if (!ca_sql_number(store, why, 0, &value,
		"SELECT count(*) FROM request WHERE engineer = ?1 AND state = 0 AND expires > ?2",
		"ti", engineer, now))
		return false;
	*count = (uint64_t)value;
	return true;
}

bool
ca_store_each_request(struct ca_store *store, enum ca_list which, int64_t now,
    ca_request_visitor *visit, void *ctx, struct ca_why *why)
{
	static const char *const where[] = {
		[CA_LIST_OPEN] = COLUMNS "WHERE (r.state = 0 AND r.expires > ?1) OR"
					 " (r.state = 1 AND c.valid_before > ?1) ORDER BY 1",
		[CA_LIST_PENDING] = COLUMNS "WHERE r.state = 0 AND r.expires > ?1 ORDER BY 1",
		[CA_LIST_LIVE] = COLUMNS "WHERE r.state = 1 AND c.valid_before > ?1 ORDER BY 1",
		[CA_LIST_ALL] = COLUMNS "WHERE ?1 IS NOT NULL ORDER BY 1",
	};
	sqlite3_stmt *stmt = ca_sql_query(store, why, where[which], "i", now);
	enum ca_sql_step step = CA_SQL_FAILED;
	bool ok = true;

	if (stmt == NULL)
		return false;
	while (ok && (step = ca_sql_step(store, stmt, why)) == CA_SQL_ROW) {
		struct ca_request request = { 0 };

		ok = take_request(stmt, &request, why) && visit(ctx, &request, why);
		ca_request_clear(&request);
	}
	sqlite3_finalize(stmt);
	return ok && step == CA_SQL_END;
}

bool
ca_store_put_approval(struct ca_store *store, uint64_t grant, const char *name, struct ca_bytes sig,
    int64_t now, struct ca_why *why)
{
	int64_t votes;

	if (!ca_sql_number(store, why, 0, &votes,
		"SELECT count(*) FROM approval WHERE grant_number = ?1 AND name = ?2", "it",
		(int64_t)grant, name))
		return false;
	if (votes > 0)
		return ca_why_set(
		    why, "'%s' has approved grant %llu already", name, (unsigned long long)grant);
	return ca_sql_run(store, why, "INSERT INTO approval VALUES (?1, ?2, ?3, ?4)", "itbi",
	    (int64_t)grant, name, sig, now);
}

bool
ca_store_each_approval(struct ca_store *store, uint64_t grant, ca_approval_visitor *visit,
    void *ctx, struct ca_why *why)
{
	sqlite3_stmt *stmt = ca_sql_query(store, why,
	    "SELECT name, made, signature FROM approval WHERE grant_number = ?1 ORDER BY made, "
	    "name",
	    "i", (int64_t)grant);
	enum ca_sql_step step = CA_SQL_FAILED;
	bool ok = true;

	if (stmt == NULL)
		return false;
	while (ok && (step = ca_sql_step(store, stmt, why)) == CA_SQL_ROW) {
		char *name = NULL;

		ok = ca_sql_text(stmt, 0, &name, why) && name != NULL &&
		     visit(ctx, name, sqlite3_column_int64(stmt, 1), ca_sql_bytes(stmt, 2), why);
		free(name);
	}
	sqlite3_finalize(stmt);
	return ok && step == CA_SQL_END;
}
