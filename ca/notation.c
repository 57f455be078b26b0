/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notation.c - the few notations we read and write: numbers, times (RFC 3339),
 * durations, sizes, base64 (RFC 4648 section 4) and hex.
 */
#include "ca/text.h"

#include <stdio.h>
#include <string.h>

bool
ca_text_to_u64(const char *text, uint64_t max, uint64_t *out)
{
	uint64_t value = 0;

	if (text[0] == '\0' || (text[0] == '0' && text[1] != '\0'))
		return false;
	for (; *text != '\0'; text++) {
		uint64_t digit = (uint64_t)(*text - '0');

		if (*text < '0' || *text > '9' || value > (max - digit) / 10 || digit > max)
			return false;
		value = value * 10 + digit;
	}
	*out = value;
	return true;
}

/* Days since 1970-01-01 of a proleptic Gregorian date; years from 1970 on. */
static int64_t
days_before(int64_t year, int64_t month, int64_t day)
{
	static const int before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	int64_t y = year - 1;

	return 365 * (year - 1970) + (y / 4 - 1969 / 4) - (y / 100 - 1969 / 100) +
	       (y / 400 - 1969 / 400) + before[month - 1] + (leap && month > 2) + day - 1;
}

#define TIME_MAX ((int64_t)253402300799) /* 9999-12-31T23:59:59Z */

void
ca_time_format(int64_t time, char out[static CA_TIME_SIZE])
{
	int64_t days, rest, year, month = 12;

	if (time < 0 || time > TIME_MAX) {
		snprintf(out, CA_TIME_SIZE, "@%lld", (long long)time);
		return;
	}
	days = time / 86400;
	rest = time % 86400;
	year = 1970 + days / 366;
	while (days_before(year + 1, 1, 1) <= days)
		year++;
	while (days_before(year, month, 1) > days)
		month--;
	snprintf(out, CA_TIME_SIZE, "%04d-%02d-%02dT%02d:%02d:%02dZ", (int)year, (int)month,
	    (int)(days - days_before(year, month, 1)) + 1, (int)(rest / 3600),
	    (int)(rest / 60 % 60), (int)(rest % 60));
}

bool
ca_time_parse(const char *text, int64_t *out)
{
	static const char shape[] = "dddd-dd-ddTdd:dd:ddZ";
	char again[CA_TIME_SIZE];
	int64_t n[6] = { 0 };
	unsigned field = 0;

	if (strlen(text) != sizeof shape - 1)
		return false;
	for (size_t i = 0; shape[i] != '\0'; i++) {
		if (shape[i] == 'd' && text[i] >= '0' && text[i] <= '9')
			n[field] = n[field] * 10 + (text[i] - '0');
		else if (shape[i] == 'd' || text[i] != shape[i])
			return false;
		else
			field++;
	}
	if (n[0] < 1970 || n[1] < 1 || n[1] > 12 || n[2] < 1 || n[2] > 31 || n[3] > 23 ||
	    n[4] > 59 || n[5] > 59)
		return false;
	*out = days_before(n[0], n[1], n[2]) * 86400 + n[3] * 3600 + n[4] * 60 + n[5];
	/* The 30th of February comes out as a day in March. */
	ca_time_format(*out, again);
	return strcmp(again, text) == 0;
}

