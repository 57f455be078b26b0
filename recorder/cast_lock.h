/* SPDX-License-Identifier: Apache-2.0 */
/* cast_lock.h - how a process shows that it is writing a recording: an OFD write lock on the file.
 */
#ifndef REC_CAST_LOCK_H
#define REC_CAST_LOCK_H

#include <stdbool.h>

/* False with errno EAGAIN or EACCES when another holds it. Goes with the last descriptor. */
bool rec_cast_lock(int fd);
/* Asks without taking anything, so that looking at a recording never disturbs its writer. */
bool rec_cast_is_locked(int fd);

#endif
