/* SPDX-License-Identifier: Apache-2.0 */
/*
 * panel.h - a grant's approvals, judged inside its certificate at a gate (ca_judge) and by
 * themselves at the authority (ca_judge_approvals).
 */
#ifndef TESTS_PANEL_H
#define TESTS_PANEL_H

#include "mint.h"

struct scene {
	struct mint mint;
	struct mint_draft draft;
	struct ca_allowed_signers *engineers; /* the authority's; NULL at first */
	struct ca_why why;
};

static inline void
scene_init(struct scene *scene)
{
	*scene = (struct scene){ 0 };
	mint_init(&scene->mint);
	mint_draft(&scene->mint, &scene->draft, NULL);
}

static inline void
scene_clear(struct scene *scene)
{
	ca_allowed_signers_free(scene->engineers);
	mint_draft_clear(&scene->draft);
	mint_clear(&scene->mint);
}

static inline struct ca_signer *
person(struct scene *scene, enum mint_person who)
{
	return scene->mint.people[who];
}

static inline void
forget_approvals(struct scene *scene)
{
	for (size_t i = 0; i < scene->draft.approval_count; i++)
		ca_buf_clear(&scene->draft.approvals[i]);
	scene->draft.approval_count = 0;
}

/* A place for one more, made by hand. */
static inline struct ca_buf *
next_approval(struct scene *scene)
{
	assert_true(scene->draft.approval_count <= CA_MAX_APPROVALS);
	return &scene->draft.approvals[scene->draft.approval_count++];
}

static inline void
list_anew(struct scene *scene, const char *name, const char *options, const struct ca_key *key)
{
	mint_list(&scene->mint, name, options, key);
	mint_read_approvers(&scene->mint);
}

static inline enum ca_reason
judge_at_gate(struct scene *scene, size_t *approvers)
{
	struct ca_buf cert = { 0 };
	struct ca_grant *grant;
	struct ca_knock knock;
	enum ca_reason reason;

	ca_buf_clear(&scene->draft.packed);
	mint_set(scene->draft.extensions, &scene->draft.extension_count, CA_OPTION_APPROVALS, "");
	mint_sign(&scene->draft, &cert);
	knock = mint_knock(&cert);
	reason = ca_judge(&scene->mint.post, &scene->mint.grants, &knock, &grant, &scene->why);
	assert_non_null(grant);
	*approvers = grant->approver_count;
	ca_grant_free(grant);
	ca_buf_clear(&cert);
	return reason;
}

static inline enum ca_reason
judge_alone(struct scene *scene, size_t *approvers)
{
	struct ca_bytes blobs[CA_MAX_APPROVALS + 1];
	char *names[CA_MAX_APPROVALS];
	enum ca_reason reason;

	for (size_t i = 0; i < scene->draft.approval_count; i++)
		blobs[i] = ca_buf_bytes(&scene->draft.approvals[i]);
	reason = ca_judge_approvals(&scene->draft.statement, ca_buf_bytes(&scene->draft.text),
	    scene->mint.approvers, scene->engineers, blobs, scene->draft.approval_count, MINT_NOW,
	    names, approvers, &scene->why);
	for (size_t i = 0; i < *approvers; i++)
		free(names[i]);
	return reason;
}

/* Refused at the gate and at the authority, for one reason, without a name taken. */
static inline void
assert_refused(struct scene *scene, enum ca_reason reason, const char *sentence)
{
	enum ca_reason found;
	size_t approvers;

	found = judge_at_gate(scene, &approvers);
	if (found != reason || strstr(scene->why.text, sentence) == NULL)
		fail_msg("gate: %s: %s", ca_reason_name(found), scene->why.text);
	assert_int_equal(approvers, 0);
	found = judge_alone(scene, &approvers);
	if (found != reason || strstr(scene->why.text, sentence) == NULL)
		fail_msg("authority: %s: %s", ca_reason_name(found), scene->why.text);
	assert_int_equal(approvers, 0);
}

static inline void
assert_admitted(struct scene *scene, size_t wanted)
{
	size_t approvers;

	if (judge_at_gate(scene, &approvers) != CA_ADMITTED)
		fail_msg("gate: %s", scene->why.text);
	assert_int_equal(approvers, wanted);
	if (judge_alone(scene, &approvers) != CA_ADMITTED)
		fail_msg("authority: %s", scene->why.text);
	assert_int_equal(approvers, wanted);
}

/* BOB's approval as it should be, to be spoilt. */
static inline struct mint_sshsig
sshsig_of(struct scene *scene, enum mint_person who)
{
	return (struct mint_sshsig){ .signer = person(scene, who),
		.ns = CA_NAMESPACE_GRANT,
		.hash = "sha512",
		.trail = "",
		.version = 1 };
}

/* A certificate for an approver, by an authority of people. */
static inline void
certify(struct mint_draft *cert, struct ca_buf *out, struct ca_signer *authority,
    const struct ca_key *key, const char *name)
{
	*cert = (struct mint_draft){ .authority = authority,
		.key = key,
		.serial = 1,
		.type = CA_CERT_USER,
		.key_id = "an approver",
		.principal_count = 1,
		.valid_after = (uint64_t)MINT_NOW,
		.valid_before = (uint64_t)MINT_NOW + 1 };
	snprintf(cert->principals[0], sizeof cert->principals[0], "%s", name);
	ca_buf_clear(out);
	mint_sign(cert, out);
}

static inline void
approve_certified(struct scene *scene, struct ca_signer *signer, const struct ca_buf *cert)
{
	struct mint_sshsig spec = sshsig_of(scene, BOB);

	spec.signer = signer;
	spec.key = ca_buf_bytes(cert);
	mint_put_sshsig(next_approval(scene), &spec, ca_buf_bytes(&scene->draft.text));
}

#endif
