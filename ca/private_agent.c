/* SPDX-License-Identifier: Apache-2.0 */
/*
 * private_agent.c - an ssh-agent of our own, for keys with a passphrase.
 *
 * It must not outlive us, yet ssh-agent is set-group-id in Debian, and executing
 * such a program clears PR_SET_PDEATHSIG. So a guard stands between: a fork of us that is
 * told of our death, ends the agent, removes its folder and goes.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ca/signer_kind.h"

#define PATH_SIZE 96 /* fits a socket's address */

extern char **environ;

struct ca_private_agent {
	char folder[PATH_SIZE];
	char socket[PATH_SIZE];
	pid_t guard;
};

static void
reap(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/*
 * The absolute path of a program of OpenSSH's, from PATH; the caller frees it. (The
 * library's own search would hand what the kernel cannot execute to a shell.)
 */
static char *
find_tool(const char *name)
{
	const char *folder = getenv("PATH");
	char *path = NULL;

	while (folder != NULL && *folder != '\0') {
		size_t len = strcspn(folder, ":");

		if (*folder == '/' && asprintf(&path, "%.*s/%s", (int)len, folder, name) >= 0) {
			if (access(path, X_OK) == 0)
				return path;
			free(path);
		}
		folder += len + (folder[len] == ':');
	}
	return NULL;
}

/* In the guard's child. The signals are blocked in the guard, and would stay so. */
static _Noreturn void
become_agent(const char *socket)
{
	char *tool = find_tool("ssh-agent");
	sigset_t none;

	signal(SIGTERM, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (tool != NULL)
		execl(tool, "ssh-agent", "-D", "-a", socket, (char *)NULL);
	_exit(127);
}

/* Keeps no descriptor of the caller's, and leaves its terminal, so that ^C goes past the agent. */
static void
leave_caller(int ready)
{
	int null = open("/dev/null", O_RDWR);

	setsid();
	prctl(PR_SET_DUMPABLE, 0);
	if (null < 0 || dup2(ready, STDOUT_FILENO) < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(null, STDERR_FILENO) < 0 || close_range(3, ~0U, 0) != 0)
		_exit(1);
}

/*
 * SIGTERM says that we are gone, SIGCHLD that the agent is; all signals are blocked already.
 * `ready` becomes the agent's stdout, where it prints its address as soon as it listens.
 */
static _Noreturn void
run_guard(const struct ca_private_agent *agent, pid_t parent, int ready)
{
	sigset_t watched;
	pid_t child;

	leave_caller(ready);
	signal(SIGCHLD, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	sigemptyset(&watched);
	sigaddset(&watched, SIGTERM);
	sigaddset(&watched, SIGCHLD);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	child = getppid() == parent ? fork() : -1;
	if (child == 0)
		become_agent(agent->socket);
	close(STDOUT_FILENO);
	if (child > 0) {
		while (sigwaitinfo(&watched, NULL) < 0 && errno == EINTR)
			;
		kill(child, SIGKILL);
		reap(child);
	}
	unlink(agent->socket);
	rmdir(agent->folder);
	_exit(0);
}

static bool
make_folder(struct ca_private_agent *agent, struct ca_why *why)
{
	const char *base = getenv("XDG_RUNTIME_DIR");

	if (base == NULL || base[0] != '/' || strlen(base) > PATH_SIZE / 2)
		base = "/tmp";
	snprintf(agent->folder, sizeof(agent->folder), "%s/postern-agent-XXXXXX", base);
	if (mkdtemp(agent->folder) == NULL)
		return ca_why_set(why, "folder '%s': %s", agent->folder, strerror(errno));
	snprintf(agent->socket, sizeof(agent->socket), "%.*s/s", PATH_SIZE - 3, agent->folder);
	return true;
}

/* Whether the agent said that it listens; the end of the pipe says that it is gone. */
static bool
wait_until_ready(int fd)
{
	char first;
	ssize_t n;

	do
		n = read(fd, &first, 1);
	while (n < 0 && errno == EINTR);
	return n == 1;
}

bool
ca_private_agent_start(struct ca_private_agent **out, struct ca_why *why)
{
	struct ca_private_agent *agent = calloc(1, sizeof(*agent));
	pid_t parent = getpid();
	sigset_t all, before;
	int ready[2];

	if (agent == NULL)
		return ca_why_set(why, "out of memory");
	if (!make_folder(agent, why)) {
		free(agent);
		return false;
	}
	if (pipe2(ready, O_CLOEXEC) != 0) {
		ca_private_agent_free(agent);
		return ca_why_set(why, "cannot start ssh-agent: %s", strerror(errno));
	}
	/* None of the caller's handlers may run in the guard. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	agent->guard = fork();
	if (agent->guard == 0)
		run_guard(agent, parent, ready[1]);
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(ready[1]);
	bool ok = agent->guard > 0 && wait_until_ready(ready[0]);

	close(ready[0]);
	if (!ok) {
		ca_private_agent_free(agent);
		return ca_why_set(why, "cannot start ssh-agent");
	}
	*out = agent;
	return true;
}

/* Our environment with another SSH_AUTH_SOCK, borrowed but for the array. */
static char **
environment_with(char *assignment)
{
	size_t count = 0, used = 0;
	char **copy;

	while (environ != NULL && environ[count] != NULL)
		count++;
	copy = calloc(count + 2, sizeof(char *));
	if (copy == NULL)
		return NULL;
	for (size_t i = 0; i < count; i++)
		if (strncmp(environ[i], "SSH_AUTH_SOCK=", 14) != 0)
			copy[used++] = environ[i];
	copy[used] = assignment;
	return copy;
}

/* ssh-add reads a passphrase from its stdin if it can: it gets the terminal, and never our input.
 */
static bool
run_ssh_add(const char *path, char **environment)
{
	char *argv[] = { "ssh-add", "-q", "-k", "--", (char *)path, NULL };
	int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	const char *input = terminal >= 0 ? "/dev/tty" : "/dev/null";
	posix_spawn_file_actions_t actions;
	char *tool = find_tool(argv[0]);
	int status = -1;
	pid_t pid;

	if (terminal >= 0)
		close(terminal);
	if (posix_spawn_file_actions_init(&actions) != 0) {
		free(tool);
		return false;
	}
	if (tool != NULL &&
	    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, input, O_RDWR, 0) == 0 &&
	    posix_spawn(&pid, tool, &actions, NULL, argv, environment) == 0)
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	posix_spawn_file_actions_destroy(&actions);
	free(tool);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool
ca_private_agent_add(struct ca_private_agent *agent, const char *key_path, struct ca_why *why)
{
	char assignment[sizeof("SSH_AUTH_SOCK=") + PATH_SIZE];
	struct ca_buf path = { 0 };
	char **environment;
	bool ok;

	snprintf(assignment, sizeof(assignment), "SSH_AUTH_SOCK=%s", agent->socket);
	environment = environment_with(assignment);
	/* ssh-add takes the bare name '-' for its input. */
	ca_buf_printf(&path, "%s%s", key_path[0] == '/' ? "" : "./", key_path);
	ok = environment != NULL && ca_buf_ok(&path) &&
	     run_ssh_add((const char *)path.data, environment);
	ca_buf_clear(&path);
	free(environment);
	return ok || ca_why_set(why, "'%s': ssh-add could not unlock the key", key_path);
}

const char *
ca_private_agent_socket(const struct ca_private_agent *agent)
{
	return agent->socket;
}

void
ca_private_agent_free(struct ca_private_agent *agent)
{
	if (agent == NULL)
		return;
	if (agent->guard > 0) {
		kill(agent->guard, SIGTERM);
		reap(agent->guard);
	}
	/* The guard did this, unless it was killed or never was. */
	unlink(agent->socket);
	rmdir(agent->folder);
	free(agent);
}
