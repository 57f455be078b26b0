/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clerk.h - inside of the clerk: its state, and what its files do with it.
 *
 *   clerk.c          start, loop, end
 *   clerk_start.c    what the log of the last run left
 *   clerk_log.c      entries, the commit, answers held back until it
 *   clerk_keeper.c   frames of keepers
 *   clerk_session.c  a claim becomes a session; sessions end
 *   clerk_lease.c    what a session may carry out, lent to its connections
 *   clerk_krl.c      the revocation list
 *   clerk_crash.c    doors that died of a signal
 *   control.c        status, kill, refuse
 *
 * Nothing leaves the clerk before what it says is durable: answers are queued with bas_clerk_answer
 * and sent after the one commit that ends a round of the loop. When the log cannot be written,
 * nothing more is answered: `failed` is set, every session is killed, and the clerk exits with 1.
 */
#ifndef BAS_CLERK_H
#define BAS_CLERK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "bastion/clock.h"
#include "bastion/config.h"
#include "bastion/frame.h"
#include "bastion/sessions.h"
#include "ca/signer.h"
#include "recorder/log.h"

enum bas_watch_kind {
	BAS_WATCH_PARENT,
	BAS_WATCH_NURSERY,
	BAS_WATCH_PEER,
	BAS_WATCH_CONTROL,
	BAS_WATCH_ASKER
};

/* First member of what it stands for; in the epoll set. */
struct bas_watch {
	enum bas_watch_kind kind;
	int fd; /* -1: ended, freed at the end of the round */
};

/* A recording that was begun and not yet ended. */
struct bas_unsealed {
	char name[BAS_SESSION_ID_MAX + 16];
	struct bas_unsealed *next;
};

/* A keeper. */
struct bas_peer {
	struct bas_watch watch;
	struct bas_live *session; /* NULL: none yet, or it has ended */
	char session_id[BAS_SESSION_ID_MAX +
			1]; /* stays when the session ended; empty: never had one */
	uint64_t serial;
	struct bas_unsealed *runs;
	uint64_t carried; /* bytes of output, as it last said */
	uint64_t allowed; /* what it may carry; UINT64_MAX: no limit */
	uint64_t need;	  /* it waits for so many more */
	bool recalled;	  /* asked to give back, and has not answered */
	bool certified;	  /* its session key has a certificate */
	uint64_t killed;  /* boot clock when it was told to end, or 0 */
	struct bas_peer *next;
};

struct bas_nursery {
	struct bas_watch watch;
	struct bas_nursery *next;
};

/* Someone at the control socket. */
struct bas_asker {
	struct bas_watch watch;
	struct ca_buf in;
	struct ca_buf out;
	size_t sent;
	bool answered;
	struct bas_asker *next;
};

/* An answer that waits for the commit: to a keeper, or to an asker. */
struct bas_answer {
	struct bas_peer *peer;
	struct bas_asker *asker;
	enum bas_frame_type type;
	struct ca_buf payload;
	struct bas_answer *next;
};

struct bas_revocations {
	char *path; /* NULL: none configured */
	unsigned max_age;
	struct ca_krl *krl; /* the last good one, or NULL */
	int memfd;	    /* its bytes, sealed; or -1 */
	uint64_t number;    /* the highest seen, in this run and the log */
	struct stat seen;   /* of the file that was read last */
	bool broken;
	struct ca_why why; /* when broken */
	uint64_t due;	   /* boot clock of the next look */
};

struct bas_clerk {
	const struct bas_config *config;
	int epoll;
	struct bas_clock clock;
	int64_t deviation; /* of the wall clock, as last logged */
	struct rec_log *log;
	struct ca_signer *seal;	      /* certifies session keys */
	struct ca_signer *checkpoint; /* signs the log's checkpoints */
	int recordings;		      /* the folder */
	struct bas_sessions *sessions;
	struct bas_revocations revocations;
	unsigned linger;
	json_t *policy;
	int64_t started;
	struct bas_watch parent;
	struct bas_watch control;
	struct bas_nursery *nurseries;
	struct bas_peer *peers;
	struct bas_asker *askers;
	struct bas_answer *answers;
	struct bas_answer **answers_end;
	struct bas_unsealed *orphans; /* recordings to recover, after the answers */
	bool dirty;		      /* appended since the last commit */
	bool stopping;
	bool failed;
	struct ca_why why;
	uint64_t checkpoint_due; /* boot clock; 0: nothing new */
	uint64_t mark_due;
	uint64_t stop_due;
	uint64_t crashes_since; /* boot clock */
	unsigned crashes;	/* in the log since then */
	uint64_t crashes_unlogged;
	uint8_t buf[BAS_FRAME_MAX];
};

/* clerk.c */
CA_MUST_USE bool bas_clerk_watch(struct bas_clerk *clerk, struct bas_watch *watch);
/* Takes it out of the set by name: who sent us the descriptor may still hold it, and closing ours
 * alone would leave it there, with a pointer to what is freed. */
