/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame.h - the messages between rooms: one SOCK_SEQPACKET packet each, a fixed
 * head, a bounded payload, at most three descriptors.
 *
 * Payload fields are in wire encoding (ca/buf.h), read to the last byte. Each pair of rooms has its
 * own table of types; a type that is unknown, out of order or of the wrong shape ends the
 * connection it came over.
 */
#ifndef BAS_FRAME_H
#define BAS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ca/buf.h"
#include "ca/why.h"

#define BAS_FRAME_MAX (160 * 1024) /* bytes of a payload */
#define BAS_FRAME_FDS 3

/* Bytes of a log entry that the clerk adds to what a keeper gives. */
#define BAS_FIELDS_SPARE 2048

/* What everyone is told whom no trusted authority certified, by door and keeper alike. */
#define BAS_STRANGER_BANNER "postern: access is by certificate only\r\n"

/*
 * Types. First the direction, then the payload, then [descriptors].
 *
 * door -> keeper
 */
enum bas_frame_type {
	/* u8 proven, string user, string certificate blob. proven 0: a probe, 1: possession
	 * shown */
	BAS_F_AUTH = 1,
	/* u32 channel. A session channel was opened */
	BAS_F_OPEN,
	/* u32 channel, string term, u32 columns, u32 rows */
	BAS_F_PTY,
	/* u32 channel, u32 columns, u32 rows */
	BAS_F_RESIZE,
	/* u32 channel, string line (empty: a shell was asked for) */
	BAS_F_EXEC,
	/* u32 channel, string name without SIG */
	BAS_F_SIGNAL,
	/* u32 channel. The client closed it */
	BAS_F_CLOSE,
	/* string kind (local-forward, remote-forward, streamlocal, agent, x11, subsystem, tunnel,
	 * global; channel: of a type that nobody told the name of), sent once per kind and
	 * connection */
	BAS_F_REFUSED,

	/* keeper -> door */
	/* u8 ok, string banner (may be empty; shown to the client when not ok). Answers
	 * BAS_F_AUTH */
	BAS_F_VERDICT = 32,
	/* u32 channel, u8 ok. Answers BAS_F_PTY */
	BAS_F_PTY_REPLY,
	/* u32 channel [input and output: a stream socket, errors: a pipe's read end]. Answers
	 * BAS_F_EXEC; the door reads to the end of both, then sends the exit status that BAS_F_EXIT
	 * brought */
	BAS_F_STARTED,
	/* u32 channel, u32 status, string signal (empty: none; else without SIG). Comes when the
	 * keeper has written all output; the keeper then closes its ends */
	BAS_F_EXIT,
	/* string text (may be empty). Close everything, disconnect with this text */
	BAS_F_END,

	/* listener -> keepers' template: one per connection. u8 family..., see nursery */
	/* string address as text, u32 port [door's control socket (keeper's end), status pipe's
	 * write end] */
	BAS_F_CONNECTION = 64,
	/* keepers' template -> clerk, spawner: a new keeper. u32 id [its socket] */
	BAS_F_KEEPER,
	/* spawner -> keepers' template: the listener that comes after yours [its socket] */
	BAS_F_LISTENER,
	/* spawner -> listener, first of all, when it was executed anew; see post_listener.c */
	BAS_F_BEGIN,
	/* spawner -> listener: hand on what you count, and retire [a socket to the next one] */
	BAS_F_SUCCESSOR,
	/* listener -> spawner -> clerk: a door died of a signal. string address as text, u32 signal
	 * number, u8 whether this listener counted it. Spawner -> listener: another listener's door
	 * did */
	BAS_F_CRASHED,
	/* listener -> the next one, first: see crashes.h */
	BAS_F_CRASHES,
	/* listener -> the next one, per connection: u8 authenticated, string folded address [status
	 * pipe's read end] */
	BAS_F_INHERIT,

