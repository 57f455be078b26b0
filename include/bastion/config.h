/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.h - a post's configuration: who it is, whom it trusts, what roles may do.
 *
 * Default deny. Read whole and checked whole before any of it is used; an
 * unknown word, a wrong type, a quorum that cannot be reached or a template that
 * could not run is an error with file and line. Immutable after loading.
 */
#ifndef BAS_CONFIG_H
#define BAS_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "ca/address.h"
#include "ca/allowed_signers.h"
#include "ca/judge.h"
#include "ca/key.h"
#include "ca/quorum.h"
#include "ca/why.h"

enum bas_level { BAS_LEVEL_NONE, BAS_LEVEL_BASIC, BAS_LEVEL_KERNEL, BAS_LEVEL_FULL };

enum bas_parameter_type {
	BAS_TEXT,
	BAS_INTEGER,
	BAS_CHOICE,
	BAS_DURATION,
	BAS_TIME,
	BAS_PATH,
	BAS_FLAG,
};

#define BAS_PARAMETERS_MAX 32 /* of one command */

struct bas_parameter {
	const char *name;
	enum bas_parameter_type type;
	size_t max_len;		    /* text, path: bytes of a value */
	int64_t min, max;	    /* integer; duration in seconds */
	const char *const *choices; /* choice */
	size_t choice_count;
	const char *below;    /* path: the folder */
	const char *fallback; /* default, or NULL: required (a flag is never required) */
	const char *as;	      /* flag: the word it becomes, "--verbose"; not given: no word */
	bool dash;	      /* a value may begin with '-' */
	bool rest;	      /* the remaining bytes of the line, verbatim; last only */
};

struct bas_confine {
	const char *const *read;
	size_t read_count;
	const char *const *write;
	size_t write_count;
	const char *const *connect;
	size_t connect_count; /* "host:port" */
	const char *const *execute;
	size_t execute_count;
	uint64_t memory;    /* bytes, 0: no limit of ours */
	unsigned processes; /* 0: no limit of ours */
	uint64_t file_size; /* bytes of one written file, 0: no limit of ours */
};

struct bas_command {
	const char *name;
	const char *help;	 /* may be NULL */
	const char *const *argv; /* templates; argv[0] an absolute path without placeholders */
	size_t argc;
	const struct bas_parameter *parameters;
	size_t parameter_count;
	unsigned timeout; /* seconds, 0: the window's end only */
	bool terminal;	  /* wants one */
	uint64_t output;  /* bytes one run may print, UINT64_MAX: no limit */
	struct bas_confine confine;
	unsigned line; /* in the file, for messages */
};

struct bas_role {
	const char *name;
	const char *description;
	struct ca_admission admission; /* quorum points into quorum below */
	struct ca_quorum quorum;
	const char *user; /* name or `uid:gid`, or NULL: as the service */
	uid_t uid;	  /* resolved; (uid_t)-1 when user is NULL */
	gid_t gid;
	enum bas_level least;
	uint64_t output; /* bytes a session may carry out, UINT64_MAX: no limit */
	const struct bas_command *commands;
	size_t command_count;
};

struct bas_limits {
	unsigned unauthenticated;	      /* connections, overall; default 64 */
	unsigned unauthenticated_per_address; /* default 16 */
	unsigned auth_requests;		      /* per connection; default 20 */
	unsigned grace;			      /* seconds to log in; default 60 */
	unsigned channels;		      /* per connection; default 10 */
	unsigned connections;		      /* authenticated, overall; default 1000 */
};

struct bas_config {
	const char *path;
	const char *environment;
	const char *const *listen; /* "address:port"; port 0: any (status says which) */
	size_t listen_count;
	const char *host_key; /* OpenSSH private key file, no passphrase */
	const char *state;    /* folder: log/ recordings/ control clock */
	const char *seal_key; /* default <state>/seal_key; made on first start */
	const char *owner;    /* user of clerk and keepers when started as root, or NULL */
	uid_t owner_uid;
	gid_t owner_gid;
	const char *door; /* user of listener and doors when started as root, or NULL */
	uid_t door_uid;
	gid_t door_gid;
	struct ca_key **authorities;
	size_t authority_count;
	struct ca_key **identities;
	size_t identity_count;
	struct ca_allowed_signers *approvers; /* NULL when no role admits grants */
	const char *krl;		      /* path, or NULL: "none" was said */
	unsigned krl_max_age;		      /* seconds, 0: no bound */
	unsigned linger;		      /* seconds, default 120 */
	struct bas_limits limits;
	const struct bas_role *roles;
	size_t role_count;
	void *arena; /* owns every string and array above */
};

CA_MUST_USE bool bas_config_load(struct bas_config **out, const char *path, struct ca_why *why);
void bas_config_free(struct bas_config *config);
/* "basic" */
const char *bas_level_name(enum bas_level level);
/* `127.0.0.1:22`, `[::1]:22`: an entry of `listen`, or of `connect` where it is no host name. */
CA_MUST_USE bool bas_endpoint_parse(const char *text, struct ca_address *address, uint16_t *port);
/* NULL when there is none. */
const struct bas_role *bas_config_role(const struct bas_config *config, const char *name);
const struct bas_command *bas_role_command(const struct bas_role *role, const char *name);

#endif