void bas_clerk_unwatch(struct bas_clerk *clerk, struct bas_watch *watch);
int64_t bas_clerk_now(const struct bas_clerk *clerk);

/* clerk_log.c */
/* Appends; takes over `fields` (NULL: out of memory, which fails the clerk). */
void bas_clerk_log(struct bas_clerk *clerk, const char *event, json_t *fields);
/* Queues; takes over what is in `payload`. */
void bas_clerk_answer(struct bas_clerk *clerk, struct bas_peer *peer, enum bas_frame_type type,
    struct ca_buf *payload);
void bas_clerk_answer_logged(struct bas_clerk *clerk, struct bas_peer *peer);
void bas_clerk_answer_asker(struct bas_clerk *clerk, struct bas_asker *asker, json_t *object);
/* One commit, then the answers. False when the clerk failed. */
CA_MUST_USE bool bas_clerk_commit(struct bas_clerk *clerk);
/* Recovers what keepers left unsealed, logs and commits that. */
CA_MUST_USE bool bas_clerk_recover(struct bas_clerk *clerk);
/* Text as JSON whatever its bytes; NULL: out of memory. */
json_t *bas_clerk_text(const char *text);
void bas_clerk_fail(struct bas_clerk *clerk, const struct ca_why *why);

/* clerk_start.c: keys, log, sessions, clock, control socket; what was open is ended. */
CA_MUST_USE bool bas_clerk_start(struct bas_clerk *clerk, struct ca_why *why);

/* clerk_keeper.c */
void bas_clerk_admit_peer(struct bas_clerk *clerk, int socket); /* takes it over */
void bas_clerk_read_peer(struct bas_clerk *clerk, struct bas_peer *peer);
void bas_clerk_end_peer(struct bas_clerk *clerk, struct bas_peer *peer);

/* clerk_session.c */
void bas_clerk_claim(struct bas_clerk *clerk, struct bas_peer *peer, const struct bas_claim *claim);
/* Logs the end, kills its connections but `except` with this reason and sentence, and forgets the
 * session. `event` is session.end, session.revoked or session.killed. */
void bas_clerk_end_session(struct bas_clerk *clerk, struct bas_live *session, const char *event,
    const char *cause, enum ca_reason reason, const char *sentence, const struct bas_peer *except);
/* What time demands of sessions. */
void bas_clerk_expire(struct bas_clerk *clerk, int64_t now);
void bas_clerk_kill_peer(
    struct bas_clerk *clerk, struct bas_peer *peer, enum ca_reason reason, const char *sentence);

/* clerk_lease.c */
/* What a connection that has just been attached to its session may carry without asking. */
void bas_clerk_lease_first(struct bas_clerk *clerk, struct bas_peer *peer);
/* Takes note of what it has carried. False: more than it was allowed, or less than before. */
CA_MUST_USE bool bas_clerk_lease_count(struct bas_peer *peer, uint64_t carried);
/* BAS_F_LEASE. False: it broke the protocol. */
CA_MUST_USE bool bas_clerk_lease(
    struct bas_clerk *clerk, struct bas_peer *peer, struct ca_reader *reader);
/* Its session has ended: there is nothing to wait for. */
void bas_clerk_lease_refuse(struct bas_clerk *clerk, struct bas_peer *peer);
/* It has ended, and has a session: what it did not use is the others'. */
void bas_clerk_lease_return(struct bas_clerk *clerk, struct bas_peer *peer);

/* clerk_krl.c */
/* Looks at the file when it is time; ends sessions that it revokes. */
void bas_clerk_check_krl(struct bas_clerk *clerk, int64_t now);
/* CA_REVOKED, or for a `fresh` session, which needs the list whole and young, CA_KRL_UNUSABLE. */
CA_MUST_USE enum ca_reason bas_clerk_ask_krl(struct bas_clerk *clerk, const struct bas_claim *claim,
    bool fresh, int64_t now, struct ca_why *why);
CA_MUST_USE bool bas_clerk_set_krl(struct bas_clerk *clerk, const char *path, unsigned max_age);
void bas_clerk_clear_krl(struct bas_clerk *clerk);

/* clerk_crash.c */
/* `payload` of BAS_F_CRASHED. */
void bas_clerk_log_crash(struct bas_clerk *clerk, struct ca_bytes payload);

/* control.c */
CA_MUST_USE bool bas_clerk_open_control(struct bas_clerk *clerk, struct ca_why *why);
void bas_clerk_admit_asker(struct bas_clerk *clerk);
void bas_clerk_read_asker(struct bas_clerk *clerk, struct bas_asker *asker);
void bas_clerk_write_asker(struct bas_clerk *clerk, struct bas_asker *asker);

#endif
