/* SPDX-License-Identifier: Apache-2.0 */
/* test_config.c - what a configuration may say, and the file and line of what it may not. */
#include "bastion/config.h"

#include <grp.h>
#include <limits.h>
#include <pwd.h>

#include "../../bastion/config_read.h"
#include "bastion/call.h"
#include "post.h"

#define SERVICE 1000 /* an effective uid that is not root's */

/* $D is the folder with the keys. Cases below name its lines. */
static const char good[] =
    /*  1 */ "environment = \"acme-prod\";\n"
	     /*  2 */ "listen = [ \"127.0.0.1:2222\", \"[::1]:0\" ];\n"
	     /*  3 */ "host_key = \"$D/host_key\";\n"
	     /*  4 */ "state = \"$D/state\";\n"
	     /*  5 */ "authorities = [ \"$D/authority.pub\" ];\n"
	     /*  6 */ "identities = [ \"$D/identity.pub\" ];\n"
	     /*  7 */ "approvers = \"$D/approvers\";\n"
	     /*  8 */ "krl = \"none\";\n"
	     /*  9 */ "linger = \"2m\"; # owner and door\n"
	     /* 10 */ "limits = { channels = 4; };\n"
	     /* 11 */ "roles = {\n"
	     /* 12 */ "  diagnostics = {\n"
	     /* 13 */ "    description = \"Look around\";\n"
	     /* 14 */ "    admits = \"grant\";\n"
	     /* 15 */ "    quorum = ( { of = [ \"*@vendor.example\" ]; need = 1; },\n"
	     /* 16 */ "               { of = [ \"*@acme.example\" ]; need = 1; } );\n"
	     /* 17 */ "    user = \"65534:65534\";\n"
	     /* 18 */ "    least = \"basic\";\n"
	     /* 19 */ "    output = \"16M\";\n"
	     /* 20 */ "    commands = (\n"
	     /* 21 */ "      { name = \"query\";\n"
	     /* 22 */ "        help = \"one query\";\n"
	     /* 23 */ "        argv = [ \"/bin/echo\", \"--user={engineer}\", \"{{x}} {sql}\" ];\n"
	     /* 24 */ "        parameters = (\n"
	     /* 25 */ "          { name = \"sql\"; type = \"text\"; max = 8192; rest = true; } );\n"
	     /* 26 */ "        timeout = 60;\n"
	     /* 27 */ "        confine = { read = [ \"/etc\" ]; connect = [ \"127.0.0.1:9000\" ];\n"
	     /* 28 */ "                    memory = \"512M\"; }; },\n"
	     /* 29 */ "      { name = \"logs\"; terminal = true;\n"
	     /* 30 */ "        argv = [ \"/bin/echo\", \"{unit}\", \"{lines}\", \"{since}\", "
	     "\"{all}\" ];\n"
	     /* 31 */ "        parameters = (\n"
	     /* 32 */ "          { name = \"unit\"; type = \"choice\"; of = [ \"a\", \"b\" ]; },\n"
	     /* 33 */ "          { name = \"lines\"; type = \"integer\"; min = 1; max = 99; "
	     "default = 20; },\n"
	     /* 34 */ "          { name = \"since\"; type = \"duration\"; default = \"30m\"; },\n"
	     /* 35 */ "          { name = \"all\"; type = \"flag\"; as = \"-a\"; } ); } );\n"
	     /* 36 */ "  };\n"
	     /* 37 */ "  audit = {\n"
	     /* 38 */ "    admits = \"identity\";\n"
	     /* 39 */ "    user = \"65534:65534\";\n"
	     /* 40 */ "    commands = ( { name = \"file\"; argv = [ \"/bin/cat\", \"{file}\" ];\n"
	     /* 41 */ "      parameters = ( { name = \"file\"; type = \"path\"; below = "
	     "\"/var/log\"; } ); } );\n"
	     /* 42 */ "  };\n"
	     /* 43 */ "};\n";

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

static bool
parse(const struct post *post, const char *text, uid_t euid, struct bas_config **out,
    struct ca_why *why)
{
	char path[128];
	char *whole = post_replace(text, "$D", post->folder);
	snprintf(path, sizeof path, "%s/bastion.conf", post->folder);
	bool ok = bas_config_parse(out, path, whole, strlen(whole), euid, why);
	free(whole);
	return ok;
}

