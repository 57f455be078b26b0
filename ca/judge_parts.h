/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge_parts.h - the judgement's questions that fill a file of their own.
 *
 * Each answers CA_ADMITTED or the reason with its sentence; judge.c asks them in order.
 */
#ifndef CA_JUDGE_PARTS_H
#define CA_JUDGE_PARTS_H

#include "ca/judge.h"

/* One knock at one post. Borrowed, but for the grant, which is filled as it goes. */
struct ca_inquiry {
	const struct ca_post *post;
	const struct ca_admission *admission;
	const struct ca_knock *knock;
	struct ca_grant *grant;
};

/* judge_options.c: no unknown critical option, each known one of its shape. */
enum ca_reason ca_inquiry_options(const struct ca_inquiry *inquiry, struct ca_why *why);
/* The address lies in source-address, if there is one. */
enum ca_reason ca_inquiry_source(const struct ca_inquiry *inquiry, struct ca_why *why);

/* judge_grant.c: parses the statement and compares it with certificate and post. */
enum ca_reason ca_inquiry_statement(const struct ca_inquiry *inquiry, struct ca_why *why);
/* Whether every field of the certificate is what the statement makes it. */
CA_MUST_USE bool ca_grant_agrees(
    const struct ca_cert *cert, const struct ca_statement *statement, struct ca_why *why);
/* `alice@vendor.example grant 42 acme-prod/diagnostics` */
void ca_grant_put_key_id(struct ca_buf *out, const struct ca_statement *statement);
/* `acme-prod/diagnostics` */
void ca_grant_put_principal(struct ca_buf *out, const struct ca_statement *statement);

/* judge_approvals.c: takes the approvals out of the certificate and judges them. */
enum ca_reason ca_inquiry_approvals(const struct ca_inquiry *inquiry, struct ca_why *why);

#endif
