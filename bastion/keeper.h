/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper.h - inside the keeper: one connection's judgement, its session, its runs.
 *
 *   keeper           the loop, the table of frames, the way out
 *   keeper_auth      certificate to session
 *   keeper_clerk     questions to the clerk
 *   keeper_fields    what goes into the log
 *   keeper_channel   what the door asks for
 *   keeper_launch    from a line to a running command
 *   keeper_answer    what needs no command: help, whoami
 *   keeper_run       a run: recorded, stopped, sealed, ended
 *   keeper_relay     the streams of a run: recorded, then released
 *   keeper_terminal  the pseudo-terminal of a run
 *   keeper_window    deadlines and limits of time
 *   keeper_sandbox   what the process may do
 *
 * The door is hostile, clerk and spawner are trusted. Nothing here waits for the door or for a
 * command; it waits for the clerk, and never longer than the window.
 */
#ifndef BAS_KEEPER_H
#define BAS_KEEPER_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bastion/call.h"
#include "bastion/clock.h"
#include "bastion/config.h"
#include "bastion/filter.h"
#include "bastion/frame.h"
#include "bastion/rooms.h"
#include "ca/judge.h"
#include "ca/signer.h"
#include "ca/why.h"
#include "recorder/recording.h"

#define BAS_CHUNK_SIZE	     (256 * 1024) /* of output in flight, per stream */
#define BAS_INPUT_SIZE	     (32 * 1024)  /* of input in flight */
#define BAS_NEVER	     UINT64_MAX
#define BAS_SECOND	     1000000000ull /* of the boot clock */
#define BAS_STATUS_ENDED     255u	   /* our exit statuses beside enum bas_refusal */
#define BAS_STATUS_TIMED_OUT 124u

/*
 * One direction of one run. Only what is recorded is written: start <= recorded <= len, and
 * nothing is read while anything is left to write.
 */
struct bas_stream {
	int from;	/* borrowed; -1: nothing more comes */
	int to;		/* borrowed; -1: nobody takes it any more */
	char code;	/* of the recording's events */
	uint8_t *chunk; /* owned */
	size_t start, recorded;
	struct ca_buf said; /* our own text, goes out behind the chunk */
	size_t said_start;
	bool grown; /* the pipe behind `from` was enlarged */
};

/* Why a run ends before its command does; the first cause stays. */
enum bas_cause {
	BAS_CAUSE_NONE,
	BAS_CAUSE_CLIENT, /* the channel or the connection was closed */
	BAS_CAUSE_TIMEOUT,
	BAS_CAUSE_OUTPUT,
	BAS_CAUSE_RECORDING,
	BAS_CAUSE_SESSION, /* window, kill, revocation, a lost room */
	BAS_CAUSE_SPAWN,   /* never started */
};

/* What answers one EXEC: a command, a built-in, or a refusal. */
struct bas_run {
	uint32_t tag;			   /* of the spawner's frames */
	const struct bas_command *command; /* NULL: no process */
	char *line;			   /* canonical, owned */
	bool terminal;
	bool newlines; /* the client's terminal is raw: our lines end in CR LF */

	int socket, errors;	      /* ours, towards the door */
	int door_socket, door_errors; /* theirs, until BAS_F_STARTED took them */
	int master;		      /* of the terminal */
	int command_in, command_out, command_err;
	struct bas_stream in, out, err;

	struct rec_recording *recording; /* NULL: a refusal, or dead */
	char *name;			 /* of the recording, owned; NULL: a refusal */
	uint64_t began;			 /* boot clock */
	uint64_t next_tick;		 /* monotonic, microseconds */
	uint64_t stop_at;		 /* boot clock: the command's timeout */
	uint64_t output_left;		 /* bytes, of the command's own limit */
	uint64_t carried, typed;	 /* bytes of output released, of input */

	bool spawning; /* SPAWN sent, SPAWNED not yet come */
	bool gone;     /* the tree has ended, or never was */
	bool stopped;  /* STOP 0 was sent, or has to follow SPAWNED */
	enum bas_cause cause;
	uint32_t status;
	char signal[16];
	uint64_t cpu; /* microseconds */
	char failure[CA_WHY_SIZE];
};

