/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recording.h - one recording being written: <folder>/<name>.cast and its seals.
 *
 * Recorded before released: rec_recording_event returns true only after write(2)
 * has returned for every byte of the event; the caller releases after that.
 * After a failure the recording is dead: every further call fails.
 */
#ifndef REC_RECORDING_H
#define REC_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ca/buf.h"
#include "ca/cert.h"
#include "ca/signer.h"
#include "ca/why.h"
#include "recorder/cast.h"

struct rec_recording;

/*
 * Creates <name>.cast in the open folder `folder_fd` (never replaces one), locks it, writes the
 * header and makes both durable. `signer` and `cert` sign the seals and are borrowed. A process
 * that has a file size limit must ignore SIGXFSZ, so that the write fails instead.
 */
CA_MUST_USE bool rec_recording_open(struct rec_recording **out, int folder_fd,
    const struct rec_header *header, struct ca_signer *signer, const struct ca_cert *cert,
    struct ca_why *why);
/* One event at `time`, microseconds since the recording began. */
CA_MUST_USE bool rec_recording_event(
    struct rec_recording *recording, const struct rec_event *event, struct ca_why *why);
/*
 * What time demands: a data sync when the last is a second old and bytes came since, a seal
 * when the last is a minute old. `now` is CLOCK_MONOTONIC in microseconds, `wall` seconds
 * since the epoch. Gives in `*next` when to call again (UINT64_MAX: not before an event).
 */
CA_MUST_USE bool rec_recording_tick(struct rec_recording *recording, uint64_t now, int64_t wall,
    uint64_t *next, struct ca_why *why);
/*
 * Ends it: held bytes, exit event `x` (a number, or a signal's name), sync, closing seal.
 * `seal_hash` is SHA-256 of the closing seal's text. NULL: no exit event. The handle stays valid
 * until freed.
 */
CA_MUST_USE bool rec_recording_close(struct rec_recording *recording, uint64_t time,
    const char *exit, int64_t wall, uint8_t seal_hash[static 32], struct ca_why *why);
uint64_t rec_recording_seals(const struct rec_recording *recording); /* made so far */
uint64_t rec_recording_bytes(const struct rec_recording *recording); /* written so far */
void rec_recording_free(struct rec_recording *recording); /* without a close: leaves it unsealed */

/*
 * Finishes what a crash left: cuts a partial last line and seals with state "recovered". `signer`
 * is the post's seal key itself; a fresh key for the session is certified with it, so that the seal
 * is checked like every other. True when there was nothing to do; `*recovered` tells. Refuses what
 * a living process is writing, and bytes that differ from what an earlier seal says.
 */
CA_MUST_USE bool rec_recording_recover(int folder_fd, const char *name, struct ca_signer *signer,
    int64_t wall, bool *recovered, uint8_t seal_hash[static 32], struct ca_why *why);

#endif