	/* clerk -> keeper, first of all: u64 now base (seconds), u64 boot base (ns) [KRL as sealed
	 * memfd, or none] */
	BAS_F_HELLO = 80,
	/* keeper -> clerk: see session.h for the payload. Answered by BAS_F_OPENED or
	 * BAS_F_DENIED */
	BAS_F_SESSION,
	/* clerk -> keeper: string session id, u64 deadline (CLOCK_BOOTTIME ns), u64 wall end
	 * (seconds), u8 joined, u64 allowed, as BAS_F_LEASED */
	BAS_F_OPENED,
	/* clerk -> keeper: u32 enum ca_reason, string sentence */
	BAS_F_DENIED,
	/* keeper -> clerk: string event name, string JSON object of fields. Logged; answered by
	 * BAS_F_LOGGED */
	BAS_F_LOG,
	/* keeper -> clerk: string JSON fields of session.run, string session public key blob (empty
	 * after the first). Answered by BAS_F_RUN_REPLY */
	BAS_F_RUN,
	/* clerk -> keeper: string recording name, string seal certificate blob (empty when no key
	 * was sent) */
	BAS_F_RUN_REPLY,
	/* keeper -> clerk: string recording, u64 output bytes carried by this run, u64 by this
	 * connection, string JSON fields of run.end. Answered by BAS_F_LOGGED */
	BAS_F_RUN_END,
	/* clerk -> keeper: u8 ok */
	BAS_F_LOGGED,
	/* clerk -> keeper, at any time: u32 enum ca_reason, string sentence. End the session now */
	BAS_F_KILL,
	/* keeper -> clerk: the engineer ended the session (`exit`). Answered by BAS_F_LOGGED */
	BAS_F_DONE,
	/* keeper -> clerk: u64 output bytes carried by this connection, u64 need. Gives back what
	 * was allowed beyond that. With need above 0 it asks for so many more, and is answered by
	 * BAS_F_LEASED */
	BAS_F_LEASE,
	/* clerk -> keeper: u64 output bytes that this connection may carry in all (UINT64_MAX: no
	 * limit). No more than it has carried: the session's limit is reached */
	BAS_F_LEASED,
	/* clerk -> keeper, at any time: others need what you do not use. Answered by BAS_F_LEASE
	 * with need 0; by nothing while one with a need is on its way, which gave all back */
	BAS_F_RECALL,

	/* keeper -> spawner: u32 tag, string role, string command name, u32 argc, argc strings,
	 * u32 envc, envc strings, u8 terminal [stdin, stdout, stderr; with a terminal: the slave
	 * thrice] */
	BAS_F_SPAWN = 112,
	/* spawner -> keeper: u32 tag, u8 ok, u32 pid (0 when not ok), string sentence when not
	 * ok */
	BAS_F_SPAWNED,
	/* keeper -> spawner: u32 tag, u32 signal number; 0: kill the whole tree now */
	BAS_F_STOP,
	/* spawner -> keeper: u32 tag, u32 status, string signal (empty: none), u64 cpu
	 * microseconds. The whole tree is gone */
	BAS_F_GONE,

	/* spawner -> clerk, after a reload: string krl path (empty: none), u32 krl_max_age, u32
	 * linger, string JSON fields of policy.loaded [new nursery's socket] */
	BAS_F_POLICY = 128,
	/* clerk -> spawner, once: the log is open, keepers are served */
	BAS_F_READY,
};

struct bas_frame {
	enum bas_frame_type type;
	struct ca_bytes payload; /* inside the caller's buffer */
	int fds[BAS_FRAME_FDS];	 /* received: owned by the caller, close-on-exec; unused: -1 */
	size_t fd_count;
};

/*
 * Sends one frame. `fds` are duplicated by the kernel; the caller keeps its own. Waits when the
 * peer's queue is full, unless the socket is non-blocking (then false with errno EAGAIN).
 */
CA_MUST_USE bool bas_frame_send(int socket, enum bas_frame_type type, const struct ca_buf *payload,
    const int *fds, size_t fd_count);

enum bas_frame_result { BAS_FRAME_OK, BAS_FRAME_AGAIN, BAS_FRAME_END, BAS_FRAME_BROKEN };
/* Receives one frame into `buf` (of at least BAS_FRAME_MAX bytes). END: the peer is gone. BROKEN:
 * too big, too many descriptors, an error. Descriptors of a broken frame are closed. */
CA_MUST_USE enum bas_frame_result bas_frame_receive(
    int socket, struct bas_frame *out, uint8_t buf[static BAS_FRAME_MAX]);
void bas_frame_close_fds(struct bas_frame *frame);

#endif
