/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clerk_crash.c - doors that died of a signal, in the log.
 *
 * Whoever can crash a door may be a stranger, and strangers cannot fill the log: what goes beyond
 * LINES in SECONDS is only counted, and the count stands in the next entry. The listener tells
 * stderr of each, with a limit of its own.
 */
#include "bastion/clerk.h"

#include <stdlib.h>
#include <string.h>

#include "ca/address.h"

#define LINES	10
#define SECONDS 600
#define NS	1000000000ULL

static bool
may_log(struct bas_clerk *clerk)
{
	uint64_t boot = bas_clock_boot();

	if (clerk->crashes == 0 || boot - clerk->crashes_since >= SECONDS * NS) {
		clerk->crashes_since = boot;
		clerk->crashes = 0;
	}
	if (clerk->crashes >= LINES) {
		clerk->crashes_unlogged++;
		return false;
	}
	clerk->crashes++;
	return true;
}

void
bas_clerk_log_crash(struct bas_clerk *clerk, struct ca_bytes payload)
{
	struct ca_reader reader = ca_reader_of(payload.data, payload.len);
	char *address = ca_read_cstring(&reader);
	uint32_t number = ca_read_u32(&reader);
	const char *name = number < 65 ? sigabbrev_np((int)number) : NULL;
	struct ca_address parsed;
	json_t *fields;

	(void)ca_read_u8(&reader);
	if (address == NULL || !ca_reader_done(&reader) || !ca_address_parse(&parsed, address) ||
	    !may_log(clerk))
		goto out;
	fields = json_pack("{s:s, s:s}", "address", address, "signal", name == NULL ? "?" : name);
	if (fields != NULL && clerk->crashes_unlogged > 0)
		(void)json_object_set_new(
		    fields, "unlogged", json_integer((json_int_t)clerk->crashes_unlogged));
	clerk->crashes_unlogged = 0;
	bas_clerk_log(clerk, "door.crashed", fields);
out:
	free(address);
}