static unsigned mistaken; /* sentences that were others than expected */

/* `good` with one change is refused with this `line: sentence`. */
static void
refused_as(
    const struct post *post, const char *old, const char *with, uid_t euid, const char *expected)
{
	struct bas_config *config = NULL;
	struct ca_why why = { { 0 } };
	char wanted[1024], *text = post_replace(good, old, with);
	char *sentence = post_replace(expected, "$D", post->folder);
	assert_non_null(strstr(good, old));
	if (parse(post, text, euid, &config, &why))
		fail_msg("'%s' for '%s' is not refused", with, old);
	assert_null(config);
	snprintf(wanted, sizeof wanted, "%s/bastion.conf:%s", post->folder, sentence);
	if (strcmp(why.text, wanted) != 0) {
		print_error("is  %s\nnot %s\n", why.text, wanted);
		mistaken++;
	}
	free(sentence);
	free(text);
}

static void
a_good_configuration_is_read_whole(void **state)
{
	struct bas_config *config = NULL;
	struct ca_why why = { { 0 } };
	if (!parse(*state, good, SERVICE, &config, &why))
		fail_msg("%s", why.text);
	assert_string_equal(config->environment, "acme-prod");
	assert_int_equal(config->listen_count, 2);
	assert_string_equal(config->listen[1], "[::1]:0");
	assert_int_equal(config->authority_count, 1);
	assert_int_equal(config->identity_count, 1);
	assert_int_equal(config->approvers->count, 2);
	assert_null(config->krl);
	assert_int_equal(config->linger, 120);
	assert_int_equal(config->limits.channels, 4);
	assert_int_equal(config->limits.unauthenticated, 64);
	assert_int_equal(config->limits.grace, 60);
	assert_non_null(strstr(config->seal_key, "/state/seal_key"));
	assert_null(config->owner);
	assert_int_equal(config->role_count, 2);
	bas_config_free(config);
}

static void
a_role_is_read_whole(void **state)
{
	struct bas_config *config = NULL;
	assert_true(parse(*state, good, SERVICE, &config, NULL));
	const struct bas_role *role = bas_config_role(config, "diagnostics");
	assert_non_null(role);
	assert_null(bas_config_role(config, "Diagnostics"));
	assert_string_equal(role->description, "Look around");
	assert_int_equal(role->admission.admits, CA_ADMITS_GRANT);
	assert_ptr_equal(role->admission.quorum, &role->quorum);
	assert_int_equal(role->quorum.group_count, 2);
	assert_string_equal(role->quorum.groups[1].of[0], "*@acme.example");
	assert_int_equal(role->uid, 65534);
	assert_int_equal(role->least, BAS_LEVEL_BASIC);
	assert_int_equal(role->output, 16 << 20);
	const struct bas_role *audit = bas_config_role(config, "audit");
	assert_int_equal(audit->admission.admits, CA_ADMITS_IDENTITY);
	assert_null(audit->admission.quorum);
	assert_int_equal(audit->least, BAS_LEVEL_FULL);
	assert_true(audit->output == UINT64_MAX);
	assert_null(bas_role_command(audit, "query"));
	bas_config_free(config);
}

static void
a_command_is_read_whole(void **state)
{
	struct bas_config *config = NULL;
	assert_true(parse(*state, good, SERVICE, &config, NULL));
	const struct bas_role *role = bas_config_role(config, "diagnostics");
	const struct bas_command *query = bas_role_command(role, "query");
	assert_int_equal(query->line, 21);
	assert_int_equal(query->argc, 3);
	assert_int_equal(query->timeout, 60);
	assert_false(query->terminal);
	assert_true(query->parameters[0].rest);
	assert_int_equal(query->parameters[0].max_len, 8192);
	assert_int_equal(query->confine.memory, 512 << 20);
	assert_string_equal(query->confine.connect[0], "127.0.0.1:9000");
	assert_int_equal(query->confine.write_count, 0);
	const struct bas_command *logs = bas_role_command(role, "logs");
	assert_true(logs->terminal);
	assert_string_equal(logs->parameters[1].fallback, "20");
	assert_string_equal(logs->parameters[2].fallback, "1800");
	assert_string_equal(logs->parameters[3].as, "-a");
	bas_config_free(config);
}

