/* SPDX-License-Identifier: Apache-2.0 */
/* escaped_library.c - a shared library that says so when it is loaded. */
#include <stdio.h>

__attribute__((constructor)) static void
say(void)
{
	printf("esc%dape\n", 6 * 7);
	fflush(stdout);
}
