/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confine_loader.c - which loader an executable asks for: the kernel executes that one too. elf(5).
 */
#include "bastion/confine_parts.h"

#include <elf.h>
#include <link.h>
#include <string.h>
#include <unistd.h>

#define HEADERS_MAX 64

static bool
read_text(int fd, const ElfW(Phdr) * header, char *out, size_t size)
{
	size_t len = header->p_filesz;

	if (len < 2 || len > size || pread(fd, out, len, (off_t)header->p_offset) != (ssize_t)len)
		return false;
	return out[0] == '/' && memchr(out, '\0', len) == out + len - 1;
}

bool
bas_loader_of(int fd, char *out, size_t size)
{
	ElfW(Ehdr) file;
	ElfW(Phdr) headers[HEADERS_MAX];
	size_t bytes;

	if (pread(fd, &file, sizeof(file), 0) != (ssize_t)sizeof(file) ||
	    memcmp(file.e_ident, ELFMAG, SELFMAG) != 0 || file.e_phentsize != sizeof(headers[0]) ||
	    file.e_phnum > HEADERS_MAX)
		return false;
	bytes = file.e_phnum * sizeof(headers[0]);
	if (pread(fd, headers, bytes, (off_t)file.e_phoff) != (ssize_t)bytes)
		return false;
	for (size_t i = 0; i < file.e_phnum; i++)
		if (headers[i].p_type == PT_INTERP)
			return read_text(fd, &headers[i], out, size);
	return false;
}
