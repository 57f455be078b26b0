/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - postern-recorder: list, replay and verify what was recorded.
 *
 * One table of verbs and one of options; --help is printed from them.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/text.h"
#include "catalog.h"
#include "player.h"
#include "program.h"

#define STATE_DEFAULT "/var/lib/postern"

static const struct verb {
	const char *name, *operands, *help;
	int min, max; /* operands; with --all there are none */
	int (*run)(struct rec_program *program);
} verbs[] = {
	{ "list", "", "all recordings", 0, 0, rec_cmd_list },
	{ "show", "ID", "what is known about one", 1, 1, rec_cmd_show },
	{ "play", "ID|FILE", "replay one on the terminal", 1, 1, rec_cmd_play },
	{ "cat", "ID|FILE", "print its output, escape sequences made visible", 1, 1, rec_cmd_cat },
	{ "verify", "[ID|--all]", "check seals, events and the log", 0, 1, rec_cmd_verify },
	{ "recover", "[ID|--all]", "close what a crash left open", 0, 1, rec_cmd_recover },
};

/* `verbs`: those that take it, NULL for all. */
static const struct option_row {
	int letter; /* above 255: none */
	const char *name, *argument, *verbs, *help;
} options[] = {
	{ 'C', "state", "FOLDER", NULL, "holds recordings/ and log/ (" STATE_DEFAULT ")" },
	{ 'j', "json", NULL, "list show verify", "for programs" },
	{ 's', "speed", "N", "play", "times as fast, 0.0625 to 64" },
	{ 'i', "idle", "SECONDS", "play", "no pause longer than this" },
	{ 'r', "raw", NULL, "cat", "the bytes as they were; not on a terminal" },
	{ 'a', "all", NULL, "verify recover", "every recording" },
	{ 'k', "key", "FILE", "verify recover", "the seal key (verify: its .pub)" },
	{ 'l', "log-key", "FILE", "verify", "the key of the log's checkpoints" },
	{ 'n', "no-log", NULL, "verify", "recordings only, for copies without their log" },
	{ 'h', "help", NULL, NULL, "this text" },
	{ 'V', "version", NULL, NULL, "the version" },
};

#define OPTIONS (sizeof(options) / sizeof(options[0]))
#define VERBS	(sizeof(verbs) / sizeof(verbs[0]))

static bool
verb_takes(const struct verb *verb, const struct option_row *option)
{
	return option->verbs == NULL || strstr(option->verbs, verb->name) != NULL;
}

/* `verb`: only what it takes; NULL: everything, and who takes it. */
static void
print_options(FILE *out, const struct verb *verb)
{
	for (size_t i = 0; i < OPTIONS; i++) {
		const char *verb_names = verb == NULL ? options[i].verbs : NULL;

		if (verb != NULL && !verb_takes(verb, &options[i]))
			continue;
		fprintf(out, "  -%c, --%-8s %-8s %s%s%s%s\n", options[i].letter, options[i].name,
		    options[i].argument != NULL ? options[i].argument : "", options[i].help,
		    verb_names != NULL ? " (" : "", verb_names != NULL ? verb_names : "",
		    verb_names != NULL ? ")" : "");
	}
}

static void
print_help(FILE *out)
{
	fputs("usage: postern-recorder [OPTION...] VERB [ID]\n\n", out);
	for (size_t i = 0; i < VERBS; i++)
		fprintf(out, "  %-8s %-11s %s\n", verbs[i].name, verbs[i].operands, verbs[i].help);
	fputc('\n', out);
	print_options(out, NULL);
	fputs("\nplay: space pauses, . steps, ] and [ change the speed, q ends\n"
	      "exit: 0 done, 1 refused or bad, 2 usage, 3 not found or not closed yet\n",
	    out);
}

static void
print_usage(FILE *out, const struct verb *verb)
{
	fprintf(out, "usage: postern-recorder [OPTION...] %s %s\n", verb->name, verb->operands);
}

static void
print_verb_help(const struct verb *verb)
{
	print_usage(stdout, verb);
	printf("%s\n\n", verb->help);
	print_options(stdout, verb);
}

int
rec_fail(int status, const struct ca_why *why)
{
	fprintf(stderr, "postern-recorder: %s\n", why->text);
	return status;
}

char *
rec_state_path(const struct rec_program *program, const char *name)
{
	char *path = NULL;

	if (asprintf(&path, "%s/%s", program->state, name) < 0)
		abort();
	return path;
}

char *
rec_shown(const char *text)
{
	char *shown = text == NULL ? strdup("-") : ca_text_escaped(text, strlen(text));

	if (shown == NULL)
		abort();
	return shown;
}

int
rec_open_recordings(const struct rec_program *program)
{
	char *path = rec_state_path(program, "recordings");
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct ca_why why;

	if (fd < 0) {
		ca_why_set(&why, "folder '%s': %s", path, strerror(errno));
		(void)rec_fail(REC_NOT_YET, &why);
	}
	free(path);
	return fd;
}

