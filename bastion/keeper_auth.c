/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper_auth.c - from a certificate to a session.
 *
 * The door says only what libssh alone can know: a blob, a user name, whether possession was
 * proven. Everything else is judged here. Before possession is proven nobody learns more than
 * whether going on makes sense; after, a refusal is logged first and then told (promises 9 and 12).
 */
#include "bastion/keeper.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bastion/session.h"

static void
give_banner(struct bas_keeper *keeper, bool ok, const char *banner)
{
	struct ca_buf payload = { 0 };

	ca_buf_put_u8(&payload, ok);
	ca_buf_put_cstring(&payload, banner);
	bas_keeper_tell(keeper, BAS_F_VERDICT, &payload, NULL, 0);
	ca_buf_clear(&payload);
}

/* The sentence, if there is one, becomes a banner (RFC 4252 section 5.4). */
static void
give_verdict(struct bas_keeper *keeper, bool ok, const char *sentence)
{
	char banner[CA_WHY_SIZE + 16] = "";

	if (sentence[0] != '\0')
		snprintf(banner, sizeof(banner), "postern: %s\r\n", sentence);
	give_banner(keeper, ok, banner);
}

static void
refuse_stranger(struct bas_keeper *keeper)
{
	give_banner(keeper, false, keeper->stranger_told ? "" : BAS_STRANGER_BANNER);
	keeper->stranger_told = true;
}

/* The clerk's frame that opens the conversation; without it there is no time to judge by. */
bool
bas_keeper_greet(struct bas_keeper *keeper)
{
	static uint8_t buf[BAS_FRAME_MAX];
	struct bas_frame frame;
	struct ca_reader reader;
	enum bas_frame_result result;

	do {
		if (!bas_keeper_wait_clerk(keeper, POLLIN))
			return false;
		result = bas_frame_receive(keeper->fds.clerk, &frame, buf);
	} while (result == BAS_FRAME_AGAIN);
	if (result != BAS_FRAME_OK)
		return false;
	reader = ca_reader_of(frame.payload.data, frame.payload.len);
	keeper->clock.base = (int64_t)ca_read_u64(&reader);
	keeper->clock.base_boot = ca_read_u64(&reader);
	if (frame.type != BAS_F_HELLO || !ca_reader_done(&reader) || frame.fd_count > 1) {
		bas_frame_close_fds(&frame);
		return false;
	}
	keeper->krl_fd = frame.fds[0];
	return true;
}

/* Read when the first certificate of a trusted authority comes: strangers do not cost us a big
 * list. */
static bool
load_krl(struct bas_keeper *keeper, struct ca_why *why)
{
	struct stat st;
	void *data;
	bool ok;

	if (keeper->krl != NULL || (keeper->config->krl == NULL && keeper->krl_fd < 0))
		return true;
	if (keeper->krl_fd < 0 || fstat(keeper->krl_fd, &st) != 0 || st.st_size <= 0)
		return ca_why_set(why, "the list of revocations cannot be read");
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, keeper->krl_fd, 0);
	if (data == MAP_FAILED)
		return ca_why_set(why, "the list of revocations cannot be read");
	ok = ca_krl_parse(&keeper->krl, data, (size_t)st.st_size, why);
	munmap(data, (size_t)st.st_size);
	return ok;
}

/* A key is offered: go on if one of our authorities vouches for it. */
static void
probe(struct bas_keeper *keeper, struct ca_bytes blob)
{
	ca_cert_free(keeper->offered);
	if (ca_judge_authority(&keeper->ready->post, blob.data, blob.len, &keeper->offered, NULL) ==
	    CA_ADMITTED)
		give_verdict(keeper, true, "");
	else
		refuse_stranger(keeper);
}

/* Stock clients log in with what they have just offered: that is not verified a second time. */
static struct ca_cert *
take_offered(struct bas_keeper *keeper, struct ca_bytes blob)
{
	struct ca_cert *cert = keeper->offered;

	keeper->offered = NULL;
	if (cert != NULL && cert->blob.len == blob.len &&
	    memcmp(cert->blob.data, blob.data, blob.len) == 0)
		return cert;
	ca_cert_free(cert);
	return NULL;
}

