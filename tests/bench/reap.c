/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reap.c - runs a server and waits for all that it leaves behind.
 *
 *   reap COMMAND...
 *
 * sshd's monitor does not always wait for its child, and the processor time of a process that init
 * waits for is in nobody's account.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	sigset_t wanted, before;
	pid_t server;
	int number;

	sigemptyset(&wanted);
	sigaddset(&wanted, SIGCHLD);
	sigaddset(&wanted, SIGTERM);
	if (argc < 2 || prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0 ||
	    sigprocmask(SIG_BLOCK, &wanted, &before) != 0 || (server = fork()) < 0) {
		fprintf(stderr, "usage: reap COMMAND...\n");
		return 2;
	}
	if (server == 0) {
		sigprocmask(SIG_SETMASK, &before, NULL);
		prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
		execvp(argv[1], argv + 1);
		_exit(127);
	}
	for (;;) {
		pid_t gone;

		if (sigwait(&wanted, &number) == 0 && number == SIGTERM)
			kill(server, SIGTERM);
		while ((gone = waitpid(-1, NULL, WNOHANG)) > 0)
			;
		if (gone < 0)
			return 0;
	}
}
