/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trial.h - one judgement of one draft with one thing spoilt.
 */
#ifndef TESTS_TRIAL_H
#define TESTS_TRIAL_H

#include "mint.h"

/* One judgement: what is judged, where, and what came out. */
struct scene {
	struct mint mint;
	struct mint_draft draft;
	struct ca_buf cert;
	struct ca_knock knock;
	struct ca_post post;
	const struct ca_admission *admission;
	struct ca_krl *krl;
	enum ca_reason reason;
	struct ca_grant *grant;
	struct ca_why why;
};

typedef void spoil_statement(struct ca_statement *statement);
typedef void spoil_scene(struct scene *scene);

static inline void
scene_judge(struct scene *scene)
{
	scene->knock.cert = scene->cert.data;
	scene->knock.cert_len = scene->cert.len;
	ca_grant_free(scene->grant);
	scene->reason =
	    ca_judge(&scene->post, scene->admission, &scene->knock, &scene->grant, &scene->why);
	/* a stranger gets nothing to be logged, everybody else does */
	assert_int_equal(scene->grant == NULL, ca_reason_is_stranger(scene->reason));
}

static inline void
scene_init(struct scene *scene)
{
	*scene = (struct scene){ 0 };
	mint_init(&scene->mint);
	scene->post = scene->mint.post;
	scene->admission = &scene->mint.grants;
	scene->knock = mint_knock(&scene->cert);
}

static inline void
scene_clear(struct scene *scene)
{
	mint_draft_clear(&scene->draft);
	mint_clear(&scene->mint);
	ca_buf_clear(&scene->cert);
	ca_krl_free(scene->krl);
	ca_grant_free(scene->grant);
}

/* One case: a draft with one thing spoilt, and how that is refused. */
struct trial {
	const char *name;
	spoil_statement *statement; /* before it is approved; may be NULL */
	spoil_scene *before;	    /* before the certificate is signed */
	spoil_scene *after;	    /* once it is */
	enum ca_reason reason;
	const char *sentence; /* a part of it, or NULL */
};

static inline void
run_trial(const struct trial *trial, void (*draft)(struct scene *, spoil_statement *))
{
	struct scene scene;

	scene_init(&scene);
	draft(&scene, trial->statement);
	if (trial->before != NULL)
		trial->before(&scene);
	mint_sign(&scene.draft, &scene.cert);
	if (trial->after != NULL)
		trial->after(&scene);
	scene_judge(&scene);
	if (scene.reason != trial->reason)
		fail_msg("%s: %s, not %s (%s)", trial->name, ca_reason_name(scene.reason),
		    ca_reason_name(trial->reason), scene.why.text);
	if (trial->sentence != NULL && strstr(scene.why.text, trial->sentence) == NULL)
		fail_msg("%s: the sentence is: %s", trial->name, scene.why.text);
	scene_clear(&scene);
}

static inline void
draft_grant(struct scene *scene, spoil_statement *spoil)
{
	mint_draft(&scene->mint, &scene->draft, spoil);
}

static inline void
draft_identity(struct scene *scene, spoil_statement *spoil)
{
	assert_null(spoil);
	mint_identity(&scene->mint, &scene->draft);
	scene->admission = &scene->mint.identity_certificates;
	scene->knock.user = "auditor";
}

#define RUN(trials, draft)                                              \
	for (size_t i = 0; i < sizeof(trials) / sizeof(trials)[0]; i++) \
	run_trial(&(trials)[i], draft)

/* Short ways to spoil. */
#define CRITICAL(scene)	  (scene)->draft.critical, &(scene)->draft.critical_count
#define EXTENSIONS(scene) (scene)->draft.extensions, &(scene)->draft.extension_count
#define SPOIL(name, ...)                  \
	static void name(struct scene *s) \
	{                                 \
		__VA_ARGS__;              \
	}
#define STATE(name, ...)                         \
	static void name(struct ca_statement *s) \
	{                                        \
		__VA_ARGS__;                     \
	}

#endif
