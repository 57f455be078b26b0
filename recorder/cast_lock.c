/* SPDX-License-Identifier: Apache-2.0 */
/* cast_lock.c - locks of open file descriptions (fcntl(2)): they can be asked for and not only
 * tried. */
#include "cast_lock.h"

#include <fcntl.h>
#include <unistd.h>

bool
rec_cast_lock(int fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

bool
rec_cast_is_locked(int fd)
{
	struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET };

	return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}