struct bas_channel {
	struct bas_channel *next;
	uint32_t id;
	bool pty;
	char term[64];
	uint32_t columns, rows;
	bool asked;	     /* an EXEC came */
	bool closed;	     /* by the client */
	struct bas_run *run; /* owned */
};

enum bas_keeper_state { BAS_KEEPER_LOGIN, BAS_KEEPER_OPEN, BAS_KEEPER_ENDING, BAS_KEEPER_OVER };

/* What the nursery made ready, the same for every keeper. */
struct bas_ready {
	const struct bas_config *config;
	struct ca_post post;  /* krl is the keeper's own */
	int recordings;	      /* folder, or -1: nothing can be recorded */
	enum bas_level level; /* of confinement, that this host reaches */
};

struct bas_keeper {
	const struct bas_ready *ready;
	const struct bas_config *config;
	struct bas_keeper_fds fds;
	const char *address; /* of the client, as the listener saw it */
	struct ca_address source;
	enum bas_keeper_state state;

	/* login */
	struct bas_clock clock;
	int krl_fd; /* as it came with HELLO; read when first needed */
	struct ca_krl *krl;
	uint64_t grace_at; /* boot clock */
	unsigned auth_frames;
	bool stranger_told;

	/* session */
	struct ca_cert *offered; /* by the last probe: its authority is established; NULL: none */
	struct ca_grant *grant;
	const struct bas_role *role;
	char *forced; /* the only line the certificate allows, or NULL */
	bool may_terminal;
	char *session;		   /* id */
	uint64_t deadline;	   /* boot clock */
	int64_t wall_end;	   /* seconds since the epoch */
	uint64_t carried, allowed; /* bytes of output; UINT64_MAX: no limit */
	int boot_timer, wall_timer;
	uint64_t warn_at[2];	/* boot clock; BAS_NEVER: said, or too late */
	unsigned refused_kinds; /* bit set of what was logged */

	/* runs */
	struct bas_channel *channels;
	uint32_t last_tag;
	struct ca_signer *seal_key;
	struct ca_cert *seal_cert;

	uint64_t trim_at; /* boot clock: when to give unused memory back */

	/* end */
	uint64_t ending_at; /* boot clock: when patience is over */
	bool door_lost, clerk_lost, spawner_lost;
	bool killed; /* by the clerk, perhaps while we waited for an answer */
	char kill_sentence[CA_WHY_SIZE];
	char ending[CA_WHY_SIZE]; /* the sentence for the door */
};

/* keeper.c */
/* A fresh process's whole life; returns its exit status. */
int bas_keeper_run(
    const struct bas_ready *ready, const struct bas_keeper_fds *fds, const char *address);
/*
 * Ends the session: stops every command and gives the sentence to whoever is there. `patience` in
 * boot clock nanoseconds is how long the loop goes on for what is still on its way.
 */
void bas_keeper_end(struct bas_keeper *keeper, uint64_t patience, const char *sentence);
/* Sends to the door. A door that does not read its frames is broken and loses the connection. */
void bas_keeper_tell(struct bas_keeper *keeper, enum bas_frame_type type,
    const struct ca_buf *payload, const int *fds, size_t fd_count);
/* One frame from the door: looks up the table and does it. False: the door broke the order. For the
 * loop, and the fuzz target. Closes the frame's descriptors. */
CA_MUST_USE bool bas_keeper_dispatch(struct bas_keeper *keeper, struct bas_frame *frame);
/* Makes `keeper` ready for its first frame. */
CA_MUST_USE bool bas_keeper_init(struct bas_keeper *keeper, const struct bas_ready *ready,
    const struct bas_keeper_fds *fds, const char *address);
void bas_keeper_clear(struct bas_keeper *keeper);

/* keeper_auth.c */
CA_MUST_USE bool bas_keeper_greet(struct bas_keeper *keeper); /* waits for BAS_F_HELLO */
CA_MUST_USE bool bas_keeper_auth(struct bas_keeper *keeper, struct ca_reader *reader);