/* The one command that the certificate allows must be one that would be executed as these very
 * bytes. */
static enum ca_reason
check_forced(const char *forced, const struct bas_role *role, struct ca_why *why)
{
	struct bas_call call = { 0 };
	struct ca_buf canonical = { 0 };
	enum bas_refusal refusal;
	bool ok;

	if (forced == NULL)
		return CA_ADMITTED;
	ok = bas_call_parse(&call, role, forced, strlen(forced), &refusal, why);
	if (ok) {
		bas_call_encode(&canonical, &call);
		ok = ca_buf_ok(&canonical) && ca_bytes_is(ca_buf_bytes(&canonical), forced);
		if (!ok)
			ca_why_set(why, "it is not written in its canonical form");
	}
	ca_buf_clear(&canonical);
	bas_call_clear(&call);
	if (ok)
		return CA_ADMITTED;
	ca_why_prefix(why, "the command of this certificate cannot run here");
	return CA_BAD_STATEMENT;
}

/* NULL: any command of the role. The caller frees. */
static bool
read_forced(const struct ca_grant *grant, char **forced)
{
	const struct ca_cert_option *option = ca_cert_critical(grant->cert, "force-command");
	const char *command = grant->has_statement ? grant->statement.command : NULL;

	*forced = NULL;
	if (command != NULL)
		*forced = strdup(command);
	else if (option != NULL)
		*forced = strndup((const char *)option->value.data, option->value.len);
	else
		return true;
	return *forced != NULL;
}

static enum ca_reason
judge(struct bas_keeper *keeper, const char *user, struct ca_bytes blob, struct ca_grant **grant,
    char **forced, struct ca_why *why)
{
	const struct bas_role *role = bas_config_role(keeper->config, user);
	struct ca_knock knock = { .cert = blob.data,
		.cert_len = blob.len,
		.user = user,
		.source = keeper->source,
		.now = bas_clock_now(&keeper->clock) };
	const struct ca_admission *admission = role == NULL ? NULL : &role->admission;
	struct ca_cert *offered = take_offered(keeper, blob);
	struct ca_post post = keeper->ready->post;
	enum ca_reason reason;
	struct ca_why krl_why;
	bool krl = load_krl(keeper, &krl_why);

	post.krl = keeper->krl;
	reason = offered != NULL
		     ? ca_judge_established(&post, admission, &knock, offered, grant, why)
		     : ca_judge(&post, admission, &knock, grant, why);
	if (reason != CA_ADMITTED)
		return reason;
	if (!krl) {
		*why = krl_why;
		return CA_REFUSED_HERE; /* not CA_REVOKED, which would stick */
	}
	if (!read_forced(*grant, forced)) {
		ca_why_set(why, "out of memory");
		return CA_BAD_STATEMENT;
	}
	return check_forced(*forced, role, why);
}

static void
put_claim(struct ca_buf *out, const struct ca_grant *grant, const struct bas_role *role,
    const char *fields)
{
	const struct ca_cert *cert = grant->cert;
	bool stated = grant->has_statement;
	struct bas_claim claim = { .admits = grant->admits,
		.serial = cert->serial,
		.authority = ca_key_blob(cert->authority),
		.key = ca_key_blob(cert->key),
		.key_id = cert->key_id,
		.valid_after = cert->valid_after,
		.valid_before = cert->valid_before,
		.not_after = stated ? (uint64_t)grant->statement.not_after : cert->valid_before,
		.sessions = stated ? grant->statement.sessions : 0,
		.output = role->output,
		.fields = fields };

	memcpy(claim.cert_hash, grant->cert_hash, 32);
	memcpy(claim.statement_hash, stated ? grant->statement_hash : grant->cert_hash, 32);
	bas_claim_encode(out, &claim);
}