bool
ca_duration_parse(const char *text, uint32_t *out)
{
	static const struct {
		char unit;
		uint32_t seconds;
	} units[] = { { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };
	uint64_t total = 0, value;
	size_t next = 0;

	while (*text != '\0') {
		size_t digits = strspn(text, "0123456789");
		char number[16];
		char unit = text[digits] != '\0' ? text[digits] : 's';

		if (digits == 0 || digits >= sizeof number)
			return false;
		memcpy(number, text, digits);
		number[digits] = '\0';
		while (next < 4 && units[next].unit != unit)
			next++;
		if (next == 4 || !ca_text_to_u64(number, UINT32_MAX, &value))
			return false;
		total += value * units[next++].seconds;
		if (total > UINT32_MAX)
			return false;
		text += digits + (text[digits] != '\0');
	}
	*out = (uint32_t)total;
	return total > 0;
}

void
ca_duration_format(int64_t seconds, char out[static CA_TIME_SIZE])
{
	long long s = seconds > 0 ? seconds : 0;

	if (s >= 86400)
		snprintf(out, CA_TIME_SIZE, "%lldd %lldh", s / 86400, s / 3600 % 24);
	else if (s >= 3600)
		snprintf(out, CA_TIME_SIZE, "%lldh %lldm", s / 3600, s / 60 % 60);
	else if (s >= 60)
		snprintf(out, CA_TIME_SIZE, "%lldm %llds", s / 60, s % 60);
	else
		snprintf(out, CA_TIME_SIZE, "%llds", s);
}

bool
ca_size_parse(const char *text, uint64_t *out)
{
	static const char units[] = "KMGT";
	size_t digits = strspn(text, "0123456789");
	unsigned shift = 0;
	char number[24];
	uint64_t value;

	if (digits == 0 || digits >= sizeof number)
		return false;
	memcpy(number, text, digits);
	number[digits] = '\0';
	if (text[digits] != '\0') {
		const char *unit = strchr(units, text[digits]);

		if (unit == NULL || text[digits + 1] != '\0')
			return false;
		shift = 10 * (unsigned)(unit - units + 1);
	}
	if (!ca_text_to_u64(number, UINT64_MAX >> (shift + 1), &value))
		return false;
	*out = value << shift;
	return true;
}

static const char digits64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
ca_base64_encode(struct ca_buf *out, const void *data, size_t len)
{
	const uint8_t *next = data;

	for (; len > 0; next += 3) {
		size_t take = len < 3 ? len : 3;
		uint32_t group = (uint32_t)next[0] << 16;
		char text[4];

		group |= take > 1 ? (uint32_t)next[1] << 8 : 0;
		group |= take > 2 ? next[2] : 0;
		text[0] = digits64[group >> 18];
		text[1] = digits64[group >> 12 & 63];
		text[2] = take > 1 ? digits64[group >> 6 & 63] : '=';
		text[3] = take > 2 ? digits64[group & 63] : '=';
		ca_buf_put(out, text, sizeof text);
		len -= take;
	}
}

static int
digit64(char c)
{
	const char *place = c != '\0' ? strchr(digits64, c) : NULL;

	return place != NULL ? (int)(place - digits64) : -1;
}

/* One group of four; the unused bits of the last digit have to be zero. */
static bool
decode_group(struct ca_buf *out, const char *text, bool last)
{
	size_t pad = text[3] != '=' ? 0 : text[2] != '=' ? 1 : 2;
	uint32_t group = 0;
	uint8_t bytes[3];

	if (pad > 0 && !last)
		return false;
	for (size_t i = 0; i < 4; i++) {
		int digit = i < 4 - pad ? digit64(text[i]) : 0;

		if (digit < 0)
			return false;
		group = group << 6 | (uint32_t)digit;
	}
	if ((pad == 1 && (group & 0xff) != 0) || (pad == 2 && (group & 0xffff) != 0))
		return false;
	bytes[0] = (uint8_t)(group >> 16);
	bytes[1] = (uint8_t)(group >> 8);
	bytes[2] = (uint8_t)group;
	ca_buf_put(out, bytes, 3 - pad);
	return true;
}

bool
ca_base64_decode(struct ca_buf *out, const char *text, size_t len)
{
	if (len % 4 != 0)
		return false;
	for (size_t i = 0; i < len; i += 4)
		if (!decode_group(out, text + i, i + 4 == len))
			return false;
	return ca_buf_ok(out);
}

void
ca_hex_encode(struct ca_buf *out, const void *data, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *bytes = data;

	for (size_t i = 0; i < len; i++) {
		char text[2] = { digits[bytes[i] >> 4], digits[bytes[i] & 15] };

		ca_buf_put(out, text, sizeof text);
	}
}

static int
hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
ca_hex_decode(struct ca_buf *out, const char *text, size_t len)
{
	if (len % 2 != 0)
		return false;
	for (size_t i = 0; i < len; i += 2) {
		int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);

		if (high < 0 || low < 0)
			return false;
		ca_buf_put_u8(out, (uint8_t)(high << 4 | low));
	}
	return ca_buf_ok(out);
}
