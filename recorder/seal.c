/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seal.c - the text of a seal, and the certificate of the key that signs it.
 *
 * The text is what `sha256sum -c --strict` reads: facts in comment lines, then the one line
 * of hash and file name. There is exactly one spelling of a seal: parsing encodes again and
 * compares.
 */
#include "recorder/seal.h"

#include <stdlib.h>
#include <string.h>

#include "ca/text.h"

#define FIELD_MAX 256

static const char *const state_names[] = {
	[REC_SEAL_OPEN] = "open",
	[REC_SEAL_CLOSED] = "closed",
	[REC_SEAL_RECOVERED] = "recovered",
};

const char *
rec_seal_state_name(enum rec_seal_state state)
{
	return state_names[state];
}

void
rec_seal_encode(struct ca_buf *out, const struct rec_seal *seal)
{
	char sealed[CA_TIME_SIZE];

	ca_time_format(seal->sealed, sealed);
	ca_buf_printf(out, "# postern-seal v1\n# recording %s\n# state %s\n", seal->recording,
	    state_names[seal->state]);
	ca_buf_printf(out, "# sequence %llu\n# bytes %llu\n# previous ",
	    (unsigned long long)seal->sequence, (unsigned long long)seal->bytes);
	if (seal->has_previous)
		ca_hex_encode(out, seal->previous, sizeof(seal->previous));
	else
		ca_buf_put_text(out, "-");
	ca_buf_printf(out, "\n# sealed %s\n", sealed);
	ca_hex_encode(out, seal->hash, sizeof(seal->hash));
	ca_buf_printf(out, "  %s.cast\n", seal->recording);
}

/* Moves `*next` behind the line, and copies what follows `name` on it. */
static bool
take_line(const char **next, const char *end, const char *name, char value[static FIELD_MAX],
    struct ca_why *why)
{
	size_t name_len = strlen(name);
	const char *line = *next;
	const char *stop = memchr(line, '\n', (size_t)(end - line));
	size_t len = stop == NULL ? 0 : (size_t)(stop - line);

	if (stop == NULL || len < name_len || memcmp(line, name, name_len) != 0 ||
	    len - name_len >= FIELD_MAX)
		return ca_why_set(why, "seal has no line '%s'", name);
	memcpy(value, line + name_len, len - name_len);
	value[len - name_len] = '\0';
	*next = stop + 1;
	return true;
}

static bool
parse_state(const char *text, enum rec_seal_state *out)
{
	for (unsigned i = 0; i < sizeof(state_names) / sizeof(state_names[0]); i++) {
		if (strcmp(text, state_names[i]) == 0) {
			*out = (enum rec_seal_state)i;
			return true;
		}
	}
	return false;
}

static bool
parse_hash(const char *text, uint8_t out[static 32])
{
	struct ca_buf bytes = { 0 };
	bool ok = ca_hex_decode(&bytes, text, strlen(text)) && bytes.len == 32;

	if (ok)
		memcpy(out, bytes.data, 32);
	ca_buf_clear(&bytes);
	return ok;
}

static bool
parse_fields(struct rec_seal *seal, const char *next, const char *end, struct ca_why *why)
{
	char version[FIELD_MAX], name[FIELD_MAX], state[FIELD_MAX], sequence[FIELD_MAX];
	char bytes[FIELD_MAX], previous[FIELD_MAX], sealed[FIELD_MAX], file[FIELD_MAX];

	if (!take_line(&next, end, "# postern-seal v1", version, why) ||
	    !take_line(&next, end, "# recording ", name, why) ||
	    !take_line(&next, end, "# state ", state, why) ||
	    !take_line(&next, end, "# sequence ", sequence, why) ||
	    !take_line(&next, end, "# bytes ", bytes, why) ||
	    !take_line(&next, end, "# previous ", previous, why) ||
	    !take_line(&next, end, "# sealed ", sealed, why) ||
	    !take_line(&next, end, "", file, why))
		return false;
	if (!ca_text_is_name(name) || (seal->storage = strdup(name)) == NULL)
		return ca_why_set(why, "seal names no recording");
	seal->recording = seal->storage;
	seal->has_previous = strcmp(previous, "-") != 0;
	/* the hash is the line up to the two blanks; what follows is compared when encoded again */
	file[strcspn(file, " ")] = '\0';
	if (!parse_state(state, &seal->state) ||
	    !ca_text_to_u64(sequence, UINT64_MAX, &seal->sequence) ||
	    !ca_text_to_u64(bytes, INT64_MAX, &seal->bytes) ||
	    !ca_time_parse(sealed, &seal->sealed) || !parse_hash(file, seal->hash) ||
	    (seal->has_previous && !parse_hash(previous, seal->previous)))
		return ca_why_set(why, "seal of '%s' has a value that cannot be read", name);
	if (seal->sequence == 0 || seal->has_previous != (seal->sequence > 1))
		return ca_why_set(why, "seal of '%s' has no place in a chain", name);
	return true;
}

bool
rec_seal_parse(struct rec_seal *out, const char *text, size_t len, struct ca_why *why)
{
	struct ca_buf again = { 0 };
	bool ok = false;

	memset(out, 0, sizeof(*out));
	if (!parse_fields(out, text, text + len, why))
		goto fail;
	rec_seal_encode(&again, out);
	ok = ca_buf_ok(&again) && again.len == len && memcmp(again.data, text, len) == 0;
	if (!ok)
		ca_why_set(why, "seal of '%s' is not spelt as seals are", out->recording);
	ca_buf_clear(&again);
	if (ok)
		return true;
fail:
	rec_seal_clear(out);
	return false;
}

void
rec_seal_clear(struct rec_seal *seal)
{
	free(seal->storage);
	memset(seal, 0, sizeof(*seal));
}

bool
rec_seal_certify(struct ca_cert **out, const struct ca_key *session_key, const char *environment,
    const char *session, uint64_t serial, int64_t now, struct ca_signer *seal_key,
    struct ca_why *why)
{
	struct ca_buf principal = { 0 }, key_id = { 0 };
	const char *principals[1];
	bool ok = false;

	ca_buf_printf(&principal, "seal@%s%c", environment, 0);
	ca_buf_printf(&key_id, "session %s%c", session, 0);
	if (!ca_buf_ok(&principal) || !ca_buf_ok(&key_id)) {
		ca_why_set(why, "out of memory");
		goto out;
	}
	principals[0] = (const char *)principal.data;
	const struct ca_cert_spec spec = {
		.key = session_key,
		.serial = serial,
		.type = CA_CERT_USER,
		.key_id = (const char *)key_id.data,
		.principals = principals,
		.principal_count = 1,
		.valid_after = now > 60 ? (uint64_t)now - 60 : 0,
		.valid_before = CA_CERT_FOREVER,
	};
	ok = ca_cert_sign(out, &spec, seal_key, why);
out:
	ca_buf_clear(&principal);
	ca_buf_clear(&key_id);
	return ok;
}
