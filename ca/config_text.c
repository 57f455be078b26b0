/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_text.c - joins a configuration's files and knows which line came from where.
 *
 * It reads just enough of libconfig's syntax (comments, strings) to see where an include may
 * stand, and refuses what libconfig would silently take for something else: a NUL, and two
 * strings with no comma between them, which libconfig glues together.
 */
#include "ca/config_text.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/file.h"

enum place { IN_CODE, IN_STRING, IN_LINE_COMMENT, IN_COMMENT };

/* One file being copied into the joined text. */
struct scan {
	struct ca_config_text *out;
	const char *path;
	unsigned file, line;
	unsigned depth;
	enum place place;
	unsigned opened; /* line on which a string or comment began */
	struct ca_why *why;
};

static bool add_file(struct ca_config_text *out, const char *path, unsigned depth,
    const uint8_t *data, size_t len, struct ca_why *why);

static bool
add_line(struct scan *scan, const uint8_t *data, size_t len)
{
	struct ca_config_text *out = scan->out;
	if (out->line_count == out->line_room) {
		size_t room = out->line_room ? out->line_room * 2 : 256;
		void *lines = realloc(out->lines, room * sizeof *out->lines);
		if (lines == NULL)
			return ca_why_set(scan->why, "out of memory");
		out->lines = lines;
		out->line_room = room;
	}
	out->lines[out->line_count++] = (struct ca_config_line){ scan->file, scan->line };
	ca_buf_put(&out->text, data, len);
	if (len == 0 || data[len - 1] != '\n')
		ca_buf_put_u8(&out->text, '\n');
	if (out->text.len > CA_CONFIG_MAX)
		return ca_why_set(scan->why, "%s:%u: the configuration is longer than %zu bytes",
		    scan->path, scan->line, CA_CONFIG_MAX);
	return true;
}

static bool
scan_code(struct scan *scan, const uint8_t *at, size_t left, size_t *used)
{
	bool two = left > 1;
	*used = 1;
	if (*at == '"') {
		if (scan->out->after_string)
			return ca_why_set(scan->why,
			    "%s:%u: two strings with no comma between them", scan->path,
			    scan->line);
		scan->place = IN_STRING;
		scan->opened = scan->line;
	} else if (*at == '#' || (two && at[0] == '/' && at[1] == '/')) {
		scan->place = IN_LINE_COMMENT;
	} else if (two && at[0] == '/' && at[1] == '*') {
		scan->place = IN_COMMENT;
		scan->opened = scan->line;
		*used = 2;
	} else if (*at == '@') {
		return ca_why_set(scan->why,
		    "%s:%u: '@include \"FILE\"' stands on a line of its own", scan->path,
		    scan->line);
	} else if (!isspace(*at)) {
		scan->out->after_string = false;
	}
	return true;
}

static bool
scan_string(struct scan *scan, const uint8_t *at, size_t left, size_t *used)
{
	*used = 1;
	if (*at == '\n') {
		/* libconfig would go on, and the mistake would show at some later quote */
		return ca_why_set(
		    scan->why, "%s:%u: a string is not closed", scan->path, scan->line);
	} else if (*at == '"') {
		scan->place = IN_CODE;
		scan->out->after_string = true;
	} else if (left > 1 && at[0] == '\\' && (at[1] == '"' || at[1] == '\\')) {
		*used = 2;
	} else if (left > 3 && memcmp(at, "\\x00", 4) == 0) {
		return ca_why_set(
		    scan->why, "%s:%u: a string may not contain NUL", scan->path, scan->line);
	}
	return true;
}

static bool
scan_line(struct scan *scan, const uint8_t *data, size_t len)
{
	size_t used;
	for (size_t at = 0; at < len; at += used) {
		used = 1;
		if (data[at] == 0)
			return ca_why_set(
			    scan->why, "%s:%u: the file contains NUL", scan->path, scan->line);
		if (scan->place == IN_CODE) {
			if (!scan_code(scan, data + at, len - at, &used))
				return false;
		} else if (scan->place == IN_STRING) {
			if (!scan_string(scan, data + at, len - at, &used))
				return false;
		} else if (scan->place == IN_COMMENT && len - at > 1 && data[at] == '*' &&
			   data[at + 1] == '/') {
			scan->place = IN_CODE;
			used = 2;
		}
	}
	if (scan->place == IN_LINE_COMMENT)
		scan->place = IN_CODE;
	return true;
}

/* Whether the line is an include; then *name (heap) is what it names, NULL when it is misspelt. */
static bool
read_include(const uint8_t *data, size_t len, char **name)
{
	static const char word[] = "@include";
	size_t at = 0;
	*name = NULL;
	while (at < len && (data[at] == ' ' || data[at] == '\t'))
		at++;
	if (len - at < sizeof word || memcmp(data + at, word, sizeof word - 1) != 0)
		return false;
	at += sizeof word - 1;
	while (at < len && (data[at] == ' ' || data[at] == '\t'))
		at++;
	size_t end = len;
	while (end > at && isspace(data[end - 1]))
		end--;
	if (end - at < 3 || data[at] != '"' || data[end - 1] != '"')
		return true;
	for (size_t i = at + 1; i < end - 1; i++)
		if (data[i] == '"' || data[i] == '\\' || data[i] < ' ')
			return true;
	*name = strndup((const char *)data + at + 1, end - at - 2);
	return true;
}

