/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control.h - the operator's side of the clerk's control socket, <state>/control.
 *
 * One JSON object a line each way: {"verb":"status"}, {"verb":"kill","session":"42-0a1b2c3d"},
 * {"verb":"refuse","grant":42}. The answer has "ok"; with false an "error", and
 * "found" false when what was named is not there. Only root and the
 * clerk's own user are heard.
 */
#ifndef BAS_CONTROL_H
#define BAS_CONTROL_H

#include <jansson.h>
#include <stdbool.h>

#include "ca/why.h"

#define BAS_CONTROL_NAME	"control"
#define BAS_CONTROL_REQUEST_MAX 4096
#define BAS_CONTROL_ANSWER_MAX	(8 << 20)

/* Takes over `request`. False: one that says no, which is in `*answer`, or none, and NULL is there;
 * the sentence says why. Caller frees. */
CA_MUST_USE bool bas_control_ask(
    json_t **answer, const char *state, json_t *request, struct ca_why *why);

#endif
