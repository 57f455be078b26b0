/* SPDX-License-Identifier: Apache-2.0 */
/*
 * why.h - one sentence that tells a person why something failed.
 *
 * The caller owns it. It is written once, at the deepest place that knows,
 * without a capital, without a full stop, with the subject in single quotes.
 * Text that came from outside is escaped as it goes in, so that a sentence
 * may always be shown on a terminal or put into a log line.
 */
#ifndef CA_WHY_H
#define CA_WHY_H

#include <stdarg.h>

/* Marks a function whose result has to be looked at. */
#define CA_MUST_USE __attribute__((warn_unused_result))

#define CA_WHY_SIZE 512

struct ca_why {
	char text[CA_WHY_SIZE];
};

/*
 * Writes the sentence. `why` may be NULL. Returns false always, so that a
 * failing function can say `return ca_why_set(why, "...")`.
 */
_Bool ca_why_set(struct ca_why *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts `where: ` in front of a sentence already written. Returns false. */
_Bool ca_why_prefix(struct ca_why *why, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#ifdef __clang_analyzer__ /* which sees one file at a time, and has to be told */
#define ca_why_set(...)	   (ca_why_set(__VA_ARGS__) && 0)
#define ca_why_prefix(...) (ca_why_prefix(__VA_ARGS__) && 0)
#endif

#endif
