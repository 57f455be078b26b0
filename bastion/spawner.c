/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spawner.c - nurseries bring keepers, keepers ask for commands, inits report on them.
 *
 * Every descriptor is in one epoll set, each behind a `watch` that says whose it is. Things that
 * end within a batch of events are marked and freed behind it, for a later event of the batch may
 * name them.
 */
#include "bastion/spawner.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bastion/frame.h"
#include "bastion/spawner_child.h"
#include "bastion/spawner_request.h"

#define BATCH		    32
#define INIT_GRACE	    500 /* milliseconds for an init that is no namespace's to kill its tree */
#define COMMANDS_PER_KEEPER 64 /* one a channel, and a few that are still dying */

enum kind { NURSERY, KEEPER, COMMAND };

/* First member of what it stands for. */
struct watch {
	enum kind kind;
	int fd; /* -1: ended */
	int epoll;
};

/* One configuration and who came under it. */
struct nursery {
	struct watch watch;
	struct bas_config *config;
	size_t keepers;
	struct nursery *next;
};

struct keeper {
	struct watch watch;
	struct nursery *nursery;
	size_t commands;
	struct keeper *next;
};

struct command {
	struct watch watch;    /* its fd is child.socket */
	struct keeper *keeper; /* NULL: nobody waits for it */
	uint32_t tag;
	uid_t uid;
	struct bas_child child;
	uint64_t killed; /* CLOCK_MONOTONIC in milliseconds when its end was demanded, or 0 */
	bool answered;	 /* BAS_F_SPAWNED was sent */
	bool reported;	 /* `report` says how it ended */
	bool reaped;	 /* the init is gone */
	struct bas_report report;
	struct command *next;
};

struct bas_spawner {
	int epoll;
	const struct bas_confinement *confinement;
	struct nursery *nurseries;
	struct keeper *keepers;
	struct command *commands;
	uint8_t buf[BAS_FRAME_MAX];
};

static bool
watch_add(struct bas_spawner *spawner, struct watch *watch)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = watch };
	int flags = fcntl(watch->fd, F_GETFL);

	watch->epoll = spawner->epoll;
	return flags >= 0 && fcntl(watch->fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
	       epoll_ctl(spawner->epoll, EPOLL_CTL_ADD, watch->fd, &event) == 0;
}