static const struct {
	const char *old, *with, *expected;
} wrong[] = {
	/* syntax */
	{ "state = \"$D/state\";", "state = ;", "4: syntax error" },
	{ "state = \"$D/state\";", "state = \"$D/state;", "4: a string is not closed" },
	{ "# owner and door", "/* owner and door", "9: a comment is not closed" },
	{ "krl = \"none\";", "krl = \"none\"; krl = \"none\";", "8: duplicate setting name" },
	{ "\"$D/authority.pub\" ]", "\"$D/authority.pub\" \"x\" ]",
	    "5: two strings with no comma between them" },
	{ "krl = \"none\";", "krl = \"no\\x00ne\";", "8: a string may not contain NUL" },
	{ "krl = \"none\";", "krl = @ \"none\";",
	    "8: '@include \"FILE\"' stands on a line of its own" },
	{ "krl = \"none\";\n", "krl = \"none\";\n@include \"x\" y\n",
	    "9: '@include \"FILE\"' stands on a line of its own" },
	{ "krl = \"none\";\n", "krl = \"none\";\n@include \"missing.conf\"\n",
	    "9: '$D/missing.conf': No such file or directory" },
	/* words and types */
	{ "linger =", "lingers =", "9: the configuration has no setting 'lingers'" },
	{ "channels = 4", "chanels = 4", "10: 'limits' has no setting 'chanels'" },
	{ "channels = 4", "channels = 0", "10: 'channels' is not a number from 1 to 1000000" },
	{ "channels = 4", "channels = 1000001",
	    "10: 'channels' is not a number from 1 to 1000000" },
	{ "channels = 4", "channels = 4.0", "10: 'channels' is not a number" },
	{ "channels = 4", "grace = \"soon\"",
	    "10: 'grace' is not a time like 90, \"30m\" or \"1h30m\", from 1 second to a year" },
	{ "limits = { channels = 4; }", "limits = 4", "10: 'limits' is not a group { ... }" },
	{ "linger = \"2m\"", "linger = true", "9: 'linger' is not a number" },
	{ "linger = \"2m\"", "linger = 0",
	    "9: 'linger' is not a time like 90, \"30m\" or \"1h30m\", from 1 second to a year" },
	{ "linger = \"2m\"", "linger = \"400d\"",
	    "9: 'linger' is not a time like 90, \"30m\" or \"1h30m\", from 1 second to a year" },
	/* who we are */
	{ "environment = \"acme-prod\";", "", "1: the configuration needs 'environment'" },
	{ "\"acme-prod\"", "5", "1: 'environment' is not text in double quotes" },
	{ "\"acme-prod\"", "\"acme prod\"",
	    "1: 'acme prod' is not a name: 1 to 64 of letters, digits, '.', '_', '@', '+', '-'" },
	{ "\"acme-prod\"", "\"gate\"", "1: 'gate' is a reserved word, not an environment" },
	{ "\"127.0.0.1:2222\", \"[::1]:0\"", "", "2: 'listen' names no address" },
	{ "[ \"127.0.0.1:2222\", \"[::1]:0\" ]", "\"127.0.0.1:22\"",
	    "2: 'listen' is not a list [ ... ] or ( ... )" },
	{ "127.0.0.1:2222", "localhost:2222",
	    "2: 'localhost:2222' is not an address and port like 127.0.0.1:22 or [::1]:22" },
	{ "127.0.0.1:2222", "127.0.0.1:65536",
	    "2: '127.0.0.1:65536' is not an address and port like 127.0.0.1:22 or [::1]:22" },
	{ "127.0.0.1:2222", "::1:22",
	    "2: '::1:22' is not an address and port like 127.0.0.1:22 or [::1]:22" },
	{ "$D/host_key", "host_key",
	    "3: 'host_key' is not an absolute path without '.', '..' or doubled slashes" },
	{ "$D/state", "$D/../state",
	    "4: '$D/../state' is not an absolute path without '.', '..' or doubled slashes" },
	{ "$D/state", "$D/state/",
	    "4: '$D/state/' is not an absolute path without '.', '..' or doubled slashes" },
	/* whom we trust */
	{ "authority.pub", "nobody.pub", "5: '$D/nobody.pub': No such file or directory" },
	{ "authority.pub", "approvers", "5: '$D/approvers': there is more than one line" },
	{ "authority.pub\"", "authority.pub\", \"$D/authority.pub\"",
	    "5: the same key stands here twice" },
	{ "[ \"$D/identity.pub\" ]", "\"$D/identity.pub\"",
	    "6: 'identities' is not a list of key files" },
	{ "identity.pub", "authority.pub", "6: one key is in 'authorities' and in 'identities'" },
	{ "authority.pub", "bob.pub",
	    "7: $D/approvers:1: the key of 'bob@vendor.example' is also one that signs "
	    "certificates" },
	{ "identity.pub", "carol.pub",
	    "7: $D/approvers:2: the key of 'carol@acme.example' is also one that signs "
	    "certificates" },
	{ "$D/approvers", "$D/nobody", "7: '$D/nobody': No such file or directory" },
	{ "krl = \"none\";", "", "1: the configuration needs 'krl'" },
	{ "krl = \"none\"", "krl = \"front door\"",
	    "8: 'krl' is \"front door\", but no front door is configured" },
	{ "krl = \"none\"", "krl = \"None\"",
	    "8: 'None' is not an absolute path without '.', '..' or doubled slashes" },
	{ "krl = \"none\";", "krl = \"none\"; krl_max_age = \"1h\";",
	    "8: 'krl_max_age' is set, but 'krl' is \"none\"" },
	{ "# owner and door", "owner = \"nobody-of-this-name\";",
	    "9: no such user: 'nobody-of-this-name'" },
	{ "# owner and door", "door = \"root\";",
	    "9: 'root' is root or in root's group, and nothing runs as that" },
	{ "# owner and door", "door = \"0:65534\";",
	    "9: '0:65534' is root or in root's group, and nothing runs as that" },
	{ "# owner and door", "door = \"65534:0\";",
	    "9: '65534:0' is root or in root's group, and nothing runs as that" },
	{ "# owner and door", "door = \"-1:7\";", "9: '-1:7' is not a user's name or uid:gid" },
	{ "# owner and door", "door = \"4294967295:7\";",
	    "9: '4294967295:7' is not a user's name or uid:gid" },
	/* roles */
	{ "admits = \"grant\"", "admit = \"grant\"",
	    "14: role 'diagnostics' has no setting 'admit'" },
	{ "admits = \"grant\";", "", "12: role 'diagnostics' needs 'admits'" },
	{ "admits = \"grant\"", "admits = \"anyone\"",
	    "14: 'admits' is \"grant\" or \"identity\", not 'anyone'" },
	{ "admits = \"grant\"", "admits = \"identity\"",
	    "15: role 'diagnostics' admits identities, whom nobody approves: 'quorum' has no "
	    "effect" },
	{ "admits = \"identity\"", "admits = \"grant\"",
	    "37: role 'audit' admits grants and needs 'quorum'" },
	{ "authorities = [ \"$D/authority.pub\" ];", "",
	    "12: role 'diagnostics' admits grants, but the configuration has no 'authorities'" },
	{ "approvers = \"$D/approvers\";", "",
	    "12: role 'diagnostics' admits grants, but the configuration has no 'approvers'" },
	{ "identities = [ \"$D/identity.pub\" ];", "",
	    "37: role 'audit' admits identities, but the configuration has no 'identities'" },
	{ "need = 1; },", "need = 2; },",
	    "15: role 'diagnostics': the quorum cannot be reached: the group of '*@vendor.example' "
	    "needs 2, "
	    "the approvers file lists 1" },
	{ "\"*@acme.example\"", "\"bob@*\"",
	    "15: role 'diagnostics': 'bob@vendor.example' is in two groups of the quorum" },
	{ "of = [ \"*@acme.example\" ]; need = 1;", "of = [ \"*@acme.example\" ];",
	    "16: a group of 'quorum' needs 'need'" },
	{ "\"*@acme.example\"", "", "16: 'of' lists 1 to 16 names" },
	{ "least = \"basic\"", "least = \"none\"",
	    "18: 'least' is \"full\", \"kernel\" or \"basic\", not 'none'" },
	{ "output = \"16M\"", "output = \"16 M\"",
	    "19: 'output' is not a number of bytes like 4096, \"512K\" or \"16M\"" },
	{ "output = \"16M\"", "output = -1",
	    "19: 'output' is not a number of bytes like 4096, \"512K\" or \"16M\"" },
	{ "Look around", "",
	    "13: 'description' is not one line of text, or has control characters" },
	{ "Look around", "Look\\x1b[0m",
	    "13: 'description' is not one line of text, or has control characters" },
	{ "Look around", "Look\xe2\x80\xae",
	    "13: 'description' is not one line of text, or has control characters" },
	{ "Look around", "Look\xff",
	    "13: 'description' is not one line of text, or has control characters" },
	{ "  audit =", "  help =", "37: 'help' cannot name a role" },
	{ "  audit =", "  * =", "37: '*' cannot name a role" },
	/* commands */
	{ "name = \"query\"", "name = \"help\"",
	    "21: 'help' is built in and cannot name a command" },
	{ "name = \"query\"", "name = \"exit\"",
	    "21: 'exit' is built in and cannot name a command" },
	{ "name = \"query\"", "name = \"logs\"", "29: a second command is called 'logs'" },
	{ "name = \"query\"", "name = \"Query\"",
	    "21: 'Query' is not a name of small letters, digits and '-', beginning with a letter" },
	{ "help = \"one", "halp = \"one", "22: command 'query' has no setting 'halp'" },
	{ "argv = [ \"/bin/cat\", \"{file}\" ];", "", "40: command 'file' needs 'argv'" },
	{ "argv = [ \"/bin/cat\", \"{file}\" ]", "argv = [ ]", "40: 'argv' names no program" },
	{ "/bin/cat", "/bin/no-such-program", "40: no such program: '/bin/no-such-program'" },
	{ "/bin/cat", "cat", "40: the program is not an absolute path: 'cat'" },
	{ "/bin/cat", "/etc/passwd", "40: '/etc/passwd' is not a program" },
	{ "/bin/cat", "/tmp", "40: '/tmp' is not a program" },
	{ "/bin/cat", "/bin/{file}", "40: the program is fixed and has no braces: '/bin/{file}'" },
	{ "/bin/cat", "$D/writable", "40: '$D/writable' may be written by others (mode 0777)" },
	{ "{{x}} {sql}", "{x} {sql}", "23: '{x}' is not a parameter of 'query'" },
	{ "{{x}} {sql}", "{sql",
	    "23: a brace without its partner in '{sql'; a literal brace is doubled" },
	{ "{{x}} {sql}", "}{sql}",
	    "23: a brace without its partner in '}{sql}'; a literal brace is doubled" },
	{ "{{x}} {sql}", "{{sql}}", "24: parameter 'sql' is not used in 'argv' of 'query'" },
	{ "\"{all}\"", "\"-{all}\"", "30: '{all}' is a flag and stands as a word of its own" },
	{ "connect = [ \"127.0.0.1:9000\" ]", "connect = [ \"127.0.0.1\" ]",
	    "27: '127.0.0.1' is not a host and port" },
	{ "connect = [ \"127.0.0.1:9000\" ]", "connect = [ \"127.1:9000\" ]",
	    "27: '127.1:9000' is not a host and port" },
	{ "connect = [ \"127.0.0.1:9000\" ]", "connect = [ \"db:0\" ]",
	    "27: 'db:0' is not a host and port" },
	{ "read = [ \"/etc\" ]", "read = [ \"etc\" ]",
	    "27: 'etc' is not an absolute path without '.', '..' or doubled slashes" },
	{ "terminal = true", "terminal = 1", "29: 'terminal' is not true or false" },
	{ "timeout = 60", "timeout = 0",
	    "26: 'timeout' is not a time like 90, \"30m\" or \"1h30m\", from 1 second to a year" },
	/* parameters */
	{ "type = \"choice\"", "type = \"enum\"",
	    "32: 'type' is text, integer, choice, duration, time, path or flag, not 'enum'" },
	{ "of = [ \"a\", \"b\" ];", "", "32: 'unit' is a choice and needs 'of'" },
	{ "of = [ \"a\", \"b\" ]", "of = [ ]", "32: 'of' lists no choice" },
	{ "of = [ \"a\", \"b\" ];", "of = [ \"a\" ]; max = 5;",
	    "32: 'unit' is a parameter of type choice, which has no setting 'max'" },
	{ "of = [ \"a\", \"b\" ];", "of = [ \"a\" ]; default = \"c\";",
	    "32: the default: 'unit' is one of a, not 'c'" },
	{ "of = [ \"a\", \"b\" ];", "of = [ \"a\" ]; default = \"a\";", NULL },
	{ "min = 1;", "min = 100;", "33: 'min' of 'lines' is more than its 'max'" },
	{ "default = 20", "default = 100",
	    "33: the default: 'lines' is not a whole number from 1 to 99: '100'" },
	{ "default = 20;", "", NULL },
	{ "type = \"duration\"; default = \"30m\"", "type = \"duration\"",
	    "34: 'since' has no default, but one before it has" },
	{ "default = \"30m\"", "default = \"30 m\"",
	    "34: the default: 'since' is not a duration like 90s, 30m or 1h from 1s to 49710d 6h: "
	    "'30 m'" },
	{ "\"30m\"", "\"30m\"; rest = true",
	    "34: 'since' is a parameter of type duration, which has no setting 'rest'" },
	{ "type = \"duration\"; default = \"30m\"", "type = \"text\"; default = \"\"", NULL },
	{ "type = \"duration\"; default = \"30m\"", "type = \"text\"; default = \"-\"", NULL },
	{ "name = \"since\"", "name = \"lines\"", "34: a second parameter is called 'lines'" },
	{ "name = \"since\"", "name = \"grant\"",
	    "34: 'grant' comes from the certificate and cannot name a parameter" },
	{ "type = \"choice\"; of = [ \"a\", \"b\" ];", "type = \"text\"; rest = true;",
	    "32: 'unit' takes the rest of the line and stands last" },
	{ "as = \"-a\"", "as = \"\"", "35: 'as' is empty" },
	{ "below = \"/var/log\";", "", "41: 'file' is a path and needs 'below'" },
	{ "below = \"/var/log\"", "below = \"/var/log/\"",
	    "41: '/var/log/' is not an absolute path without '.', '..' or doubled slashes" },
	{ "max = 8192", "max = 65537", "25: 'max' is longer than a command line, 65536 bytes" },
	{ "max = 8192", "max = 65536", NULL },
};

