/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_control.c - asks the post that runs with a configuration.
 */
#include "bastion/cmd_control.h"

#include <stdio.h>

#include "bastion/config.h"
#include "bastion/control.h"

int
bas_cmd_ask(json_t **answer, const char *path, json_t *request)
{
	struct bas_config *config = NULL;
	struct ca_why why = { .text = "" };
	int status = 1;

	*answer = NULL;
	if (!bas_config_load(&config, path, &why))
		json_decref(request);
	else if (bas_control_ask(answer, config->state, request, &why))
		status = 0;
	else if (json_is_false(json_object_get(*answer, "found")))
		status = 3;
	if (status != 0) {
		fprintf(stderr, "postern-bastion: %s\n", why.text);
		json_decref(*answer);
		*answer = NULL;
	}
	bas_config_free(config);
	return status;
}