int
rec_open_recording(const struct rec_program *program, const char *id, int *status)
{
	size_t len = strlen(id);
	struct ca_why why = { "" };
	int folder_fd, fd;

	*status = REC_NOT_YET;
	if (strchr(id, '/') != NULL || (len > 5 && strcmp(id + len - 5, ".cast") == 0)) {
		fd = open(id, O_RDONLY | O_CLOEXEC);
		if (fd < 0) {
			ca_why_set(&why, "file '%s': %s", id, strerror(errno));
			(void)rec_fail(*status, &why);
		}
		return fd;
	}
	folder_fd = rec_open_recordings(program);
	if (folder_fd < 0)
		return -1;
	fd = rec_catalog_open(folder_fd, id, &why);
	if (fd < 0)
		(void)rec_fail(*status, &why);
	close(folder_fd);
	return fd;
}

static bool
parse_number(const char *text, double min, double max, double *out)
{
	char *end;

	errno = 0;
	*out = strtod(text, &end);
	return errno == 0 && end != text && *end == '\0' && *out >= min && *out <= max;
}

/* Takes one option; false after saying what is wrong with its value. */
static bool
take_option(struct rec_program *program, int letter, const char *value)
{
	bool ok = true;

	switch (letter) {
	case 'C':
		program->state = value;
		break;
	case 'j':
		program->json = true;
		break;
	case 's':
		ok = parse_number(value, REC_SPEED_MIN, REC_SPEED_MAX, &program->speed);
		break;
	case 'i':
		ok = parse_number(value, 0, 86400, &program->idle);
		break;
	case 'r':
		program->raw = true;
		break;
	case 'a':
		program->all = true;
		break;
	case 'k':
		program->key = value;
		break;
	case 'l':
		program->log_key = value;
		break;
	case 'n':
		program->no_log = true;
		break;
	default:
		return false; /* has been said */
	}
	if (!ok)
		fprintf(stderr, "postern-recorder: option -%c takes a number within its range\n",
		    letter);
	return ok;
}

/* getopt would say it too, but with the argument as it is. */
static void
complain_option(const char *argument)
{
	char letter[] = { '-', (char)optopt, '\0' };
	struct ca_why why;

	ca_why_set(&why, "option '%s' is unknown, misses its value or takes none",
	    optopt > ' ' && optopt < 0x7f ? letter : argument);
	fprintf(stderr, "postern-recorder: %s\n", why.text);
}

/* Options may stand before or behind the verb. Gives which were used, in `used`. */
static bool
parse_options(struct rec_program *program, int argc, char **argv, char used[static OPTIONS + 1])
{
	struct option table[OPTIONS + 1] = { { 0 } };
	char letters[OPTIONS * 2 + 1] = "";
	size_t n = 0, count = 0;
	int letter;

	for (size_t i = 0; i < OPTIONS; i++) {
		table[i] = (struct option){
			.name = options[i].name,
			.has_arg = options[i].argument != NULL,
			.val = options[i].letter,
		};
		letters[n++] = (char)options[i].letter;
		if (options[i].argument != NULL)
			letters[n++] = ':';
	}
	opterr = 0;
	while ((letter = getopt_long(argc, argv, letters, table, NULL)) != -1) {
		if (letter == '?')
			complain_option(argv[optind - 1]);
		if (letter == 'V') {
			puts("postern-recorder " POSTERN_VERSION);
			exit(REC_DONE);
		}
		if (letter != 'h' && !take_option(program, letter, optarg))
			return false;
		if (memchr(used, letter, count) == NULL)
			used[count++] = (char)letter;
	}
	return true;
}

static const struct verb *
find_verb(const char *name)
{
	for (size_t i = 0; i < VERBS; i++)
		if (name != NULL && strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

static bool
check_options(const struct verb *verb, const char *used)
{
	for (const char *letter = used; *letter != '\0'; letter++)
		for (size_t i = 0; i < OPTIONS; i++)
			if (options[i].letter == *letter && !verb_takes(verb, &options[i])) {
				fprintf(stderr, "postern-recorder: %s does not take -%c\n",
				    verb->name, *letter);
				return false;
			}
	return true;
}

int
main(int argc, char **argv)
{
	struct rec_program program = { .state = STATE_DEFAULT, .speed = 1, .idle = -1 };
	char used[OPTIONS + 1] = "";
	const struct verb *verb;
	struct ca_why why;

	/* a reader of our output that goes away is an error of writing, not a death */
	signal(SIGPIPE, SIG_IGN);
	if (!parse_options(&program, argc, argv, used))
		return REC_USAGE;
	verb = find_verb(argv[optind]);
	if (strchr(used, 'h') != NULL) {
		if (verb != NULL)
			print_verb_help(verb);
		else
			print_help(stdout);
		return REC_DONE;
	}
	if (verb == NULL) {
		if (argv[optind] != NULL) {
			ca_why_set(&why, "there is no verb '%s'", argv[optind]);
			(void)rec_fail(REC_USAGE, &why);
		}
		print_help(stderr);
		return REC_USAGE;
	}
	if (!check_options(verb, used))
		return REC_USAGE;
	program.argc = argc - optind - 1;
	program.argv = argv + optind + 1;
	if (program.argc < verb->min || program.argc > (program.all ? 0 : verb->max) ||
	    (verb->min == 0 && verb->max == 1 && program.argc == 0 && !program.all)) {
		print_usage(stderr, verb);
		return REC_USAGE;
	}
	return verb->run(&program);
}