static void
each_mistake_is_refused_at_its_line(void **state)
{
	const struct post *post = *state;
	post_write(post, "writable", "", 0777);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		if (wrong[i].expected != NULL) {
			refused_as(post, wrong[i].old, wrong[i].with, SERVICE, wrong[i].expected);
			continue;
		}
		struct bas_config *config = NULL;
		struct ca_why why = { { 0 } };
		char *text = post_replace(good, wrong[i].old, wrong[i].with);
		if (!parse(post, text, SERVICE, &config, &why))
			fail_msg("%s", why.text);
		bas_config_free(config);
		free(text);
	}
	assert_int_equal(mistaken, 0);
}

static void
root_needs_a_user_for_each_room_and_role(void **state)
{
	const struct post *post = *state;
	struct bas_config *config = NULL;
	struct ca_why why = { { 0 } };
	const char *users = "# owner and door";
	refused_as(post, users, "", 0, "1: started as root, the configuration needs 'owner'");
	refused_as(post, users, "owner = \"11:11\";", 0,
	    "1: started as root, the configuration needs 'door'");
	refused_as(post, users, "owner = \"11:11\"; door = \"11:12\";", 0,
	    "9: 'owner' and 'door' are the same user");
	refused_as(post, users, "owner = \"65534:11\"; door = \"12:12\";", 0,
	    "12: role 'diagnostics' runs commands as the user of 'owner'");
	refused_as(post, "user = \"65534:65534\";\n    least", "least", 0,
	    "12: started as root, role 'diagnostics' needs 'user'");
	char *text = post_replace(good, users, "owner = \"11:11\"; door = \"12:12\";");
	if (!parse(post, text, 0, &config, &why))
		fail_msg("%s", why.text);
	assert_int_equal(config->owner_uid, 11);
	assert_int_equal(config->door_gid, 12);
	bas_config_free(config);
	free(text);
	assert_int_equal(mistaken, 0);
}

