/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clerk_start.c - what the last run left: counts, pins and refusals are read from the log, open
 * sessions and recordings are ended in it, and time does not begin before its last entry.
 */
#include "bastion/clerk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bastion/control.h"
#include "ca/file.h"

#define LOCK_TRIES 60 /* of 50 ms: rooms of a run that was killed are still on their way out */

/* A name that was begun and not yet ended: a session, or a recording. */
struct open_name {
	char *name;
	char *session; /* of a recording */
	int64_t grant; /* 0: none */
	struct open_name *next;
};

struct replay {
	struct bas_clerk *clerk;
	struct open_name *sessions;
	struct open_name *recordings;
	uint64_t krl_number;
};

static bool
make_path(
    char out[static PATH_MAX], const struct bas_clerk *clerk, const char *name, struct ca_why *why)
{
	int len = snprintf(out, PATH_MAX, "%s/%s", clerk->config->state, name);

	return (len > 0 && len < PATH_MAX) ||
	       ca_why_set(why, "state folder '%s' has too long a name", clerk->config->state);
}

static void
free_name(struct open_name *name)
{
	if (name == NULL)
		return;
	free(name->name);
	free(name->session);
	free(name);
}

static bool
begin_name(struct open_name **list, const json_t *entry, const char *member, struct ca_why *why)
{
	const char *text = json_string_value(json_object_get(entry, member));
	const char *session = json_string_value(json_object_get(entry, "session"));
	struct open_name *name = calloc(1, sizeof(*name));

	if (name == NULL || text == NULL || session == NULL ||
	    (name->name = strdup(text)) == NULL || (name->session = strdup(session)) == NULL) {
		free_name(name);
		return ca_why_set(why, "an entry has no '%s'", member);
	}
	name->grant = json_integer_value(json_object_get(entry, "grant"));
	name->next = *list;
	*list = name;
	return true;
}

static void
end_name(struct open_name **list, const json_t *entry, const char *member)
{
	const char *text = json_string_value(json_object_get(entry, member));

	for (struct open_name **at = list; text != NULL && *at != NULL; at = &(*at)->next)
		if (strcmp((*at)->name, text) == 0) {
			struct open_name *name = *at;

			*at = name->next;
			free_name(name);
			return;
		}
}

/* Recordings stay in the list after an end that says `aborted`: only recovering seals them. */
static bool
note_entry(struct replay *replay, const char *event, const json_t *entry, struct ca_why *why)
{
	const char *state = json_string_value(json_object_get(entry, "state"));

	if (strcmp(event, "session.open") == 0)
		return begin_name(&replay->sessions, entry, "session", why);
	if (strcmp(event, "session.end") == 0 || strcmp(event, "session.killed") == 0 ||
	    strcmp(event, "session.revoked") == 0)
		end_name(&replay->sessions, entry, "session");
	if (strcmp(event, "session.run") == 0)
		return begin_name(&replay->recordings, entry, "recording", why);
	if (strcmp(event, "recording.recovered") == 0 ||
	    (strcmp(event, "run.end") == 0 && (state == NULL || strcmp(state, "aborted") != 0)))
		end_name(&replay->recordings, entry, "recording");
	if (strcmp(event, "krl.loaded") == 0) {
		json_int_t number = json_integer_value(json_object_get(entry, "number"));

		if (number > 0 && (uint64_t)number > replay->krl_number)
			replay->krl_number = (uint64_t)number;
	}
	return true;
}

static bool
read_entry(void *ctx, uint64_t index, int64_t time, const char *event, const json_t *entry,
    struct ca_why *why)
{
	struct replay *replay = ctx;

	(void)time;
	if (bas_sessions_replay(replay->clerk->sessions, event, entry, why) &&
	    note_entry(replay, event, entry, why))
		return true;
	return ca_why_prefix(why, "log entry %" PRIu64, index);
}

/* Everything the rest of the run needs said once: what is over. */
static void
end_leftovers(struct bas_clerk *clerk, struct replay *replay)
{
	for (struct open_name *each = replay->recordings; each != NULL; each = each->next) {
		struct bas_unsealed *run = calloc(1, sizeof(*run));

		if (run == NULL || strlen(each->name) >= sizeof(run->name)) {
			free(run);
			continue;
		}
		memcpy(run->name, each->name, strlen(each->name) + 1);
		run->next = clerk->orphans;
		clerk->orphans = run;
		bas_clerk_log(clerk, "run.end",
		    json_pack("{s:s, s:s, s:s}", "recording", each->name, "session", each->session,
			"state", "aborted"));
	}
	for (struct open_name *each = replay->sessions; each != NULL; each = each->next) {
		json_t *fields = json_pack("{s:s, s:s}", "session", each->name, "cause", "restart");

		if (fields != NULL && each->grant != 0)
			(void)json_object_set_new(fields, "grant", json_integer(each->grant));
		bas_clerk_log(clerk, "session.end", fields);
	}
}

static void
free_replay(struct replay *replay)
{
	struct open_name *name;

	while ((name = replay->sessions) != NULL) {
		replay->sessions = name->next;
		free_name(name);
	}
	while ((name = replay->recordings) != NULL) {
		replay->recordings = name->next;
		free_name(name);
	}
}

