/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_conf.c - every file in conf/ is one that the programs read.
 *
 * Paths, users and programs of another machine are replaced; nothing else is.
 */
#include "../../bastion/config_read.h"
#include "bastion/call.h"
#include "ca/file.h"
#include "ca/sshsig.h"
#include "post.h"

static int
setup(void **state)
{
	static struct post post;
	post_make(&post);
	*state = &post;
	return 0;
}

static int
teardown(void **state)
{
	post_remove(*state);
	return 0;
}

static char *
read_shipped(const char *name)
{
	char path[128];
	struct ca_buf data = { 0 };
	struct ca_why why = { { 0 } };
	snprintf(path, sizeof path, "conf/%s", name);
	if (!ca_file_read(path, 65536, &data, &why))
		fail_msg("%s", why.text);
	return (char *)data.data;
}

static char *
replace(char *text, const char *old, const char *with)
{
	char *out = post_replace(text, old, with);
	free(text);
	return out;
}

/* A program that this machine lacks becomes one that it has. */
static char *
replace_programs(char *text)
{
	static const char mark[] = "argv = [ \"";
	struct ca_buf out = { 0 };
	const char *at = text, *found;
	while ((found = strstr(at, mark)) != NULL) {
		found += sizeof mark - 1;
		size_t len = strcspn(found, "\"");
		char *program = strndup(found, len);
		ca_buf_put(&out, at, (size_t)(found - at));
		ca_buf_put_text(&out, access(program, X_OK) == 0 ? program : "/bin/true");
		free(program);
		at = found + len;
	}
	ca_buf_put(&out, at, strlen(at) + 1);
	free(text);
	return (char *)out.data;
}

static char *
adapt(const struct post *post, char *text)
{
	text = replace(text, "/etc/postern/acme_identity", "/etc/postern/identity");
	text = replace(text, "/etc/postern", post->folder);
	text = replace(text, "\"postern\"", "\"64001:64001\"");
	text = replace(text, "\"postern-door\"", "\"64002:64002\"");
	text = replace(text, "\"postern-run\"", "\"64003:64003\"");
	text = replace(text, "\"postern-audit\"", "\"64004:64004\"");
	return replace_programs(text);
}

static struct bas_config *
load_gate(const struct post *post, uid_t euid)
{
	struct bas_config *config = NULL;
	struct ca_why why = { { 0 } };
	char path[128];
	static const char *const files[] = { "gate.conf", "roles/linux.conf", "roles/audit.conf" };
	snprintf(path, sizeof path, "%s/roles", post->folder);
	assert_true(mkdir(path, 0755) == 0 || access(path, X_OK) == 0);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		char *text = adapt(post, read_shipped(files[i]));
		post_write(post, files[i], text, 0644);
		free(text);
	}
	snprintf(path, sizeof path, "%s/gate.conf", post->folder);
	if (!bas_config_load_as(&config, path, euid, &why))
		fail_msg("%s", why.text);
	return config;
}

static void
the_gate_and_its_roles_are_read_by_root_and_by_a_user(void **state)
{
	struct bas_config *config = load_gate(*state, 0);
	assert_int_equal(config->role_count, 3);
	assert_int_equal(config->owner_uid, 64001);
	assert_non_null(config->krl);
	bas_config_free(config);
	bas_config_free(load_gate(*state, 1000));
}

static void
the_commands_of_the_samples_run_what_they_say(void **state)
{
	static const struct {
		const char *role, *line, *last;
	} cases[] = {
		{ "diagnostics", "query select 1 from system.one",
		    "--query=/* alice@vendor.example */ select 1 from system.one" },
		{ "diagnostics", "logs clickhouse-server", "--lines=200" },
		{ "diagnostics", "logs clickhouse-server --utc 5", "--utc" },
		{ "diagnostics", "tail server.log", "/var/log/clickhouse-server/server.log" },
		{ "linux", "disks --inodes", "--inodes" },
		{ "linux", "processes rss", "--sort=-rss" },
		{ "linux", "sockets", "/proc/1/net/tcp6" },
		{ "linux", "activity", "10" },
		{ "audit", "show 20261121-a1.2", "20261121-a1.2" },
	};
	static const struct bas_caller caller = { .identity = "alice@vendor.example",
		.grant = 42,
		.engineer = "alice@vendor.example",
		.recording = "a1.1" };
	struct bas_config *config = load_gate(*state, 0);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct bas_call call;
		enum bas_refusal refusal;
		struct ca_why why = { { 0 } };
		char **argv;
		size_t argc = 0;
		if (!bas_call_parse(&call, bas_config_role(config, cases[i].role), cases[i].line,
			strlen(cases[i].line), &refusal, &why) ||
		    !bas_call_argv(&argv, &call, &caller, &why))
			fail_msg("%s: %s", cases[i].line, why.text);
		while (argv[argc] != NULL)
			argc++;
		assert_string_equal(argv[argc - 1], cases[i].last);
		free(argv);
		bas_call_clear(&call);
	}
	bas_config_free(config);
}

/* The commented lines that show a key, with keys of today. */
static char *
uncomment(const struct post *post, const char *sample, size_t *lines)
{
	struct ca_buf out = { 0 };
	char *text = read_shipped(sample), *save = NULL;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char name[32], key[256];
		char *type = strstr(line, "ssh-ed25519");
		if (type != NULL && type - line > 3 && memcmp(type - 3, "sk-", 3) == 0)
			type -= 3;
		if (type == NULL || strstr(line, "AAAA...") == NULL)
			continue;
		snprintf(name, sizeof name, "%.16s%zu", sample, ++*lines);
		post_make_key(post, name);
		post_read_key(post, name, key, sizeof key);
		ca_buf_printf(&out, "%.*s%s\n", (int)(type - line - 2), line + 2, key);
	}
	free(text);
	ca_buf_put_u8(&out, 0);
	assert_true(ca_buf_ok(&out));
	return (char *)out.data;
}

static void
read_sample(const struct post *post, const char *sample, const char *ns, size_t expected)
{
	struct ca_allowed_signers *signers = NULL;
	struct ca_why why = { { 0 } };
	size_t lines = 0;
	char *text = uncomment(post, sample, &lines);
	if (!ca_allowed_signers_parse(&signers, sample, text, strlen(text), ns, &why))
		fail_msg("%s\n%s", why.text, text);
	assert_int_equal(lines, expected);
	assert_int_equal(signers->count, expected);
	ca_allowed_signers_free(signers);
	free(text);
	text = read_shipped(sample);
	if (!ca_allowed_signers_parse(&signers, sample, text, strlen(text), ns, &why))
		fail_msg("%s", why.text);
	ca_allowed_signers_free(signers);
	free(text);
}

static void
the_lines_that_the_samples_show_are_read(void **state)
{
	read_sample(*state, "approvers.sample", CA_NAMESPACE_GRANT, 5);
	read_sample(*state, "engineers.sample", NULL, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_gate_and_its_roles_are_read_by_root_and_by_a_user),
		cmocka_unit_test(the_commands_of_the_samples_run_what_they_say),
		cmocka_unit_test(the_lines_that_the_samples_show_are_read),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
