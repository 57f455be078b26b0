/* SPDX-License-Identifier: Apache-2.0 */
/* test_quorum.c - groups of approvers: what is a mistake, what is enough. */
#include "ca/quorum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ca/judge.h"
#include "ca/text.h"

#define PAIR                                                                            \
	{                                                                               \
		.groups = { { .of = { "*@vendor.example" }, .of_count = 1, .need = 1 }, \
			{ .of = { "*@acme.example" }, .of_count = 1, .need = 1 } },     \
		.group_count = 2                                                        \
	}

/* Names without keys: the quorum looks at nothing else. */
static bool
check(const struct ca_quorum *quorum, const char *const *names, size_t count, struct ca_why *why)
{
	struct ca_allowed_signer entries[8] = { 0 };
	struct ca_allowed_signers approvers = { .entries = entries, .count = count };

	assert_true(count <= 8);
	for (size_t i = 0; i < count; i++) {
		/* a leading '+' makes it an authority's line */
		entries[i].is_authority = names[i][0] == '+';
		entries[i].name = (char *)(uintptr_t)(names[i] + (names[i][0] == '+'));
	}
	return ca_quorum_check(quorum, &approvers, why);
}

static void
a_quorum_that_can_be_reached_is_fine(void **state)
{
	static const char *const names[] = { "bob@vendor.example", "carol@acme.example" };
	struct ca_quorum quorum = PAIR;
	struct ca_why why = { 0 };

	(void)state;
	if (!check(&quorum, names, 2, &why))
		fail_msg("%s", why.text);
}

static void
a_group_that_nobody_fills_is_a_mistake(void **state)
{
	static const char *const names[] = { "bob@vendor.example", "carol@acme.example",
		"carol@acme.example" };
	struct ca_quorum quorum = PAIR;
	struct ca_why why = { 0 };

	(void)state;
	assert_false(check(&quorum, names, 1, &why));
	assert_non_null(strstr(why.text, "'*@acme.example' needs 1"));
	/* one person with two lines is one person */
	quorum.groups[1].need = 2;
	assert_false(check(&quorum, names, 3, &why));
	assert_non_null(strstr(why.text, "lists 1"));
	assert_false(check(&quorum, names, 0, &why));
}