static void
a_user_may_be_a_name(void **state)
{
	struct bas_config *config = NULL;
	struct ca_why why = { { 0 } };
	const struct passwd *daemon = getpwnam("daemon");
	if (daemon == NULL)
		skip();
	char *text = post_replace(good, "\"65534:65534\"", "\"daemon\"");
	uid_t uid = daemon->pw_uid;
	if (!parse(*state, text, SERVICE, &config, &why))
		fail_msg("%s", why.text);
	assert_int_equal(config->roles[0].uid, uid);
	bas_config_free(config);
	free(text);
}

static void
included_lines_keep_their_own_file_and_number(void **state)
{
	const struct post *post = *state;
	struct bas_config *config = NULL;
	struct ca_why why = { { 0 } };
	char wanted[256];
	char *text = post_replace(good, "krl = \"none\";\n", "@include \"more.conf\"\n");
	post_write(post, "more.conf", "# nothing yet\n\nkrl = \"none\";", 0644);
	if (!parse(post, text, SERVICE, &config, &why))
		fail_msg("%s", why.text);
	bas_config_free(config);
	post_write(post, "more.conf", "# nothing yet\n\nkrl = 7;", 0644);
	assert_false(parse(post, text, SERVICE, &config, &why));
	snprintf(wanted, sizeof wanted, "%s/more.conf:3: 'krl' is not text in double quotes",
	    post->folder);
	assert_string_equal(why.text, wanted);
	post_write(post, "more.conf", "\n\n\n\n\nkrl = \"none\";\n", 0644);
	char *later = post_replace(text, "admits = \"grant\"", "admits = \"x\"");
	assert_false(parse(post, later, SERVICE, &config, &why));
	assert_non_null(strstr(why.text, "/bastion.conf:14: 'admits' is"));
	free(later);
	free(text);
}

