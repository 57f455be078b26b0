/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ssh_auth.c - who is there: publickey with user certificates, and nothing else (RFC 4252).
 *
 * libssh proves that the client holds the key; whether the certificate is any good is the keeper's
 * to say. The last request is kept after its answer: through it goes the refusal of a request that
 * libssh drops in silence (unknown key type, bad signature, short RSA key).
 */
#include "bastion/ssh_parts.h"

#include <string.h>

#include "bastion/frame.h"
#include "ca/text.h"

#define SILENCE_MS 400

/* A certificate of type user: its type word, then the fields of that type of key up to the serial.
 */
static bool
is_user_certificate(struct ca_bytes blob)
{
	static const struct {
		const char *name;
		unsigned strings; /* between the type word and the serial, the nonce included */
	} types[] = {
		{ "ssh-ed25519-cert-v01@openssh.com", 2 },
		{ "ecdsa-sha2-nistp256-cert-v01@openssh.com", 3 },
		{ "ecdsa-sha2-nistp384-cert-v01@openssh.com", 3 },
		{ "ecdsa-sha2-nistp521-cert-v01@openssh.com", 3 },
		{ "ssh-rsa-cert-v01@openssh.com", 3 },
		{ "sk-ssh-ed25519-cert-v01@openssh.com", 3 },
		{ "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com", 4 },
	};
	struct ca_reader reader = ca_reader_of(blob.data, blob.len);
	struct ca_bytes name = ca_read_string(&reader);

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (!ca_bytes_is(name, types[i].name))
			continue;
		for (unsigned n = 0; n < types[i].strings; n++)
			ca_read_string(&reader);
		ca_read_u64(&reader);
		return ca_read_u32(&reader) == 1 && !reader.failed;
	}
	return false;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
/* Deprecated in favour of callbacks, in which nothing could be answered later; exported by all
 * versions. */
static ssh_key
key_of(ssh_message message)
{
	return ssh_message_auth_pubkey(message);
}

static enum ssh_publickey_state_e
proof_of(ssh_message message)
{
	return ssh_message_auth_publickey_state(message);
}

#pragma GCC diagnostic pop

static bool
export_blob(ssh_message message, struct ca_buf *out)
{
	char *text = NULL;
	bool ok;

	if (ssh_pki_export_pubkey_base64(key_of(message), &text) != SSH_OK)
		return false;
	ok = ca_base64_decode(out, text, strlen(text)) && ca_buf_ok(out);
	ssh_string_free_char(text);
	return ok;
}

/* Over the limit a connection learns why; before that it may only be told "no". */
static bool
count_auth(struct bas_ssh *ssh)
{
	if (++ssh->auth_requests <= ssh->auth_limit)
		return true;
	bas_ssh_disconnect(ssh, "too many authentication requests");
	return false;
}

/* Each text once; and who was told why his certificate is refused need not hear that he needs one.
 */
static void
show_banner(struct bas_ssh *ssh, const char *banner)
{
	struct ca_reader reader = ca_reader_of(ssh->shown.data, ssh->shown.len);
	ssh_string text;

	if (*banner == '\0' || (reader.left > 0 && strcmp(banner, BAS_STRANGER_BANNER) == 0))
		return;
	while (reader.left > 0)
		if (ca_bytes_is(ca_read_string(&reader), banner))
			return;
	ca_buf_put_cstring(&ssh->shown, banner);
	text = ssh_string_from_char(banner);
	if (text == NULL)
		return;
	(void)ssh_send_issue_banner(ssh->session, text);
	ssh_string_free(text);
}

static void
refuse_stranger(struct bas_ssh *ssh)
{
	show_banner(ssh, BAS_STRANGER_BANNER);
	ssh_message_reply_default(ssh->kept);
}

