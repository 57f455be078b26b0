/* SPDX-License-Identifier: Apache-2.0 */
/*
 * door.h - one client's connection: SSH on one side, frames to its keeper on the other.
 *
 * The door believes nothing it reads and decides nothing: it proves that a key was held, passes
 * requests on to the keeper, and moves bytes between the client's channels and the descriptors that
 * the keeper gave it. door.c owns the connection, door_channel.c the channels, door_sandbox.c the
 * fence.
 */
#ifndef BAS_DOOR_H
#define BAS_DOOR_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "bastion/config.h"
#include "bastion/filter.h"
#include "bastion/frame.h"
#include "bastion/ssh_server.h"
#include "ca/buf.h"
#include "ca/why.h"

#define BAS_DOOR_CHUNK (256 * 1024) /* bytes moved at once: large ones make large packets */

/* The system calls a door may make, ready to be loaded. */
extern const struct bas_filter_list bas_door_calls, bas_door_denied;
struct bas_sandbox;
CA_MUST_USE bool bas_sandbox_new(struct bas_sandbox **out, struct ca_why *why);
void bas_sandbox_free(struct bas_sandbox *sandbox);
/*
 * For good: no new privileges, not dumpable, low limits (`fds` open descriptors, `memory` bytes),
 * and of system calls only what moves bytes. Opening, naming and connecting fail; everything else
 * kills.
 */
CA_MUST_USE bool bas_sandbox_enter(
    const struct bas_sandbox *sandbox, unsigned fds, size_t memory, struct ca_why *why);
/* Closes every descriptor but 0, 1, 2 and these two. */
void bas_sandbox_close_others(int a, int b);

struct bas_door_spec {
	struct bas_ssh_host *host;
	const struct bas_sandbox *sandbox; /* NULL: none (tests) */
	const struct bas_limits *limits;
	int client; /* a connected, non-blocking socket; owned */
	int keeper; /* a seqpacket socket; owned */
};
/* Serves the connection to its end. Returns an exit status: 0 unless the door could not begin. */
int bas_door_run(const struct bas_door_spec *spec);

enum bas_door_state {
	BAS_DOOR_NEW,	  /* may ask for a terminal, then for a command */
	BAS_DOOR_ASKED,	  /* the keeper was asked for a terminal or a command */
	BAS_DOOR_RUNNING, /* bytes flow */
	BAS_DOOR_ENDED,	  /* closed by one side at least */
};

struct bas_door;

struct bas_door_channel {
	struct bas_door *door;
	struct bas_ssh_channel *ssh;
	struct bas_door_channel *next;
	uint32_t id; /* counts up, never used again */
	enum bas_door_state state;
	bool asked_terminal; /* what ASKED is about */
	bool terminal;
	struct pollfd *polled; /* io, errors; NULL before the first time */
	int io, errors;	       /* the keeper's; -1: not there, or read to the end (errors) */
	bool io_ended;	       /* read to the end */
	bool input_ended;      /* the client's EOF */
	bool input_dead;       /* nobody reads it any more */
	struct ca_buf input;   /* read from the client, not yet taken by the keeper */
	size_t input_at;
	struct ca_buf output; /* read from the keeper while keys were renewed */
	size_t output_at;
	bool output_errors; /* that is what it is */
	bool closed;	    /* by the client: does not count any more */
	bool exited;
	uint32_t status;
	char signal[32];
};

struct bas_door {
	struct bas_ssh *ssh;
	const struct bas_limits *limits;
	int client, keeper;
	bool over;		 /* no more to do */
	bool client_gone;	 /* nobody to say anything to */
	bool ending;		 /* the keeper said BAS_F_END */
	char *last_words;	 /* and with this text */
	int64_t started, end_by; /* ms */
	int64_t looked;		 /* when the peer was last seen to be there, ms */
	struct bas_door_channel *channels;
	unsigned channel_count; /* that the client has not closed */
	uint32_t next_id;
	const char *refused[16]; /* kinds already told */
	struct bas_door_frame *backlog,
	    **backlog_end;  /* frames that the keeper has no room for yet */
	struct pollfd *fds; /* 2 and two for each channel */
	uint8_t chunk[BAS_DOOR_CHUNK];
	uint8_t frame[BAS_FRAME_MAX];
};

/* Frames go out in order, now or when the keeper has room. */
void bas_door_send(struct bas_door *door, enum bas_frame_type type, const struct ca_buf *payload);

/* What door.c gives to ssh_server.c; owners are channels. */
void *bas_door_channel_open(void *owner, struct bas_ssh_channel *ssh);
enum bas_ssh_reply bas_door_channel_request(void *owner, const struct bas_ssh_request *request);
size_t bas_door_channel_data(void *owner, const void *data, size_t len);
void bas_door_channel_eof(void *owner);
void bas_door_channel_signal(void *owner, const char *name);
void bas_door_channel_closed(void *owner);
void bas_door_channel_freed(void *owner);

/* BAS_F_PTY_REPLY, BAS_F_STARTED, BAS_F_EXIT. False: not what the keeper may say now. Takes the
 * descriptors. */
CA_MUST_USE bool bas_door_channel_frame(struct bas_door *door, struct bas_frame *frame);
/* Fills two entries. */
void bas_door_channel_poll(const struct bas_door_channel *channel, struct pollfd fds[static 2]);
/* Moves what can be moved, after it was polled. */
void bas_door_channel_work(struct bas_door_channel *channel);
/* Nothing is left to be moved to the client. */
bool bas_door_channel_is_done(const struct bas_door_channel *channel);

#endif
