/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verbs.h - what postern-bastion can be asked to do on a command line:
 *
 *   postern-bastion [-f FILE]              serves
 *   postern-bastion [-f FILE] -t           checks
 *   postern-bastion [-f FILE] VERB ...
 *
 * Each verb is a file cmd_NAME.c with one function that prints, once, and gives the program's exit
 * status; with 2 main.c prints its usage. main.c takes -f and hands it on as `config`; argv[0] is
 * the verb itself (optind is 1), so that getopt(3) works on the rest. The table of verbs is in
 * main.c, and usage is printed from it.
 */
#ifndef BAS_VERBS_H
#define BAS_VERBS_H

/* Where the configuration is when no `-f FILE` names another. */
#define BAS_CONFIG_DEFAULT "/etc/postern/bastion.conf"

struct bas_verb {
	const char *name;
	const char *usage; /* what follows the name: "ROLE COMMAND..." */
	const char *help;  /* one line */
	int (*run)(const char *config, int argc, char **argv);
};

/* -t: reads and checks the configuration; prints what every command runs and what this
 * machine holds it with. 0 good, 1 not, 2 usage. */
int bas_cmd_test(const char *path, int argc, char **argv);
/* explain ROLE COMMAND...: what a command line would run, without running it.
 * 0 it would run, 1 it would not or the configuration is bad, 2 usage. */
int bas_cmd_explain(const char *path, int argc, char **argv);

/* serve, also without the word: runs the post. 0 told to stop, 1 failed, 2 usage. */
int bas_cmd_serve(const char *path, int argc, char **argv);
/* status [--json], kill SESSION, refuse GRANT: speak to the running post.
 * 0 done, 1 not, 2 usage, 3 no such session. */
int bas_cmd_status(const char *path, int argc, char **argv);
int bas_cmd_kill(const char *path, int argc, char **argv);
int bas_cmd_refuse(const char *path, int argc, char **argv);
/* room ROOM SPAWNER: becomes a room of a running post; in no usage, because only the post itself
 * can. */
int bas_cmd_room(const char *path, int argc, char **argv);

#endif