static void
watch_end(struct watch *watch)
{
	if (watch->fd < 0)
		return;
	/* Closing alone is not enough: an init that was just forked may still have it too, and then
	 * the set would go on to name a watch that is freed (epoll(7)). */
	(void)epoll_ctl(watch->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
	close(watch->fd);
	watch->fd = -1;
}

static uint64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void
command_close(struct command *command)
{
	watch_end(&command->watch);
	command->child.socket = -1;
}

static void
command_kill(struct command *command)
{
	if (command->reaped)
		return;
	bas_child_kill(&command->child);
	if (command->killed == 0)
		command->killed = now_ms();
}

/* Its trees die at once; nobody is told of their end. */
static void
keeper_end(struct bas_spawner *spawner, struct keeper *keeper)
{
	if (keeper->watch.fd < 0)
		return;
	watch_end(&keeper->watch);
	for (struct command *command = spawner->commands; command != NULL;
	     command = command->next) {
		if (command->keeper != keeper)
			continue;
		command->keeper = NULL;
		command_kill(command);
	}
}

static void
keeper_tell(struct bas_spawner *spawner, struct keeper *keeper, enum bas_frame_type type,
    struct ca_buf *payload)
{
	if (keeper != NULL && keeper->watch.fd >= 0 &&
	    !bas_frame_send(keeper->watch.fd, type, payload, NULL, 0))
		keeper_end(spawner, keeper);
	ca_buf_clear(payload);
}

static void
tell_spawned(struct bas_spawner *spawner, struct keeper *keeper, uint32_t tag, pid_t pid,
    const struct ca_why *why)
{
	struct ca_buf payload = { 0 };

	bas_spawn_answer_put(&payload, tag, pid, why);
	keeper_tell(spawner, keeper, BAS_F_SPAWNED, &payload);
}

/* A status as from waitpid. A tree that was killed as a whole ended by KILL. */
static void
tell_gone(struct bas_spawner *spawner, struct command *command)
{
	struct ca_buf payload = { 0 };
	int status = command->reported ? command->report.status : SIGKILL;
	uint64_t cpu = command->reported ? command->report.cpu : 0;

	bas_spawn_end_put(&payload, command->tag, status, cpu);
	keeper_tell(spawner, command->keeper, BAS_F_GONE, &payload);
}

/* The tree is gone: answers, once. */
static void
command_answer(struct bas_spawner *spawner, struct command *command)
{
	static const struct ca_why killed = { "the command was ended before it ran" };

	if (command->keeper != NULL && command->answered)
		tell_gone(spawner, command);
	else if (command->keeper != NULL)
		tell_spawned(spawner, command->keeper, command->tag, 0, &killed);
	if (command->keeper != NULL)
		command->keeper->commands--;
	command->keeper = NULL;
}

/* What the init has to say. The end of its socket alone says nothing: the tree is gone when it is
 * reaped. */
static void
command_report(struct bas_spawner *spawner, struct command *command)
{
	struct bas_report report;
	ssize_t got = recv(command->watch.fd, &report, sizeof(report), MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got != (ssize_t)sizeof(report)) {
		command_close(command);
		return;
	}
	switch (report.kind) {
	case BAS_REPORT_STARTED:
		command->answered = true;
		tell_spawned(
		    spawner, command->keeper, command->tag, command->child.init, &report.why);
		break;
	case BAS_REPORT_FAILED:
		tell_spawned(spawner, command->keeper, command->tag, 0, &report.why);
		if (command->keeper != NULL)
			command->keeper->commands--;
		command->keeper = NULL;
		break;
	case BAS_REPORT_ENDED:
		command->reported = true;
		command->report = report;
		command_answer(spawner, command); /* only the init is left, with nothing of it */
		break;
	}
}

static struct command *
find_command(struct bas_spawner *spawner, const struct keeper *keeper, uint32_t tag)
{
	for (struct command *command = spawner->commands; command != NULL; command = command->next)
		if (command->keeper == keeper && command->tag == tag)
			return command;
	return NULL;
}

static unsigned
count_beside(const struct bas_spawner *spawner, uid_t uid)
{
	unsigned count = 0;

	for (const struct command *one = spawner->commands; one != NULL; one = one->next)
		count += !one->reaped && one->uid == uid;
	return count;
}

/* Opens, checks, forks; the answer comes with the init's first report. */
static bool
start_command(struct bas_spawner *spawner, struct keeper *keeper,
    const struct bas_spawn_request *request, const struct bas_frame *frame, struct ca_why *why)
{
	struct bas_launch launch = { .argv = request->argv,
		.envp = request->envp,
		.terminal = request->terminal,
		.fds = { frame->fds[0], frame->fds[1], frame->fds[2] },
		.program = -1 };
	struct command *command = NULL;
	bool result = false;

	if (!bas_spawn_request_check(
		request, keeper->nursery->config, &launch.role, &launch.command, why) ||
	    !bas_confine_check(spawner->confinement, launch.role, why) ||
	    !bas_confine_check_command(spawner->confinement, launch.command, why))
		goto out;
	launch.program = bas_confine_program(launch.argv[0], launch.role, why);
	if (launch.program < 0)
		goto out;
	command = calloc(1, sizeof(*command));
	if (command == NULL) {
		ca_why_set(why, "out of memory");
		goto out;
	}
	launch.beside = count_beside(spawner, launch.role->uid);
	if (!bas_child_start(&command->child, spawner->confinement, &launch, why))
		goto out;
	command->watch = (struct watch){ .kind = COMMAND, .fd = command->child.socket };
	command->keeper = keeper;
	command->tag = request->tag;
	command->uid = launch.role->uid;
	command->next = spawner->commands;
	spawner->commands = command;
	keeper->commands++;
	if (!watch_add(spawner, &command->watch))
		command_kill(command); /* answered when it is reaped */
	command = NULL;
	result = true;
out:
	free(command);
	if (launch.program >= 0)
		close(launch.program);
	return result;
}

/* False: the keeper broke the protocol. */
static bool
on_spawn(struct bas_spawner *spawner, struct keeper *keeper, const struct bas_frame *frame)
{
	struct bas_spawn_request request;
	struct ca_why why = { .text = "" };
	bool result = false;

	if (!bas_spawn_request_parse(&request, frame->payload) || frame->fd_count != 3 ||
	    keeper->commands >= COMMANDS_PER_KEEPER ||
	    find_command(spawner, keeper, request.tag) != NULL)
		goto out;
	if (!start_command(spawner, keeper, &request, frame, &why))
		tell_spawned(spawner, keeper, request.tag, 0, &why);
	result = true;
out:
	bas_spawn_request_clear(&request);
	return result;
}

static bool
on_stop(struct bas_spawner *spawner, struct keeper *keeper, const struct bas_frame *frame)
{
	struct ca_reader reader = ca_reader_of(frame->payload.data, frame->payload.len);
	uint32_t tag = ca_read_u32(&reader);
	uint32_t number = ca_read_u32(&reader);
	struct command *command;

	if (!ca_reader_done(&reader) || number >= NSIG || frame->fd_count != 0)
		return false;
	/* It may have ended by itself meanwhile; then BAS_F_GONE is on its way. */
	command = find_command(spawner, keeper, tag);
	if (command == NULL || command->reaped)
		return true;
	if (number == 0)
		command_kill(command);
	else
		bas_child_signal(&command->child, (int)number);
	return true;
}

static void
keeper_read(struct bas_spawner *spawner, struct keeper *keeper)
{
	struct bas_frame frame;
	bool ok = false;

	switch (bas_frame_receive(keeper->watch.fd, &frame, spawner->buf)) {
	case BAS_FRAME_OK:
		if (frame.type == BAS_F_SPAWN)
			ok = on_spawn(spawner, keeper, &frame);
		else if (frame.type == BAS_F_STOP)
			ok = on_stop(spawner, keeper, &frame);
		bas_frame_close_fds(&frame);
		break;
	case BAS_FRAME_AGAIN:
		ok = true;
		break;
	case BAS_FRAME_END:
	case BAS_FRAME_BROKEN:
		break;
	}
	if (!ok)
		keeper_end(spawner, keeper);
}

static void
nursery_read(struct bas_spawner *spawner, struct nursery *nursery)
{
	struct bas_frame frame;
	struct keeper *keeper;
	enum bas_frame_result result = bas_frame_receive(nursery->watch.fd, &frame, spawner->buf);

	if (result == BAS_FRAME_AGAIN)
		return;
	if (result != BAS_FRAME_OK || frame.type != BAS_F_KEEPER || frame.fd_count != 1) {
		if (result == BAS_FRAME_OK)
			bas_frame_close_fds(&frame);
		watch_end(&nursery->watch); /* its keepers live on */
		return;
	}
	keeper = calloc(1, sizeof(*keeper));
	if (keeper == NULL) {
		bas_frame_close_fds(&frame);
		return;
	}
	keeper->watch = (struct watch){ .kind = KEEPER, .fd = frame.fds[0] };
	keeper->nursery = nursery;
	nursery->keepers++;
	keeper->next = spawner->keepers;
	spawner->keepers = keeper;
	if (!watch_add(spawner, &keeper->watch))
		keeper_end(spawner, keeper);
}

static void
free_commands(struct bas_spawner *spawner)
{
	for (struct command **at = &spawner->commands, *command; (command = *at) != NULL;) {
		if (!command->reaped) {
			at = &command->next;
			continue;
		}
		*at = command->next;
		free(command);
	}
}

static void
free_keepers(struct bas_spawner *spawner)
{
	for (struct keeper **at = &spawner->keepers, *keeper; (keeper = *at) != NULL;) {
		if (keeper->watch.fd >= 0) {
			at = &keeper->next;
			continue;
		}
		*at = keeper->next;
		keeper->nursery->keepers--;
		free(keeper);
	}
}

static void
free_nurseries(struct bas_spawner *spawner)
{
	for (struct nursery **at = &spawner->nurseries, *nursery; (nursery = *at) != NULL;) {
		if (nursery->watch.fd >= 0 || nursery->keepers > 0) {
			at = &nursery->next;
			continue;
		}
		*at = nursery->next;
		bas_config_free(nursery->config);
		free(nursery);
	}
}

bool
bas_spawner_new(
    struct bas_spawner **out, const struct bas_confinement *confinement, struct ca_why *why)
{
	struct bas_spawner *spawner = calloc(1, sizeof(*spawner));

	if (spawner == NULL)
		return ca_why_set(why, "out of memory");
	spawner->confinement = confinement;
	spawner->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (spawner->epoll < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) {
		ca_why_set(why, "spawner: %s", strerror(errno));
		if (spawner->epoll >= 0)
			close(spawner->epoll);
		free(spawner);
		return false;
	}
	*out = spawner;
	return true;
}

void
bas_spawner_free(struct bas_spawner *spawner)
{
	if (spawner == NULL)
		return;
	bas_spawner_end(spawner);
	for (struct command *command = spawner->commands; command != NULL;
	     command = command->next) {
		while (
		    !command->reaped && waitpid(command->child.init, NULL, 0) < 0 && errno == EINTR)
			;
		command->reaped = true;
		command_close(command);
	}
	free_commands(spawner);
	for (struct nursery *nursery = spawner->nurseries; nursery != NULL; nursery = nursery->next)
		watch_end(&nursery->watch);
	free_keepers(spawner);
	free_nurseries(spawner);
	close(spawner->epoll);
	free(spawner);
}

bool
bas_spawner_add_nursery(
    struct bas_spawner *spawner, int socket, struct bas_config *config, struct ca_why *why)
{
	struct nursery *nursery = calloc(1, sizeof(*nursery));

	if (nursery == NULL) {
		bas_config_free(config);
		close(socket);
		return ca_why_set(why, "out of memory");
	}
	nursery->watch = (struct watch){ .kind = NURSERY, .fd = socket };
	nursery->config = config;
	nursery->next = spawner->nurseries;
	spawner->nurseries = nursery;
	if (!watch_add(spawner, &nursery->watch)) {
		ca_why_set(why, "spawner: %s", strerror(errno));
		watch_end(&nursery->watch);
		free_nurseries(spawner);
		return false;
	}
	return true;
}

int
bas_spawner_fd(const struct bas_spawner *spawner)
{
	return spawner->epoll;
}

void
bas_spawner_dispatch(struct bas_spawner *spawner)
{
	struct epoll_event events[BATCH];
	int count = epoll_wait(spawner->epoll, events, BATCH, 0);

	for (int i = 0; i < count; i++) {
		struct watch *watch = events[i].data.ptr;

		if (watch->fd < 0)
			continue;
		switch (watch->kind) {
		case NURSERY:
			nursery_read(spawner, (struct nursery *)watch);
			break;
		case KEEPER:
			keeper_read(spawner, (struct keeper *)watch);
			break;
		case COMMAND:
			command_report(spawner, (struct command *)watch);
			break;
		}
	}
	free_commands(spawner);
	free_keepers(spawner);
	free_nurseries(spawner);
}

/* An init that was told to kill its tree and cannot (a tree of its own user can stop it) is killed;
 * what it leaves falls to us, and is killed by bas_children_kill when the init is reaped. */
int
bas_spawner_tick(struct bas_spawner *spawner)
{
	int next = -1;

	for (struct command *command = spawner->commands; command != NULL;
	     command = command->next) {
		uint64_t since;

		if (command->killed == 0 || command->reaped)
			continue;
		since = now_ms() - command->killed;
		if (since >= INIT_GRACE)
			kill(command->child.init, SIGKILL);
		else if (next < 0 || next > (int)(INIT_GRACE - since))
			next = (int)(INIT_GRACE - since);
	}
	return next;
}

bool
bas_spawner_reaped(struct bas_spawner *spawner, pid_t pid)
{
	for (struct command *command = spawner->commands; command != NULL;
	     command = command->next) {
		if (command->child.forwarder == pid) {
			command->child.forwarder = 0;
			return true;
		}
		if (command->reaped || command->child.init != pid)
			continue;
		/* Its last words may still wait in the socket. */
		for (int i = 0; i < 2 && command->watch.fd >= 0; i++)
			command_report(spawner, command);
		command->reaped = true;
		command_close(command);
		if (command->child.forwarder > 0)
			kill(command->child.forwarder, SIGKILL);
		command_answer(spawner, command);
		return true;
	}
	return false;
}

bool
bas_spawner_knows(const struct bas_spawner *spawner, pid_t pid)
{
	for (struct command *command = spawner->commands; command != NULL; command = command->next)
		if (!command->reaped &&
		    (command->child.init == pid || command->child.forwarder == pid))
			return true;
	return false;
}

void
bas_spawner_end(struct bas_spawner *spawner)
{
	for (struct keeper *keeper = spawner->keepers; keeper != NULL; keeper = keeper->next)
		keeper_end(spawner, keeper);
}

bool
bas_spawner_is_idle(const struct bas_spawner *spawner)
{
	for (struct command *command = spawner->commands; command != NULL; command = command->next)
		if (!command->reaped)
			return false;
	return true;
}