static void
an_included_file_that_others_may_write_is_refused(void **state)
{
	const struct post *post = *state;
	struct bas_config *config = NULL;
	struct ca_why why = { { 0 } };
	char *text = post_replace(good, "krl = \"none\";\n", "@include \"loose.conf\"\n");
	post_write(post, "loose.conf", "krl = \"none\";\n", 0666);
	assert_false(parse(post, text, SERVICE, &config, &why));
	assert_non_null(strstr(why.text, "/bastion.conf:8: '"));
	assert_non_null(strstr(why.text, "may be written by others (mode 0666)"));
	free(text);
}

static void
files_that_include_each_other_end_in_a_sentence(void **state)
{
	const struct post *post = *state;
	struct bas_config *config = NULL;
	struct ca_why why = { { 0 } };
	post_write(post, "loop.conf", "@include \"loop.conf\"\n", 0644);
	assert_false(parse(post, "@include \"loop.conf\"\n", SERVICE, &config, &why));
	assert_non_null(strstr(why.text, "files include each other more than 4 deep"));
}

static void
strings_that_an_include_would_join_are_refused(void **state)
{
	const struct post *post = *state;
	struct bas_config *config = NULL;
	struct ca_why why = { { 0 } };
	char *text = post_replace(good, "krl = \"none\"", "krl = \"no\"\n@include \"tail.conf\"\n");
	post_write(post, "tail.conf", "\"ne\"\n", 0644);
	assert_false(parse(post, text, SERVICE, &config, &why));
	assert_non_null(strstr(why.text, "/tail.conf:1: two strings with no comma between them"));
	free(text);
}