/* keeper_clerk.c */
/*
 * Waits until the clerk's socket is ready for `events`. False: grace or window are over. Before
 * there is a session also when door or spawner end; later their end must not keep a run's end out
 * of the log.
 */
CA_MUST_USE bool bas_keeper_wait_clerk(struct bas_keeper *keeper, short events);
/*
 * Sends a question and waits for an answer of type `want` or `other`. The reply's payload lies in a
 * static buffer until the next question. False: the clerk is lost or was too slow, and the session
 * is ending.
 */
CA_MUST_USE bool bas_keeper_ask(struct bas_keeper *keeper, enum bas_frame_type type,
    const struct ca_buf *payload, enum bas_frame_type want, enum bas_frame_type other,
    struct bas_frame *reply);
/* What the clerk says unasked. */
void bas_keeper_clerk_frame(struct bas_keeper *keeper);
/* The same for what is answered by BAS_F_LOGGED. False: it is not in the log. */
CA_MUST_USE bool bas_keeper_acknowledged(
    struct bas_keeper *keeper, enum bas_frame_type type, const struct ca_buf *payload);
/*
 * Counts bytes of output as carried out by this session, and gives how many of `len` it still may.
 * What the clerk has lent goes without asking; all else waits for the clerk, and for other
 * connections to give back what they do not use.
 */
size_t bas_keeper_take_output(struct bas_keeper *keeper, size_t len);

/* keeper_fields.c */
/* Each logs one event and waits until it is durable. */
CA_MUST_USE bool bas_log_refusal(struct bas_keeper *keeper, const struct ca_grant *grant,
    const char *user, enum ca_reason reason, const char *sentence);
CA_MUST_USE bool bas_log_denied(
    struct bas_keeper *keeper, const void *line, size_t len, unsigned status, const char *sentence);
CA_MUST_USE bool bas_log_kind(struct bas_keeper *keeper, const char *kind);
/* JSON for the claim, for session.run and for run.end; heap, NULL when out of memory. */
char *bas_fields_claim(
    const struct bas_keeper *keeper, const struct ca_grant *grant, const char *role);
char *bas_fields_run(
    const struct bas_keeper *keeper, const struct bas_run *run, struct ca_why *why);
char *bas_fields_end(const struct bas_run *run, uint64_t bytes, const uint8_t *seal_hash);

/* keeper_channel.c: frames from the door */
CA_MUST_USE bool bas_channel_open(struct bas_keeper *keeper, struct ca_reader *reader);
CA_MUST_USE bool bas_channel_pty(struct bas_keeper *keeper, struct ca_reader *reader);
CA_MUST_USE bool bas_channel_resize(struct bas_keeper *keeper, struct ca_reader *reader);
CA_MUST_USE bool bas_channel_exec(struct bas_keeper *keeper, struct ca_reader *reader);
CA_MUST_USE bool bas_channel_signal(struct bas_keeper *keeper, struct ca_reader *reader);
CA_MUST_USE bool bas_channel_close(struct bas_keeper *keeper, struct ca_reader *reader);
CA_MUST_USE bool bas_channel_refused(struct bas_keeper *keeper, struct ca_reader *reader);
/* Drops channels that nothing is left of. */
void bas_channels_sweep(struct bas_keeper *keeper);

/* keeper_launch.c */
/* Gives the channel its run, whatever comes of it. */
void bas_run_start(
    struct bas_keeper *keeper, struct bas_channel *channel, const void *line, size_t len);
/* The rest of BAS_F_SPAWNED, behind the tag. */
CA_MUST_USE bool bas_run_spawned(
    struct bas_keeper *keeper, struct bas_channel *channel, struct ca_reader *reader);

/* Gives the door its ends of the streams. */
void bas_run_started(struct bas_keeper *keeper, struct bas_channel *channel);

/* keeper_answer.c */
/* What is no command of the role's: help (also for an empty line) and whoami. */
void bas_run_answer(
    struct bas_keeper *keeper, struct bas_channel *channel, const struct bas_call *call);

