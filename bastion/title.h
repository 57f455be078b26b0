/* SPDX-License-Identifier: Apache-2.0 */
/*
 * title.h - what ps shows, so that an operator can see the rooms.
 */
#ifndef BAS_TITLE_H
#define BAS_TITLE_H

/* Once, at the start of main: takes the memory of argv and the environment for the title, so that
 * it may be longer than argv was. Gives the copy of argv to use from then on. */
char **bas_title_init(int argc, char **argv);
/* "postern-bastion: " and this; also the thread's short name. Without bas_title_init only that. */
void bas_title_set(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
