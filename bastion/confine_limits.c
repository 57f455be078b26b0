/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confine_limits.c - memory, processes, processor time, files. setrlimit(2).
 */
#include "bastion/confine_parts.h"

#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define COMMAND_FILES 1024 /* descriptors */

/* Never raises a limit that was lower already. */
static bool
set_limit(__rlimit_resource_t resource, rlim_t value, const char *what, struct ca_why *why)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) != 0)
		return bas_confine_failed(what, why);
	if (limit.rlim_max == RLIM_INFINITY || value < limit.rlim_max)
		limit.rlim_max = value;
	limit.rlim_cur = limit.rlim_max;
	return setrlimit(resource, &limit) == 0 || bas_confine_failed(what, why);
}

/* A process that computes on every processor until its time is over, and no longer. */
static bool
limit_processor(unsigned seconds, struct ca_why *why)
{
	cpu_set_t set;
	rlim_t processors = 1024, most;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		processors = (rlim_t)CPU_COUNT(&set);
	most = processors * seconds;
	return seconds == 0 || set_limit(RLIMIT_CPU, most, "processor time", why);
}

bool
bas_limits_set(const struct bas_command *command, struct ca_why *why)
{
	const struct bas_confine *confine = &command->confine;

	if (!set_limit(RLIMIT_CORE, 0, "core size", why) ||
	    !set_limit(RLIMIT_NOFILE, COMMAND_FILES, "open files", why))
		return false;
	if (confine->file_size != 0 &&
	    !set_limit(RLIMIT_FSIZE, (rlim_t)confine->file_size, "file size", why))
		return false;
	if (confine->memory != 0 && !set_limit(RLIMIT_AS, (rlim_t)confine->memory, "memory", why))
		return false;
	return limit_processor(command->timeout, why);
}

bool
bas_limits_set_processes(
    const struct bas_confine *confine, unsigned beside, unsigned running, struct ca_why *why)
{
	rlim_t most = (rlim_t)confine->processes * (beside + 1) + running;

	return confine->processes == 0 || set_limit(RLIMIT_NPROC, most, "processes", why);
}

/* Threads of one process, 0 when it is another user's. /proc/PID itself belongs to root when the
 * process is non-dumpable, so its text has to be read. */
static unsigned
count_threads(const char *pid)
{
	char path[32], line[128];
	unsigned threads = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%.16s/status", pid);
	if ((file = fopen(path, "re")) == NULL)
		return 0;
	while (fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, "Uid:", 4) == 0 && strtoul(line + 4, NULL, 10) != getuid())
			break;
		if (strncmp(line, "Threads:", 8) == 0) {
			threads = (unsigned)strtoul(line + 8, NULL, 10);
			break;
		}
	}
	fclose(file);
	return threads;
}

unsigned
bas_limits_count_processes(void)
{
	DIR *folder = opendir("/proc");
	struct dirent *entry;
	unsigned count = 0;

	if (folder == NULL)
		return 0;
	while ((entry = readdir(folder)) != NULL)
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			count += count_threads(entry->d_name);
	closedir(folder);
	return count;
}