static void
a_file_is_as_long_as_allowed_and_no_longer(void **state)
{
	const struct post *post = *state;
	struct bas_config *config = NULL;
	struct ca_why why = { { 0 } };
	char *whole = post_replace(good, "$D", post->folder);
	size_t len = strlen(whole);
	char *text = malloc(CA_CONFIG_MAX + 1);
	memcpy(text, whole, len);
	text[len] = '#';
	memset(text + len + 1, 'x', CA_CONFIG_MAX - len - 1);
	text[CA_CONFIG_MAX - 1] = '\n';
	text[CA_CONFIG_MAX] = '\n';
	if (!bas_config_parse(&config, "/x/bastion.conf", text, CA_CONFIG_MAX, SERVICE, &why))
		fail_msg("%s", why.text);
	bas_config_free(config);
	assert_false(
	    bas_config_parse(&config, "/x/bastion.conf", text, CA_CONFIG_MAX + 1, SERVICE, &why));
	assert_string_equal(
	    why.text, "/x/bastion.conf:45: the configuration is longer than 1048576 bytes");
	free(text);
	free(whole);
}

static void
nul_in_a_file_is_refused(void **state)
{
	struct bas_config *config = NULL;
	struct ca_why why = { { 0 } };
	(void)state;
	assert_false(bas_config_parse(&config, "/x/c", "a = 1;\n\0", 8, SERVICE, &why));
	assert_string_equal(why.text, "/x/c:2: the file contains NUL");
}

