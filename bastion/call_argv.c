/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call_argv.c - from a judged call to the words that are executed.
 *
 * A word of the template gives one word, or none when it is a flag that was not given. Values are
 * put in as they are: nothing reads them again before the program does.
 */
#include "bastion/call.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ca/text.h"
#include "template.h"

static void
put_reserved(struct ca_buf *out, const struct bas_piece *piece, const struct bas_caller *caller)
{
	if (caller == NULL)
		ca_buf_printf(out, "{%.*s}", (int)piece->len, piece->text);
	else if (bas_piece_is(piece, "grant"))
		ca_buf_printf(out, "%" PRIu64, caller->grant);
	else if (bas_piece_is(piece, "identity"))
		ca_buf_put_text(out, caller->identity);
	else if (bas_piece_is(piece, "engineer"))
		ca_buf_put_text(out, caller->engineer);
	else
		ca_buf_put_text(out, caller->recording);
}

/* The value of the parameter that the piece names; checked at load that there is one. */
static const char *
find_value(const struct bas_call *call, const struct bas_piece *piece)
{
	for (size_t i = 0; i < call->value_count; i++)
		if (bas_piece_is(piece, call->command->parameters[i].name))
			return call->values[i];
	return NULL;
}

static bool
is_absent_flag(const struct bas_call *call, const char *word)
{
	for (size_t i = 0; i < call->value_count; i++)
		if (call->values[i] == NULL &&
		    bas_template_is_just(word, call->command->parameters[i].name))
			return true;
	return false;
}

static bool
put_word(struct ca_buf *out, const struct bas_call *call, const char *word,
    const struct bas_caller *caller, struct ca_why *why)
{
	for (;;) {
		struct bas_piece piece = bas_template_next(&word);
		if (piece.kind == BAS_PIECE_END)
			break;
		if (piece.kind == BAS_PIECE_TEXT) {
			ca_buf_put(out, piece.text, piece.len);
		} else if (bas_template_is_reserved_piece(&piece)) {
			put_reserved(out, &piece, caller);
		} else {
			const char *value = find_value(call, &piece);
			if (value == NULL)
				return ca_why_set(why,
				    "'%.*s' in the template of '%s' has no value", (int)piece.len,
				    piece.text, call->command->name);
			ca_buf_put_text(out, value);
		}
		if (out->len > BAS_ARGV_MAX)
			break;
	}
	ca_buf_put_u8(out, 0);
	return true;
}

/* The names come from a judged certificate; a template may rely on what a name cannot contain. */
static bool
check_caller(const struct bas_caller *caller, struct ca_why *why)
{
	if (caller == NULL)
		return true;
	const char *const names[] = { caller->identity, caller->engineer, caller->recording };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i] == NULL || !ca_text_is_name(names[i]))
			return ca_why_set(why, "'%.80s' is not a name that a command can be given",
			    names[i] == NULL ? "" : names[i]);
	return true;
}

static char **
index_words(const struct ca_buf *words, size_t count)
{
	char **argv = malloc((count + 1) * sizeof *argv + words->len);
	if (argv == NULL)
		return NULL;
	char *text = (char *)(argv + count + 1);
	memcpy(text, words->data, words->len);
	for (size_t i = 0; i < count; i++) {
		argv[i] = text;
		text += strlen(text) + 1;
	}
	argv[count] = NULL;
	return argv;
}

bool
bas_call_argv(
    char ***out, const struct bas_call *call, const struct bas_caller *caller, struct ca_why *why)
{
	struct ca_buf words = { 0 };
	size_t count = 0;
	bool ok = false;

	*out = NULL;
	if (call->kind != BAS_CALL_RUN)
		return ca_why_set(why, "a built-in runs no program");
	if (!check_caller(caller, why))
		return false;
	for (size_t i = 0; i < call->command->argc; i++) {
		if (is_absent_flag(call, call->command->argv[i]))
			continue;
		if (!put_word(&words, call, call->command->argv[i], caller, why))
			goto out;
		count++;
		if (words.len > BAS_ARGV_MAX) {
			ca_why_set(
			    why, "the program's arguments are longer than %d bytes", BAS_ARGV_MAX);
			goto out;
		}
	}
	if (ca_buf_ok(&words) && words.data != NULL)
		*out = index_words(&words, count);
	ok = *out != NULL || ca_why_set(why, "out of memory");
out:
	ca_buf_clear(&words);
	return ok;
}
