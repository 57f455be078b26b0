/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit.c - judges a recording by what is stored: nothing is repaired here, nothing believed.
 */
#include "audit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/text.h"
#include "cast_lock.h"
#include "cast_reader.h"
#include "catalog.h"
#include "recorder/log.h"
#include "seal_chain.h"
#include "sink.h"

/* The header's environment is what the sealing keys must be for. Caller frees. */
static char *
read_environment(int fd)
{
	struct rec_cast_reader *reader = rec_cast_reader_new(fd);
	struct rec_header header;
	char *environment = NULL;

	if (reader != NULL && rec_cast_reader_header(reader, &header, NULL) == REC_READ_MORE &&
	    header.environment != NULL)
		environment = strdup(header.environment);
	rec_cast_reader_free(reader);
	(void)lseek(fd, 0, SEEK_SET);
	return environment;
}

/* Every event, up to what is whole. A cut last line is what a crash leaves, and recovery cuts. */
static bool
check_events(struct rec_finding *out, int fd, const char *name)
{
	struct rec_sink *sink = rec_sink_check_new(name);
	bool cut = false, ok;

	if (sink == NULL)
		return ca_why_set(&out->why, "out of memory");
	ok = rec_cast_pump(fd, sink, &cut, &out->why);
	sink->ops->free(sink);
	if (ok && cut && strcmp(out->state, "live") != 0 && strcmp(out->state, "open") != 0)
		ok = ca_why_set(&out->why, "its last line is cut");
	return ok;
}

static bool
check_reach(struct rec_finding *out, const struct rec_chain *chain)
{
	const struct rec_chain_link *last = rec_chain_last(chain);

	out->unsealed = out->bytes - (last != NULL ? last->seal.bytes : 0);
	if (last == NULL)
		return true;
	out->has_seal = true;
	memcpy(out->seal, last->hash, sizeof(out->seal));
	if (last->seal.state != REC_SEAL_OPEN && out->unsealed > 0)
		return ca_why_set(&out->why, "%llu bytes stand behind its last seal, which is %s",
		    (unsigned long long)out->unsealed, rec_seal_state_name(last->seal.state));
	return true;
}

static bool
check_recording(struct rec_finding *out, struct rec_chain *chain, int folder_fd, int fd,
    const char *name, const struct ca_key *seal_key)
{
	const struct rec_chain_link *last;
	char *environment = NULL;
	uint8_t hash[32];
	struct stat st;
	bool live = rec_cast_is_locked(fd), ok = false;

	if (!rec_chain_load(chain, folder_fd, name, false, &out->why))
		return false;
	/* the size is asked after the seals, so that a writer can only have gone further */
	if (fstat(fd, &st) != 0)
		return ca_why_set(&out->why, "cannot be read");
	last = rec_chain_last(chain);
	out->bytes = (uint64_t)st.st_size;
	out->seals = chain->count;
	out->state = rec_seal_state_name(last == NULL ? REC_SEAL_OPEN : last->seal.state);
	if (live && strcmp(out->state, "open") == 0)
		out->state = "live";
	environment = read_environment(fd);
	if (!rec_chain_check(chain, name, environment, seal_key, &out->why) ||
	    !rec_chain_check_bytes(chain, name, fd, out->bytes, hash, &out->why) ||
	    !check_reach(out, chain))
		goto out;
	/* a recording whose header never reached the disk is empty, and recovered as that */
	ok = (out->bytes == 0 && last != NULL) || check_events(out, fd, name);
out:
	free(environment);
	return ok;
}

void
rec_audit_recording(
    struct rec_finding *out, int folder_fd, const char *name, const struct ca_key *seal_key)
{
	struct rec_chain chain = { 0 };
	int fd;

	*out = (struct rec_finding){ .verdict = REC_BAD, .state = "broken" };
	fd = rec_catalog_open(folder_fd, name, &out->why);
	if (fd < 0)
		return;
	if (check_recording(out, &chain, folder_fd, fd, name, seal_key))
		out->verdict = strcmp(out->state, "open") == 0 ? REC_OPEN : REC_GOOD;
	rec_chain_clear(&chain);
	close(fd);
}

/* Entries that speak of a recording: it ran, it ended, it was recovered. */
static bool
take_entry(void *ctx, uint64_t index, int64_t time, const char *event, const json_t *entry,
    struct ca_why *why)
{
	json_t *names = ctx, *facts;
	const char *name = json_string_value(json_object_get(entry, "recording"));
	const char *seal = json_string_value(json_object_get(entry, "seal"));
	bool run = strcmp(event, "session.run") == 0;
	bool end = strcmp(event, "run.end") == 0 || strcmp(event, "recording.recovered") == 0;

	(void)time;
	if (name == NULL || (!run && !end))
		return true;
	facts = json_object_get(names, name);
	if (facts == NULL) {
		facts = json_object();
		if (json_object_set_new(names, name, facts) != 0)
			return ca_why_set(why, "out of memory");
	}
	if (run)
		json_object_set_new(facts, "run", json_integer((json_int_t)index));
	if (end && seal != NULL) {
		json_object_set_new(facts, "end", json_integer((json_int_t)index));
		json_object_set_new(facts, "seal", json_string(seal));
	}
	return true;
}

json_t *
rec_audit_read_log(const char *folder, struct ca_why *why)
{
	json_t *names = json_object();

	if (names == NULL) {
		ca_why_set(why, "out of memory");
		return NULL;
	}
	if (rec_log_read(folder, take_entry, names, why))
		return names;
	json_decref(names);
	return NULL;
}

static bool
compare(struct rec_finding *finding, const char *name, const json_t *log)
{
	const json_t *facts = json_object_get(log, name);
	const char *seal = json_string_value(json_object_get(facts, "seal"));
	long long end = json_integer_value(json_object_get(facts, "end"));
	struct ca_buf hex = { 0 };
	bool ok;

	if (json_object_get(facts, "run") == NULL)
		return ca_why_set(&finding->why, "the log does not know of it");
	if (seal == NULL)
		return true; /* it has not ended, as far as the log knows */
	if (!finding->has_seal)
		return ca_why_set(
		    &finding->why, "log entry %lld names its closing seal, and it has none", end);
	ca_hex_encode(&hex, finding->seal, sizeof(finding->seal));
	ok = ca_buf_ok(&hex) && strlen(seal) == hex.len && memcmp(seal, hex.data, hex.len) == 0;
	ca_buf_clear(&hex);
	return ok ||
	       ca_why_set(&finding->why, "its last seal is not the one in log entry %lld", end);
}

void
rec_audit_compare(struct rec_finding *finding, const char *name, const json_t *log)
{
	if (finding->verdict != REC_BAD && !compare(finding, name, log))
		finding->verdict = REC_BAD;
}