static void
an_empty_file_lacks_everything(void **state)
{
	struct bas_config *config = NULL;
	struct ca_why why = { { 0 } };
	(void)state;
	assert_false(bas_config_parse(&config, "/x/c", "", 0, SERVICE, &why));
	assert_non_null(strstr(why.text, "the configuration needs 'environment'"));
}

static void
load_reads_a_trusted_file(void **state)
{
	const struct post *post = *state;
	struct bas_config *config = NULL;
	struct ca_why why = { { 0 } };
	char path[128], *whole = post_replace(good, "$D", post->folder);
	snprintf(path, sizeof path, "%s/whole.conf", post->folder);
	post_write(post, "whole.conf", whole, 0644);
	if (!bas_config_load_as(&config, path, SERVICE, &why))
		fail_msg("%s", why.text);
	assert_string_equal(config->path, path);
	bas_config_free(config);
	post_write(post, "whole.conf", whole, 0664);
	assert_false(bas_config_load_as(&config, path, SERVICE, &why));
	assert_non_null(strstr(why.text, "may be written by others (mode 0664)"));
	assert_null(config);
	free(whole);
}

static void
parameters_are_as_many_as_allowed(void **state)
{
	struct ca_buf argv = { 0 }, parameters = { 0 };
	for (int i = 0; i < BAS_PARAMETERS_MAX; i++) {
		ca_buf_printf(&argv, ", \"{p%d}\"", i);
		ca_buf_printf(
		    &parameters, "%s{ name = \"p%d\"; type = \"time\"; }", i ? ", " : "", i);
	}
	for (int extra = 0; extra < 2; extra++) {
		struct ca_buf with = { 0 };
		struct bas_config *config = NULL;
		struct ca_why why = { { 0 } };
		if (extra)
			ca_buf_put_text(&parameters, ", { name = \"more\"; type = \"time\"; }");
		ca_buf_printf(&with, "[ \"/bin/cat\"%.*s ]; parameters = ( %.*s ); } );",
		    (int)argv.len, (const char *)argv.data, (int)parameters.len,
		    (const char *)parameters.data);
		ca_buf_put_u8(&with, 0);
		char *text = post_replace(good,
		    "[ \"/bin/cat\", \"{file}\" ];\n      parameters = ( { name = \"file\"; type = "
		    "\"path\"; "
		    "below = \"/var/log\"; } ); } );",
		    (const char *)with.data);
		assert_int_equal(parse(*state, text, SERVICE, &config, &why), !extra);
		if (extra)
			assert_non_null(strstr(why.text, "a command has at most 32 parameters"));
		bas_config_free(config);
		free(text);
		ca_buf_clear(&with);
	}
	ca_buf_clear(&argv);
	ca_buf_clear(&parameters);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_configuration_is_read_whole),
		cmocka_unit_test(a_role_is_read_whole),
		cmocka_unit_test(a_command_is_read_whole),
		cmocka_unit_test(each_mistake_is_refused_at_its_line),
		cmocka_unit_test(root_needs_a_user_for_each_room_and_role),
		cmocka_unit_test(a_user_may_be_a_name),
		cmocka_unit_test(included_lines_keep_their_own_file_and_number),
		cmocka_unit_test(an_included_file_that_others_may_write_is_refused),
		cmocka_unit_test(files_that_include_each_other_end_in_a_sentence),
		cmocka_unit_test(strings_that_an_include_would_join_are_refused),
		cmocka_unit_test(a_file_is_as_long_as_allowed_and_no_longer),
		cmocka_unit_test(nul_in_a_file_is_refused),
		cmocka_unit_test(an_empty_file_lacks_everything),
		cmocka_unit_test(load_reads_a_trusted_file),
		cmocka_unit_test(parameters_are_as_many_as_allowed),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
