/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quorum.c - groups of approvers, and how many of each it takes.
 *
 * Groups share nobody: one approval counts once. What the approvers file says
 * of names is checked when the configuration is read; a name that only a people
 * authority vouches for is first seen in an approval, so it is checked again there.
 */
#include "ca/quorum.h"

#include <string.h>

#include "ca/buf.h"
#include "ca/judge.h"
#include "ca/text.h"

#define PATTERN_MAX 128 /* characters */

static bool
is_pattern(const char *text)
{
	size_t len = strlen(text);

	return len >= 1 && len <= PATTERN_MAX &&
	       strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			    "0123456789._@+-*?") == len;
}

/* One character of each, neither a `*`: is there a character that both take? */
static bool
characters_meet(char a, char b)
{
	return a == b || (a == '?' && b != '@') || (b == '?' && a != '@');
}

/*
 * Whether some name matches both patterns. meet[j] is the answer for the rest of
 * `a` from the present row on and the rest of `b` from j on. A `*` ends here, or takes
 * one thing that is not '@' from the other side; two at once are the same two steps.
 */
static bool
patterns_meet(const char *a, const char *b)
{
	size_t rows = strlen(a), columns = strlen(b);
	bool meet[PATTERN_MAX + 1] = { false }, below[PATTERN_MAX + 1] = { false };

	if (rows > PATTERN_MAX || columns > PATTERN_MAX)
		return false;
	for (size_t i = rows + 1; i-- > 0;) {
		for (size_t j = columns + 1; j-- > 0;) {
			if ((a[i] == '*' && below[j]) || (b[j] == '*' && meet[j + 1]))
				meet[j] = true;
			else if (a[i] == '*')
				meet[j] = j < columns && b[j] != '@' && meet[j + 1];
			else if (b[j] == '*')
				meet[j] = i < rows && a[i] != '@' && below[j];
			else if (i == rows || j == columns)
				meet[j] = i == rows && j == columns;
			else
				meet[j] = characters_meet(a[i], b[j]) && below[j + 1];
		}
		memcpy(below, meet, sizeof below);
	}
	return below[0];
}

static bool
group_has(const struct ca_quorum_group *group, const char *name)
{
	for (size_t i = 0; i < group->of_count; i++)
		if (ca_text_match(group->of[i], name))
			return true;
	return false;
}

static bool
group_meets(const struct ca_quorum_group *group, const char *pattern)
{
	for (size_t i = 0; i < group->of_count; i++)
		if (patterns_meet(group->of[i], pattern))
			return true;
	return false;
}

static bool
groups_meet(const struct ca_quorum_group *a, const struct ca_quorum_group *b)
{
	for (size_t i = 0; i < b->of_count; i++)
		if (group_meets(a, b->of[i]))
			return true;
	return false;
}

/* How many groups a name is in. */
static unsigned
groups_of(const struct ca_quorum *quorum, const char *name)
{
	unsigned count = 0;

	for (size_t i = 0; i < quorum->group_count; i++)
		count += group_has(&quorum->groups[i], name);
	return count;
}

static bool
check_group(const struct ca_quorum_group *group, struct ca_why *why)
{
	if (group->of_count < 1 || group->of_count > CA_QUORUM_MAX_PATTERNS)
		return ca_why_set(why, "a group of the quorum has no patterns, or more than %d",
		    CA_QUORUM_MAX_PATTERNS);
	for (size_t i = 0; i < group->of_count; i++)
		if (!is_pattern(group->of[i]))
			return ca_why_set(why, "'%s' is not a pattern of names", group->of[i]);
	if (group->need < 1)
		return ca_why_set(why, "the group of '%s' needs nobody", group->of[0]);
	return true;
}

static bool
check_shape(const struct ca_quorum *quorum, struct ca_why *why)
{
	size_t need = 0;

	if (quorum->group_count < 1 || quorum->group_count > CA_QUORUM_MAX_GROUPS)
		return ca_why_set(
		    why, "the quorum has no groups, or more than %d", CA_QUORUM_MAX_GROUPS);
	for (size_t i = 0; i < quorum->group_count; i++) {
		if (!check_group(&quorum->groups[i], why))
			return false;
		need += quorum->groups[i].need;
	}
	if (need > CA_MAX_APPROVALS)
		return ca_why_set(why, "the quorum needs %zu approvals, a grant holds at most %d",
		    need, CA_MAX_APPROVALS);
	return true;
}

