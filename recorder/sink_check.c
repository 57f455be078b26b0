/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink_check.c - whether header and events are what a recorder writes.
 *
 * That lines are JSON and times never run backwards is the reader's affair; this is about sense.
 */
#include "sink.h"

#include <stdlib.h>
#include <string.h>

#include "ca/text.h"

struct sink_check {
	struct rec_sink sink;
	const char *name;
	uint64_t events;
	bool ended; /* the exit event came */
};

static bool
check_header(struct rec_sink *sink, const struct rec_header *header, struct ca_why *why)
{
	const struct sink_check *check = (struct sink_check *)sink;

	if (header->recording == NULL || strcmp(header->recording, check->name) != 0)
		return ca_why_set(why, "header is of recording '%s'",
		    header->recording != NULL ? header->recording : "");
	if (header->identity == NULL || header->environment == NULL || header->role == NULL ||
	    header->command == NULL || header->timestamp <= 0)
		return ca_why_set(
		    why, "header lacks identity, environment, role, command or timestamp");
	return true;
}

/* COLSxROWS */
static bool
is_size(const struct rec_event *event)
{
	char text[16];
	char *cross;
	uint64_t cells;

	if (event->len >= sizeof(text))
		return false;
	memcpy(text, event->data, event->len);
	text[event->len] = '\0';
	cross = strchr(text, 'x');
	if (cross == NULL)
		return false;
	*cross = '\0';
	return ca_text_to_u64(text, 65535, &cells) && ca_text_to_u64(cross + 1, 65535, &cells);
}

static bool
check_event(struct rec_sink *sink, const struct rec_event *event, struct ca_why *why)
{
	struct sink_check *check = (struct sink_check *)sink;
	unsigned long long number = ++check->events;

	if (check->ended)
		return ca_why_set(why, "event %llu stands behind the exit", number);
	if (strchr("oeihrmx", event->code) == NULL)
		return ca_why_set(why, "event %llu has the code '%c'", number, event->code);
	if (event->code == 'r' && !is_size(event))
		return ca_why_set(why, "event %llu is no size", number);
	check->ended = event->code == 'x';
	return true;
}

static bool
check_end(struct rec_sink *sink, uint64_t time, struct ca_why *why)
{
	(void)sink;
	(void)time;
	(void)why;
	return true;
}

static void
discard(struct rec_sink *sink)
{
	free(sink);
}

struct rec_sink *
rec_sink_check_new(const char *name)
{
	static const struct rec_sink_ops ops = {
		.header = check_header,
		.event = check_event,
		.end = check_end,
		.free = discard,
	};
	struct sink_check *check = calloc(1, sizeof(*check));

	if (check == NULL)
		return NULL;
	check->sink.ops = &ops;
	check->name = name;
	return &check->sink;
}