static void
judge_auth(struct bas_ssh *ssh, ssh_message message)
{
	const char *name = ssh_message_auth_user(message);
	struct ca_buf blob = { 0 };
	enum ssh_publickey_state_e proof;

	if (!count_auth(ssh))
		return;
	if (ssh_message_subtype(message) != SSH_AUTH_METHOD_PUBLICKEY || name == NULL ||
	    strlen(name) > BAS_SSH_NAME_MAX)
		goto refuse;
	proof = proof_of(message);
	if (proof != SSH_PUBLICKEY_STATE_NONE && proof != SSH_PUBLICKEY_STATE_VALID)
		goto refuse;
	if (!export_blob(message, &blob) || !is_user_certificate(ca_buf_bytes(&blob)))
		goto refuse;
	ssh->proven = proof == SSH_PUBLICKEY_STATE_VALID;
	ssh->auth_waits = true;
	ssh->calls->auth(ssh->owner, ssh->proven, name, ca_buf_bytes(&blob));
	ca_buf_clear(&blob);
	return;
refuse:
	ca_buf_clear(&blob);
	if (ssh_message_subtype(message) == SSH_AUTH_METHOD_PUBLICKEY)
		refuse_stranger(ssh);
	else
		ssh_message_reply_default(message);
}

static void
run_auth(struct bas_ssh *ssh)
{
	while (ssh->auth.count > 0 && !ssh->auth_waits && !ssh->authenticated && !ssh->broken) {
		if (ssh->kept != NULL)
			ssh_message_free(ssh->kept);
		ssh->kept = bas_ssh_queue_take(&ssh->auth);
		judge_auth(ssh, ssh->kept);
	}
}

/* All that came so far has been heard. */
void
bas_ssh_auth_mark(struct bas_ssh *ssh)
{
	ssh->in_mark = ssh->packet_counter.in_packets;
	ssh->out_mark = ssh->packet_counter.out_packets;
	ssh->silent_since = 0;
}

void
bas_ssh_auth_answer(struct bas_ssh *ssh, bool ok, const char *banner)
{
	if (!ssh->auth_waits || ssh->broken)
		return;
	ssh->auth_waits = false;
	if (!ok) {
		show_banner(ssh, banner);
		ssh_message_reply_default(ssh->kept);
	} else if (!ssh->proven) {
		ssh_message_auth_reply_pk_ok_simple(ssh->kept);
	} else {
		ssh_message_auth_reply_success(ssh->kept, 0);
		ssh->authenticated = true;
		ssh_message_free(ssh->kept);
		ssh->kept = NULL;
		bas_ssh_queue_clear(&ssh->auth);
		/* Only until the first command: a log line for each packet would cost. */
		ssh_set_log_level(SSH_LOG_PACKET);
	}
	bas_ssh_auth_mark(ssh);
	run_auth(ssh);
}

/*
 * libssh counts every packet. When some came, nothing went out and no message was made of
 * them for a while, it has dropped a request that the client waits for.
 */
void
bas_ssh_auth_break_silence(struct bas_ssh *ssh)
{
	int64_t now = bas_ssh_now_ms();

	if (ssh->authenticated || !ssh->service || ssh->auth_waits ||
	    ssh->packet_counter.out_packets != ssh->out_mark ||
	    ssh->packet_counter.in_packets == ssh->in_mark) {
		bas_ssh_auth_mark(ssh);
		return;
	}
	if (ssh->silent_since == 0)
		ssh->silent_since = now;
	if (now - ssh->silent_since < SILENCE_MS)
		return;
	if (!count_auth(ssh))
		return;
	if (ssh->kept != NULL)
		refuse_stranger(ssh);
	else
		ssh->broken = true;
	bas_ssh_auth_mark(ssh);
}

int
bas_ssh_auth_timeout(const struct bas_ssh *ssh)
{
	int64_t left;

	if (ssh->silent_since == 0)
		return -1;
	left = ssh->silent_since + SILENCE_MS - bas_ssh_now_ms();
	return left < 0 ? 0 : (int)left;
}

void
bas_ssh_auth_take(struct bas_ssh *ssh, ssh_message message)
{
	if (ssh->authenticated) {
		ssh_message_free(message);
		return;
	}
	if (!bas_ssh_queue_put(&ssh->auth, message)) {
		ssh_message_free(message);
		ssh->broken = true;
		return;
	}
	run_auth(ssh);
}