/* A name has several lines: it counts at its first. */
static bool
is_first_of_name(const struct ca_allowed_signers *approvers, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (!approvers->entries[i].is_authority &&
		    strcmp(approvers->entries[i].name, approvers->entries[at].name) == 0)
			return false;
	return true;
}

/* A people authority can vouch for any number. */
static bool
is_reachable(const struct ca_quorum_group *group, const struct ca_allowed_signers *approvers,
    struct ca_why *why)
{
	unsigned found = 0;

	for (size_t i = 0; i < approvers->count; i++) {
		const struct ca_allowed_signer *entry = &approvers->entries[i];

		if (entry->is_authority && group_meets(group, entry->name))
			return true;
		if (!entry->is_authority && group_has(group, entry->name) &&
		    is_first_of_name(approvers, i))
			found++;
		if (found >= group->need)
			return true;
	}
	return ca_why_set(why,
	    "the quorum cannot be reached: the group of '%s' needs %u, the approvers file lists %u",
	    group->of[0], group->need, found);
}

static bool
check_overlap(
    const struct ca_quorum *quorum, const struct ca_allowed_signer *entry, struct ca_why *why)
{
	if (!entry->is_authority) {
		if (groups_of(quorum, entry->name) > 1)
			return ca_why_set(why, "'%s' is in two groups of the quorum", entry->name);
		return true;
	}
	for (size_t i = 0; i < quorum->group_count; i++)
		for (size_t j = i + 1; j < quorum->group_count; j++)
			if (group_meets(&quorum->groups[i], entry->name) &&
			    group_meets(&quorum->groups[j], entry->name) &&
			    groups_meet(&quorum->groups[i], &quorum->groups[j]))
				return ca_why_set(why,
				    "the groups of '%s' and '%s' may share a name that the "
				    "authority for "
				    "'%s' vouches for",
				    quorum->groups[i].of[0], quorum->groups[j].of[0], entry->name);
	return true;
}

bool
ca_quorum_check(
    const struct ca_quorum *quorum, const struct ca_allowed_signers *approvers, struct ca_why *why)
{
	if (!check_shape(quorum, why))
		return false;
	for (size_t i = 0; i < approvers->count; i++)
		if (!check_overlap(quorum, &approvers->entries[i], why))
			return false;
	for (size_t i = 0; i < quorum->group_count; i++)
		if (!is_reachable(&quorum->groups[i], approvers, why))
			return false;
	return true;
}

/* "1 more of '*@acme.example' or 'bob@other.example'" */
static void
put_missing(struct ca_buf *out, const struct ca_quorum_group *group, unsigned missing)
{
	ca_buf_printf(out, "%s%u more of", out->len > 0 ? " and " : "", missing);
	for (size_t i = 0; i < group->of_count; i++)
		ca_buf_printf(out, "%s '%s'", i > 0 ? " or" : "", group->of[i]);
}

static unsigned
count_in(const struct ca_quorum_group *group, const char *const *names, size_t count)
{
	unsigned found = 0;

	for (size_t i = 0; i < count; i++) {
		bool seen = false;

		for (size_t j = 0; j < i && !seen; j++)
			seen = strcmp(names[i], names[j]) == 0;
		if (!seen && group_has(group, names[i]))
			found++;
	}
	return found;
}

bool
ca_quorum_reached(
    const struct ca_quorum *quorum, const char *const *names, size_t count, struct ca_why *why)
{
	struct ca_buf missing = { 0 };

	if (!check_shape(quorum, why))
		return false;
	for (size_t i = 0; i < count; i++)
		if (groups_of(quorum, names[i]) > 1)
			return ca_why_set(why, "'%s' is in two groups of the quorum", names[i]);
	for (size_t i = 0; i < quorum->group_count; i++) {
		const struct ca_quorum_group *group = &quorum->groups[i];
		unsigned found = count_in(group, names, count);

		if (found < group->need)
			put_missing(&missing, group, group->need - found);
	}
	if (missing.len == 0 && ca_buf_ok(&missing))
		return true;
	ca_why_set(why, "approvals missing: %.*s", (int)missing.len, (const char *)missing.data);
	ca_buf_clear(&missing);
	return false;
}