static bool
take_opened(struct bas_keeper *keeper, const struct bas_frame *reply)
{
	struct ca_reader reader = ca_reader_of(reply->payload.data, reply->payload.len);

	keeper->session = ca_read_cstring(&reader);
	keeper->deadline = ca_read_u64(&reader);
	keeper->wall_end = (int64_t)ca_read_u64(&reader);
	(void)ca_read_u8(&reader); /* joined or first: it is the same to us */
	keeper->allowed = ca_read_u64(&reader);
	return ca_reader_done(&reader) && keeper->session != NULL && bas_window_open(keeper);
}

/* The clerk has logged its refusal with its answer. */
static void
take_denied(struct bas_keeper *keeper, const struct bas_frame *reply)
{
	struct ca_reader reader = ca_reader_of(reply->payload.data, reply->payload.len);
	char *sentence;

	(void)ca_read_u32(&reader);
	sentence = ca_read_cstring(&reader);
	give_verdict(keeper, false,
	    ca_reader_done(&reader) && sentence != NULL ? sentence : "refused by this post");
	free(sentence);
}

static bool
open_session(struct bas_keeper *keeper, const struct ca_grant *grant, const struct bas_role *role)
{
	char *fields = bas_fields_claim(keeper, grant, role->name);
	struct ca_buf payload = { 0 };
	struct bas_frame reply;
	bool opened = false;

	if (fields == NULL)
		goto out;
	put_claim(&payload, grant, role, fields);
	if (!bas_keeper_ask(keeper, BAS_F_SESSION, &payload, BAS_F_OPENED, BAS_F_DENIED, &reply))
		goto out;
	if (reply.type == BAS_F_DENIED)
		take_denied(keeper, &reply);
	else if (!(opened = take_opened(keeper, &reply)))
		bas_keeper_end(keeper, 0, "session ended: no timer");
out:
	ca_buf_clear(&payload);
	free(fields);
	return opened;
}

/* A status byte tells the listener that this connection is no longer one of the unauthenticated. */
static void
enter(struct bas_keeper *keeper, struct ca_grant *grant, const struct bas_role *role, char *forced)
{
	keeper->grant = grant;
	keeper->role = role;
	keeper->forced = forced;
	keeper->may_terminal = grant->has_statement
				   ? grant->statement.terminal
				   : ca_cert_extension(grant->cert, "permit-pty") != NULL;
	keeper->state = BAS_KEEPER_OPEN;
	(void)!write(keeper->fds.status, "A", 1);
	give_verdict(keeper, true, "");
	bas_window_trim(keeper);
}

static void
login(struct bas_keeper *keeper, const char *user, struct ca_bytes blob)
{
	struct ca_grant *grant = NULL;
	char *forced = NULL;
	struct ca_why why = { "refused" };
	enum ca_reason reason = judge(keeper, user, blob, &grant, &forced, &why);

	if (reason != CA_ADMITTED && (ca_reason_is_stranger(reason) || grant == NULL)) {
		refuse_stranger(keeper);
	} else if (reason != CA_ADMITTED) {
		if (bas_log_refusal(keeper, grant, user, reason, why.text))
			give_verdict(keeper, false, why.text);
		else
			give_verdict(keeper, false, "refused, and the log cannot be written");
	} else if (open_session(keeper, grant, bas_config_role(keeper->config, user))) {
		enter(keeper, grant, bas_config_role(keeper->config, user), forced);
		return;
	}
	ca_grant_free(grant);
	free(forced);
}

bool
bas_keeper_auth(struct bas_keeper *keeper, struct ca_reader *reader)
{
	uint8_t proven = ca_read_u8(reader);
	char *user = ca_read_cstring(reader);
	struct ca_bytes blob = ca_read_string(reader);
	bool ok = ca_reader_done(reader) && proven <= 1 && user != NULL;

	if (ok && ++keeper->auth_frames > keeper->config->limits.auth_requests)
		bas_keeper_end(keeper, 0, "too many authentication requests");
	else if (ok && proven == 0)
		probe(keeper, blob);
	else if (ok)
		login(keeper, user, blob);
	free(user);
	return ok;
}