static bool
include_file(struct scan *scan, const char *name)
{
	char path[PATH_MAX];
	struct ca_buf data = { 0 };
	bool ok = false;
	const char *slash = strrchr(scan->path, '/');
	int folder = name[0] == '/' || slash == NULL ? 0 : (int)(slash - scan->path) + 1;
	int len = snprintf(path, sizeof path, "%.*s%s", folder, scan->path, name);

	if (len < 0 || (size_t)len >= sizeof path)
		ca_why_set(scan->why, "%s:%u: the path is too long", scan->path, scan->line);
	else if (scan->depth == CA_CONFIG_DEPTH)
		ca_why_set(scan->why, "%s:%u: files include each other more than %d deep",
		    scan->path, scan->line, CA_CONFIG_DEPTH);
	else if (!ca_file_read_trusted(path, CA_CONFIG_MAX, false, &data, scan->why))
		ca_why_prefix(scan->why, "%s:%u", scan->path, scan->line);
	else
		ok = add_file(scan->out, path, scan->depth + 1, data.data, data.len, scan->why);
	ca_buf_clear(&data);
	return ok;
}

static bool
scan_lines(struct scan *scan, const uint8_t *data, size_t len)
{
	for (size_t at = 0; at < len;) {
		const uint8_t *end = memchr(data + at, '\n', len - at);
		size_t line_len = end == NULL ? len - at : (size_t)(end - (data + at)) + 1;
		char *name;
		scan->line++;
		if (scan->place == IN_CODE && read_include(data + at, line_len, &name)) {
			if (name == NULL)
				return ca_why_set(scan->why,
				    "%s:%u: '@include \"FILE\"' stands on a line of its own",
				    scan->path, scan->line);
			bool ok = include_file(scan, name);
			free(name);
			if (!ok)
				return false;
		} else if (!scan_line(scan, data + at, line_len) ||
			   !add_line(scan, data + at, line_len)) {
			return false;
		}
		at += line_len;
	}
	if (scan->place != IN_CODE)
		return ca_why_set(scan->why, "%s:%u: a %s is not closed", scan->path, scan->opened,
		    scan->place == IN_STRING ? "string" : "comment");
	return true;
}

static bool
add_file(struct ca_config_text *out, const char *path, unsigned depth, const uint8_t *data,
    size_t len, struct ca_why *why)
{
	char **files = realloc(out->files, (out->file_count + 1) * sizeof *files);
	if (files == NULL)
		return ca_why_set(why, "out of memory");
	out->files = files;
	char *name = strdup(path);
	if (name == NULL)
		return ca_why_set(why, "out of memory");
	struct scan scan = { .out = out,
		.path = name,
		.file = (unsigned)out->file_count,
		.depth = depth,
		.why = why };
	files[out->file_count++] = name;
	return scan_lines(&scan, data, len);
}

bool
ca_config_text_parse(
    struct ca_config_text *out, const char *path, const void *data, size_t len, struct ca_why *why)
{
	*out = (struct ca_config_text){ 0 };
	if (!add_file(out, path, 1, data, len, why))
		goto fail;
	ca_buf_put_u8(&out->text, 0);
	if (ca_buf_ok(&out->text))
		return true;
	ca_why_set(why, "out of memory");
fail:
	ca_config_text_clear(out);
	return false;
}

bool
ca_config_text_load(struct ca_config_text *out, const char *path, struct ca_why *why)
{
	struct ca_buf data = { 0 };
	*out = (struct ca_config_text){ 0 };
	bool ok = ca_file_read_trusted(path, CA_CONFIG_MAX, false, &data, why) &&
		  ca_config_text_parse(out, path, data.data, data.len, why);
	ca_buf_clear(&data);
	return ok;
}

void
ca_config_text_clear(struct ca_config_text *text)
{
	ca_buf_clear(&text->text);
	free(text->lines);
	for (size_t i = 0; i < text->file_count; i++)
		free(text->files[i]);
	free(text->files);
	*text = (struct ca_config_text){ 0 };
}

const char *
ca_config_text_where(const struct ca_config_text *text, unsigned line, unsigned *file_line)
{
	*file_line = line;
	if (text->line_count == 0)
		return text->file_count > 0 ? text->files[0] : "";
	/* libconfig counts one line more at the end of the text */
	size_t at = line == 0 ? 0 : line > text->line_count ? text->line_count - 1 : line - 1;
	*file_line = text->lines[at].line;
	return text->files[text->lines[at].file];
}