/* Whoever verifies needs the public half; a crash while the key was made may have left none. */
static bool
put_public(
    const char *path, const struct ca_signer *signer, const char *comment, struct ca_why *why)
{
	struct ca_buf line = { 0 };
	char name[PATH_MAX];
	int len = snprintf(name, sizeof(name), "%s.pub", path);
	bool ok = false;

	if (len < 0 || (size_t)len >= sizeof(name))
		return ca_why_set(why, "'%s' has too long a name", path);
	if (access(name, F_OK) == 0)
		return true;
	ca_key_put_line(&line, ca_signer_key(signer));
	ca_buf_printf(&line, " %s\n", comment);
	if (ca_buf_ok(&line))
		ok = ca_file_write(name, line.data, line.len, 0644, why);
	else
		ca_why_set(why, "out of memory");
	ca_buf_clear(&line);
	return ok;
}

/* Made at the first start. */
static bool
load_key(struct ca_signer **out, const char *path, const char *kind, const char *environment,
    struct ca_why *why)
{
	char comment[256];

	snprintf(comment, sizeof(comment), "%s@%s", kind, environment);
	if (access(path, F_OK) != 0 && errno == ENOENT &&
	    !ca_signer_create_file(path, comment, why))
		return ca_why_prefix(why, "%s key", kind);
	return (ca_signer_load(out, path, why) && put_public(path, *out, comment, why)) ||
	       ca_why_prefix(why, "%s key", kind);
}

/* One key is never good for two namespaces: recordings are sealed with one, the log's checkpoints
 * are signed with the other. */
static bool
load_keys(struct bas_clerk *clerk, struct ca_why *why)
{
	const char *environment = clerk->config->environment;
	char path[PATH_MAX];

	if (!make_path(path, clerk, "checkpoint_key", why) ||
	    !load_key(&clerk->seal, clerk->config->seal_key, "seal", environment, why) ||
	    !load_key(&clerk->checkpoint, path, "checkpoint", environment, why))
		return false;
	return !ca_key_equal(ca_signer_key(clerk->seal), ca_signer_key(clerk->checkpoint)) ||
	       ca_why_set(why, "'%s' and '%s' are one key, and need to be two",
		   clerk->config->seal_key, path);
}

static bool
open_folders(struct bas_clerk *clerk, char log[static PATH_MAX], struct ca_why *why)
{
	char recordings[PATH_MAX];

	if (!make_path(log, clerk, "log", why) || !make_path(recordings, clerk, "recordings", why))
		return false;
	if ((mkdir(log, 0750) != 0 && errno != EEXIST) ||
	    (mkdir(recordings, 0750) != 0 && errno != EEXIST))
		return ca_why_set(
		    why, "state folder '%s': %s", clerk->config->state, strerror(errno));
	clerk->recordings = open(recordings, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return clerk->recordings >= 0 || ca_why_set(why, "'%s': %s", recordings, strerror(errno));
}

static bool
open_log(struct bas_clerk *clerk, const char *folder, struct replay *replay, struct ca_why *why)
{
	static const struct timespec pause = { .tv_nsec = 50000000 };
	char origin[256];

	snprintf(origin, sizeof(origin), "%s/log", clerk->config->environment);
	for (int i = 0; i < LOCK_TRIES; i++) {
		free_replay(replay);
		bas_sessions_free(clerk->sessions);
		clerk->sessions = NULL;
		if (!bas_sessions_new(&clerk->sessions, why))
			return false;
		if (rec_log_open(&clerk->log, folder, origin, clerk->checkpoint, false, read_entry,
			replay, why))
			return true;
		if (errno != EWOULDBLOCK)
			return false;
		nanosleep(&pause, NULL);
	}
	return false;
}

/* The mark is written at once: it holds from the start, also for one that is killed. */
static bool
start_clock(struct bas_clerk *clerk, struct ca_why *why)
{
	char path[PATH_MAX], boot_id[BAS_BOOT_ID_SIZE];
	int64_t wall;
	uint64_t boot;

	bas_clock_boot_id(boot_id);
	bas_clock_read(&wall, &boot);
	if (!make_path(path, clerk, "clock", why) ||
	    !bas_clock_load(&clerk->clock, path, boot_id, boot, why))
		return false;
	bas_clock_raise(&clerk->clock, rec_log_last_time(clerk->log), boot);
	clerk->deviation = -bas_clock_start(&clerk->clock, wall, boot);
	clerk->started = bas_clerk_now(clerk);
	return bas_clock_save(path, &clerk->clock, boot_id, boot, why);
}

bool
bas_clerk_start(struct bas_clerk *clerk, struct ca_why *why)
{
	struct replay replay = { .clerk = clerk };
	char log[PATH_MAX];
	bool ok = false;

	if (!open_folders(clerk, log, why) || !load_keys(clerk, why) ||
	    !open_log(clerk, log, &replay, why) || !start_clock(clerk, why))
		goto out;
	clerk->revocations.number = replay.krl_number;
	bas_clerk_log(clerk, "post.start",
	    json_pack("{s:s, s:s, s:i}", "environment", clerk->config->environment, "version",
		POSTERN_VERSION, "pid", (int)getpid()));
	if (clerk->deviation < 0)
		bas_clerk_log(clerk, "clock.stepped",
		    json_pack("{s:I}", "seconds", (json_int_t)clerk->deviation));
	end_leftovers(clerk, &replay);
	bas_clerk_log(clerk, "policy.loaded", json_deep_copy(clerk->policy));
	bas_sessions_prune(clerk->sessions, clerk->started);
	bas_clerk_check_krl(clerk, clerk->started);
	if (!bas_clerk_commit(clerk) || !bas_clerk_recover(clerk)) {
		*why = clerk->why;
		goto out;
	}
	ok = bas_clerk_open_control(clerk, why);
out:
	free_replay(&replay);
	return ok;
}
