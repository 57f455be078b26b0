/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confine_probe.c - what this machine reaches: found out by doing it, up to the exec.
 *
 * Once a process: what is forked later knows the answer, also when it has changed user since.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bastion/confine_layout.h"
#include "bastion/confine_parts.h"
#include "bastion/spawner_child.h"

#define NOBODY 65534 /* becomes it for the trial only */

static const struct bas_confinement *best;
static struct ca_why missing;
static const struct bas_confinement *tried;

/* Everything went well: there is nothing to say, and nothing is executed. */
static bool
apply_trial(const struct bas_launch *launch, struct ca_why *why)
{
	if (tried->apply(launch, why))
		why->text[0] = '\0';
	return false;
}

static bool
await_trial(const struct bas_child *child, struct ca_why *why)
{
	struct bas_report report;
	bool ok = recv(child->socket, &report, sizeof(report), 0) == (ssize_t)sizeof(report) &&
		  report.kind == BAS_REPORT_FAILED;

	if (!ok)
		return ca_why_set(why, "confinement: the trial ended without a word");
	if (report.why.text[0] != '\0')
		*why = report.why;
	return report.why.text[0] == '\0';
}

static bool
try_level(const struct bas_confinement *confinement, struct ca_why *why)
{
	struct bas_confinement trial = *confinement;
	const struct bas_command command = { .name = "trial" };
	const struct bas_role role = { .name = "trial", .uid = NOBODY, .gid = NOBODY };
	char path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *const argv[] = { path, NULL }, *const envp[] = { NULL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct bas_launch launch = { .role = &role,
		.command = &command,
		.argv = argv,
		.envp = envp,
		.fds = { null, null, null },
		.program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC) };
	struct bas_child child;
	bool ok = false;

	path[len < 0 ? 0 : len] = '\0';
	tried = confinement;
	trial.apply = apply_trial;
	if (null < 0 || launch.program < 0)
		ca_why_set(why, "confinement: no trial: %s", strerror(errno));
	else if (bas_child_start(&child, &trial, &launch, why)) {
		ok = await_trial(&child, why);
		bas_child_kill(&child);
		close(child.socket);
		while (waitpid(child.init, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (null >= 0)
		close(null);
	if (launch.program >= 0)
		close(launch.program);
	return ok;
}

const struct bas_confinement *
bas_confine_best(struct ca_why *why)
{
	const struct bas_confinement *high =
	    geteuid() == 0 ? &bas_confine_full : &bas_confine_kernel;

	if (best != NULL)
		return best;
	if (!bas_calls_prepare(why) || !bas_layout_prepare(why))
		return NULL;
	if (try_level(high, &missing)) {
		if (high->level == BAS_LEVEL_KERNEL)
			ca_why_set(&missing, "the service was not started as root");
		return best = high;
	}
	if (!try_level(&bas_confine_basic, why))
		return NULL;
	return best = &bas_confine_basic;
}

const char *
bas_confine_missing(void)
{
	return missing.text;
}