/* keeper_run.c */
struct bas_run *bas_run_new(bool newlines); /* NULL: out of memory or descriptors */
void bas_run_free(struct bas_run *run);
/* Records; false: it failed, and the run is stopped. `data` as it was. */
CA_MUST_USE bool bas_run_record(
    struct bas_keeper *keeper, struct bas_run *run, char code, const void *data, size_t len);
/* The recording failed: stops the run and tells the engineer. */
void bas_run_unrecorded(struct bas_keeper *keeper, struct bas_run *run, const char *sentence);
/* Our own text on stdout, and `postern: SENTENCE` on stderr; recorded like the command's. */
void bas_run_print(struct bas_keeper *keeper, struct bas_run *run, const void *text, size_t len);
void bas_run_say(struct bas_keeper *keeper, struct bas_run *run, const char *sentence);
void bas_run_signal(struct bas_keeper *keeper, struct bas_run *run, int number);
/* Kills the tree. The first cause, and its status and sentence (may be NULL), stay. */
void bas_run_stop(struct bas_keeper *keeper, struct bas_run *run, enum bas_cause cause,
    unsigned status, const char *sentence);
/* If it has ended and everything was released: seals, logs, tells the door. `force`: now. */
void bas_run_finish(struct bas_keeper *keeper, struct bas_channel *channel, bool force);
/* A frame from the spawner. False: not one that a spawner sends. */
CA_MUST_USE bool bas_run_frame(struct bas_keeper *keeper, const struct bas_frame *frame);

/* keeper_relay.c */
#define BAS_RUN_POLLS 5
void bas_relay_init(struct bas_run *run);		 /* only our own sentences flow */
CA_MUST_USE bool bas_relay_connect(struct bas_run *run); /* and now the command's bytes */
/* Fills at most BAS_RUN_POLLS entries; gives how many. */
size_t bas_relay_polls(const struct bas_run *run, struct pollfd *polls);
/* Moves what can be moved. */
void bas_relay_move(struct bas_keeper *keeper, struct bas_run *run);
/* Whether nothing that was recorded waits for the door, and nothing more comes. */
bool bas_relay_is_done(const struct bas_run *run);
/* Nobody takes the output any more. */
void bas_relay_abandon(struct bas_run *run);

/* keeper_terminal.c */
/* A new pair; the slave is the command's. */
CA_MUST_USE bool bas_terminal_open(
    int *master, int *slave, uint32_t columns, uint32_t rows, struct ca_why *why);
void bas_terminal_resize(int master, uint32_t columns, uint32_t rows);
/* A password is being typed: ECHO off while whole lines are read. */
bool bas_terminal_hides(int master);
/* TERM as a program may see it; `out` gets "vt100" for anything odd. */
void bas_terminal_name(char out[static 64], const char *term);

/* keeper_window.c */
/* Arms the timers from keeper->deadline and keeper->wall_end. */
CA_MUST_USE bool bas_window_open(struct bas_keeper *keeper);
/* Warnings, the window's end, timeouts, syncs and seals that are due. */
void bas_window_check(struct bas_keeper *keeper);
/* Milliseconds for poll, -1: none. */
int bas_window_wait(const struct bas_keeper *keeper);
/* Something has ended that used memory. */
void bas_window_trim(struct bas_keeper *keeper);
uint64_t bas_window_monotonic(void); /* CLOCK_MONOTONIC, microseconds */
/* What recordings and seals are dated with: never before what the clerk has dated. */
int64_t bas_window_now(struct bas_keeper *keeper);

/* keeper_sandbox.c */
extern const struct bas_filter_list bas_keeper_calls;
/* Compiles the filter once, in the nursery. */
CA_MUST_USE bool bas_keeper_sandbox_prepare(struct ca_why *why);
/* Limits, no new privileges, non-dumpable, the filter. Everything that is needed by path is open
 * before. */
CA_MUST_USE bool bas_keeper_sandbox_enter(unsigned channels, struct ca_why *why);

#endif
