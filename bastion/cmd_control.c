/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_control.c - asks the post that runs with a configuration.
 */
#include "bastion/cmd_control.h"

#include <stdio.h>

#include "bastion/config.h"
#include "bastion/control.h"

json_t *
bas_cmd_ask(const char *path, json_t *request)
{
	struct bas_config *config = NULL;
	struct ca_why why = { .text = "" };
	json_t *answer = NULL;

	if (!bas_config_load(&config, path, &why))
		json_decref(request);
	else if (!bas_control_ask(&answer, config->state, request, &why))
		answer = NULL;
	if (answer == NULL)
		fprintf(stderr, "postern-bastion: %s\n", why.text);
	bas_config_free(config);
	return answer;
}