static void
a_people_authority_fills_a_group(void **state)
{
	static const struct {
		const char *authority;
		bool reaches;
	} cases[] = {
		{ "+*@acme.example", true },
		{ "+c*@acme.example", true },
		{ "+carol@acme.example", true },
		{ "+?*@acme.*", true },
		{ "+*@acme.exampl", false },
		{ "+*@other.example", false },
		{ "+*", false }, /* '*' does not match '@' */
		{ "+*.acme.example", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *names[] = { "bob@vendor.example", cases[i].authority };
		struct ca_quorum quorum = PAIR;
		struct ca_why why = { 0 };

		quorum.groups[1].need = 3;
		if (check(&quorum, names, 2, &why) != cases[i].reaches)
			fail_msg("%s: %s", cases[i].authority, why.text);
	}
}

/* The n-th text over an alphabet, shorter ones first; n = 0 is empty. */
static void
spell(char out[static 8], const char *alphabet, unsigned n)
{
	unsigned base = (unsigned)strlen(alphabet);
	size_t len = 0;

	for (; n > 0; n = (n - 1) / base)
		out[len++] = alphabet[(n - 1) % base];
	out[len] = '\0';
}

static bool
some_name_matches(const char *a, const char *b)
{
	char name[8];

	for (unsigned i = 0; i < 364; i++) { /* up to five characters */
		spell(name, "xy@", i);
		if (ca_text_match(a, name) && ca_text_match(b, name))
			return true;
	}
	return false;
}

/* Every two patterns of up to three characters, against every name they could share. */
static void
a_people_authority_fills_a_group_exactly_if_they_share_a_name(void **state)
{
	char group[8], authority[9] = "+";

	(void)state;
	for (unsigned i = 1; i <= 84; i++)
		for (unsigned j = 1; j <= 84; j++) {
			const char *names[] = { authority };
			struct ca_quorum quorum = {
				.groups = { { .of = { group }, .of_count = 1, .need = 2 } },
				.group_count = 1
			};
			struct ca_why why;

			spell(group, "x@*?", i);
			spell(authority + 1, "x@*?", j);
			if (check(&quorum, names, 1, &why) !=
			    some_name_matches(group, authority + 1))
				fail_msg("%s and %s", group, authority + 1);
		}
}

static void
a_name_in_two_groups_is_a_mistake(void **state)
{
	static const char *const names[] = { "bob@vendor.example", "carol@acme.example" };
	static const char *const vouched[] = { "bob@vendor.example", "+*@acme.example" };
	struct ca_quorum quorum = PAIR;
	struct ca_why why = { 0 };

	(void)state;
	quorum.groups[0].of[1] = "c*@acme.example";
	quorum.groups[0].of_count = 2;
	assert_false(check(&quorum, names, 2, &why));
	assert_non_null(strstr(why.text, "'carol@acme.example' is in two groups"));
	/* nobody is listed yet, but somebody could be vouched for */
	assert_false(check(&quorum, vouched, 2, &why));
	assert_non_null(strstr(why.text, "may share a name"));
	quorum.groups[0].of[1] = "*@third.example";
	assert_true(check(&quorum, vouched, 2, &why));
	/* the groups share names, but none that is vouched for */
	quorum.groups[0].of[1] = "*@third.example";
	quorum.groups[1].of[1] = "c*@third.example";
	quorum.groups[1].of_count = 2;
	assert_true(check(&quorum, vouched, 2, &why));
}

static void
a_quorum_of_the_wrong_shape_is_a_mistake(void **state)
{
	static const char *const names[] = { "bob@vendor.example", "carol@acme.example",
		"+*@acme.example" };
	struct ca_quorum quorum = PAIR;
	char pattern[130] = "";
	struct ca_why why = { 0 };

	(void)state;
	quorum.group_count = 0;
	assert_false(check(&quorum, names, 3, &why));
	assert_false(ca_quorum_reached(&quorum, names, 2, &why));
	quorum = (struct ca_quorum)PAIR;
	quorum.group_count = CA_QUORUM_MAX_GROUPS + 1;
	assert_false(check(&quorum, names, 3, &why));
	quorum = (struct ca_quorum)PAIR;
	quorum.groups[1].of_count = 0;
	assert_false(check(&quorum, names, 3, &why));
	quorum.groups[1].of_count = CA_QUORUM_MAX_PATTERNS + 1;
	assert_false(check(&quorum, names, 3, &why));
	quorum = (struct ca_quorum)PAIR;
	quorum.groups[1].need = 0;
	assert_false(check(&quorum, names, 3, &why));
	assert_false(ca_quorum_reached(&quorum, names, 2, &why));
	quorum.groups[1].need = CA_MAX_APPROVALS - 1;
	assert_true(check(&quorum, names, 3, &why));
	quorum.groups[1].need = CA_MAX_APPROVALS;
	assert_false(check(&quorum, names, 3, &why));
	quorum = (struct ca_quorum)PAIR;
	quorum.groups[1].of[0] = "!*@acme.example";
	assert_false(check(&quorum, names, 3, &why));
	memset(pattern, 'a', sizeof pattern - 1);
	quorum.groups[1] = (struct ca_quorum_group){
		.of = { "*@acme.example", pattern }, .of_count = 2, .need = 1
	};
	assert_false(check(&quorum, names, 3, &why));
	pattern[128] = '\0';
	assert_true(check(&quorum, names, 3, &why));
	quorum = (struct ca_quorum)PAIR;
	quorum.groups[1].of[0] = "";
	assert_false(check(&quorum, names, 3, &why));
	quorum.groups[1].of[0] = "*@acme.example,*@vendor.example";
	assert_false(check(&quorum, names, 3, &why));
}

static void
names_reach_it_or_the_sentence_says_what_is_missing(void **state)
{
	static const struct {
		const char *names[4];
		size_t count;
		const char *sentence; /* NULL: reached */
	} cases[] = {
		{ { "bob@vendor.example", "carol@acme.example" }, 2, NULL },
		{ { "carol@acme.example", "x@third.example", "bob@vendor.example" }, 3, NULL },
		{ { NULL }, 0,
		    "approvals missing: 1 more of '*@vendor.example' and 1 more of "
		    "'*@acme.example'" },
		{ { "bob@vendor.example", "bella@vendor.example" }, 2,
		    "approvals missing: 1 more of '*@acme.example'" },
		{ { "carol@acme.example" }, 1, "approvals missing: 1 more of '*@vendor.example'" },
		{ { "bob@vendor.example", "carol@acme.example@acme.example" }, 2,
		    "approvals missing: 1 more of '*@acme.example'" },
		{ { "bob@vendor.example", "carol@ACME.example" }, 2,
		    "approvals missing: 1 more of '*@acme.example'" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct ca_quorum quorum = PAIR;
		struct ca_why why = { 0 };
		bool reached = ca_quorum_reached(&quorum, cases[i].names, cases[i].count, &why);

		assert_int_equal(reached, cases[i].sentence == NULL);
		if (!reached)
			assert_string_equal(why.text, cases[i].sentence);
	}
}

static void
one_name_counts_once(void **state)
{
	static const char *const names[] = { "bob@vendor.example", "bob@vendor.example" };
	struct ca_quorum quorum = {
		.groups = { { .of = { "*@vendor.example" }, .of_count = 1, .need = 2 } },
		.group_count = 1
	};
	struct ca_why why = { 0 };

	(void)state;
	assert_false(ca_quorum_reached(&quorum, names, 2, &why));
}

/* Only an approver's certificate can bring such a name; the configuration's check has not seen it.
 */
static void
a_name_in_two_groups_never_counts_for_both(void **state)
{
	static const char *const names[] = { "carol@acme.example" };
	struct ca_quorum quorum = PAIR;
	struct ca_why why = { 0 };

	(void)state;
	quorum.groups[0].of[0] = "c*@acme.example";
	assert_false(ca_quorum_reached(&quorum, names, 1, &why));
	assert_non_null(strstr(why.text, "two groups"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_quorum_that_can_be_reached_is_fine),
		cmocka_unit_test(a_group_that_nobody_fills_is_a_mistake),
		cmocka_unit_test(a_people_authority_fills_a_group),
		cmocka_unit_test(a_people_authority_fills_a_group_exactly_if_they_share_a_name),
		cmocka_unit_test(a_name_in_two_groups_is_a_mistake),
		cmocka_unit_test(a_quorum_of_the_wrong_shape_is_a_mistake),
		cmocka_unit_test(names_reach_it_or_the_sentence_says_what_is_missing),
		cmocka_unit_test(one_name_counts_once),
		cmocka_unit_test(a_name_in_two_groups_never_counts_for_both),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
